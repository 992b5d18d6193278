"""Small panels with known truth, for the tests of forecasts."""

from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl

from pricing_assets.demand import Plan

WEEKLY = Plan("W", 4, ("price", "rival_price", "feature"), ("store",))


def weekly(series: int = 12, weeks: int = 90, elasticity: float = -2.0) -> pl.DataFrame:
    """Log-log demand with promotions every few weeks; the noise is a fixed pattern."""
    rows = []
    for number in range(series):
        for week in range(weeks):
            promoted = (week * 7 + number * 3) % 11 < 2
            price = 2.0 * (0.7 if promoted else 1.0)
            noise = math.sin(week * 12.9898 + number * 78.233) * 0.1
            units = 20 * (1 + number) * (price / 2.0) ** elasticity * math.exp(noise)
            day = date(2024, 1, 1) + timedelta(days=7 * week)
            rows.append((f"s{number:02}", day, round(units), price, 2.1, float(promoted), f"store {number % 3}"))
    names = ["unique_id", "ds", "y", "price", "rival_price", "feature", "store"]
    return pl.DataFrame(rows, schema=names, orient="row").with_columns(pl.col("y").cast(pl.Float64))


def split(panel: pl.DataFrame, steps: int = 4, step: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """History and the horizon after it."""
    last = panel["ds"].max()
    assert isinstance(last, date)
    cut = last - timedelta(days=step * steps)
    return panel.filter(pl.col("ds") <= cut), panel.filter(pl.col("ds") > cut)
