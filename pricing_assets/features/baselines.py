"""Features of what was usual before D: price, margin, gap to the lowest rival, and how far each strays by itself.

Here: medians and quantiles over trailing days, D left out. Not here: what counts as a deviation (anomalies/).

Only unplanned days count: a day for which a price was planned, known before it, says nothing about what is usual. A
median and a quantile by rank are values of the window, so they depend neither on the order of rows nor on what else
is computed with them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.features.cells import Floats, amount, percent, ratio, ten_thousandths
from pricing_assets.features.prices import Current, Past
from pricing_assets.features.rivals import Rivals
from pricing_assets.features.targets import KEY, Targets, same_text
from pricing_assets.features.visibility import Ints, day_numbers
from pricing_assets.features.windows import Bools, History, running

PRICE_DAYS = 56
GAP_DAYS = 28
MARGIN_DAYS = 182
MIN_DAYS = 14
PLAN_DAYS = 182  # a plan older than that is not seen by every day that looks back on its day
CHUNK = 1 << 16  # targets at once: keeps a year of many SKUs in memory
NONE = np.iinfo(np.int64).max

Values = npt.NDArray[np.generic]
Held = Callable[[slice, Ints], tuple[Values, Bools]]


@dataclass(frozen=True)
class Ordinary:
    """Prices and costs (−1 if not known) of unplanned days, and the window each target looks back on."""

    history: History
    prices: Ints
    costs: Ints
    past: Past

    @classmethod
    def of(cls, past: Past, targets: Targets, promotions: pl.DataFrame | None) -> Ordinary:
        """The rows of the past that any target may look back on, but for planned days."""
        first = int(targets.day.min()) - MARGIN_DAYS
        days = past.history.days
        wanted = (days >= first) & (days < targets.day.max())
        if promotions is not None:
            recent = np.flatnonzero(wanted)
            pair = past.seen.pair[past.place[recent]]
            wanted[recent] = ~_planned(promotions, targets, first)[pair, days[recent] - first]
        rows = past.seen.order[past.place[wanted]]
        cost = past.seen.frame["cost"].gather(rows)
        costs = np.where(cost.is_not_null().to_numpy(), ten_thousandths(cost), -1)
        return cls(past.history.where(wanted), past.prices[wanted], costs, past)

    def usual(self, width: int, held: Held) -> Usual:
        """What was usual in the `width` days before D of what `held` gives for targets and positions."""
        group, day = self.past.group, self.past.day
        left, right = self.history.after(group, day - 1 - width), self.history.after(group, day - 1)
        right = np.where(self.past.known, right, left)
        if not len(self.history):
            return Usual.of(np.zeros((len(left), 1), dtype=np.int64), np.zeros((len(left), 1), dtype=bool))
        parts = []
        for start in range(0, len(left), CHUNK):
            part = slice(start, start + CHUNK)
            place = left[part, None] + np.arange(width)
            values, known = held(part, np.minimum(place, len(self.history) - 1))
            parts.append(Usual.of(values, known & (place < right[part, None])))
        return Usual.joined(parts)


@dataclass(frozen=True)
class Usual:
    """Of each target: the lower median of its values, the 80 % quantile of their distances from it, enough of them."""

    middle: Values
    move: Values
    known: Bools

    @classmethod
    def of(cls, values: Values, known: Bools) -> Usual:
        """Of a matrix with one target a row, of which only known values count."""
        beyond = NONE if values.dtype.kind == "i" else np.inf
        number = known.sum(axis=1)
        row, top = np.arange(len(values)), np.maximum(number - 1, 0)
        middle = np.sort(np.where(known, values, beyond), axis=1)[row, top // 2]
        middle = np.where(number > 0, middle, 0)
        distance = np.where(known, np.abs(np.where(known, values, 0) - middle[:, None]), beyond)
        move = np.sort(distance, axis=1)[row, top * 8 // 10]
        return cls(middle, np.where(number > 0, move, 0), number >= MIN_DAYS)

    @classmethod
    def joined(cls, parts: list[Usual]) -> Usual:
        """Of the targets of all parts, one part after the other."""
        middle, move, known = zip(*((part.middle, part.move, part.known) for part in parts), strict=True)
        return cls(np.concatenate(middle), np.concatenate(move), np.concatenate(known))


def price_baselines(ordinary: Ordinary) -> dict[str, pl.Series]:
    """The usual price and the usual margin, and how far each strays."""

    def prices(part: slice, place: Ints) -> tuple[Values, Bools]:
        return ordinary.prices[place], np.ones(place.shape, dtype=bool)

    def margins(part: slice, place: Ints) -> tuple[Values, Bools]:
        price, cost = ordinary.prices[place], ordinary.costs[place]
        return _percent(price - cost, price), cost >= 0

    price, margin = ordinary.usual(PRICE_DAYS, prices), ordinary.usual(PRICE_DAYS, margins)
    return {
        "usual_price": amount(price.middle.astype(np.int64), price.known),
        "usual_price_move_pct": percent(price.move.astype(np.int64), price.middle.astype(np.int64), price.known),
        "usual_margin_pct": _number(margin.middle, margin.known),
        "usual_margin_move": _number(margin.move, margin.known),
    }


def margin_baseline(ordinary: Ordinary) -> pl.Series:
    """The margin kept over half a year: what all prices were above all costs, as % of the prices.

    Of sums, so that a day counts by its price, and of whole numbers, so that no order of adding matters.
    """
    costed = ordinary.costs >= 0
    prices, costs, days = (
        running(np.where(costed, values, 0))
        for values in (ordinary.prices, ordinary.costs, np.ones_like(ordinary.costs))
    )
    group, day = ordinary.past.group, ordinary.past.day
    left, right = ordinary.history.after(group, day - 1 - MARGIN_DAYS), ordinary.history.after(group, day - 1)
    price, cost, number = (sums[right] - sums[left] for sums in (prices, costs, days))
    return percent(price - cost, price, ordinary.past.known & (number >= MIN_DAYS))


def gap_baselines(ordinary: Ordinary, rivals: Rivals, targets: Targets, current: Current) -> dict[str, pl.Series]:
    """The usual gap to the lowest rival, and how far it strays."""
    lowest = _Lowest.of(rivals, targets, current)

    def gaps(part: slice, place: Ints) -> tuple[Values, Bools]:
        day = ordinary.history.days[place] - lowest.first
        low = lowest.price[lowest.slot[part, None], np.clip(day, 0, lowest.price.shape[1] - 1)]
        known = (low != NONE) & (day >= 0) & (day < lowest.price.shape[1])
        low = np.where(known, low, 1)
        return _percent(ordinary.prices[place] - low, low), known

    gap = ordinary.usual(GAP_DAYS, gaps)
    return {
        "usual_competitor_delta_pct": _number(gap.middle, gap.known),
        "usual_competitor_delta_move": _number(gap.move, gap.known),
    }


@dataclass(frozen=True)
class _Lowest:
    """Lowest offered rival price by slot (a pair and a currency) and day since `first`; the slot of each target."""

    price: Ints
    slot: Ints
    first: int

    @classmethod
    def of(cls, rivals: Rivals, targets: Targets, current: Current) -> _Lowest:
        first, last = int(targets.day.min()) - GAP_DAYS, int(targets.day.max()) - 1
        theirs, ours = same_text(rivals.rows["currency"], current.currency)
        number = int(max(theirs.max(initial=0), ours.max(initial=0))) + 2
        slots, slot = np.unique(targets.pair * number + ours, return_inverse=True)
        row, day = rivals.on(first, last)
        code = (rivals.pair * number + theirs)[row]
        place = np.minimum(np.searchsorted(slots, code), len(slots) - 1)
        counts = (slots[place] == code) & rivals.offered[row] & (theirs[row] >= 0)
        price = np.full((len(slots), last - first + 1), NONE)
        np.minimum.at(price, (place[counts], day[counts] - first), rivals.price[row[counts]])
        return cls(price, slot, first)


def _planned(promotions: pl.DataFrame, targets: Targets, first: int) -> Bools:
    """For each pair and day since `first`: whether the plan known last before the day names a price for it."""
    day = pl.col("target_date")
    known = pl.col("known_on").is_between(day.dt.offset_by(f"-{PLAN_DAYS}d"), day.dt.offset_by("-1d"))
    plans = promotions.filter(known).with_columns(date=day).sort(*KEY, "known_on")
    plans = plans.unique(KEY, keep="last", maintain_order=True).filter(pl.col("planned_price").is_not_null())
    pair, days = targets.number(plans), day_numbers(plans["date"]) - first
    width = int(targets.day.max()) - first
    inside = (pair >= 0) & (days >= 0) & (days < width)
    planned = np.zeros((targets.pairs, width), dtype=bool)
    planned[pair[inside], days[inside]] = True
    return planned


def _percent(numerator: Ints, denominator: Ints) -> Floats:
    return numerator.astype(np.float64) * 100.0 / denominator.astype(np.float64)


def _number(values: Values, known: Bools) -> pl.Series:
    return ratio(values.astype(np.float64), np.ones(len(values)), known)
