"""Small frames for the tests of the lake."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from pricing_assets.lake import PartitionFile, Provenance
from pricing_assets.tables import raw, runs

DAY = date(2024, 3, 1)
RUN = Provenance("run-1", "0.1.0")
NOON = datetime(2024, 3, 2, 12, tzinfo=UTC)


def day(number: int) -> date:
    return DAY + timedelta(days=number)


def prices(on: date = DAY, price: str = "4.99", skus: int = 3) -> pl.DataFrame:
    row = {
        "date": on,
        "market": "GB",
        "price_type": "list",
        "known_at": NOON,
        "price": Decimal(price),
        "cost": None,
        "currency": "GBP",
        "tax_basis": "gross",
        "price_kind": "posted",
        "cost_source": None,
    }
    return typed(raw.Prices, [row | {"sku": f"sku-{number}"} for number in range(skus)])


def days_row(on: date, files: Iterable[PartitionFile] = (), **changes: Any) -> dict[str, Any]:
    """A row of runs.days without `sequence`; columns not named here are null, empty or zero."""
    known: dict[str, Any] = {
        "date": on,
        "run_id": "run-1",
        "status": "priced",
        "basis": "basis",
        "tables": [asdict(file) for file in files],
        "settings": "{}",
    }
    fillers: dict[Any, Any] = {pl.Boolean: False, pl.Int64: 0, pl.String: "", pl.Date: on, pl.List: []}
    row = {}
    for name, column in runs.Days.columns().items():
        filler = NOON if column.dtype == pl.Datetime else fillers.get(column.dtype.base_type())
        row[name] = known.get(name, None if column.nullable else filler)
    del row["sequence"]
    return row | changes


def days_frame(*rows: dict[str, Any]) -> pl.DataFrame:
    schema = {name: column.dtype for name, column in runs.Days.columns().items() if name != "sequence"}
    return pl.DataFrame(list(rows), schema=schema)


def typed(table: Any, rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in table.columns().items()})
