"""What is new each day in a series whose days resemble each other.

Here: an autoregression fitted robustly on a reference window, and the innovations it leaves. Not here: what is made of
them (cusum.py).

A chart that takes resembling days for independent ones alarms on quiet years; see Alwan & Roberts (1988), "Time-series
modeling for statistical process control". Outlying days are pulled in before the fit, and innovations are bounded, so
that neither a feast day nor a strike makes an alarm by itself.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pricing_assets.monitoring.distributions import time_at_sight

Floats = npt.NDArray[np.float64]

LAGS: tuple[tuple[int, ...], ...] = ((1,), (1, 2), (1, 7), (1, 2, 7))
"""Memories tried, in days: yesterday, the day before, the same day of last week. To have none is not tried: of the
little memory that half a year does not show, a chart makes twice the alarms."""

BOUND = 3.0  # standard deviations beyond which a day counts no more
_LONGEST = 0.97  # sum of coefficients: beyond it a series has no level to shift from


class Memory(NamedTuple):
    """A fitted autoregression. `spread` is the long-run standard deviation of its innovations, in units of the series.

    `gain` is 1 − Σ coefficients: what a lasting shift by one unit adds to each day's innovation. `gain_error` is the
    relative standard error of it; `days` the innovations of the reference it was fitted on.
    """

    level: float
    lags: tuple[int, ...]
    coefficients: tuple[float, ...]
    spread: float
    centre: float
    gain: float
    gain_error: float
    days: int


def remember(reference: Floats) -> Memory | None:
    """Fit on the reference (one value per consecutive day, NaN where there is none); None where it does not vary.

    The memory is chosen by BIC; its coefficients by least squares on values pulled in to BOUND robust deviations. With
    yesterday alone, the downward bias of a short window is put right (Marriott & Pope, 1954).
    """
    known = reference[~np.isnan(reference)]
    if len(known) <= max(LAGS[-1]) + len(LAGS[-1]) + 2:
        return None
    middle = float(np.median(known))
    scale = 1.4826 * float(np.median(np.abs(known - middle))) or float(np.std(known))
    if scale <= 1e-9 * max(1.0, abs(middle)):
        return None
    pulled = np.clip(reference, middle - BOUND * scale, middle + BOUND * scale)
    level = float(np.nanmean(pulled))
    lags, coefficients, error = _fit(pulled - level)
    found = Memory(level, lags, coefficients, 1.0, 0.0, 1 - sum(coefficients), error, 0)
    return _scaled(found, reference)


def innovations(memory: Memory, values: Floats) -> Floats:
    """Standardised innovations, one per day, bounded; NaN on days without a value, over which the level is expected."""
    new = _raw(memory, values) / memory.spread
    return np.asarray(np.clip(new, -BOUND, BOUND) - memory.centre)


def _raw(memory: Memory, values: Floats) -> Floats:
    """Value less what the days before let expect. Days not known are taken as expected."""
    filled = (values - memory.level).tolist()
    new = np.full(len(filled), np.nan)
    for day, value in enumerate(filled):
        expected = 0.0
        for lag, weight in zip(memory.lags, memory.coefficients, strict=True):
            if day >= lag:
                expected += weight * filled[day - lag]
        if math.isnan(value):
            filled[day] = expected
        elif day >= max(memory.lags, default=0):
            new[day] = value - expected
    return new


def _fit(values: Floats) -> tuple[tuple[int, ...], tuple[float, ...], float]:
    """Lags, coefficients, and the relative standard error of 1 − Σ coefficients."""
    longest = max(LAGS[-1])
    target = values[longest:]
    past = {lag: values[longest - lag : len(values) - lag] for lag in LAGS[-1]}
    there = ~np.isnan(target) & ~np.any([np.isnan(column) for column in past.values()], axis=0)
    best: tuple[float, tuple[int, ...], Floats, float] = (math.inf, (1,), np.zeros(1), 0.0)
    for lags in LAGS:
        columns = np.stack([past[lag][there] for lag in lags], axis=1)
        solved = np.linalg.lstsq(columns, target[there], rcond=None)[0]
        rest = target[there] - columns @ solved
        squares = float(rest @ rest)
        bic = len(rest) * math.log(max(squares, 1e-300) / len(rest)) + len(lags) * math.log(len(rest))
        if bic < best[0]:
            inverse = np.linalg.pinv(columns.T @ columns)
            best = (bic, lags, solved, math.sqrt(max(squares / len(rest) * float(inverse.sum()), 0.0)))
    _, lags, found, error = best
    if lags == (1,):
        days = int(there.sum())
        found = np.minimum((days * found + 1) / (days - 3), _LONGEST)
    total = float(found.sum())
    if total > _LONGEST:
        found = found * (_LONGEST / total)
    return lags, tuple(found.tolist()), error / (1 - float(found.sum()))


def _scaled(memory: Memory, reference: Floats) -> Memory:
    """With the spread of the reference's innovations: bounded ones have mean 0, and their sum over many days has the
    variance of as many independent ones, as what memory the fit has left makes the spread wider."""
    new = _raw(memory, reference)
    new = new[~np.isnan(new)]
    spread = float(np.std(new))
    for _ in range(25):
        bounded = np.clip(new, -BOUND * spread, BOUND * spread)
        spread = max(float(np.std(bounded)), 1e-12)
    spread *= math.sqrt(time_at_sight(np.clip(new, -BOUND * spread, BOUND * spread)))
    centre = float(np.mean(np.clip(new / spread, -BOUND, BOUND)))
    return memory._replace(spread=spread, centre=centre, days=len(new))
