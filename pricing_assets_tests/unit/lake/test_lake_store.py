from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import dataframely as dy
import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from lake_frames import DAY, NOON, RUN, day, days_frame, days_row, prices
from polars.testing import assert_frame_equal

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, PartitionFile, Provenance, parquet, store
from pricing_assets.lake.hashing import content_hash
from pricing_assets.tables import raw, runs
from pricing_assets.tables.base import Table, identifier, known_at
from pricing_assets.tables.base import day as day_column


def test_an_absent_table_is_typed_and_empty(lake: Lake) -> None:
    assert lake.version(raw.Prices) == -1
    assert lake.partitions(raw.Prices) == {}
    assert_frame_equal(lake.read(raw.Prices), prices().clear())


def test_what_was_committed_is_read(lake: Lake) -> None:
    both = pl.concat([prices(day(1)), prices(day(0))])
    files = lake.commit(raw.Prices, both, [day(0), day(1)], RUN)
    assert [(file.partition, file.version, file.rows) for file in files] == [(day(0), 0, 3), (day(1), 0, 3)]
    assert files[0].hash == content_hash(prices(day(0)), raw.Prices)
    assert lake.path(raw.Prices, files[0]).name == f"{files[0].hash}.parquet"
    assert_frame_equal(lake.read(raw.Prices), both.sort("date", "sku"))
    assert_frame_equal(lake.read(raw.Prices, day(1), day(1), columns=["sku", "date"]), prices(day(1))[["sku", "date"]])
    assert_frame_equal(lake.read_files(raw.Prices, files[:1]), prices(day(0)))


def test_structs_and_enums_survive(lake: Lake) -> None:
    file = PartitionFile("raw.prices", DAY, 3, "f", 2)
    row = days_frame(days_row(DAY, [file], status="no_trade")).with_columns(sequence=pl.lit(1, pl.Int64))
    lake.commit(runs.Days, row.select(list(runs.Days.columns())), [DAY], RUN)
    assert_frame_equal(lake.read(runs.Days), row.select(list(runs.Days.columns())))


def test_equal_content_commits_nothing(lake: Lake) -> None:
    first = lake.commit(raw.Prices, prices(), [DAY], RUN)
    assert lake.commit(raw.Prices, prices().reverse(), [DAY], Provenance("run-2")) == first
    assert lake.version(raw.Prices) == 0


def test_replaced_partitions_and_the_way_back(lake: Lake) -> None:
    first = lake.commit(raw.Prices, pl.concat([prices(), prices(day(1))]), [DAY, day(1)], RUN)
    second = lake.commit(raw.Prices, prices(price="5.49"), [DAY], RUN)
    third = lake.commit(raw.Prices, prices(), [DAY], RUN)
    assert [second[0].version, third[0].version] == [1, 2]
    assert third[0].hash == first[0].hash != second[0].hash
    assert lake.partitions(raw.Prices) == {DAY: third[0], day(1): first[1]}
    assert lake.partitions(raw.Prices, 1) == {DAY: second[0], day(1): first[1]}
    assert lake.read(raw.Prices, version=1)["price"][0] == Decimal("5.49")
    assert lake.read(raw.Prices, version=-1).is_empty()


def test_a_day_without_rows_loses_its_file(lake: Lake) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    assert lake.commit(raw.Prices, prices().clear(), [DAY], RUN) == []
    assert lake.read(raw.Prices).is_empty()
    assert lake.read(raw.Prices, version=0).height == 3


def test_no_rows_for_an_absent_table_leave_it_absent(lake: Lake) -> None:
    assert lake.commit(raw.Prices, prices().clear(), [DAY], RUN) == []
    assert lake.version(raw.Prices) == -1


@pytest.mark.parametrize(
    ("frame", "says"),
    [
        (prices(price="0"), ["raw.prices", "column price", "min_exclusive", "3 rows", "sku=sku-0", "price=0.0000"]),
        (pl.concat([prices(), prices()]), ["raw.prices", "primary_key", "6 rows", "sku=sku-0"]),
        (prices().with_columns(currency=pl.lit("gbp")), ["column currency", "iso_4217", "currency=gbp"]),
        (prices().drop("cost"), ["raw.prices", "missing", "cost"]),
        (prices().with_columns(pl.col("price").cast(pl.Float64)), ["raw.prices", "price", "Float64"]),
        (prices(day(5)), ["raw.prices", "3 rows", "2024-03-06", "outside"]),
    ],
)
def test_rows_that_break_the_contract_are_named(lake: Lake, frame: pl.DataFrame, says: list[str]) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    with pytest.raises(PricingError) as refused:
        lake.commit(raw.Prices, frame, [DAY], RUN)
    assert [text for text in says if text not in refused.value.what] == []
    assert refused.value.remedy
    assert_frame_equal(lake.read(raw.Prices), prices())


def test_append_adds_beside_what_is_there(lake: Lake) -> None:
    def execution(run: str) -> pl.DataFrame:
        row = {"started_on": DAY, "run_id": run, "started_at": NOON, "job": "daily", "outcome": "success"}
        return pl.DataFrame([row], schema={name: column.dtype for name, column in runs.Executions.columns().items()})

    lake.append(runs.Executions, execution("b"), RUN)
    again = lake.append(runs.Executions, execution("b"), RUN)
    lake.append(runs.Executions, execution("a"), RUN)
    assert [file.version for file in again] == [0]
    assert lake.read(runs.Executions)["run_id"].to_list() == ["a", "b"]
    assert lake.read(runs.Executions, columns=["run_id"]).columns == ["run_id"]
    lake.commit(runs.Executions, execution("a"), [DAY], RUN)
    assert lake.read(runs.Executions)["run_id"].to_list() == ["a"]


def test_the_log_tells_every_transaction(lake: Lake) -> None:
    first = lake.commit(raw.Prices, prices(), [DAY], RUN)
    lake.commit(raw.Prices, pl.concat([prices(day(1)), prices(day(2))]), [day(1), day(2)], Provenance("run-2"))
    lake.commit(raw.Prices, prices().clear(), [DAY], Provenance("run-3"))
    log = lake.log("raw.prices")
    assert log.select("version", "run", "rows", "days").rows() == [
        (0, "run-1", 3, 1),
        (1, "run-2", 6, 2),
        (2, "run-3", 0, 0),
    ]
    assert log["hash"][0] == first[0].hash
    assert log["hash"][2] is None
    assert abs((log["time"][0] - datetime.now(UTC)).total_seconds()) < 60
    with pytest.raises(PricingError, match=r"raw\.nothing: no such table"):
        lake.log("raw.nothing")


def test_provenance_is_in_the_delta_log(lake: Lake) -> None:
    lake.commit(raw.Prices, prices(), [DAY], Provenance("run-1", "0.1.0"))
    history = DeltaTable(lake.folder(raw.Prices)).history()[0]
    assert (history["run_id"], history["code_version"]) == ("run-1", "0.1.0")


def test_others_can_open_the_table(lake: Lake) -> None:
    for number in range(25):  # past a checkpoint
        lake.commit(raw.Prices, prices(day(number % 3), f"{number + 1}.00"), [day(number % 3)], RUN)
    folder = lake.folder(raw.Prices)
    delta = DeltaTable(folder)
    assert list((folder / "_delta_log").glob("*.checkpoint.parquet"))
    assert len(list((folder / "_delta_log").glob("*.json"))) == 25
    assert delta.metadata().configuration["delta.enableExpiredLogCleanup"] == "false"
    mine = lake.read(raw.Prices).with_columns(pl.selectors.enum().cast(pl.String))
    assert_frame_equal(pl.read_delta(str(folder)).sort("date", "sku"), mine, check_column_order=False)
    known = pl.scan_delta(str(folder)).filter(pl.col("known_at") >= NOON).collect()
    assert known.height == 9
    uris = delta.file_uris()
    assert duckdb.sql(f"select count(*) from read_parquet({uris}, hive_partitioning = true)").fetchall() == [(9,)]


def old_stock(*, nullable: bool) -> type[Table]:
    class Stock(Table):
        __module__ = "release_2.raw"
        date = day_column()
        sku = identifier("stock keeping unit")
        market = identifier("market")
        known_at = known_at()
        on_hand = dy.Int64(min=0)
        bin = dy.String(nullable=nullable)

    return Stock


def first_stock(kind: type[dy.Column] = dy.Int64) -> type[Table]:
    class Stock(Table):
        __module__ = "release_1.raw"
        date = day_column()
        sku = identifier("stock keeping unit")
        market = identifier("market")
        known_at = known_at()
        on_hand = kind()

    return Stock


STOCK = pl.DataFrame({"date": [DAY], "sku": ["a"], "market": ["GB"], "known_at": [NOON], "on_hand": [3]})


def test_a_new_nullable_column_reads_as_null_and_is_written_next(lake: Lake) -> None:
    lake.commit(first_stock(), STOCK, [DAY], RUN)
    newer = old_stock(nullable=True)
    assert lake.read(newer)["bin"].to_list() == [None]
    tomorrow = STOCK.with_columns(date=pl.lit(day(1)), bin=pl.lit("A1"))
    lake.commit(newer, tomorrow, [day(1)], RUN)
    assert lake.read(newer)["bin"].to_list() == [None, "A1"]
    assert lake.read(first_stock()).columns == STOCK.columns
    assert pl.read_delta(str(lake.folder(newer))).sort("date")["bin"].to_list() == [None, "A1"]


def test_a_new_required_column_needs_a_migration(lake: Lake) -> None:
    lake.commit(first_stock(), STOCK, [DAY], RUN)
    newer = old_stock(nullable=False)
    for attempt in (
        lambda: lake.read(newer),
        lambda: lake.commit(newer, STOCK.with_columns(bin=pl.lit("A")), [DAY], RUN),
    ):
        with pytest.raises(PricingError, match=r"raw\.stock: column bin is not in the lake") as refused:
            attempt()
        assert "another release" in refused.value.remedy
    assert lake.version(newer) == 0


def test_a_changed_dtype_needs_a_migration(lake: Lake) -> None:
    lake.commit(first_stock(), STOCK, [DAY], RUN)
    with pytest.raises(PricingError, match=r'raw\.stock: column on_hand is "long" in the lake, expected "string"'):
        lake.read(first_stock(dy.String))


def test_a_lost_file_is_named(lake: Lake) -> None:
    (file,) = lake.commit(raw.Prices, prices(), [DAY], RUN)
    lake.path(raw.Prices, file).unlink()
    with pytest.raises(PricingError, match=file.hash) as refused:
        lake.read(raw.Prices)
    assert "`pricing doctor` says what is lacking and what brings it back" in refused.value.remedy


def test_a_torn_file_of_the_right_name_is_written_anew(lake: Lake) -> None:
    (file,) = lake.commit(raw.Prices, prices(), [DAY], RUN)
    lake.commit(raw.Prices, prices().clear(), [DAY], RUN)
    path = lake.path(raw.Prices, file)
    path.write_bytes(path.read_bytes()[:-100])
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    assert_frame_equal(lake.read(raw.Prices), prices())


@pytest.mark.parametrize("damage", [lambda path: path.write_text(""), lambda path: path.unlink()])
def test_a_damaged_log_is_named(lake: Lake, damage: object) -> None:
    for number in range(3):
        lake.commit(raw.Prices, prices(day(number)), [day(number)], RUN)
    damage(lake.folder(raw.Prices) / "_delta_log" / f"{1:020}.json")  # type: ignore[operator]
    store._opened.cache_clear()  # as in another process
    with pytest.raises(PricingError, match=r"00001\.json is missing or damaged"):
        lake.read(raw.Prices)


def test_a_commit_of_another_program_meanwhile_is_not_gone_over(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    lake.append(raw.Prices, prices(price="9.99"), RUN)
    files, write = lake.files(raw.Prices), parquet.write

    def beside(folder: Path, table: type[Table], rows: parquet.Rows) -> None:
        write(folder, table, rows)
        if DeltaTable(folder).version() == 1:
            DeltaTable(folder).optimize.compact()

    monkeypatch.setattr(parquet, "write", beside)
    with pytest.raises(PricingError, match="another program committed to the table meanwhile") as refused:
        lake.commit(raw.Prices, prices(price="1.99"), [DAY], RUN)
    assert "must not write to it" in refused.value.remedy
    assert lake.read_files(raw.Prices, files).height == lake.read(raw.Prices).height == 6


@pytest.mark.parametrize(
    "action",
    [
        {"protocol": {"minReaderVersion": 3, "minWriterVersion": 7, "readerFeatures": ["deletionVectors"]}},
        {"add": {"path": "date=2026-03-01/x.parquet", "partitionValues": {"date": "2026-03-01"}, "stats": None}},
        {"add": {"path": "x.parquet", "partitionValues": {}, "stats": '{"numRecords": 1}'}},
        {"add": {"path": "x", "partitionValues": {"date": None}, "stats": '{"numRecords": 1}'}},
        {
            "add": {
                "path": "date=2026-03-01/x.parquet",
                "partitionValues": {"date": "2026-03-01"},
                "stats": '{"numRecords": 1}',
                "deletionVector": {"storageType": "u"},
            }
        },
    ],
)
def test_an_entry_of_another_program_that_says_what_is_not_read_here_is_refused(
    lake: Lake, action: dict[str, object]
) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    told = [json.dumps(each) for each in ({"commitInfo": {"timestamp": 1}}, action)]
    (lake.folder(raw.Prices) / "_delta_log" / f"{1:020}.json").write_text("\n".join(told))
    with pytest.raises(PricingError, match=r"raw\.prices: version 1 .*: another program wrote it"):
        lake.read(raw.Prices)


def test_a_version_that_never_was_is_refused(lake: Lake) -> None:
    with pytest.raises(PricingError, match=r"raw\.prices: has no version 7"):
        lake.read(raw.Prices, version=7)


def test_a_lake_restored_under_a_running_process_is_seen(lake: Lake, tmp_path: Path) -> None:
    lake.commit(raw.Prices, prices(), [DAY], RUN)
    other = Lake(tmp_path / "other")
    other.commit(raw.Prices, prices(price="9.99"), [DAY], RUN)
    lake.folder(raw.Prices).rename(tmp_path / "gone")
    other.folder(raw.Prices).rename(lake.folder(raw.Prices))
    assert lake.read(raw.Prices)["price"][0] == Decimal("9.99")


COMMITTER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from lake_frames import RUN, day, prices
from pricing_assets.lake import Lake
from pricing_assets.tables import raw
lake, offset = Lake(Path(sys.argv[2])), int(sys.argv[3])
for number in range(offset, offset + 10):
    lake.commit(raw.Prices, prices(day(number)), [day(number)], RUN)
"""


def test_processes_committing_to_one_table_lose_nothing(lake: Lake) -> None:
    here = str(Path(__file__).parent)
    workers = [
        subprocess.Popen([sys.executable, "-c", COMMITTER, here, str(lake.root), str(offset)]) for offset in (0, 10, 20)
    ]
    assert [worker.wait(60) for worker in workers] == [0, 0, 0]
    assert list(lake.partitions(raw.Prices)) == [day(number) for number in range(30)]
    assert lake.version(raw.Prices) == 29


def test_a_day_whose_file_is_lost_can_be_committed_anew(lake: Lake) -> None:
    (file,) = lake.commit(raw.Prices, prices(), [DAY], RUN)
    lake.path(raw.Prices, file).unlink()
    lake.commit(raw.Prices, prices(price="5.49"), [DAY], RUN)
    assert lake.read(raw.Prices)["price"][0] == Decimal("5.49")


def test_a_lake_belongs_to_the_shop_of_its_first_run(lake: Lake) -> None:
    lake.belongs_to("corner shop")
    lake.belongs_to("corner shop")
    with pytest.raises(PricingError, match="holds the days of 'corner shop', this run is for 'other shop'") as refused:
        lake.belongs_to("other shop")
    assert "--home" in refused.value.remedy
