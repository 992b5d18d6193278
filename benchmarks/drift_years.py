"""Years in which nothing drifts, and the same with a shift planted: forecasts beside sales, and features.

Here: what is generated and simulated. Not here: counting events in it (drift.py).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.monitoring.errors import DECILES
from pricing_assets.simulation import MarketSettings
from pricing_assets.simulation.trading import Trade

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

REFERENCE, YEAR = 168, 365  # days
DAYS = REFERENCE + YEAR
FIRST = date(2025, 1, 1)
LAST = FIRST + timedelta(days=DAYS - 1)
SHIFT = 0.20
LEAD = 7  # days from origin to target
SKUS = 5  # of a generated segment


def autoregression(draw: np.random.Generator, memory: float, noise: float) -> Floats:
    new = noise * math.sqrt(1 - memory**2) * draw.standard_normal(DAYS)
    value, values = noise * draw.standard_normal(), []
    for each in new.tolist():
        value = memory * value + each
        values.append(value)
    return np.array(values)


def segment(name: str, common: Floats, own: Floats, level: Floats) -> pl.DataFrame:
    """Forecasts of 100 units a day and SKU beside demand: the segment's error, and a little of each SKU's own."""
    demand = 100 * level[:, None] * (1 + common[:, None] + 0.05 * (own - own.mean(axis=1, keepdims=True)))
    days, deviation = len(common), 100 * math.hypot(float(np.std(common)), 0.05)
    return pl.DataFrame(
        {
            "date": np.repeat(np.arange(days), SKUS),
            "sku": [f"{name}-{sku}" for _ in range(days) for sku in range(SKUS)],
            "y": np.maximum(demand, 0.0).ravel(),
        }
    ).select(
        date=pl.lit(FIRST) + pl.duration(days="date"),
        sku="sku",
        market=pl.lit("DE"),
        segment=pl.lit(name),
        origin=pl.lit(FIRST) + pl.duration(days=pl.col("date") - LEAD),
        mean=pl.lit(100.0),
        q10=pl.lit(100 - DECILES / 2 * deviation),
        q90=pl.lit(100 + DECILES / 2 * deviation),
        y="y",
        censored=pl.lit(False),
        conditioning_price=pl.lit(5.0),
        actual_price=pl.lit(5.0),
    )


def shifted(wanted: Floats, start: int, sign: int, draw: np.random.Generator) -> Floats:
    """A fifth of the customers more, or less, each by chance."""
    fifth = draw.binomial(wanted, SHIFT)
    later = (np.arange(len(wanted)) >= REFERENCE + start)[:, None]
    return np.asarray(wanted + np.where(later, sign * fifth, 0))


def forecast(settings: MarketSettings, market: Trade, wanted: Floats) -> pl.DataFrame:
    """What the law expects at the price known LEAD days before, beside what was sold of what was wanted."""
    assortment, lead = market.assortment, LEAD
    days = np.arange(lead, settings.days)
    plans = market.plans
    running = plans.running[days] - 1
    announced = (running >= 0) & (plans.known[running] <= (days - lead)[:, None]) & (market.planned[running] > 0)
    regular = market.regular[days - lead]
    known = np.where(announced, market.planned[running], regular)
    tastes = assortment.tastes
    base = tastes.base * np.log(market.regular[days] / regular)
    promotion = tastes.promotion * np.log((market.price[days] / market.regular[days]) / (known / regular))
    mean = market.expected[days] * np.exp(base + promotion)
    spread = np.sqrt(mean + (assortment.dispersion + 0.15**2) * mean**2)
    listed = np.stack([assortment.on_sale(day) for day in days])
    day, cell = np.nonzero(listed)
    pick = (day, cell)
    names = settings.sku_names().to_list()
    sold = np.minimum(wanted[days], market.opening[days])
    category = assortment.category[assortment.sku]
    return pl.DataFrame(
        {
            "date": days[day],
            "sku": [names[sku] for sku in assortment.sku[cell]],
            "market": [settings.market_names()[each] for each in assortment.market[cell]],
            "segment": [f"{category[each]}/{assortment.market[each]}" for each in cell],
            "mean": mean[pick],
            "q10": (mean - DECILES / 2 * spread)[pick],
            "q90": (mean + DECILES / 2 * spread)[pick],
            "y": sold[pick].astype(np.float64),
            "censored": (wanted[days] >= market.opening[days])[pick],
            "conditioning_price": known[pick] / 100,
            "actual_price": market.price[days][pick] / 100,
        }
    ).with_columns(
        date=pl.lit(FIRST) + pl.duration(days="date"), origin=pl.lit(FIRST) + pl.duration(days=pl.col("date") - LEAD)
    )


def snapshots(values: Sequence[Floats]) -> pl.DataFrame:
    days = pl.date_range(FIRST, FIRST + timedelta(days=DAYS - 1), eager=True)
    rows = [pl.DataFrame({"date": days, "sku": f"SKU-{n:02}", "cost": each}) for n, each in enumerate(values)]
    constant = {"segment": pl.lit("all"), "market": pl.lit("DE"), "current_price": pl.lit(5.0)}
    return pl.concat(rows).with_columns(**constant)
