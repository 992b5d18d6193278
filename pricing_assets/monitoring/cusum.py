"""Page's CUSUM: has a series of innovations shifted, when was it noticed, and since when.

Here: the chart and its threshold for a stated average run length. Not here: how innovations come about (whitening.py).

Page (1954), "Continuous inspection schemes"; run lengths by Siegmund (1985), averaged over what a short reference
leaves unknown of mean and scale, because a threshold for known ones alarms too often (Jensen et al., 2006, "Effects of
parameter estimation on control chart properties").
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_OVERSHOOT = 1.166  # by which a sum of normal steps exceeds its threshold, twice Siegmund's 0.583
_NODES = 21


class Chart(NamedTuple):
    """Sums per day, upwards and downwards. Positions of days: noticed, and the first of the shift; None if quiet."""

    up: Floats
    down: Floats
    noticed: int | None
    since: int | None
    upwards: bool


def run_length(allowance: float, threshold: float, mean: float = 0.0) -> float:
    """Average days until a one-sided chart alarms, of normal innovations with this mean, in standard deviations."""
    return float(_run_lengths(np.array([mean - allowance]), np.array([threshold]))[0])


def _run_lengths(drift: Floats, threshold: Floats) -> Floats:
    """Siegmund's approximation; where nothing drifts its limit, the height squared."""
    height = threshold + _OVERSHOOT
    exponent = np.minimum(-2 * drift * height, 700.0)
    still = np.abs(exponent) < 1e-4
    squared = np.where(still, 1.0, 2 * drift**2)
    return np.asarray(np.where(still, height**2, (np.exp(exponent) - exponent - 1) / squared))


@lru_cache(maxsize=4096)
def threshold_for(wanted: float, allowance: float, days: int | None = None, scale_error: float = 0.0) -> float:
    """The threshold at which a one-sided chart alarms once in `wanted` days on average, found by bisection.

    With `days` of reference the mean of innovations is known to 1 ÷ √days and their scale to `scale_error`, relative;
    the rate of alarms is averaged over both.
    """
    low, high = 0.0, 200.0
    for _ in range(60):
        middle = (low + high) / 2
        if _rate(allowance, middle, days, scale_error) > 1 / wanted:
            low = middle
        else:
            high = middle
    return high


def _rate(allowance: float, threshold: float, days: int | None, scale_error: float) -> float:
    if days is None:
        return 1 / run_length(allowance, threshold)
    nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)  # they average over a standard normal
    scale, mean = np.exp(scale_error * nodes)[:, None], nodes / math.sqrt(days)
    rates = 1 / _run_lengths(mean - scale * allowance, scale * threshold)
    return float(np.sum(np.outer(weights, weights) * rates) / np.sum(weights) ** 2)


def chart(innovations: Floats, allowance: float, threshold: float, *, both_sides: bool) -> Chart:
    """The sums up to the last day. A day without innovation leaves them as they are; after an alarm they go on.

    The shift began the day after the sum last was 0 before it was noticed.
    """
    up, down = np.zeros(len(innovations)), np.zeros(len(innovations))
    above = below = 0.0
    since = [0, 0]
    found: tuple[int, int, bool] | None = None
    for day, new in enumerate(innovations.tolist()):
        if not math.isnan(new):
            above, below = max(0.0, above + new - allowance), max(0.0, below - new - allowance)
        since = [day + 1 if above == 0 else since[0], day + 1 if below == 0 or not both_sides else since[1]]
        up[day], down[day] = above, below if both_sides else 0.0
        if found is None and max(up[day], down[day]) > threshold:
            found = (day, since[0], True) if up[day] >= down[day] else (day, since[1], False)
    if found is None:
        return Chart(up, down, None, None, True)
    return Chart(up, down, *found)
