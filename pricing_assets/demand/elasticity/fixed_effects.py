"""Fixed effects: slopes of each series, beside its level and the effects of dates on all.

Here: fitting them by quasi-likelihood of counts, and by least squares of logs. Not here: how sure they are
(information), pulling them together (shrinkage).

Quasi-likelihood with a log link needs no logs of zero and says what happens to the expectation of units, whatever their
distribution (Santos Silva and Tenreyro 2006); weights follow the variance μ + α μ² of each series (Cameron and Trivedi
2013, ch. 3), which makes it sharper and leaves what it estimates alone. Effects of dates are fitted in turn with the
slopes until both stand.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from pricing_assets.cores import side_by_side
from pricing_assets.demand.elasticity.censoring import sold_out
from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.dates import Bools, apart, beside, drawn, standing_out
from pricing_assets.demand.elasticity.design import DAYS, Design, gram, series_sums
from pricing_assets.demand.elasticity.information import Residuals, Slopes, information
from pricing_assets.demand.elasticity.parts import Part, parts

Family = Literal["counts", "log_linear"]
_ROUNDS, _TOLERANCE, _LONGEST_STEP, _WIDEST = 300, 1e-4, 1.0, 12.0
_WEAK = 1 / 4.0**2
"""Precision of a weak pull to nothing, so that a slope the rows say nothing about stays finite."""
_MOST_OVERDISPERSED = 4.0
_LEARNED, _LEARNED_AGAIN = 15, 3
"""Rounds in which α and which dates stand out are learned, and in which again after a like design: a date at the edge
would else move slopes for ever."""


class State(NamedTuple):
    """Per series level (of its mean columns), slopes and α; per number of `design.time` an effect."""

    level: Floats
    slopes: Floats
    spread: Floats
    time: Floats

    def where(self, columns: Bools) -> State:
        """The state of a design with some of the columns."""
        return self._replace(slopes=self.slopes[:, columns])


class _Part(NamedTuple):
    """Some series of a design: which they are, their own design, and their centred columns after one of ones."""

    series: slice
    design: Design
    whole: Floats

    def of(self, state: State) -> State:
        """The state of these series; effects of dates are everybody's."""
        mine = (state.level[self.series], state.slopes[self.series], state.spread[self.series])
        return State(*mine, state.time)


class _Dates(NamedTuple):
    """The numbers of `design.time` that have rows, and of each of these how many, what `drawn` asks for, its category,
    and what the series of that say of it themselves (numbers × columns, of `apart`)."""

    number: Ints
    rows: Floats
    weekday: Ints
    week: Ints
    category: Ints
    own: Floats


class _Moments(NamedTuple):
    """Per row: expectation (of units, or of their log), share of its information that is left, what was beside it."""

    expected: Floats
    known: Floats
    residual: Floats


def fit(design: Design, sku: Ints, family: Family = "counts") -> Slopes:
    """Slopes of each series of a design; `sku` numbers the SKU of each series."""
    if family == "log_linear":
        design = design.where((design.y > 0) & ~design.censored)
    return said(design, settled(design, family), sku, family)


def said(design: Design, state: State, sku: Ints, family: Family = "counts") -> Slopes:
    """What the rows of a design say of the slopes it has settled on."""

    def left(part: _Part) -> Residuals:
        mine = part.of(state)
        moments = _moments(part.design, part.whole[:, 1:], mine, family)
        weight, score = _weighed(part.design, moments, mine, family)
        usual = np.maximum(moments.expected, 1e-9) if family == "counts" else 1.0
        return Residuals(weight, score, moments.residual * score / usual)

    whole = [np.concatenate(each) for each in zip(*side_by_side(left, _parts(design)), strict=True)]
    return information(design, state.slopes, Residuals(*whole), sku)


def settled(design: Design, family: Family = "counts", begun: State | None = None) -> State:
    """Slopes, levels and time effects in turn, until slopes move no more.

    What a like design settled on, where that is `begun` with, is near: fewer rounds are learned in. A design without
    rows stays as it begins.
    """
    state = begun or _beginning(design, family)
    parts, dates, stands_out = _parts(design), _dates(design), None
    first = _LEARNED - _LEARNED_AGAIN if begun else 0
    for number in range(first, _ROUNDS if len(design.y) else 0):
        before, learning = state.slopes, first < number <= _LEARNED
        state = _stepped(parts, state, family, learning=learning)
        alone, precision = _said_of_dates(parts, state, family, dates.number)
        if stands_out is None or number < _LEARNED:
            stands_out = standing_out(alone, precision, dates.weekday, dates.week)
        believed, time = drawn(alone, precision, dates.weekday, dates.week, stands_out), np.zeros_like(state.time)
        believed = beside(believed, dates.rows, dates.category, dates.own)
        time[dates.number] = believed - np.average(believed, weights=dates.rows)
        state = state._replace(time=time)
        if number > first and np.abs(state.slopes - before)[:, :2].max(initial=0.0) < _TOLERANCE:
            break
    return state


def _beginning(design: Design, family: Family) -> State:
    """Levels alone, as units are on average."""
    count = np.maximum(series_sums(design, np.ones_like(design.y)), 1.0)
    logs = family == "log_linear"
    level = series_sums(design, np.log(design.y) if logs else design.y) / count
    known = series_sums(design, design.offset if logs else np.exp(design.offset)) / count
    return State(
        level=level - known if logs else np.log(np.maximum(level, 1e-9)) - np.log(np.maximum(known, 1e-9)),
        slopes=np.zeros((len(count), design.x.shape[1])),
        spread=np.zeros_like(count),
        time=np.zeros(int(design.time.max(initial=0)) + 1),
    )


def _centre(design: Design) -> Floats:
    """The mean of each series' columns."""
    return np.asarray(series_sums(design, design.x) / np.maximum(design.end - design.start, 1)[:, None])


def _parts(design: Design) -> list[_Part]:
    """The design in parts, with columns to take steps by."""

    def centred(part: Part) -> _Part:
        some = part.design
        whole = np.empty((len(some.y), some.x.shape[1] + 1), order="F")  # sums are taken of columns
        whole[:, 0], whole[:, 1:] = 1.0, some.x - _centre(some)[some.series]
        return _Part(part.series, some, whole)

    return side_by_side(centred, parts(design))


def _dates(design: Design) -> _Dates:
    number, first, rows = np.unique(design.time, return_index=True, return_counts=True)
    weekday, week, category = design.weekday[first], design.week[first], design.weekday[first] // DAYS
    own = design.x[first][:, design.calendar] * _of_one_date(design, number, first)[:, None]
    weight = rows.astype(np.float64)
    return _Dates(number, weight, weekday, week, category, apart(own, weight, category))


def _of_one_date(design: Design, number: Ints, first: Ints) -> Bools:
    """Which time effects are of one date, and not of all of a weekday; `first` is a row of each."""
    begins = np.zeros(int(number.max(initial=-1)) + 1, dtype=np.int64)
    begins[number] = design.day[first]
    others = np.bincount(design.time, design.day != begins[design.time], len(begins))
    return np.asarray(others[number] == 0)


def _stepped(parts: Sequence[_Part], state: State, family: Family, *, learning: bool) -> State:
    """The state after a step of each series; effects of dates are those before it."""
    made = side_by_side(lambda part: _newton(part, part.of(state), family, learning=learning), parts)
    level, slopes, spread = (np.concatenate(each) for each in list(zip(*made, strict=True))[:3])
    return State(level, slopes, spread, state.time)


def _newton(part: _Part, state: State, family: Family, *, learning: bool) -> State:
    """One step of the level and slopes of each series together; its α before, where it is being learned."""
    design, whole = part.design, part.whole
    moments = _moments(design, whole[:, 1:], state, family)
    if learning and family == "counts":
        state = state._replace(spread=_overdispersion(design, moments))
    weight, score = _weighed(design, moments, state, family)
    pull = np.full(whole.shape[1], _WEAK)
    pull[0] = 1e-6
    scale = np.ones(len(design.start))
    if family == "log_linear":
        count = np.maximum(series_sums(design, np.ones_like(design.y)), 1.0)
        scale = series_sums(design, moments.residual**2) / count
    gradient = series_sums(design, whole * score[:, None])
    gradient[:, 1:] -= scale[:, None] * pull[1:] * state.slopes
    normal = gram(design, whole, weight) + scale[:, None, None] * np.diag(pull) + 1e-9 * np.eye(len(pull))
    step = np.clip(np.linalg.solve(normal, gradient[:, :, None])[:, :, 0], -_LONGEST_STEP, _LONGEST_STEP)
    slopes = np.clip(state.slopes + step[:, 1:], -_WIDEST, _WIDEST)
    return state._replace(level=state.level + step[:, 0], slopes=slopes)


def _said_of_dates(parts: Sequence[_Part], state: State, family: Family, dates: Ints) -> tuple[Floats, Floats]:
    """What the rows of each of the `dates` alone say its effect is, given the rest, and the precision of that."""
    size = len(state.time)

    def told(part: _Part) -> tuple[Floats, Floats, float]:
        mine, time = part.of(state), part.design.time
        moments = _moments(part.design, part.whole[:, 1:], mine, family)
        weight, score = _weighed(part.design, moments, mine, family)
        return _sums(time, weight, size), _sums(time, score, size), float(np.sum(moments.residual**2))

    known, move, squared = np.zeros(size), np.zeros(size), 0.0
    for weight, score, more in side_by_side(told, parts):
        known += weight
        move += score
        squared += more
    known = np.maximum(known[dates], 1e-9)
    move = move[dates] / known
    if family == "counts":
        move = np.log(np.maximum(1.0 + move, 0.3))
    else:
        known /= max(squared / sum(len(part.design.y) for part in parts), 1e-12)
    return state.time[dates] + np.clip(move, -1.0, 1.0), known


def _sums(number: Ints, values: Floats, size: int) -> Floats:
    return np.asarray(np.bincount(number, values, size), dtype=np.float64)


def _overdispersion(design: Design, moments: _Moments) -> Floats:
    """α of each series, by moments, from the dates that were not sold out."""
    open_ = ~design.censored
    beyond = series_sums(design, (moments.residual**2 - moments.expected) * open_)
    squared = series_sums(design, moments.expected**2 * open_)
    return np.clip(beyond / np.maximum(squared, 1e-9), 0.0, _MOST_OVERDISPERSED)


def _moments(design: Design, x: Floats, state: State, family: Family) -> _Moments:
    rows = design.end - design.start
    predictor = design.offset + np.repeat(state.level, rows) + state.time[design.time]
    for column, slopes in zip(x.T, state.slopes.T, strict=True):
        predictor += column * np.repeat(slopes, rows)
    if family == "log_linear":
        return _Moments(predictor, np.ones_like(predictor), np.log(design.y) - predictor)
    expected = np.exp(np.clip(predictor, -20.0, 20.0))
    demand, known = sold_out(expected, design.y, design.censored)
    return _Moments(expected, known, demand - expected)


def _weighed(design: Design, moments: _Moments, state: State, family: Family) -> tuple[Floats, Floats]:
    """Of each row the weight, and the score: what a column is multiplied by."""
    if family == "log_linear":
        return moments.known, moments.residual
    sharper = 1 / (1 + state.spread[design.series] * moments.expected)
    return moments.expected * moments.known * sharper, moments.residual * sharper
