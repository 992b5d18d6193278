"""Forecasts and elasticities for the tests of pricing: what a day may expect of demand, as the tables have it.

Here: rows with the columns of their tables, and an outlook from them. Not here: forecasting.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any

import polars as pl
from pricing_frames import DAY

from pricing_assets.lake import Lake, Provenance
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.tables import Table
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

Row = dict[str, Any]
CHAMPION = {"model_version": 3, "model_hash": "ab12cd34ef56" + "0" * 52, "trained_until": DAY}


def forecast(on: date = DAY, sku: str = "S", market: str = "UK", per_day: float = 1.0, **values: Any) -> list[Row]:
    """Rows of one SKU and market: 28 days at a steady rate, and one week, by the champion where nothing is said."""
    price = values.pop("conditioning_price", None)
    shared = {"date": on, "sku": sku, "market": market, "frequency": "D", "model": "demand-daily", "method": "blend"}
    shared |= {"conditioning_price": price, **CHAMPION, **values}
    days = [_row(shared, number, per_day, number) for number in range(1, 29)]
    return [*days, _row(shared | {"frequency": "W", "model": "demand-weekly"}, 28, 7 * per_day, 4)]


def _row(shared: Row, days: int, units: float, times: int) -> Row:
    figures = {name: units * share for name, share in (("mean", 1.0), ("q10", 0.5), ("q90", 2.0))}
    sums = {f"sum_{name}": value * times for name, value in figures.items()}
    return shared | figures | sums | {"target_date": shared["date"] + timedelta(days=days)}


def elasticity(
    value: float, on: date = DAY, sku: str = "S", market: str = "UK", kind: str = "base", **values: Any
) -> Row:
    """One row: an elasticity the SKU has of itself."""
    row = {"date": on, "sku": sku, "market": market, "kind": kind, "elasticity": value, "std_error": 0.25}
    row |= {"n_obs": 90, "price_variation": 0.1, "spec_low": value, "spec_high": value, "shrinkage": 0.1}
    return row | {"estimated_on": on, **values}


def typed(table: type[Table], rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """Rows of a table, nulls where they say nothing, in canonical order."""
    schema = {name: column.dtype for name, column in table.columns().items()}
    return pl.DataFrame([dict.fromkeys(schema) | dict(row) for row in rows], schema=schema).sort(table.order())


def known(forecasts: Iterable[Row], elasticities: Iterable[Row] = ()) -> Outlook:
    """What is known of demand."""
    return outlook(typed(DemandForecasts, forecasts), typed(Elasticities, elasticities), {})


def expect(lake: Lake, on: date, *skus: str, elasticities: Iterable[Row] = (), **values: Any) -> None:
    """Commits forecasts of SKUs in the UK, and elasticities, of a day."""
    rows = [row for sku in skus for row in forecast(on, sku, **values)]
    lake.commit(DemandForecasts, typed(DemandForecasts, rows), [on], Provenance("r"))
    lake.commit(Elasticities, typed(Elasticities, elasticities), [on], Provenance("r"))
