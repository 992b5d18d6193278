"""Small feature frames and strategies for the tests of pricing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables import money
from pricing_assets.tables.features import FeatureSnapshots

DAY = date(2024, 3, 1)
SCALES = {"GBP": 100, "JPY": 1, "KWD": 1000}


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def takes_effect(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, 6, tzinfo=UTC) + timedelta(days=1)


def feature_row(**values: Any) -> dict[str, Any]:
    """A feature row: 10.00 GBP list and current, cost 5.00, one unit of everything that must not be null."""
    row: dict[str, Any] = {
        "date": DAY,
        "sku": "S",
        "market": "UK",
        "currency": "GBP",
        "current_price": Decimal("10.00"),
        "list_price": Decimal("10.00"),
        "cost": Decimal("5.00"),
        "absent_tables": "",
        "missing_data": "",
        "inputs_hash": "0" * 64,
        "inputs": "[]",
    }
    for name, column in FeatureSnapshots.columns().items():
        if name not in row:
            row[name] = None if column.nullable else 1
    return row | values


def features(*rows: Mapping[str, Any]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in FeatureSnapshots.columns().items()}
    return pl.DataFrame([feature_row(**row) for row in rows], schema=schema, orient="row")


def days_frame(days: Iterable[date] = (DAY,), late: bool = False) -> pl.DataFrame:
    rows = [(each, f"{each}".ljust(64, "b"), late, takes_effect(each)) for each in days]
    schema = {"date": pl.Date, "basis": pl.String, "late": pl.Boolean, "effective_from": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema=schema, orient="row")


def strategy(rules: str = "", more: str = "", *, name: str = "s", kind: str = "rules") -> Strategy:
    """A strategy from the items of its rules, one per line, and further keys."""
    listed = "".join(f"\n  - {rule.strip()}" for rule in rules.strip().splitlines()) or " []"
    return parse(f"strategy: {name}\ntype: {kind}\nrules:{listed}\n{more}")


def minor(rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """What constraints and endings look at: amounts as Decimal(18,4), `price`, `low`, `high` in minor units."""
    amounts = ("current_price", "list_price", "cost", "map_price", "competitor_min", "competitor_max")
    schema: dict[str, Any] = dict.fromkeys(amounts, pl.Decimal(18, 4)) | {"currency": pl.String}
    schema |= dict.fromkeys(("price", "low", "high"), pl.Int64)
    frame = pl.DataFrame([dict.fromkeys(schema) | dict(row) for row in rows], schema=schema, orient="row")
    return frame.with_columns(scale=money.scale(pl.col("currency")))
