"""Severity: how serious a flag is, by the money at stake and by its effect size.

Here: levels. Not here: what is measured (flags). Money is judged against what a SKU of the market usually takes in a
week, so that a level means the same in any currency and any shop.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.anomalies.thresholds import EXTREMES
from pricing_assets.tables.anomalies import SEVERITIES

MONEY_STEPS = (0.1, 0.5, 2.0)
"""Money at stake in weeks of the market's median SKU, from which it is medium, high, severe."""

EFFECT_STEPS = (1.5, 2.5, 4.0)
"""Effect sizes from which a flag is medium, high, severe."""


def with_severity(found: pl.DataFrame, snapshot: pl.DataFrame) -> pl.DataFrame:
    """The flagged rows with `severity`: halfway between the levels of money and effect, upwards.

    So neither alone makes a flag severe unless the other is at least high, and a flag without money at stake, as of
    data that did not come, goes by its effect. An anomaly of a whole market is at least high. An extreme deviation
    (thresholds.EXTREMES), as of a slipped decimal point, is severe whatever the money.
    """
    weekly = pl.col("revenue_28d").cast(pl.Float64) / 4
    usual = (
        snapshot.filter(pl.col("revenue_28d") > 0)
        .group_by("date", "market")
        .agg(weekly.quantile(0.5, interpolation="lower").alias("weekly"))
    )
    rows = found.join(usual, on=["date", "market"], how="left", maintain_order="left")
    money = _level(pl.col("at_stake") / pl.col("weekly"), MONEY_STEPS)
    level = (money + _level(pl.col("effect"), EFFECT_STEPS) + 1) // 2
    level = pl.when("market_wide").then(pl.max_horizontal(level, pl.lit(2))).otherwise(level)
    least = pl.col("reason").replace_strict(EXTREMES, default=None, return_dtype=pl.Float64)
    level = pl.when(pl.col("value") >= least).then(pl.lit(len(SEVERITIES) - 1)).otherwise(level)
    named = level.replace_strict(dict(enumerate(SEVERITIES)), return_dtype=pl.Enum(SEVERITIES))
    return rows.with_columns(severity=named).drop("weekly")


def _level(value: pl.Expr, steps: tuple[float, ...]) -> pl.Expr:
    return pl.sum_horizontal((value >= step).fill_null(False).cast(pl.Int64) for step in steps)
