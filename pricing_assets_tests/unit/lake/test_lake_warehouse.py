from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import dataframely as dy
import duckdb
import polars as pl
import pytest
from deltalake import DeltaTable
from lake_frames import DAY, NOON, RUN, day, days_frame, days_row, prices

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, warehouse
from pricing_assets.lake.days import commit_days
from pricing_assets.lake.warehouse import draft, query, sql_type
from pricing_assets.tables import ALL, raw, runs
from pricing_assets.tables.publishing import Reconciliations


@pytest.fixture
def analytics(lake: Lake) -> Path:
    return lake.root.parent / "analytics.duckdb"


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse of a lake without rows, which no test changes."""
    home = tmp_path_factory.mktemp("empty")
    refresh(Lake(home / "lake"), home / "analytics.duckdb")
    return home / "analytics.duckdb"


def put_in_force(lake: Lake, number: int, price: str = "4.99", run: str = "run-1") -> None:
    files = lake.commit(raw.Prices, prices(day(number), price), [day(number)], RUN)
    commit_days(lake, days_frame(days_row(day(number), files, run_id=run, basis=price)), RUN)


def refresh(lake: Lake, analytics: Path) -> None:
    with draft(lake, analytics):
        pass


def test_every_table_is_a_typed_view_even_when_empty(empty: Path) -> None:
    with duckdb.connect(str(empty), read_only=True) as warehouse, duckdb.connect() as scratch:

        @cache
        def known(kind: str) -> str:
            """The type as DuckDB itself writes it."""
            return str(scratch.sql(f"select null::{kind} as x").types[0])

        for table in ALL:
            view = warehouse.sql(f"from {table.table_name()}")
            expected = [(name, known(sql_type(column.dtype))) for name, column in table.columns().items()]
            assert list(zip(view.columns, map(str, view.types), strict=True)) == expected, table
            assert view.fetchall() == []


def test_views_show_what_is_manifested_and_nothing_else(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    put_in_force(lake, 1)
    lake.commit(raw.Prices, prices(DAY, "9.99"), [DAY], RUN)  # not in any row of runs.days
    refresh(lake, analytics)
    shown = query(analytics, "select * from raw.prices order by date, sku")
    expected = pl.concat([prices(day(0)), prices(day(1))]).with_columns(pl.selectors.enum().cast(pl.String))
    assert shown.equals(expected)
    days = query(analytics, "select date, tables[1].hash h from runs.days order by date")
    assert days["h"].to_list() == [lake.partitions(raw.Prices, 0)[DAY].hash, lake.partitions(raw.Prices)[day(1)].hash]


def executions(*run_ids: str) -> pl.DataFrame:
    row = {"started_on": DAY, "started_at": NOON, "job": "daily", "outcome": "failure"}
    schema = {name: column.dtype for name, column in runs.Executions.columns().items()}
    return pl.DataFrame([row | {"run_id": run_id} for run_id in run_ids], schema=schema)


def test_a_checkpoint_of_the_delta_log_is_no_execution(lake: Lake, analytics: Path) -> None:
    for number in range(21):
        lake.append(runs.Executions, executions(f"run {number:02}"), RUN)
    assert list((lake.root / "runs" / "executions" / "_delta_log").glob("*.parquet")), "the log has a checkpoint"
    refresh(lake, analytics)
    assert query(analytics, "select count(*) n from runs.executions").item() == 21


def test_executions_are_shown_at_once_without_a_manifest(lake: Lake, analytics: Path) -> None:
    refresh(lake, analytics)
    lake.append(runs.Executions, executions("a"), RUN)
    refresh(lake, analytics)
    lake.append(runs.Executions, executions("b"), RUN)
    lake.commit(runs.Executions, executions("a", "b", "c"), [DAY], RUN)
    assert query(analytics, "select run_id from runs.executions order by 1")["run_id"].to_list() == ["a", "b", "c"]


def test_a_column_no_file_has_is_null(lake: Lake, analytics: Path) -> None:
    (file,) = lake.commit(raw.Prices, prices(), [DAY], RUN)
    path = lake.path(raw.Prices, file)
    pl.read_parquet(path, hive_partitioning=False).drop("cost").write_parquet(path)
    commit_days(lake, days_frame(days_row(DAY, [file])), RUN)
    refresh(lake, analytics)
    found = query(analytics, "select * from raw.prices")
    assert found.columns == list(raw.Prices.columns())
    assert found["cost"].to_list() == [None] * 3


def test_descriptions_are_comments(empty: Path) -> None:
    views = query(empty, "select comment from duckdb_views() where schema_name = 'raw' and view_name = 'prices'")
    assert views.item() == " ".join((raw.Prices.__doc__ or "").split())
    column = "select comment from duckdb_columns() where table_name = 'prices' and column_name = 'cost'"
    assert query(empty, column).item() == "cost per unit"


def test_what_is_written_into_the_draft_is_in_the_warehouse(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    with draft(lake, analytics) as path:
        assert path.name == "analytics.duckdb"
        assert not analytics.exists()
        with duckdb.connect(str(path)) as connection:
            connection.execute("create table analytics.main.marts as select count(*) n from analytics.raw.prices")
    assert query(analytics, "select n from marts").item() == 3
    assert not list(analytics.parent.glob("draft-*"))


def test_views_work_under_another_name(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    refresh(lake, analytics)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{analytics}' as shop (read_only)")
        assert connection.execute("select count(*) from shop.raw.prices").fetchall() == [(3,)]


def test_a_failed_draft_leaves_the_old_file_and_no_trace(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    refresh(lake, analytics)
    with pytest.raises(ZeroDivisionError), draft(lake, analytics):
        put_in_force(lake, 1)
        raise ZeroDivisionError
    assert query(analytics, "select count(*) n from raw.prices").item() == 3
    assert not list(analytics.parent.glob("draft-*"))


def test_what_dead_processes_left_is_removed(lake: Lake, analytics: Path) -> None:
    left = analytics.parent / "draft-dead"
    left.mkdir(parents=True)
    (left / "analytics.duckdb").write_bytes(b"half")
    stale = analytics.with_name("analytics.duckdb.wal")
    stale.write_bytes(b"of another file")
    refresh(lake, analytics)
    assert not left.exists()
    assert not stale.exists()


def test_a_lost_file_is_named(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    lake.path(raw.Prices, lake.partitions(raw.Prices)[DAY]).unlink()
    with pytest.raises(PricingError, match=r"raw\.prices: its files cannot be read"):
        refresh(lake, analytics)


def test_a_reader_keeps_what_it_opened(lake: Lake, analytics: Path) -> None:
    refresh(lake, analytics)
    with duckdb.connect(str(analytics), read_only=True) as reader:
        put_in_force(lake, 0)
        refresh(lake, analytics)
        assert reader.execute("select count(*) from raw.prices").fetchall() == [(0,)]
    assert query(analytics, "select count(*) n from raw.prices").item() == 3


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("select nothing_of_the_kind from raw.prices", "nothing_of_the_kind"),
        ("selec 1", "syntax error"),
        ("create table t (a int)", "CREATE is not read-only"),
        ("copy (select 1) to 'stolen.csv'", "COPY is not read-only"),
        ("export database 'stolen'", "EXPORT is not read-only"),
        ("select 1; select 2", "2 statements where one is expected"),
        ("", "0 statements where one is expected"),
    ],
)
def test_a_query_that_fails_says_why(empty: Path, sql: str, says: str) -> None:
    with pytest.raises(PricingError, match=says):
        query(empty, sql)


@pytest.mark.parametrize("read", [lambda path: warehouse.query(path, "select 1"), warehouse.files_read])
def test_a_warehouse_that_is_no_database_is_built_anew_by_a_run(analytics: Path, read: Callable[[Path], Any]) -> None:
    analytics.parent.mkdir(parents=True)
    analytics.write_bytes(b"cut short" * 1000)
    with pytest.raises(PricingError, match=rf"{analytics} cannot be opened: .*not a valid DuckDB") as refused:
        read(analytics)
    assert refused.value.remedy.startswith("`pricing run` builds it anew")


def test_a_missing_warehouse_is_said(analytics: Path) -> None:
    with pytest.raises(PricingError, match="there is no warehouse yet") as refused:
        query(analytics, "select 1")
    assert "pricing run" in refused.value.remedy


@pytest.mark.parametrize(
    "sql",
    [
        "explain select 1",
        "EXPLAIN ANALYZE select 1;",
        "explain (format json) from (select 1) -- why",
        "pivot (select 1 a, 2 b) on a using sum(b)",
        "show all tables",
    ],
)
def test_what_only_reads_is_answered(empty: Path, sql: str) -> None:
    assert query(empty, sql).height


@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1 x) to '{}'",
        "explain analyze copy (select 1 x) to '{}'",
        "/* explain */ explain (analyze) copy (select 1 x) to '{}'",
        "-- explain select 1;\nexplain analyze copy (select 1 x) to '{}'",
        "copy (pivot (select 1 a, 2 b) on a using sum(b)) to '{}'",
        "explain analyze copy (pivot (select 1 a, 2 b) on a using sum(b)) to '{}'",
    ],
)
def test_no_question_writes_a_file(empty: Path, tmp_path: Path, sql: str) -> None:
    file = tmp_path / "raw.parquet"
    with pytest.raises(PricingError, match="query failed"):
        query(empty, sql.format(file))
    assert not file.exists()


def test_a_dtype_no_table_uses_has_no_sql_type() -> None:
    with pytest.raises(TypeError, match="Binary"):
        sql_type(dy.Binary().dtype)


READER = """
import sys, time
from pathlib import Path
from pricing_assets.lake.warehouse import query
queries, stop = 0, Path(sys.argv[2])
while not stop.exists():
    rows = query(Path(sys.argv[1]), "select count(*) n, count(distinct price) p from raw.prices")
    assert rows.row(0) == (3, 1), rows
    queries += 1
    if queries == 1:
        print("ready", flush=True)
    time.sleep(0.02)
print(queries)
"""


@pytest.mark.parametrize("refreshes", [10, pytest.param(100, marks=pytest.mark.torture)])
def test_readers_meet_no_error_through_refreshes_and_a_compaction(
    lake: Lake, analytics: Path, tmp_path: Path, refreshes: int
) -> None:
    put_in_force(lake, 0, "1", "run-1")
    refresh(lake, analytics)
    stop = tmp_path / "stop"
    reader = subprocess.Popen(
        [sys.executable, "-c", READER, str(analytics), str(stop)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reader.stdout
    assert reader.stdout.readline() == "ready\n"
    for number in range(refreshes):
        put_in_force(lake, 0, str(number % 2 + 1), f"run-{number}")
        refresh(lake, analytics)
        if number == refreshes // 2:
            DeltaTable(str(lake.root / "raw" / "prices")).optimize.compact()
    stop.touch()
    out, errors = reader.communicate(timeout=30)
    assert (reader.returncode, errors) == (0, "")
    assert int(out) > refreshes // 4


def test_what_no_mart_is_made_from_is_shown_anew_without_a_refresh(lake: Lake, analytics: Path) -> None:
    row = dict.fromkeys(Reconciliations.columns()) | {"date": DAY, "sku": "A", "market": "UK", "message": "m"}
    schema = {name: column.dtype for name, column in Reconciliations.columns().items()}
    rows = pl.DataFrame([row | {"kind": "no_price"}], schema=schema)
    warehouse.renew(lake, analytics, [Reconciliations])
    assert not analytics.exists(), "there is nothing to renew yet"
    put_in_force(lake, 0)
    refresh(lake, analytics)
    put_in_force(lake, 0, "2", "run-2")
    lake.commit(Reconciliations, rows, [DAY], RUN)
    warehouse.renew(lake, analytics, [Reconciliations])
    assert query(analytics, "select sku, kind from publishing.reconciliations").rows() == [("A", "no_price")]
    assert query(analytics, "select distinct price from raw.prices").item() == Decimal("4.99"), "as then"


def test_refreshes_wait_for_each_other(lake: Lake, analytics: Path) -> None:
    put_in_force(lake, 0)
    code = (
        "import sys; from pathlib import Path; from pricing_assets.lake import Lake; "
        "from pricing_assets.lake.warehouse import draft\n"
        "for _ in range(3):\n    with draft(Lake(Path(sys.argv[1])), Path(sys.argv[2])): pass"
    )
    command = [sys.executable, "-c", code, str(lake.root), str(analytics)]
    assert [worker.wait(60) for worker in [subprocess.Popen(command) for _ in range(2)]] == [0, 0]
    assert query(analytics, "select count(*) n from raw.prices").item() == 3
    assert warehouse.query(analytics, "select 1 a").item() == 1
