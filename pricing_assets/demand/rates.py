"""Forecasts by rate alone: what serves where no model may, with a range from its own errors.

Here: the mean of recent sales carried forward, and how far off it was before. Not here: when a series of a model falls
back on it (simple), why no model serves (forecasts).
"""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.blend import SEGMENT
from pricing_assets.demand.design import STEP
from pricing_assets.demand.intervals import learn_ranges, with_ranges
from pricing_assets.demand.panel import DATE, ID, Y, checked, gridded
from pricing_assets.demand.past import uncensored
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.responses import ORIGIN
from pricing_assets.demand.simple import RATE, simple_states

BLOCK = 50_000
"""Series forecast at a time: each is a row per date of the horizon, and sorted twice."""
EARLIER_ORIGINS = 4
"""Origins, a horizon apart, whose errors the range is taken from."""
_VOLUMES = (("high", 3.0), ("middle", 0.5))
"""Units a date from which a series is of a volume; below it is low."""


def rate_forecasts(history: pl.DataFrame, plan: Plan, reason: str) -> pl.DataFrame:
    """Forecasts of the horizon after the history's last date by each series' rate, as `DemandModel.forecast` has them.

    A series never observed has none. `reason` is every row's fallback_reason. Raises PricingError as `checked` does.
    """
    panel = uncensored(gridded(checked(history, plan), plan), plan)
    states = panel.select(ID, DATE, Y).hstack(simple_states(panel, plan).select(RATE))
    last = states[DATE].max()
    assert isinstance(last, date)
    apart = timedelta(days=plan.step * plan.horizon)
    earlier = _ahead(states, plan, [last - apart * back for back in range(EARLIER_ORIGINS, 0, -1)])
    ranges = learn_ranges(earlier.join(states.select(ID, DATE, Y), on=[ID, DATE], how="left"))
    figures = ["mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90"]
    said = [pl.lit(RATE).alias("method"), pl.lit(reason).alias("fallback_reason")]
    at = states.filter(pl.col(DATE) == last).sort(ID)
    parts = [
        with_ranges(_ahead(part, plan, [last]), ranges).select(ID, DATE, *figures, *said).sort(ID, DATE)
        for part in ([*at.iter_slices(BLOCK)] or [at])
    ]
    return pl.concat(parts)


def _ahead(states: pl.DataFrame, plan: Plan, origins: list[date]) -> pl.DataFrame:
    """unique_id, ds, origin, step, segment, mean: the rate of each origin for every date of its horizon."""
    at = states.filter(pl.col(DATE).is_in(origins) & pl.col(RATE).is_not_null())
    steps = pl.DataFrame({STEP: [float(step) for step in range(1, plan.horizon + 1)]})
    ahead = pl.duration(days=pl.col(STEP).cast(pl.Int64) * plan.step)
    rate = pl.col(RATE)
    volume = pl.lit("low")
    for name, least in reversed(_VOLUMES):
        volume = pl.when(rate >= least).then(pl.lit(name)).otherwise(volume)
    rows = at.select(ID, pl.col(DATE).alias(ORIGIN), rate.alias("mean"), (volume + "|plain").alias(SEGMENT))
    return rows.join(steps, how="cross").with_columns((pl.col(ORIGIN) + ahead).cast(pl.Date).alias(DATE))
