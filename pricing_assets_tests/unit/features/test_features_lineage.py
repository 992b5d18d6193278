"""The column lineage written in tables/features.py is what the code reads: no less, no more."""

from __future__ import annotations

from datetime import timedelta
from functools import cache

import polars as pl
import pytest
from features_market import CALENDAR, TABLES, Shop

from pricing_assets.features import COLUMNS, snapshot
from pricing_assets.tables.features import FeatureSnapshots

KEYS = {"date", "sku", "market", "known_at", "on_sale", "competitor", "known_on"}  # they say which rows there are
LINEAGE = FeatureSnapshots.lineage()
READ = sorted(f"{table}.{column}" for table, columns in COLUMNS.items() for column in columns if column not in KEYS)
OTHER = {
    "raw.prices.price_kind": pl.lit("posted"),
    "raw.prices.cost_source": pl.lit("assumed"),
    "raw.prices.price_type": pl.when(pl.col("price_type") == "list").then(pl.lit("current")).otherwise(pl.lit("list")),
    "raw.promotions.target_date": pl.col("target_date") + timedelta(days=1),
    "raw.promotions.planned_price": pl.when(pl.col("planned_price").is_null()).then(pl.lit(7)),
    "raw.stock.oldest_received_on": pl.col("oldest_received_on") - timedelta(days=3),
    "raw.products.category": pl.lit("A"),
    "raw.products.attributes": pl.lit('{"map_price": 77}'),
    "raw.products.brand": pl.lit("Y"),
    "raw.competitor_snapshots.in_stock": pl.col("in_stock").is_null(),
}


@cache
def shop() -> tuple[dict[str, pl.DataFrame], list[object], pl.DataFrame]:
    made = Shop(601)
    days = made.days[60:80]
    return made.raw(), list(days), snapshot(made.raw(), days, CALENDAR)


def altered(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The rows with other values in one column, different ones from row to row."""
    column = name.rsplit(".", 1)[1]
    step = pl.int_range(pl.len()) % 7 + 1
    if column == "currency":
        value = pl.when(step < 4).then(pl.lit("EUR")).otherwise(pl.lit("GBP"))
    elif name in OTHER:
        value = OTHER[name]
    else:
        value = pl.col(column) + step
    return rows.with_columns(value.cast(rows.schema[column]).alias(column))


@pytest.mark.parametrize("name", READ)
def test_a_raw_column_changes_the_features_that_declare_it_and_no_others(name: str) -> None:
    raw, days, before = shop()
    table = name.rsplit(".", 1)[0]
    after = snapshot({**raw, table: altered(raw[table], name)}, days, CALENDAR)  # type: ignore[arg-type]
    changed = {feature for feature in before.columns if not before[feature].equals(after[feature])}
    declared = {feature for feature, columns in LINEAGE.items() if name in columns}
    if name.endswith(
        "price_type"
    ):  # it says which rows are the history: part of the key, declared where it matters most
        assert declared <= changed
    else:
        assert changed == declared


def test_every_declared_column_exists_and_is_read() -> None:
    for feature, columns in LINEAGE.items():
        for name in columns:
            table, column = name.rsplit(".", 1)
            assert column in COLUMNS[table], f"{feature} declares {name}, which is not read"
            assert column in TABLES[table].columns()


def test_every_column_that_is_read_and_no_key_is_declared() -> None:
    declared = {name for columns in LINEAGE.values() for name in columns}
    assert set(READ) <= declared
