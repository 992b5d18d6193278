"""Analysts in processes of their own ask on, while days are decided, shown, expire, are merged and removed."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import lake_analyst
import pytest
from lake_shop import Days, on_disk

from pricing_assets.lake import Lake, claims, compaction, expiry
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import Terms

GRACE = 3  # days
KILLS = 24


def started(home: Path, pause: float) -> list[subprocess.Popen[str]]:
    command = [sys.executable, str(Path(lake_analyst.__file__))]
    return [
        subprocess.Popen(
            [*command, kind, str(home), str(pause)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for kind in lake_analyst.KINDS
    ]


def wait_for_those_who_opened_before(home: Path, number: int) -> None:
    """A reader is promised the grace period, however long a loaded machine takes for it."""
    until = time.monotonic() + 120
    while any(int(mark.read_text() or number) < number - GRACE + 1 for mark in home.glob("open-*")):
        assert time.monotonic() < until, "an analyst hangs"
        time.sleep(0.01)


def ask_on(home: Path, monkeypatch: pytest.MonkeyPatch, refreshes: int, pause: float) -> None:
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
        analysts = analysts or started(home, pause)
    (home / "stop").touch()
    said = [analyst.communicate(timeout=120)[0] for analyst in analysts]
    found = [json.loads(each.splitlines()[-1]) for each in said if each.strip().endswith("}")]
    assert len(found) == len(lake_analyst.KINDS), said
    queries, faults = sum(each["queries"] for each in found), [fault for each in found for fault in each["faults"]]
    print(f"{refreshes} refreshes, {merged} compactions, {removed} files removed, {len(on_disk(shop.lake))} left")
    print(f"{queries} queries by {len(found)} analysts, {len(faults)} errors")
    assert faults == []
    assert removed > refreshes
    assert merged == refreshes - compaction.CLOSED
    assert all(each["queries"] > 0 for each in found)


def test_analysts_ask_on_through_refreshes_and_compactions(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_on(tmp_path / "home", monkeypatch, 11, pause=0.4)


@pytest.mark.torture
def test_analysts_ask_on_through_a_hundred_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ask_on(tmp_path / "home", monkeypatch, 110, pause=0.05)


@pytest.mark.torture
def test_a_keeping_killed_at_any_moment_and_done_again_ends_in_the_same_lake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kills spread over the whole length of a keeping; each on a lake as it was before."""
    monkeypatch.setattr(expiry, "EVIDENCE", 1)
    before, kills = tmp_path / "before", 0
    shop = Days(Lake(before / "lake"))
    for number in range(20):
        shop.decide(number, late=number - 1 if number else None)
        shop.execute(number)
        shop.execute(number)

    def keeper(home: Path) -> subprocess.Popen[str]:
        command = [sys.executable, str(Path(lake_analyst.__file__).with_name("lake_keeper.py")), str(home)]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert process.stdout and process.stdout.readline() == "begins\n"
        return process

    def end(home: Path) -> tuple[object, ...]:
        lake = Lake(home / "lake")
        rows = manifests.standing(lake).select("date", "status", "decisions_hash", "basis").rows()
        force = {
            t: {on: f.hash for on, f in by.items()} for t, by in manifests.manifest(lake).items() if t[:5] != "runs."
        }
        files = {path.relative_to(home) for path in on_disk(lake) if "runs/days" not in str(path)}
        return rows, force, files, claims.holders(lake)

    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(before, undisturbed)
    started_at, process = time.monotonic(), keeper(undisturbed)
    began = time.monotonic()
    process.communicate("\n", timeout=300)
    length = time.monotonic() - began
    expected = end(undisturbed)
    for number in range(KILLS):
        home = tmp_path / f"killed-{number}"
        shutil.copytree(before, home)
        process = keeper(home)
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
        time.sleep(length * (number + 0.5) / KILLS)
        process.kill()
        kills += process.wait() == -9
        process = keeper(home)
        process.communicate("\n", timeout=300)
        assert (process.returncode, end(home)) == (0, expected), f"killed after {length * (number + 0.5) / KILLS:.3f} s"
        shutil.rmtree(home)
    print(f"{kills} kills in keepings of {length:.2f} s; started in {began - started_at:.1f} s")
    assert kills >= KILLS // 2
