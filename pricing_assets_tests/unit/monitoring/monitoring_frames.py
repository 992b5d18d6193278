"""Forecasts beside sales, snapshots and elasticities, small and seeded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.monitoring import Incumbent

Floats = npt.NDArray[np.float64]
FIRST = date(2026, 1, 1)
REFERENCE = 112
CHAMPION = Incumbent("7", FIRST, FIRST + timedelta(days=REFERENCE - 1), FIRST)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def autoregression(seed: int, days: int, memory: float, spread: float) -> Floats:
    draw = np.random.default_rng(seed)
    value, values = float(spread * draw.standard_normal()), []
    for new in (spread * np.sqrt(1 - memory**2) * draw.standard_normal(days)).tolist():
        value = memory * value + new
        values.append(value)
    return np.array(values)


def forecasts(relative: Floats, segment: str = "COFFEE/DE", skus: int = 2, **changes: Any) -> pl.DataFrame:
    """Forecasts of 100 units beside demand of 100 × (1 + relative) for each of a segment's SKUs, from FIRST on."""
    days = len(relative)
    rows = pl.DataFrame(
        {
            "date": [day(number) for number in range(days)] * skus,
            "sku": [f"SKU-{sku}" for sku in range(skus) for _ in range(days)],
            "y": np.tile(100 * (1 + relative), skus),
        }
    )
    constant = {
        "market": segment.partition("/")[2],
        "segment": segment,
        "mean": 100.0,
        "q10": 80.0,
        "q90": 120.0,
        "censored": False,
    }
    constant |= {"conditioning_price": 5.0, "actual_price": 5.0} | changes
    columns = {name: value if isinstance(value, pl.Expr) else pl.lit(value) for name, value in constant.items()}
    return rows.with_columns(origin=pl.col("date") - pl.duration(days=7), **columns)


def snapshots(values: Sequence[Floats], **changes: Any) -> pl.DataFrame:
    """Snapshots of one segment's SKUs from FIRST on, whose cost is `values`, one array per SKU; the price is 5."""
    frames = []
    for number, costs in enumerate(values):
        dates = [day(each) for each in range(len(costs))]
        frames.append(pl.DataFrame({"date": dates, "sku": f"SKU-{number}", "cost": costs}))
    constant = {"market": pl.lit("DE"), "segment": pl.lit("COFFEE/DE"), "current_price": pl.lit(5.0)} | changes
    return pl.concat(frames).with_columns(**constant)
