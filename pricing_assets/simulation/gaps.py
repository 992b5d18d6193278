"""Gaps: days on which a whole table of a market did not come.

Here: which days, and their labels. Not here: what is missing of a single cell (irregularities.py).

A source's checks may stop such a day, and rightly so: there is none among the first weeks, from which nothing is usual
yet, nor among the last, which are those a demo decides.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Bools, stream
from pricing_assets.simulation.settings import MarketSettings

TABLES = ("stock", "competitor_snapshots")
SPARED_FIRST, SPARED_LAST = 35, 45  # days
_EVERY = 100  # days, of a market
_KEY = ["date", "sku", "market"]


def plan(settings: MarketSettings) -> Mapping[str, Bools]:
    """Table → day × market: whether it does not come."""
    draw = stream(settings.seed, "gaps").random((2, settings.days, settings.markets))
    day = np.arange(settings.days)[:, None]
    open_to = (day >= SPARED_FIRST) & (day < settings.days - SPARED_LAST) & settings.irregular
    missing = (draw[0] < 1 / _EVERY) & open_to
    return {table: missing & ((draw[1] * len(TABLES)).astype(np.int64) == i) for i, table in enumerate(TABLES)}


def labels(
    settings: MarketSettings, assortment: Assortment, planned: Mapping[str, Bools], others: pl.DataFrame
) -> pl.DataFrame:
    """Labels of the gaps, one episode for all SKUs of the market, but for cells and days that have another label."""
    on_sale = np.stack([assortment.on_sale(day) for day in range(settings.days)])
    rows = [others.clear()]
    for table, missing in planned.items():
        day, cell = np.nonzero(missing[:, assortment.market] & on_sale)
        frame = pl.DataFrame({
            "day": pl.Series(day, dtype=pl.Int64),
            "sku": settings.sku_names().gather(assortment.sku[cell]),
            "market": pl.Series(settings.market_names()).gather(assortment.market[cell]),
        })  # fmt: skip
        date = pl.lit(settings.first_day) + pl.duration(days="day")
        known = {"reason": pl.lit("MISSING_DATA"), "effect_size": pl.lit(1.0), "magnitude": pl.lit(1.0)}
        episode = pl.format("{}/{}/{}", pl.lit(table), "market", date)
        rows.append(frame.select(date=date, sku="sku", market="market", **known, episode_id=episode, last_day=date))
    return pl.concat(rows).join(others, on=_KEY, how="anti", maintain_order="left")
