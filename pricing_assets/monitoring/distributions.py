"""How far two windows of one series are apart, and how much of that is chance when its days resemble each other.

Here: PSI, Kolmogorov–Smirnov, and the number of independent days a window is worth. Not here: which series, and how
many tests are made at once.

Sources: Kolmogorov–Smirnov with Stephens' (1970) correction for small samples; the χ² limit of the PSI, Yurdakul
(2018), "Statistical properties of population stability index"; autocorrelation time by Geyer's (1992) initial positive
sequence.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

BINS = 5
"""Of the PSI: fifths of the reference. Ten need more independent days than a month has."""


class Apart(NamedTuple):
    """A statistic and its p-value."""

    value: float
    p_value: float


def ks(reference: Floats, current: Floats, days: tuple[float, float] | None = None) -> Apart:
    """Greatest distance of the two distribution functions, 0 to 1. `days` are the windows' independent days."""
    from scipy.special import kolmogorov  # type: ignore[import-untyped]

    n, m = days or (float(len(reference)), float(len(current)))
    at = np.concatenate([reference, current])
    below = [np.searchsorted(np.sort(values), at, side="right") / len(values) for values in (reference, current)]
    distance = float(np.max(np.abs(below[0] - below[1])))
    root = math.sqrt(n * m / (n + m))
    return Apart(distance, float(kolmogorov((root + 0.12 + 0.11 / root) * distance)))


def psi(reference: Floats, current: Floats, days: tuple[float, float] | None = None) -> Apart:
    """Population stability index over fifths of the reference, 0 or more. `days` are the windows' independent days.

    Half a day is added to each bin, so an empty one is no infinity.
    """
    from scipy.stats import chi2  # type: ignore[import-untyped]

    n, m = days or (float(len(reference)), float(len(current)))
    edges = np.unique(np.quantile(reference, np.arange(1, BINS) / BINS))
    was, now = (_shares(edges, values, size) for values, size in ((reference, n), (current, m)))
    value = float(np.sum((now - was) * np.log(now / was)))
    return Apart(value, float(chi2.sf(value / (1 / n + 1 / m), len(edges))))


def _shares(edges: Floats, values: Floats, size: float) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1)
    weights = counts / len(values) * size + 0.5
    return np.asarray(weights / weights.sum())


def independent_days(reference: Floats, current: Floats) -> tuple[float, float]:
    """How many independent days each window is worth: its days ÷ the longer of the two autocorrelation times.

    Each window is centred on its own mean, so that a shift between them does not look like memory.
    """
    time = max(autocorrelation_time(reference), autocorrelation_time(current))
    return len(reference) / time, len(current) / time


def autocorrelation_time(values: Floats) -> float:
    """Days in which a series says as much as one independent day: 1 + 2 Σ ρ(lag) of its ranks, at least 1.

    Estimates of ρ are too small by about time ÷ days, because the mean is estimated from the same days; that is added.
    """
    correlations = _autocorrelations(_ranks(values))
    first = _sum_of_initial(correlations)
    corrected = correlations + (1 - correlations) * min(first / len(values), 0.5)
    return max(first, _sum_of_initial(corrected))


def time_at_sight(values: Floats) -> float:
    """The same of the values themselves and as estimated, without what a short series hides. At least 1."""
    return _sum_of_initial(_autocorrelations(values))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[inverse])


def _autocorrelations(values: Floats) -> Floats:
    """ρ at the lags 0 to a third of the days."""
    centred = values - values.mean()
    variance = float(centred @ centred)
    lags = range(len(values) // 3 + 1)
    if variance == 0:
        return np.zeros(len(lags))
    return np.array([float(centred[: len(centred) - lag] @ centred[lag:]) / variance for lag in lags])


def _sum_of_initial(correlations: Floats) -> float:
    """1 + 2 Σ ρ up to the first pair of lags whose sum is not positive."""
    total = -1.0
    for lag in range(0, len(correlations) - 1, 2):
        pair = float(correlations[lag] + correlations[lag + 1])
        if pair <= 0:
            break
        total += 2 * pair
    return max(total, 1.0)
