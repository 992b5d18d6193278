"""Snapshot rows of an ordinary SKU, of which a test changes what it is about."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl

from pricing_assets.tables.features import FeatureSnapshots

DAY = date(2026, 3, 4)  # a Wednesday
ORDINARY: dict[str, Any] = {
    "date": DAY,
    "sku": "A",
    "market": "UK",
    "category": "COFFEE",
    "currency": "GBP",
    "current_price": "7.99",
    "usual_price": "7.99",
    "usual_price_move_pct": 2.0,
    "cost": "5.00",
    "cost_source": "recorded",
    "margin_pct": 37.4,
    "usual_margin_pct": 37.4,
    "usual_margin_move": 1.0,
    "competitor_min": "7.99",
    "competitor_delta_pct": 0.0,
    "usual_competitor_delta_pct": 0.0,
    "usual_competitor_delta_move": 1.0,
    "price_age_days": 0,
    "missing_data": "",
    "units_28d": 280,
    "revenue_28d": "2237.20",
    "price_change_1d_pct": 0.0,
}
_MONEY = ("current_price", "usual_price", "planned_price_today", "cost", "competitor_min", "revenue_28d")


def row(**changes: Any) -> dict[str, Any]:
    """An ordinary SKU's row with changes; amounts as texts."""
    values = {**ORDINARY, **changes}
    amounts = {name: Decimal(str(values[name])) for name in _MONEY if values.get(name) is not None}
    return {**values, **amounts}


def snapshot(*rows: dict[str, Any]) -> pl.DataFrame:
    """Rows as features.feature_snapshots holds them: what is not given is null, 0 or empty."""
    return full(rows)


def full(rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    """Any number of rows, typed and complete."""
    columns = FeatureSnapshots.columns()
    schema = FeatureSnapshots.create_empty().schema
    given = [{name: each.get(name) for name in schema} for each in rows]
    frame = pl.DataFrame(given, schema=schema, orient="row")
    needed = [name for name, column in columns.items() if not column.nullable]
    return frame.with_columns(
        pl.col(name).fill_null("" if schema[name] == pl.String else 1) for name in needed if schema[name] != pl.Date
    )
