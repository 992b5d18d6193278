"""Analysts in processes of their own ask on, while days are decided, shown, expire, are merged and removed."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lake_analyst
import pytest
from lake_shop import Days, on_disk

from pricing_assets.lake import Lake, expiry
from pricing_assets.lake.expiry import Terms

GRACE = 3  # days


def started(home: Path) -> list[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(lake_analyst.__file__))]
    return [
        subprocess.Popen([*command, kind, str(home)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for kind in lake_analyst.KINDS
    ]


def wait_for_those_who_opened_before(home: Path, number: int) -> None:
    """A reader is promised the grace period, however long a loaded machine takes for it."""
    until = time.monotonic() + 120
    while any(int(mark.read_text() or number) < number - GRACE + 1 for mark in home.glob("open-*")):
        assert time.monotonic() < until, "an analyst hangs"
        time.sleep(0.01)


def ask_on(home: Path, monkeypatch: pytest.MonkeyPatch, refreshes: int) -> None:
    monkeypatch.setattr(expiry, "EVIDENCE", 1)
    shop, removed, merged = Days(Lake(home / "lake")), 0, 0
    home.mkdir(exist_ok=True)
    base = datetime.now(UTC)
    analysts = []
    for number in range(refreshes):
        wait_for_those_who_opened_before(home, number)
        (home / "now").write_text(str(number))
        shop.decide(number, late=number - 1 if number else None)
        shop.execute(number)
        shop.execute(number)
        shop.refresh()
        kept = shop.keep(Terms(3, 12), base + timedelta(days=number), timedelta(days=GRACE))
        removed, merged = removed + len(kept.gone), merged + len(kept.merged)
        analysts = analysts or started(home)
    (home / "stop").touch()
    said = [analyst.communicate(timeout=120)[0] for analyst in analysts]
    found = [json.loads(each.splitlines()[-1]) for each in said if each.strip().endswith("}")]
    assert len(found) == len(lake_analyst.KINDS), said
    queries, faults = sum(each["queries"] for each in found), [fault for each in found for fault in each["faults"]]
    print(f"{refreshes} refreshes, {merged} compactions, {removed} files removed, {len(on_disk(shop.lake))} left")
    print(f"{queries} queries by {len(found)} analysts, {len(faults)} errors")
    assert faults == []
    assert removed > refreshes
    assert merged > 0
    assert all(each["queries"] > 0 for each in found)


def test_analysts_ask_on_through_refreshes_and_compactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_on(tmp_path / "home", monkeypatch, 12)


@pytest.mark.torture
def test_analysts_ask_on_through_a_hundred_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_on(tmp_path / "home", monkeypatch, 110)
