"""Fixed effects: slopes of each series, beside its level and an effect of each date on all.

Here: Poisson pseudo-maximum likelihood and log-linear least squares with series' own slopes, and what they know of
them. Not here: pulling slopes together (shrinkage).

Poisson pseudo-maximum likelihood (Santos Silva and Tenreyro 2006) needs no logs of zero and says what happens to the
expectation of units, whatever their distribution. Effects of dates are fitted in turn with the slopes until both stand.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.censoring import sold_out
from pricing_assets.demand.elasticity.clusters import Floats, Ints, meat
from pricing_assets.demand.elasticity.design import Design

Family = Literal["poisson", "log_linear"]
_ROUNDS, _TOLERANCE, _LONGEST_STEP, _WIDEST = 60, 1e-5, 1.0, 12.0
_WEAK = 1 / 4.0**2
"""Precision of a weak pull to nothing, so that a slope the rows say nothing about stays finite."""
_MANY_ZONES = 8
_MOST_INFLATION = 400.0


class Slopes(NamedTuple):
    """What each series says: `precision` (series × k × k) and `weighted` (precision × its own estimate, series × k).

    `own` and `own_error` are the estimates alone, NaN where the rows say nothing. `variation` is the standard deviation
    of each column after everything else in the series is taken out of it. `common` (SKUs × k) is the variance that all
    series of a SKU share, because what moves units moves many of its series at once.
    """

    precision: Floats
    weighted: Floats
    own: Floats
    own_error: Floats
    variation: Floats
    common: Floats


class _State(NamedTuple):
    intercept: Floats
    slopes: Floats
    time: Floats


def fit(design: Design, sku: Ints, family: Family = "poisson") -> Slopes:
    """Slopes of each series of a design; `sku` numbers the SKU of each series."""
    if family == "log_linear":
        design = design.where((design.y > 0) & ~design.censored)
    state = _settled(design, family)
    return _knowledge(design, state, sku, family)


def _settled(design: Design, family: Family) -> _State:
    """Slopes, levels and time effects in turn, until slopes move no more."""
    count = _sums(design, np.ones_like(design.y))
    level = _sums(design, np.log(np.maximum(design.y, 1e-9)) if family == "log_linear" else design.y)
    level = level / np.maximum(count, 1)
    intercept = level if family == "log_linear" else np.log(np.maximum(level, 1e-9))
    width = design.x.shape[1]
    centre = np.column_stack([_sums(design, column) for column in design.x.T]) / np.maximum(count, 1)[:, None]
    state = _State(intercept, np.zeros((len(design.start), width)), np.zeros(int(design.time.max(initial=0)) + 1))
    centred = design.x - centre[design.series]
    for _ in range(_ROUNDS):
        state, change = _newton(design, centred, state, family)
        state = state._replace(time=_time_effects(design, centred, state, family))
        if change < _TOLERANCE:
            break
    return state._replace(intercept=state.intercept - (centre * state.slopes).sum(axis=1))


def _newton(design: Design, x: Floats, state: _State, family: Family) -> tuple[_State, float]:
    """One step of every series' level and slopes together; the largest move of a price's slope."""
    _, weight, error = _moments(design, x, state, family)
    whole = np.column_stack([np.ones_like(design.y), x])
    gram = _gram(design, whole, weight)
    pull = np.full(whole.shape[1], _WEAK)
    pull[0] = 1e-6
    scale = _noise(design, error, family)
    gradient = np.column_stack([_sums(design, column * error) for column in whole.T])
    gradient[:, 1:] -= scale[:, None] * pull[1:] * state.slopes
    gram = gram + scale[:, None, None] * np.diag(pull) + 1e-9 * np.eye(len(pull))
    step = np.linalg.solve(gram, gradient[:, :, None])[:, :, 0]
    step = np.clip(step, -_LONGEST_STEP, _LONGEST_STEP)
    slopes = np.clip(state.slopes + step[:, 1:], -_WIDEST, _WIDEST)
    change = float(np.abs(slopes - state.slopes)[:, :2].max(initial=0.0))
    return state._replace(intercept=state.intercept + step[:, 0], slopes=slopes), change


def _time_effects(design: Design, x: Floats, state: _State, family: Family) -> Floats:
    """Effects of dates given the rest; around 0 within rows, so that levels stay levels."""
    size = len(state.time)
    expected, _, error = _moments(design, x, state, family)
    if family == "log_linear":
        count = np.bincount(design.time, minlength=size)
        move = np.bincount(design.time, error, size) / (count + 1.0)
    else:
        move = np.log(np.bincount(design.time, expected + error, size) + 1.0) - np.log(
            np.bincount(design.time, expected, size) + 1.0
        )
    time = state.time + np.clip(move, -1.0, 1.0)
    return np.asarray(time - time[design.time].mean())


def _moments(design: Design, x: Floats, state: _State, family: Family) -> tuple[Floats, Floats, Floats]:
    """Expected units (or their log), weight and error of each row."""
    predictor = state.intercept[design.series] + state.time[design.time]
    predictor = predictor + np.einsum("nk,nk->n", x, state.slopes[design.series])
    if family == "log_linear":
        return predictor, np.ones_like(predictor), np.log(design.y) - predictor
    expected = np.exp(np.clip(predictor, -20.0, 20.0))
    wanted, known = sold_out(expected, design.y, design.censored)
    return expected, expected * known, wanted - expected


def _noise(design: Design, error: Floats, family: Family) -> Floats:
    """Variance of an error per series as the family counts it: 1 for Poisson."""
    if family == "poisson":
        return np.ones(len(design.start))
    return _sums(design, error**2) / np.maximum(_sums(design, np.ones_like(error)), 1.0)


def _knowledge(design: Design, state: _State, sku: Ints, family: Family) -> Slopes:
    """What the rows know of each slope, errors clustered within series, and what series of a SKU share."""
    expected, weight, error = _moments(design, design.x, state, family)
    total = np.maximum(_sums(design, weight), 1e-12)
    centre = np.column_stack([_sums(design, column * weight) for column in design.x.T]) / total[:, None]
    x = design.x - centre[design.series]
    gram = _gram(design, x, weight)
    width = x.shape[1]
    count = np.maximum(_sums(design, np.ones_like(error)), 1.0)
    spread = error**2 / (np.maximum(expected, 1e-9) if family == "poisson" else 1.0)
    dispersion = _sums(design, spread) / np.maximum(count - width - 1, 1.0)
    dispersion = np.maximum(dispersion, 1e-3)
    inverse = np.linalg.inv(gram + _WEAK * dispersion[:, None, None] * 0.01 * np.eye(width))
    scores = x * error[:, None]
    robust = np.einsum("sij,sjk,ski->si", inverse, _block_meat(design, scores), inverse)
    model = np.maximum(np.einsum("sii->si", inverse), 1e-12)
    inflation = np.clip(robust / model, dispersion[:, None], _MOST_INFLATION * np.maximum(dispersion[:, None], 1e-6))
    root = 1 / np.sqrt(inflation)
    precision = gram * root[:, :, None] * root[:, None, :]
    slopes = state.slopes + np.einsum("sij,sj->si", inverse, _sums_of(design, scores))
    weighted = np.einsum("sij,sj->si", precision, slopes)
    variation = np.sqrt(np.maximum(1 / model, 0.0) / total[:, None])
    known = (model * inflation) < 0.9 / (_WEAK * 0.01)
    own_error = np.where(known, np.sqrt(model * inflation), np.nan)
    own = np.where(known, slopes, np.nan)
    return Slopes(precision, weighted, own, own_error, variation, _common(design, gram, scores, sku))


def _common(design: Design, gram: Floats, scores: Floats, sku: Ints) -> Floats:
    """Variance of each SKU's mean slopes beyond what independent series would leave: two-way (week, zone) clusters."""
    skus = int(sku.max(initial=-1)) + 1
    width = scores.shape[1]
    common = np.zeros((skus, width))
    of_row = sku[design.series]
    order = np.argsort(of_row, kind="stable")
    bounds = np.searchsorted(of_row[order], np.arange(skus + 1))
    for number in np.flatnonzero(np.bincount(sku, minlength=skus) > 1):
        rows = order[bounds[number] : bounds[number + 1]]
        if not len(rows):
            continue
        zone, date = design.zone[rows], design.date[rows]
        many = len(np.unique(zone)) >= _MANY_ZONES
        alone = meat(scores[rows], [design.series[rows] * (design.block.max() + 1) + design.block[rows]])
        together = meat(scores[rows], [date, zone] if many else [date])
        bread = np.linalg.pinv(gram[sku == number].sum(axis=0), rcond=1e-9)
        common[number] = np.diag(bread @ (together - alone) @ bread)
    return np.maximum(common, 0.0)


def _block_meat(design: Design, scores: Floats) -> Floats:
    """Per series the sum of outer products of its blocks' sums of scores."""
    keys = design.series * (int(design.block.max(initial=0)) + 1) + design.block
    first = np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))[: len(keys)]
    if not len(keys):
        return np.zeros((len(design.start), scores.shape[1], scores.shape[1]))
    sums = np.add.reduceat(scores, first, axis=0)
    of_block = design.series[first]
    blocks = np.bincount(of_block, minlength=len(design.start))
    outer = sums[:, :, None] * sums[:, None, :]
    start = np.searchsorted(of_block, np.arange(len(design.start)))
    total = _segments(outer.reshape(len(sums), -1), start).reshape(-1, scores.shape[1], scores.shape[1])
    return np.asarray(total * (blocks / np.maximum(blocks - 1, 1))[:, None, None])


def _gram(design: Design, x: Floats, weight: Floats) -> Floats:
    """Per series xᵀ W x."""
    width = x.shape[1]
    gram = np.zeros((len(design.start), width, width))
    for i in range(width):
        left = x[:, i] * weight
        for j in range(i, width):
            gram[:, i, j] = gram[:, j, i] = _sums(design, left * x[:, j])
    return gram


def _sums(design: Design, values: Floats) -> Floats:
    """Per series the sum of its rows."""
    return np.asarray(np.bincount(design.series, values, len(design.start)), dtype=np.float64)


def _sums_of(design: Design, values: Floats) -> Floats:
    return np.column_stack([_sums(design, column) for column in values.T])


def _segments(values: Floats, start: Ints) -> Floats:
    """Sums of consecutive rows from each start to the next; 0 where there are none."""
    running = np.vstack([np.zeros(values.shape[1]), np.cumsum(values, axis=0)])
    return np.asarray(np.diff(running[np.append(start, len(values))], axis=0))
