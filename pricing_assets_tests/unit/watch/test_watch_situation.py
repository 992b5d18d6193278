"""The situation: what is a fault, in which order, and that what cannot be written hides nothing else."""

from __future__ import annotations

import shutil
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from tiny_shop import DAYS, Shop
from watch_lake import RUN, at, executed, stand

from pricing_assets import governance, strategies
from pricing_assets.errors import PricingError
from pricing_assets.governance import Drift
from pricing_assets.lake import Lake, marks
from pricing_assets.lake import days as manifests
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.tables.runs import Checks, Days
from pricing_assets.watch import disk, situation

LATE = at(DAYS[6], 7)


@pytest.fixture
def lake(home: Path) -> Lake:
    made = Lake(home / "lake")
    stand(made, DAYS[:1])
    return made


@pytest.fixture
def source(tmp_path: Path) -> Source:
    shop = Shop(tmp_path / "live").write()
    shop.goes_on(DAYS[-1])
    return shop.load()  # type: ignore[no-any-return]


def faults(lake: Lake, source: Source, now: datetime = LATE) -> list[str]:
    return situation.look(lake, source, Settings(), now).faults()


def test_late_days_are_one_fault_and_stand_behind_their_causes(
    lake: Lake, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed(lake, LATE - timedelta(hours=1), outcome="failure", error="no file", first_day=DAYS[6], last_day=DAYS[6])
    monkeypatch.setattr(disk, "FREE_BYTES", 10**18)
    full, late, failed = faults(lake, source)
    assert full.startswith("the disk is nearly full: ")
    assert late == f"6 days are late, {DAYS[1]} to {DAYS[6]}: the first was due {at(DAYS[1], 6):%Y-%m-%d %H:%M} UTC"
    assert failed.endswith(f"of {DAYS[6]} failed: no file")
    assert faults(lake, source, at(DAYS[1], 7))[1].startswith(f"{DAYS[1]} is late: it was due ")


def test_a_disk_that_takes_nothing_is_a_fault_whatever_is_free(
    lake: Lake, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disk, "refusal", lambda folder: OSError(30, "Read-only file system", str(folder)))
    assert faults(lake, source)[0] == "the disk takes nothing: Read-only file system"


def test_what_is_lost_is_a_fault(lake: Lake, source: Source) -> None:
    now = at(DAYS[1], 3)
    assert faults(lake, source, now) == []
    marks.note(lake, events=2, word="override:1 v1 set by ann")
    shutil.rmtree(lake.folder(Days))
    days, words = faults(lake, source, now)
    assert days.startswith("runs.days ends at version -1, it had come to 0")
    assert words.startswith("event 2 of what people decided was 'override:1 v1 set by ann'")


def test_what_cannot_be_put_on_record_hides_no_champion_and_nothing_that_waits(
    lake: Lake, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PricingError("governance store: attempt to write a readonly database", "mount it writable")

    with governance.open_store(Settings().governance, strategies) as store:
        store.ensure_default()
        store.gate.open(Drift("demand-daily", None, "psi", "all"), "drifted", timedelta(days=3650))
    monkeypatch.setattr(situation, "settle", refuse)
    found = situation.look(lake, source, Settings(), LATE)
    assert [error.what for error in found.unread] == ["governance store: attempt to write a readonly database"]
    assert found.strategies == {"default": 1} and [each.kind for each in found.waiting] == ["approval"]


def test_a_store_that_does_not_answer_is_not_called_lost(
    lake: Lake, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Settings) -> None:
        raise PricingError("governance: connection refused", "see that PostgreSQL runs")

    marks.note(lake, events=2, word="override:1 v1 set by ann")
    monkeypatch.setattr(situation, "open_store", refuse)
    assert faults(lake, source, at(DAYS[1], 3)) == ["governance: connection refused"]


def test_stopped_days_are_those_that_do_not_stand_and_the_files_of_others_are_not_opened(lake: Lake) -> None:
    said = {"table": "raw.prices", "check": "contract", "message": "1 of 4 rows", "run_id": "run-1"}
    rows = [said | {"date": day, "passed": day == DAYS[2]} for day in DAYS[:3]]
    files = lake.commit(Checks, pl.DataFrame(rows, schema=Checks.create_empty().schema), DAYS[:3], RUN)
    lake.path(Checks, files[0]).unlink()
    found = situation.stopped_days(lake, manifests.standing(lake))
    assert found == {DAYS[1]: "raw.prices contract: 1 of 4 rows"}
