from __future__ import annotations

from datetime import timedelta

from lake_frames import DAY, NOON, RUN, day, days_frame, days_row, prices

from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake.days import commit_days, manifest, manifested, standing
from pricing_assets.tables import raw, runs


def file(number: int, digest: str, *, version: int = 0, rows: int = 3, table: str = "raw.prices") -> PartitionFile:
    return PartitionFile(table, day(number), version, digest, rows)


def test_no_days_are_a_typed_nothing(lake: Lake) -> None:
    assert standing(lake).is_empty()
    assert standing(lake).columns == list(runs.Days.columns())
    assert manifested(lake, raw.Prices) == {}
    assert commit_days(lake, days_frame(), RUN) == []


def test_the_last_row_of_a_day_stands(lake: Lake) -> None:
    assert commit_days(lake, days_frame(days_row(day(1)), days_row(day(0))), RUN) == [day(0), day(1)]
    assert commit_days(lake, days_frame(days_row(day(0), run_id="a-rerun", basis="other")), RUN) == [day(0)]
    found = standing(lake).select("date", "run_id", "basis", "sequence").rows()
    assert found == [(day(0), "a-rerun", "other", 3), (day(1), "run-1", "basis", 2)]
    assert lake.read(runs.Days).height == 3


def test_a_row_that_says_the_same_is_left_out(lake: Lake) -> None:
    window = {"table": "raw.sales", "first": DAY, "last": DAY, "version": 3, "hash": "h"}
    commit_days(lake, days_frame(days_row(DAY, [file(0, "a"), file(1, "b")], inputs=[window])), RUN)
    later = NOON + timedelta(days=1)
    same = days_row(
        DAY,
        [file(1, "b", version=9), file(0, "a")],
        inputs=[window | {"version": 8}],
        run_id="run-2",
        committed_at=later,
        as_of=later,
    )
    assert commit_days(lake, days_frame(same), RUN) == []
    assert lake.version(runs.Days) == 0
    assert commit_days(lake, days_frame(same | {"late": True}), RUN) == [DAY]


def test_back_to_what_an_earlier_row_said_is_a_new_row(lake: Lake) -> None:
    for run, basis in [("run-1", "a"), ("run-2", "b"), ("run-3", "a")]:
        assert commit_days(lake, days_frame(days_row(DAY, run_id=run, basis=basis)), RUN) == [DAY]
    assert standing(lake)["run_id"].to_list() == ["run-3"]


def test_the_last_entry_of_a_partition_is_in_force(lake: Lake) -> None:
    commit_days(lake, days_frame(days_row(day(0), [file(0, "a")])), RUN)
    commit_days(lake, days_frame(days_row(day(1), [file(1, "b"), file(0, "late", version=1)], run_id="run-2")), RUN)
    assert manifested(lake, raw.Prices) == {day(0): file(0, "late", version=1), day(1): file(1, "b")}
    assert manifested(lake, raw.Sales) == {}


def test_an_entry_without_rows_takes_a_partition_away(lake: Lake) -> None:
    commit_days(lake, days_frame(days_row(DAY, [file(0, "a")])), RUN)
    commit_days(lake, days_frame(days_row(DAY, [file(0, "", rows=0)], run_id="run-2")), RUN)
    assert manifested(lake, raw.Prices) == {}


def test_a_run_that_commits_its_day_again_keeps_what_it_had_put_in_force(lake: Lake) -> None:
    commit_days(lake, days_frame(days_row(DAY, [file(0, "a"), file(1, "b")])), RUN)
    assert commit_days(lake, days_frame(days_row(DAY, [file(0, "c")], basis="other")), RUN) == [DAY]
    assert lake.read(runs.Days).height == 1
    assert manifested(lake, raw.Prices) == {day(0): file(0, "c"), day(1): file(1, "b")}
    assert standing(lake)["sequence"].to_list() == [2]


def test_what_another_run_replaced_since_does_not_come_back_with_it(lake: Lake) -> None:
    commit_days(lake, days_frame(days_row(day(1), [file(0, "late"), file(1, "b")])), RUN)
    commit_days(lake, days_frame(days_row(day(2), [file(0, "corrected")], run_id="run-2")), RUN)
    assert commit_days(lake, days_frame(days_row(day(1), [file(1, "c")], basis="other")), RUN) == [day(1)]
    assert manifested(lake, raw.Prices) == {day(0): file(0, "corrected"), day(1): file(1, "c")}


def test_the_manifest_leads_to_the_rows(lake: Lake) -> None:
    (old,) = lake.commit(raw.Prices, prices(price="1"), [DAY], RUN)
    commit_days(lake, days_frame(days_row(DAY, [old])), RUN)
    lake.commit(raw.Prices, prices(price="2"), [DAY], RUN)
    rows = lake.read_files(raw.Prices, manifested(lake, raw.Prices).values())
    assert rows.equals(prices(price="1"))


def test_the_manifest_can_be_read_as_it_was(lake: Lake) -> None:
    commit_days(lake, days_frame(days_row(day(0), [file(0, "a")])), RUN)
    commit_days(lake, days_frame(days_row(day(1), [file(1, "b")])), RUN)
    earlier = manifest(lake, 0)
    assert list(earlier["raw.prices"]) == [day(0)]
    assert list(earlier["runs.days"]) == [day(0)]
    assert list(manifest(lake)["runs.days"]) == [day(0), day(1)]
    assert manifest(lake, -1) == {"runs.days": {}}
