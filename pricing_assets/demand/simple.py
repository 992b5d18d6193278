"""Simple methods: what is forecast where there is too little to learn from, and what any model must beat.

Here: naive, seasonal naive, the rate of intermittent sales, and which series fall back on them and why. Not here:
learned models (boosting).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.panel import ID, Y, carried
from pricing_assets.demand.plan import Plan

NAIVE, SEASONAL, RATE = "naive", "seasonal naive", "rate"
RATE_STEPS = {"W": 26, "D": 91}
LEAST_SEEN = {"W": 13, "D": 42}
"""Observed dates below which a series is new."""
MOST_ZERO = 0.85
"""Share of dates without sales in the last quarter from which a series is intermittent."""


def rate(plan: Plan) -> pl.Expr:
    """The rate at the end of each row's date of a gridded panel: the mean of half a year of weeks or a quarter of days.

    Zeros count: it is the expected demand per date that Croston's method estimates, without its bias (Syntetos and
    Boylan 2005).
    """
    mean = pl.col(Y).rolling_mean(RATE_STEPS[plan.frequency], min_samples=1).over(ID)
    return carried(mean).alias(RATE)


def simple_states(panel: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """naive, rate, seen, zero_of_late, sold, values, per row of the gridded panel: what is known at its date's end."""
    window = RATE_STEPS[plan.frequency]
    y = pl.col(Y)
    observed = y.is_not_null().cast(pl.Int64)
    zero = pl.when(y.is_not_null()).then((y == 0).cast(pl.Float64))
    return panel.select(
        y.forward_fill().over(ID).alias(NAIVE),
        rate(plan),
        observed.cum_sum().over(ID).alias("seen"),
        carried(zero.rolling_mean(window, min_samples=1).over(ID)).alias("zero_of_late"),
        (y.fill_null(0) > 0).cast(pl.Int64).cum_sum().over(ID).alias("sold"),
        y.n_unique().over(ID).alias("values"),
    )


def fallback(plan: Plan) -> pl.Expr:
    """Why a row of `simple_states` is forecast by its rate; null where the model serves."""
    least = LEAST_SEEN[plan.frequency]
    unit = "weeks" if plan.frequency == "W" else "days"
    return (
        pl.when(pl.col("sold") == 0)
        .then(pl.lit("never sold yet"))
        .when(pl.col("seen") < least)
        .then(pl.format("new: {} {} observed, a model needs {}", "seen", pl.lit(unit), pl.lit(least)))
        .when(pl.col("zero_of_late") >= MOST_ZERO)
        .then(
            pl.format(
                "intermittent: no sales on {} % of recent dates", (pl.col("zero_of_late") * 100).round(0).cast(pl.Int64)
            )
        )
        .alias("fallback_reason")
    )
