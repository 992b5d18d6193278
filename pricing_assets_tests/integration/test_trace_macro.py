"""`marts.trace` and `marts.cutoff`, as dbt creates them: a day is shown the rows it saw, and no others."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.features.calendar import Calendar
from pricing_assets.features.snapshot import LOOKBACK
from pricing_assets.features.visibility import visible
from pricing_assets.lake.arrow import ArrowStream
from pricing_assets.tables import ALL, RAW
from pricing_assets.tables.base import Table
from pricing_assets.tables.hours import cutoff
from pricing_assets.tables.raw import Listings, Prices, Sales, Stock
from pricing_assets.tables.runs import Days

DAY, ZONE = date(2026, 10, 24), "Europe/Berlin"  # the clock is put back the night after
Warehouse = duckdb.DuckDBPyConnection


@pytest.fixture(scope="module")
def warehouse(built_marts: Path) -> Iterator[Warehouse]:
    """Every table of the lake in memory, empty, and the macros as dbt compiled them."""
    with duckdb.connect() as memory:
        for table in ALL:
            memory.execute(f"create schema if not exists {table.table_name().partition('.')[0]}")
            fill(memory, table, [])
        memory.execute(next((built_marts / "target").rglob("compiled/**/*on-run-end-0.sql")).read_text())
        yield memory


def fill(warehouse: Warehouse, table: type[Table], rows: list[dict[str, object]]) -> pl.DataFrame:
    frame = pl.DataFrame(rows, schema=table.create_empty().schema)
    warehouse.register("frame", ArrowStream(frame.with_columns(pl.selectors.enum().cast(pl.String))))
    warehouse.execute(f"create or replace table {table.table_name()} as from frame")
    return frame


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/London", "America/New_York", "Asia/Tokyo", "UTC"])
def test_the_cut_off_is_that_of_the_platform_whatever_the_clocks_do(warehouse: Warehouse, zone: str) -> None:
    days = pl.date_range(date(2025, 1, 1), date(2026, 12, 31), eager=True).to_list()
    found = warehouse.execute(
        "select epoch_us(marts.cutoff(day, ?)) from (select unnest(?::date[]) as day)", [zone, days]
    ).fetchall()
    told = [datetime.fromtimestamp(micros / 1e6, UTC) for (micros,) in found]
    assert told == [cutoff(day, ZoneInfo(zone)) for day in days]


known = st.builds(
    lambda days, minutes: datetime(2026, 10, 25, 0, 0, tzinfo=UTC) - timedelta(days=days, minutes=minutes),
    st.integers(-1, 6),
    st.integers(-120, 120),
)
row = st.fixed_dictionaries(
    {
        "date": st.integers(-1, 400).map(lambda ago: DAY - timedelta(days=ago)) | st.just(DAY),
        "sku": st.sampled_from(["A", "A", "B"]),
        "market": st.just("UK"),
        "known_at": known,
    }
)


@settings(max_examples=40)
@given(rows=st.lists(row, max_size=12), types=st.lists(st.sampled_from(["list", "current"]), min_size=12, max_size=12))
def test_a_day_is_shown_exactly_the_rows_it_saw(
    warehouse: Warehouse, rows: list[dict[str, object]], types: list[str]
) -> None:
    windows = [(DAY - timedelta(days=LOOKBACK[table.table_name()] - 1), table.table_name()) for table in RAW]
    inputs = [{"table": name, "first": first, "last": DAY, "version": 0, "hash": ""} for first, name in windows]
    fill(warehouse, Days, [{"date": DAY, "sequence": 1, "settings": f'{{"time_zone":"{ZONE}"}}', "inputs": inputs}])
    typed = [each | {"price_type": kind} for each, kind in zip(rows, types, strict=False)]
    for table in (Listings, Prices, Sales, Stock):
        given_rows = typed if table is Prices else rows
        frame = fill(warehouse, table, given_rows).unique(table.primary_key())
        window = frame.filter(pl.col("date").is_between(next(f for f, n in windows if n == table.table_name()), DAY))
        seen = visible(window, table, DAY, Calendar(ZONE)).filter(sku="A")
        shown = warehouse.execute(
            "select value ->> 'date', value ->> 'price_type', (value ->> 'known_at')::timestamptz"
            " from marts.trace('A', 'UK', ?) where \"table\" = ?",
            [DAY, table.table_name()],
        ).fetchall()
        kinds = seen["price_type"] if table is Prices else [None] * seen.height
        expected = zip(seen["date"].cast(pl.String), kinds, seen["known_at"], strict=True)
        assert sorted(shown, key=str) == sorted(expected, key=str)


def test_only_rows_of_the_sku_set_aside_in_its_week_are_shown(warehouse: Warehouse) -> None:
    from pricing_assets.tables.raw import Quarantine

    records = ['{"sku":"A","market":"UK"}', '{"sku":"A"}', '{"sku":"A","market":"DE"}', '{"sku":"B"}', "no JSON"]
    rows: list[dict[str, object]] = [
        {"received_on": DAY - timedelta(days=ago), "table": "raw.prices", "row": number, "record": record, "rule": "r"}
        for ago in (0, 7, 8, -1)
        for number, record in enumerate(records, 1)
    ]
    fill(warehouse, Quarantine, rows)
    shown = warehouse.execute("select key from marts.trace('A', 'UK', ?) where no = 9", [DAY]).fetchall()
    assert [key for (key,) in shown] == [f"{day} raw.prices row {row}" for day in ("2026-10-17", DAY) for row in (1, 2)]


def test_overrides_are_those_whose_scope_holds_the_sku(warehouse: Warehouse) -> None:
    from pricing_assets.tables.decisions import Overrides
    from pricing_assets.tables.features import FeatureSnapshots

    fill(warehouse, FeatureSnapshots, [{"date": DAY, "sku": "A", "market": "UK", "category": "HOME"}])
    scopes: dict[str, dict[str, object]] = {
        "all": {},
        "sku": {"sku": "A"},
        "other sku": {"sku": "B"},
        "category": {"category": "HOME", "market": "UK"},
        "other category": {"category": "TOYS"},
        "other market": {"category": "HOME", "market": "DE"},
        "other day": {"date": DAY - timedelta(days=1)},
    }
    fill(warehouse, Overrides, [{"date": DAY, "override_id": name, **scope} for name, scope in scopes.items()])
    shown = warehouse.execute("select key from marts.trace('A', 'UK', ?) where no = 5", [DAY]).fetchall()
    assert [key for (key,) in shown] == ["all", "category", "sku"]
