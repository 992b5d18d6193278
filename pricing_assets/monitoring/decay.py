"""Do a segment's forecast errors drift? One chart for the bias, one for the scaled error.

Here: from a segment's errors to a judgement. Not here: the errors (errors.py), the parts of a chart (whitening, cusum),
words (explanation.py).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from datetime import date
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.monitoring import cusum, whitening
from pricing_assets.monitoring.plan import Incumbent, Plan

Floats = npt.NDArray[np.float64]

BIAS, SCALED_ERROR = "bias", "scaled_error"
METRICS = (BIAS, SCALED_ERROR)
_SMALLEST_ERROR = 1e-3
_ALLOWANCES = (0.20, 1.0)
"""Half the shift to find, in standard deviations of a day's innovation, but within these bounds: below, a chart would
follow what the reference does not know of its own mean; above, it would hardly sum at all."""


class Judged(NamedTuple):
    """A chart of a segment. `reason` says why there is none.

    `value` is the sum on the last day, or on the day it was noticed; `size` the mean error since the shift began, less
    that of the reference; `days_to_find` the days a shift of the planned size takes on average.
    """

    metric: str
    segment: str
    reason: str = ""
    value: float | None = None
    threshold: float | None = None
    noticed: date | None = None
    since: date | None = None
    size: float | None = None
    usual: float | None = None
    days_to_find: float | None = None
    series: pl.DataFrame | None = None


def judge(errors: pl.DataFrame, champion: Incumbent, plan: Plan) -> list[Judged]:
    """A judgement per metric and segment, of errors as segment_errors gives them."""
    segments = errors.partition_by("segment", as_dict=True, maintain_order=True)
    return [
        judged_segment(metric, str(segment), rows, champion, plan)
        for metric in METRICS
        for (segment,), rows in segments.items()
    ]


def judged_segment(metric: str, segment: str, rows: pl.DataFrame, champion: Incumbent, plan: Plan) -> Judged:
    """The chart of one segment from the day after the reference, or after its restart."""
    values = _values(rows, metric)
    days = rows["date"].to_list()
    reference = bisect_right(days, champion.reference_until)
    reason = _unfit(values[:reference], values[reference:], plan)
    memory = None if reason else whitening.remember(values[:reference])
    if memory is None:
        return Judged(metric, segment, reason or "its errors do not vary in the reference window")
    restart = plan.restarts.get((metric, segment), champion.reference_until)
    begins = max(reference, bisect_right(days, restart))
    if begins == len(days):
        return Judged(metric, segment, "no day since its chart started anew")
    return _charted(Judged(metric, segment, usual=memory.level), rows, memory, begins, plan)


def _values(rows: pl.DataFrame, metric: str) -> Floats:
    """What is charted. Of the scaled error the logarithm: its own distribution leans to large errors, and alarms."""
    values = rows[metric].cast(pl.Float64).fill_null(math.nan).to_numpy()
    return values if metric == BIAS else np.asarray(np.log(np.maximum(values, _SMALLEST_ERROR)))


def _unfit(reference: Floats, current: Floats, plan: Plan) -> str:
    """Why a series cannot be judged; empty if it can."""
    known = int(np.sum(~np.isnan(reference)))
    if known < plan.least_reference_days:
        return f"its reference has {known} days with forecasts to judge, and {plan.least_reference_days} are needed"
    if known < plan.least_coverage * len(reference):
        return f"its reference has gaps: {known} of {len(reference)} days can be judged"
    if not len(current):
        return "no day since the reference window"
    latest = current[-plan.current_days :]
    if (late := int(np.sum(~np.isnan(latest)))) < len(latest) / 2:
        return f"{late} of the last {len(latest)} days can be judged"
    return ""


def _charted(judged: Judged, rows: pl.DataFrame, memory: whitening.Memory, begins: int, plan: Plan) -> Judged:
    values, days = _values(rows, judged.metric), rows["date"].to_list()[begins:]
    both = judged.metric == BIAS
    size = plan.shift if both else math.log1p(plan.decay)
    allowance, threshold = design(memory, size, plan)
    new = whitening.innovations(memory, values)
    chart = cusum.chart(new[begins:], allowance, threshold, both_sides=both)
    last = len(days) - 1 if chart.noticed is None else chart.noticed
    shifted = None if chart.since is None else values[begins + chart.since : begins + last + 1]
    finding = cusum.run_length(allowance, threshold, size * memory.gain / memory.spread)
    return judged._replace(
        value=float(max(chart.up[last], chart.down[last])),
        threshold=threshold,
        noticed=None if chart.noticed is None else days[chart.noticed],
        since=None if chart.since is None else days[chart.since],
        size=None if shifted is None else float(np.nanmean(shifted)) - memory.level,
        days_to_find=finding,
        series=pl.DataFrame(
            {"date": days, "error": values[begins:], "innovation": new[begins:], "up": chart.up, "down": chart.down}
        ).with_columns(pl.col("error", "innovation").fill_nan(None)),
    )


def design(memory: whitening.Memory, size: float, plan: Plan) -> tuple[float, float]:
    """Allowance and threshold of a chart for shifts of `size`, in units of the series: Page's half of the shift."""
    least, most = _ALLOWANCES
    allowance = min(max(size * memory.gain / memory.spread / 2, least), most)
    scale_error = math.hypot(math.sqrt(0.5 / memory.days), memory.gain_error)
    rounded = round(allowance, 2), round(min(scale_error, 0.5), 2)
    return rounded[0], cusum.threshold_for(2 * plan.run_length, rounded[0], memory.days, rounded[1])
