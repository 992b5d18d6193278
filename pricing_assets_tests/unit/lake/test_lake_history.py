"""What a process remembers of a long history is what a slow reading of all of it finds."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import polars as pl
import pytest
from lake_frames import DAY, NOON, RUN, day, days_frame, days_row, prices
from polars.testing import assert_frame_equal

from pricing_assets.lake import Lake, PartitionFile, days, months, store
from pricing_assets.lake.days import commit_days, manifest
from pricing_assets.lake.warehouse import draft, query
from pricing_assets.tables import raw, runs


def as_another_process() -> None:
    """Forgets what this one has read."""
    store._opened.cache_clear()
    days._known.cache_clear()


def slowly_in_force(lake: Lake) -> dict[str, dict[object, PartitionFile]]:
    """The manifest by its definition: entry by entry of all rows, in order of sequence."""
    found: dict[str, dict[object, PartitionFile]] = {}
    for row in lake.read(runs.Days).sort("sequence").iter_rows(named=True):
        for entry in row["tables"]:
            files = found.setdefault(entry["table"], {})
            files.pop(entry["partition"], None)
            if entry["rows"]:
                files[entry["partition"]] = PartitionFile(**entry)
    return {table: files for table, files in found.items() if files}


@pytest.mark.parametrize("seed", range(6))
def test_the_manifest_remembered_is_the_manifest_read(lake: Lake, seed: int) -> None:
    chance = random.Random(seed)
    for step in range(12):
        entries = [
            PartitionFile(
                chance.choice(["raw.prices", "raw.sales"]), day(number), step, f"{step}", chance.choice([0, 3])
            )
            for number in chance.sample(range(6), chance.randint(1, 3))
        ]
        row = days_row(day(chance.randrange(4)), entries, run_id=f"run-{chance.randrange(5)}", basis=f"{step}")
        commit_days(lake, days_frame(row), RUN)
        found = manifest(lake)
        assert found.pop("runs.days") == lake.partitions(runs.Days)
        assert found == slowly_in_force(lake) == {k: v for k, v in manifest(lake, step).items() if k != "runs.days"}
        assert_frame_equal(days.recorded(lake), lake.read(runs.Days))


def test_a_lake_put_in_place_of_another_is_read_anew(lake: Lake, tmp_path: Path) -> None:
    other = Lake(tmp_path / "other" / "lake")
    commit_days(lake, days_frame(days_row(day(0)), days_row(day(1))), RUN)
    commit_days(other, days_frame(days_row(day(1), basis="another")), RUN)
    assert days.standing(lake).height == 2
    lake.root.rename(tmp_path / "aside")
    other.root.rename(lake.root)
    assert days.standing(lake)["basis"].to_list() == ["another"]
    assert manifest(lake)["runs.days"].keys() == {day(1)}


def history(lake: Lake, commits: int) -> None:
    for number in range(commits):
        lake.commit(raw.Prices, prices(day(number % 50), f"{1 + number}.99"), [day(number % 50)], RUN)


def test_a_digest_says_what_the_log_says(lake: Lake) -> None:
    history(lake, 60)
    (digest,) = (lake.root / "_digests").iterdir()
    files, log = lake.files(raw.Prices), lake.log("raw.prices")
    as_another_process()
    assert lake.files(raw.Prices) == files
    assert len(json.loads(digest.read_text())["entries"]) == 50
    digest.unlink()
    as_another_process()
    assert lake.files(raw.Prices) == files
    assert_frame_equal(lake.log("raw.prices"), log)


@pytest.mark.parametrize("damage", ["{", '{"stamp": [1, 2, 3], "entries": [[]]}', "null"])
def test_a_damaged_digest_is_passed_over(lake: Lake, damage: str) -> None:
    history(lake, 51)
    files = lake.files(raw.Prices)
    (digest,) = (lake.root / "_digests").iterdir()
    digest.write_text(damage)
    as_another_process()
    assert lake.files(raw.Prices) == files


def test_a_digest_of_another_log_is_passed_over(lake: Lake) -> None:
    history(lake, 51)
    entry = lake.folder(raw.Prices) / "_delta_log" / f"{49:020}.json"
    os.utime(entry, (1, 1))
    as_another_process()
    assert len(lake.files(raw.Prices)) == 50


def refreshed(lake: Lake, analytics: Path) -> pl.DataFrame:
    with draft(lake, analytics):
        pass
    return query(analytics, "from raw.prices order by all")


@pytest.fixture
def analytics(lake: Lake) -> Path:
    return lake.root.parent / "analytics.duckdb"


def put_in_force(lake: Lake, numbers: range, price: str = "4.99") -> None:
    rows = pl.concat([prices(day(number), price) for number in numbers])
    files = lake.commit(raw.Prices, rows, [day(number) for number in numbers], RUN)
    commit_days(lake, days_frame(days_row(day(numbers[-1]), files, basis=price)), RUN)


def test_a_closed_month_is_one_file_and_holds_the_same_rows(
    lake: Lake, analytics: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_in_force(lake, range(70))
    with monkeypatch.context() as patched:
        patched.setattr(months, "SMALL", 0)
        by_day = refreshed(lake, analytics)
    assert not (lake.root / months.FOLDER).exists()
    assert_frame_equal(refreshed(lake, analytics), by_day)
    written = sorted(path.name[:7] for path in (lake.root / months.FOLDER / "raw.prices").iterdir())
    assert written == sorted({f"{day(number):%Y-%m}" for number in range(70)})[:-1]
    assert len(months.files(lake, raw.Prices, lake.files(raw.Prices), write=False).days) < 31


def test_a_late_row_of_a_closed_month_is_shown(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, range(40))
    old = set((lake.root / months.FOLDER).rglob("*.parquet")) if refreshed(lake, analytics).height else set()
    put_in_force(lake, range(2, 3), "5.55")
    found = refreshed(lake, analytics)
    assert found.filter(date=day(2))["price"].cast(pl.String).unique().to_list() == ["5.5500"]
    written = set((lake.root / months.FOLDER).rglob("*.parquet"))
    assert len(old) == 1 and old < written, "an open reader may still have the old one"


def test_executions_of_years_are_all_shown(lake: Lake, analytics: Path) -> None:
    schema = {name: column.dtype for name, column in runs.Executions.columns().items()}
    for number in range(45):
        row = {"started_on": day(number), "started_at": NOON, "job": "daily", "outcome": "failure"}
        lake.append(runs.Executions, pl.DataFrame([row | {"run_id": f"{number}"}], schema=schema), RUN)
    with draft(lake, analytics):
        pass
    row = {"started_on": day(44), "started_at": NOON, "job": "daily", "outcome": "failure", "run_id": "since"}
    lake.append(runs.Executions, pl.DataFrame([row], schema=schema), RUN)
    assert query(analytics, "select count(*) n from runs.executions").item() == 46
    assert day(0) == DAY
