from __future__ import annotations

from datetime import date

import polars as pl
from demand_panels import WEEKLY, weekly

from pricing_assets.demand import checked
from pricing_assets.demand.backtest import cutoffs
from pricing_assets.demand.doubts import doubts


def test_known_columns_missing_or_prices_of_nothing_on_dates_to_forecast_are_named() -> None:
    panel = checked(weekly(3, 40), WEEKLY)
    cuts = cutoffs(panel, WEEKLY, 1)
    assert doubts(panel, WEEKLY, cuts) == []
    ahead = pl.col("ds") > cuts[0]
    price = pl.when(ahead & (pl.col("unique_id") == "s00")).then(None).otherwise("price")
    odd = panel.with_columns(price.alias("price")).with_columns(
        pl.when(ahead & (pl.col("unique_id") == "s01")).then(0.0).otherwise("price").alias("price"),
        pl.when(pl.col("ds") == date(2024, 1, 1)).then(None).otherwise("y").alias("y"),
    )
    number, first = WEEKLY.horizon, panel.filter(ahead)["ds"].min()
    assert doubts(odd, WEEKLY, cuts) == [
        "3 rows without y: they count as not observed",
        f"s00: price missing on {number} of {number} dates to forecast from {first}",
        f"s01: price 0 or below on {number} of {number} dates to forecast from {first}",
    ]
