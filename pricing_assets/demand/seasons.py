"""The seasons of a shop: what its categories sell through the year in each market, from years of its sales.

Here: which sales a season is learned from, as a day sees them. Not here: how it is learned (seasonality), what uses it
(model). A shop with less than two years of sales has none, and nothing more is read for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import polars as pl

from pricing_assets.demand.numbering import PAIR
from pricing_assets.demand.panel import DATE, Y
from pricing_assets.demand.panels import HORIZONS, NO_CATEGORY, STATIC
from pricing_assets.demand.plan import STEP_DAYS, Frequency, Plan
from pricing_assets.demand.seasonality import LEAST_YEARS, PROMOTED, SEASON, Kept, seasonality
from pricing_assets.features import Calendar, visible
from pricing_assets.lake import Lake
from pricing_assets.tables import raw

LONG = 3 * 364
"""Days of sales a season is learned from."""
SERVED = 2 * 364
"""Days after its training within which a model is told the season; a model as old says nothing of one."""
NONE = pl.DataFrame(schema={**dict.fromkeys(STATIC, pl.String), DATE: pl.Date, SEASON: pl.Float64})

Seasons = Callable[[date], pl.DataFrame]
"""category, market, ds, season as a day knows it, up to SERVED days after the day; no rows without a season."""


def seasons_of(lake: Lake, calendar: Calendar, frequency: Frequency, last: date, kept: Path) -> Seasons:
    """The seasons as days up to `last` know them; Prophet's answers are kept in a folder by content hash."""
    first = min(lake.partitions(raw.Sales), default=last)
    if last - first < timedelta(days=LEAST_YEARS * 364 - 1):
        return lambda day: NONE
    sales = lake.read(
        raw.Sales, last - timedelta(days=LONG), last, columns=["date", "sku", "market", "known_at", "units"]
    )
    products = lake.read(raw.Products, last - timedelta(days=LONG), last, columns=["date", "sku", "category"])
    plans = lake.read(raw.Promotions, last - timedelta(days=LONG), last, columns=["known_on", "target_date", *PAIR])

    @cache
    def season(day: date) -> pl.DataFrame:
        seen = visible(sales, raw.Sales, day, calendar).join(_promoted(plans, day), on=["date", *PAIR], how="left")
        units = _units(seen, products.filter(pl.col("date") <= day), day, frequency)
        parts = [
            seasonality(
                of_market,
                Plan(frequency, HORIZONS[frequency], country=calendar.countries.get(str(market))),
                day + timedelta(days=SERVED),
                by=STATIC,
                cache=Kept(kept),
                workers=os.cpu_count() or 1,
            )
            for (market,), of_market in units.partition_by("market", as_dict=True, maintain_order=True).items()
        ]
        return pl.concat([NONE, *parts])

    return season


def _promoted(plans: pl.DataFrame, day: date) -> pl.DataFrame:
    """date, sku, market, promoted: what was planned for a date, as known on it and on the day."""
    known = (pl.col("known_on") <= day) & (pl.col("known_on") <= pl.col("target_date"))
    found = plans.filter(known).select(pl.col("target_date").alias("date"), *PAIR).unique()
    return found.with_columns(pl.lit(value=True).alias(PROMOTED))


def _units(sales: pl.DataFrame, products: pl.DataFrame, day: date, frequency: Frequency) -> pl.DataFrame:
    """category, market, ds, y, promoted: units by the category last known, and the share of them on promotion.

    Of weeks the last one ends on the day.
    """
    days = STEP_DAYS[frequency]
    category = products.sort("date").unique("sku", keep="last", maintain_order=True).select("sku", "category")
    steps_back = (pl.lit(day) - pl.col("date")).dt.total_days() // days
    rows = sales.join(category, on="sku", how="left").with_columns(
        pl.col("category").fill_null(NO_CATEGORY),
        (pl.lit(day) - pl.duration(days=days * steps_back)).cast(pl.Date).alias(DATE),
    )
    promoted = pl.col(PROMOTED).fill_null(value=False).sum() / pl.len()
    units = rows.group_by(*STATIC, DATE).agg(pl.col("units").sum().cast(pl.Float64).alias(Y), promoted.alias(PROMOTED))
    whole = pl.col(DATE) >= pl.lit(sales["date"].min(), pl.Date) + pl.duration(days=days - 1)
    return units.filter(whole).sort(*STATIC, DATE)
