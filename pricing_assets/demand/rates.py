"""Forecasts by rate alone: what serves where no model may, with a range from its own errors.

Here: the mean of recent sales carried forward, and how far off it was before. Not here: when a series of a model falls
back on it (simple), why no model serves (forecasts).
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import polars as pl

from pricing_assets.demand.blend import SEGMENT
from pricing_assets.demand.design import STEP
from pricing_assets.demand.intervals import learn_ranges, with_ranges
from pricing_assets.demand.panel import DATE, ID, Y, checked, gridded
from pricing_assets.demand.past import uncensored
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.responses import ORIGIN
from pricing_assets.demand.simple import RATE, rate

BLOCK = 50_000
"""Series forecast at a time: each is a row per date of the horizon, and sorted."""
MOST_LEARNED = 5_000
"""Series whose errors tell the ranges; of more, every n-th: half a million errors say quantiles well enough, and those
of all would cost as much as the forecasts themselves."""
EARLIER_ORIGINS = 4
"""Origins, a horizon apart, whose errors the range is taken from."""
_VOLUMES = (("high", 3.0), ("middle", 0.5))
"""Units a date from which a series is of a volume; below it is low."""


def rate_forecasts(history: pl.DataFrame, plan: Plan, reason: str) -> pl.DataFrame:
    """Forecasts of the horizon after the history's last date by each series' rate, as `DemandModel.forecast` has them.

    A series never observed has none. `reason` is every row's fallback_reason. Of the history units alone count; raises
    PricingError as `checked` does of them.
    """
    plan = replace(plan, known=(), static=())  # a rate asks for units alone, and other columns cost as much each
    panel = uncensored(gridded(checked(history, plan), plan), plan)
    states = panel.select(ID, DATE, Y, rate(plan))
    last = states[DATE].max()
    assert isinstance(last, date)
    ranges = learn_ranges(_earlier(_some(states), plan, last))
    figures = ["mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90"]
    said = [pl.lit(RATE).alias("method"), pl.lit(reason).alias("fallback_reason")]
    at = states.filter((pl.col(DATE) == last) & pl.col(RATE).is_not_null())
    parts = [
        with_ranges(_ahead(part, plan), ranges).select(ID, DATE, *figures, *said)
        for part in ([*at.iter_slices(BLOCK)] or [at])
    ]
    return pl.concat(parts)


def _some(states: pl.DataFrame) -> pl.DataFrame:
    """The rows of every n-th series, so that they are no more than MOST_LEARNED."""
    number = states[ID].rle_id()
    every = -(-(int(number[-1]) + 1) // MOST_LEARNED)
    return states if every == 1 else states.filter(number % every == 0)


def _ahead(states: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """unique_id, ds, origin, step, segment, mean: each rate carried forward to every date of the horizon."""
    steps = pl.DataFrame({STEP: [float(step) for step in range(1, plan.horizon + 1)]})
    ahead = pl.duration(days=pl.col(STEP).cast(pl.Int64) * plan.step)
    rows = states.select(ID, pl.col(DATE).alias(ORIGIN), *_carried())
    return rows.join(steps, how="cross").with_columns((pl.col(ORIGIN) + ahead).cast(pl.Date).alias(DATE))


def _earlier(states: pl.DataFrame, plan: Plan, last: date) -> pl.DataFrame:
    """unique_id, ds, origin, step, segment, mean, y of the horizons that are over, each forecast from its own origin.

    Dates of a series lie a step apart without a gap, so that of a date the origin is as many rows before.
    """
    back = (pl.lit(last) - pl.col(DATE)).dt.total_days() // plan.step
    step = plan.horizon - back % plan.horizon
    row, series = pl.int_range(pl.len(), dtype=pl.Int64), pl.col(ID).rle_id()
    rows = states.select(ID, DATE, Y, RATE, back.alias("back"), step.alias(STEP), origin=row - step, series=series)
    begun = pl.col("origin") >= 0
    rows = rows.filter(begun & (pl.col("back") < plan.horizon * EARLIER_ORIGINS))
    at = states.select(RATE, DATE, series=series)[rows["origin"]]
    rows = rows.with_columns(at[RATE], at[DATE].alias(ORIGIN), same=rows["series"] == at["series"])
    rows = rows.filter(pl.col("same") & pl.col(RATE).is_not_null())
    return rows.select(ID, DATE, ORIGIN, pl.col(STEP).cast(pl.Float64), Y, *_carried())


def _carried() -> list[pl.Expr]:
    """The rate as a mean, and the segment of its volume; a rate knows no promotions."""
    volume = pl.lit("low")
    for name, least in reversed(_VOLUMES):
        volume = pl.when(pl.col(RATE) >= least).then(pl.lit(name)).otherwise(volume)
    return [pl.col(RATE).alias("mean"), (volume + "|plain").alias(SEGMENT)]
