"""Fixed effects: slopes of each series, beside its level and the effects of dates on all.

Here: fitting them by quasi-likelihood of counts, and by least squares of logs. Not here: how sure they are
(information), pulling them together (shrinkage).

Quasi-likelihood with a log link needs no logs of zero and says what happens to the expectation of units, whatever their
distribution (Santos Silva and Tenreyro 2006); weights follow the variance μ + α μ² of each series (Cameron and Trivedi
2013, ch. 3), which makes it sharper and leaves what it estimates alone. Effects of dates are fitted in turn with the
slopes until both stand.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.censoring import sold_out
from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.dates import drawn
from pricing_assets.demand.elasticity.design import Design, gram, series_sums
from pricing_assets.demand.elasticity.information import Residuals, Slopes, information

Family = Literal["counts", "log_linear"]
_ROUNDS, _TOLERANCE, _LONGEST_STEP, _WIDEST = 60, 1e-4, 1.0, 12.0
_WEAK = 1 / 4.0**2
"""Precision of a weak pull to nothing, so that a slope the rows say nothing about stays finite."""
_LEARNED, _MOST_OVERDISPERSED = 15, 4.0


class _State(NamedTuple):
    """Per series intercept, slopes and α; per number of `design.time` an effect."""

    intercept: Floats
    slopes: Floats
    time: Floats
    spread: Floats


class _Moments(NamedTuple):
    """Per row: expectation (of units, or of their log), weight, score, and what was beside the expectation."""

    expected: Floats
    weight: Floats
    score: Floats
    residual: Floats


def fit(design: Design, sku: Ints, family: Family = "counts") -> Slopes:
    """Slopes of each series of a design; `sku` numbers the SKU of each series."""
    if family == "log_linear":
        design = design.where((design.y > 0) & ~design.censored)
    state = _settled(design, family)
    moments = _moments(design, design.x, state, family)
    usual = np.maximum(moments.expected, 1e-9) if family == "counts" else 1.0
    squared = moments.residual * moments.score / usual
    return information(design, state.slopes, Residuals(moments.weight, moments.score, squared), sku)


def _settled(design: Design, family: Family) -> _State:
    """Slopes, levels and time effects in turn, until slopes move no more."""
    count = np.maximum(series_sums(design, np.ones_like(design.y)), 1.0)
    logs = family == "log_linear"
    level = series_sums(design, np.log(design.y) if logs else design.y) / count
    known = series_sums(design, design.offset if logs else np.exp(design.offset)) / count
    centre = series_sums(design, design.x) / count[:, None]
    series, width = centre.shape
    state = _State(
        intercept=level - known if logs else np.log(np.maximum(level, 1e-9)) - np.log(np.maximum(known, 1e-9)),
        slopes=np.zeros((series, width)),
        time=np.zeros(int(design.time.max(initial=0)) + 1),
        spread=np.zeros(series),
    )
    centred = design.x - centre[design.series]
    for number in range(_ROUNDS):
        state, change = _newton(design, centred, state, family)
        state = state._replace(time=_time_effects(design, centred, state, family))
        if family == "counts" and number < _LEARNED:
            state = state._replace(spread=_overdispersion(design, centred, state))
        if change < _TOLERANCE:
            break
    return state._replace(intercept=state.intercept - (centre * state.slopes).sum(axis=1))


def _newton(design: Design, x: Floats, state: _State, family: Family) -> tuple[_State, float]:
    """One step of every series' level and slopes together; the largest move of a price's slope."""
    moments = _moments(design, x, state, family)
    whole = np.column_stack([np.ones_like(design.y), x])
    pull = np.full(whole.shape[1], _WEAK)
    pull[0] = 1e-6
    scale = np.ones(len(design.start))
    if family == "log_linear":
        count = np.maximum(series_sums(design, np.ones_like(design.y)), 1.0)
        scale = series_sums(design, moments.residual**2) / count
    gradient = series_sums(design, whole * moments.score[:, None])
    gradient[:, 1:] -= scale[:, None] * pull[1:] * state.slopes
    normal = gram(design, whole, moments.weight) + scale[:, None, None] * np.diag(pull) + 1e-9 * np.eye(len(pull))
    step = np.clip(np.linalg.solve(normal, gradient[:, :, None])[:, :, 0], -_LONGEST_STEP, _LONGEST_STEP)
    slopes = np.clip(state.slopes + step[:, 1:], -_WIDEST, _WIDEST)
    change = float(np.abs(slopes - state.slopes)[:, :2].max(initial=0.0))
    return state._replace(intercept=state.intercept + step[:, 0], slopes=slopes), change


def _time_effects(design: Design, x: Floats, state: _State, family: Family) -> Floats:
    """Effects of dates given the rest, as far as believed; around 0 within rows, so that levels stay levels."""
    size = len(state.time)
    moments = _moments(design, x, state, family)
    known = np.maximum(np.bincount(design.time, moments.weight, size), 1e-9)
    move = np.bincount(design.time, moments.score, size) / known
    if family == "counts":
        move = np.log(np.maximum(1.0 + move, 0.3))
    else:
        known = known / max(float(np.mean(moments.residual**2)), 1e-12)
    weekday, week = (np.zeros(size, dtype=np.int64) for _ in range(2))
    weekday[design.time], week[design.time] = design.weekday, design.week
    there = np.bincount(design.time, minlength=size) > 0
    time = state.time + np.clip(move, -1.0, 1.0)
    time[there] = drawn(time[there], known[there], weekday[there], week[there])
    return np.asarray(time - time[design.time].mean())


def _overdispersion(design: Design, x: Floats, state: _State) -> Floats:
    """α of each series, by moments, from the dates that were not sold out."""
    moments = _moments(design, x, state._replace(spread=np.zeros_like(state.spread)), "counts")
    open_ = ~design.censored
    beyond = series_sums(design, (moments.residual**2 - moments.expected) * open_)
    squared = series_sums(design, moments.expected**2 * open_)
    return np.clip(beyond / np.maximum(squared, 1e-9), 0.0, _MOST_OVERDISPERSED)


def _moments(design: Design, x: Floats, state: _State, family: Family) -> _Moments:
    predictor = design.offset + state.intercept[design.series] + state.time[design.time]
    predictor = predictor + np.einsum("nk,nk->n", x, state.slopes[design.series])
    if family == "log_linear":
        residual = np.log(design.y) - predictor
        return _Moments(predictor, np.ones_like(predictor), residual, residual)
    expected = np.exp(np.clip(predictor, -20.0, 20.0))
    demand, known = sold_out(expected, design.y, design.censored)
    sharper = 1 / (1 + state.spread[design.series] * expected)
    return _Moments(expected, expected * known * sharper, (demand - expected) * sharper, demand - expected)
