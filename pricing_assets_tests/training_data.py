"""What a training looks at, small and seeded: a few series with prices, as each day saw them.

Here: panels of days, without a lake. Not here: what is true of a training (the tests).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import numpy as np
import polars as pl

from pricing_assets.demand import Plan
from pricing_assets.demand.panels import Panels
from pricing_assets.demand.seasons import NONE
from pricing_assets.models.inputs import Data

FIRST = date(2026, 1, 5)
PLAN = Plan("D", 28, ("price",), ("category", "market"))
PAIRS = (("A", "UK"), ("B", "UK"), ("C", "DE"))


def data(days: int = 110, pairs: Sequence[tuple[str, str]] = PAIRS, seed: int = 7) -> Data:
    """The panels of a shop of so many days, in which units answer the price and the day of the week."""
    whole = pl.concat([_series(sku, market, days + 28, seed + number) for number, (sku, market) in enumerate(pairs)])
    keys = pl.DataFrame(pairs, schema=["sku", "market"], orient="row").select(
        pl.concat_str("market", "sku", separator="/").alias("unique_id"), "sku", "market", priced=pl.lit(value=True)
    )

    def panels(day: date) -> Panels:
        ahead = pl.col("ds").is_between(day + timedelta(days=1), day + timedelta(days=28))
        future = whole.filter(ahead).select("unique_id", "ds", "price")
        return Panels(day, PLAN, keys.sort("unique_id"), whole.filter(pl.col("ds") <= day), future)

    last = FIRST + timedelta(days=days - 1)
    return Data(last, panels, {"raw.sales": "c" * 64}, lambda day: NONE)


def _series(sku: str, market: str, days: int, seed: int) -> pl.DataFrame:
    draw = np.random.default_rng(seed)
    price = np.where(np.arange(days) % 21 < 5, 4.0, 5.0)
    level = 20 * (price / 5.0) ** -2 * np.where(np.arange(days) % 7 > 4, 1.5, 1.0)
    return pl.DataFrame(
        {
            "unique_id": f"{market}/{sku}",
            "ds": [FIRST + timedelta(days=number) for number in range(days)],
            "y": draw.poisson(level).astype(float),
            "censored": False,
            "price": price,
            "category": "TEA",
            "market": market,
        }
    )
