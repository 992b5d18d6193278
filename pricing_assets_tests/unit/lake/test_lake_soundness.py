"""A lake copied half: what is lacking is named by table and day, with what can be done; reads of it refuse by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from lake_frames import DAY, RUN, day, days_frame, days_row, prices
from lake_shop import Days

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, contents, soundness
from pricing_assets.lake.days import commit_days
from pricing_assets.lake.expiry import Terms
from pricing_assets.tables import anomalies, raw, runs


@pytest.fixture
def whole(lake: Lake) -> Lake:
    """Three days; the first was corrected, and decided from the rows before."""
    for number, price in ((0, "4.99"), (1, "4.99"), (0, "3.99"), (2, "4.99")):
        files = lake.commit(raw.Prices, prices(day(number), price), [day(number)], RUN)
        window = {"table": "raw.prices", "first": day(0), "last": day(number), "version": 1, "hash": "h"}
        inputs = [window] if number == 1 else []
        commit_days(lake, days_frame(days_row(day(number), files, run_id=price, inputs=inputs)), RUN)
    return lake


def found(lake: Lake) -> list[tuple[str, object, str]]:
    return [(each.table, each.day, each.what) for each in soundness.flaws(Lake(lake.root))]


def elsewhere(lake: Lake) -> Lake:
    """A copy of what is on disk, as another process finds it."""
    return Lake(shutil.copytree(lake.root, lake.root.parent / "copied"))


def entry(lake: Lake, number: int, table: type = raw.Prices) -> Path:
    return lake.folder(table) / "_delta_log" / f"{number:020}.json"


def test_a_whole_lake_has_no_flaw_and_neither_has_an_empty_one(whole: Lake, tmp_path: Path) -> None:
    assert found(whole) == [] == found(Lake(tmp_path / "nowhere"))


@pytest.mark.parametrize("how", ["missing", "cut short"])
def test_a_file_that_is_not_whole_is_named_by_table_and_day(whole: Lake, how: str) -> None:
    path = whole.path(raw.Prices, whole.partitions(raw.Prices)[day(1)])
    if how == "missing":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-5])
    assert found(whole) == [("raw.prices", day(1), f"{path} is {how}")]
    said = rf"raw\.prices: its files cannot be read: .*{path.name} is missing or cut short"
    with pytest.raises(PricingError, match=said):
        elsewhere(whole).read(raw.Prices)
    flaws = soundness.flaws(whole)
    assert soundness.in_words(flaws) == f"1 thing missing or damaged: raw.prices 2024-03-02: {path} is {how}"
    assert "what is lacking (2024-03-02)" in soundness.remedy(flaws) and "pricing restore" in soundness.remedy(flaws)


def test_a_replaced_file_counts_where_a_day_was_decided_from_it(whole: Lake) -> None:
    replaced = whole.path(raw.Prices, whole.partitions(raw.Prices, 0)[day(0)])
    replaced.unlink()
    assert found(whole) == [("raw.prices", day(0), f"{replaced} is missing")]


@pytest.mark.parametrize("number", [1, 3])
def test_a_log_entry_that_is_missing_or_cut_short_is_named(whole: Lake, number: int) -> None:
    path = entry(whole, number)
    path.write_text(path.read_text()[:-30])
    [(table, on, what)] = [each for each in found(whole) if "log" in each[2]]
    assert (table, on) == ("raw.prices", None) and f"log entry {number} is damaged" in what
    with pytest.raises(PricingError, match=r"the log entry .* is missing or damaged"):
        elsewhere(whole).read(raw.Prices)
    if number == 1:
        path.unlink()
        assert [each[2] for each in found(whole) if "log" in each[2]] == [f"log entry 1 of 3 is missing ({path})"]


def test_days_ahead_of_their_tables_are_named(whole: Lake) -> None:
    entry(whole, 3).unlink()
    flaws = found(whole)
    assert flaws == [("raw.prices", day(2), "runs.days names version 3, the log ends at 2")]


def test_a_table_without_its_log_is_named(whole: Lake) -> None:
    for number in range(4):
        entry(whole, number).unlink()
    assert [each[1] for each in found(whole)] == [None, day(0), day(1), day(2)]
    assert "its log is gone" in found(whole)[0][2]


def test_a_table_whose_first_commit_was_killed_is_sound(lake: Lake) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    entry(lake, 0).unlink()
    assert found(lake) == []
    entry(lake, 0).parent.rmdir()
    assert [each[1] for each in found(lake)] == [None]


def test_what_a_run_computes_again_is_told_from_what_it_cannot(whole: Lake) -> None:
    from pricing_assets.lake.soundness import Flaw

    derived = [Flaw("features.feature_snapshots", day(number), "x", Path(), derived=True) for number in (0, 1, 4)]
    assert soundness.remedy(derived) == (
        "`pricing run` computes 3 days from 2024-03-01 to 2024-03-05 again, from raw rows that are there"
    )
    both = soundness.remedy([*derived, Flaw("raw.sales", day(1), "x", Path())])
    assert "computes 2 days" in both and "what else is lacking (2024-03-02)" in both


def test_a_file_in_force_that_is_lost_is_written_by_the_same_commit(whole: Lake) -> None:
    file = whole.partitions(raw.Prices)[day(1)]
    before = whole.path(raw.Prices, file).read_bytes()
    whole.path(raw.Prices, file).unlink()
    versions = whole.version(raw.Prices)
    assert whole.commit(raw.Prices, prices(day(1)), [day(1)], RUN) == [file]
    assert whole.path(raw.Prices, file).read_bytes() == before and whole.version(raw.Prices) == versions
    assert found(whole) == []


def test_a_lake_whose_days_are_lost_says_so_first(whole: Lake) -> None:
    entry(whole, 0, runs.Days).unlink()
    assert found(whole)[0][0] == "runs.days"


def test_what_a_run_of_an_expired_day_would_refuse_to_compute_is_not_promised(lake: Lake) -> None:
    shop = Days(lake)
    for number in range(4):
        shop.decide(number)
    shop.keep(Terms(2, 4, judged_since=day(0)))
    for number in (1, 3):
        lake.path(anomalies.PriceAnomalies, lake.partitions(anomalies.PriceAnomalies)[day(number)]).unlink()
    flaws = soundness.flaws(Lake(lake.root))
    assert [(each.day, each.derived) for each in flaws] == [(day(1), False), (day(3), True)]
    assert soundness.remedy(flaws).startswith(f"`pricing run` computes {day(3)} again")
    assert f"what else is lacking ({day(1)})" in soundness.remedy(flaws)


@pytest.mark.parametrize("how", ["rows of another price", "bytes that are no rows"])
def test_a_file_that_holds_other_rows_than_were_written_is_named_though_it_is_whole(whole: Lake, how: str) -> None:
    assert contents.flaws(whole) == (6, [])
    file = whole.partitions(raw.Prices)[day(1)]
    path = whole.path(raw.Prices, file)
    if how == "rows of another price":
        rows = pl.read_parquet(path, hive_partitioning=False)
        rows.with_columns(pl.col("price") + 1).cast(dict(rows.schema)).write_parquet(path)
    else:
        path.write_bytes(path.read_bytes()[:8] + bytes(32) + path.read_bytes()[40:])
    assert found(whole) == [], "neither its name nor its end says so"
    number, flaws = contents.flaws(elsewhere(whole))
    assert (number, [(flaw.table, flaw.day) for flaw in flaws]) == (6, [("raw.prices", day(1))])
    assert file.hash in flaws[0].what
    assert "out of a backup" in soundness.remedy(flaws)
