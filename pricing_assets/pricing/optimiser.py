"""The optimiser: of the prices on each SKU-market's ladder the one that earns its category most, and how sure that is.

Here: expected gains over holding, their doubt, the choice; arrays of rows, amounts in minor units as floats. Not here:
which prices are on a ladder (ladder), where demand is known from (prospects), goals over several SKUs (goals/).

What is judged is the paired difference between a price and holding, for the whole category: own units answer by the
elasticity, the category's others by the cross effect. Both prices share forecast and elasticity, so most of their doubt
cancels, and what is left grows with the distance between them. Bounding the level of each instead would let a change
pass whose sign is a guess. The doubt is by the delta method, of independent sources: elasticity, cross effect,
forecast, the model's own bias, and prices nobody tried.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pricing_assets.demand.response import DEEPEST, FLAT, FURTHEST

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

BIAS = 0.05
"""Share of an elasticity the law's form may be off by, beside what its standard error says. With this and STRANGE
what a small move earns lies about as often within its doubt as it should (simulated markets of four laws).
"""
STRANGE = 0.3
"""The same for the part of a move that lies beyond all prices of a year."""
_DIGITS = 3  # of a minor unit: what processors differ in is far behind them


@dataclass(frozen=True)
class Rows:
    """What is known of n SKU-markets. Prices and amounts in minor units, logs are natural.

    `units` are of 28 days at the price `planned`; `spread` is the standard deviation of their log; `others` what the
    category's other SKUs earn more per unit of log price, with its standard error; `stock` what can be sold at most.
    `base` is the price where nothing moves. Logs of `tested` prices: lowest and highest of a year.
    """

    base: Floats
    planned: Floats
    cost: Floats
    units: Floats
    spread: Floats
    elasticity: Floats
    error: Floats
    curvature: Floats
    others: Floats
    others_error: Floats
    stock: Floats
    tested_low: Floats
    tested_high: Floats
    label: Floats

    def take(self, wanted: Any) -> Rows:
        """The rows at an index, a slice or a mask."""
        return Rows(*(getattr(self, field.name)[wanted] for field in fields(self)))


class Gain(NamedTuple):
    """What a price earns more than holding over 28 days, and the standard deviation of that; minor units."""

    mean: Floats
    doubt: Floats

    def low(self, level: float) -> Floats:
        """What it earns at least with probability `level`."""
        from scipy.special import ndtri  # type: ignore[import-untyped]

        return np.asarray(np.round(self.mean - ndtri(level) * self.doubt, _DIGITS))

    def worth(self, level: float) -> Floats:
        """What a choice counts it for: what it is expected to earn where it earns anything with probability `level`.

        Elsewhere what it earns at least, which is not above 0.
        """
        low = self.low(level)
        return np.where(low > 0, np.round(self.mean, _DIGITS), low)

    def confidence(self) -> Floats:
        """The probability that it earns more than holding."""
        from scipy.special import ndtr

        sure = np.where(self.mean > 0, np.inf, np.where(self.mean < 0, -np.inf, 0.0))
        ratio = np.divide(self.mean, self.doubt, out=sure, where=self.doubt > 0)
        return np.asarray(np.round(ndtr(ratio), 6))


def gain(rows: Rows, price: Floats, held: Earned | None = None) -> Gain:
    """The paired difference of each row's price to its base, for the category, after what a change costs.

    `held` is what the base earns, where it is known already.
    """
    there, here = earned(rows, price), held or earned(rows, rows.base)
    gross = there.earned - here.earned
    far = np.log(price / rows.base)
    untried = np.maximum(np.maximum(np.log(price) - rows.tested_high, rows.tested_low - np.log(price)), 0.0)
    untried = np.minimum(untried, np.abs(far))
    by_elasticity = rows.error * (there.slope - here.slope)
    by_form = there.marginal * rows.elasticity * np.hypot(BIAS * far, STRANGE * untried)
    by_others, by_forecast = rows.others_error * far, rows.spread * gross
    doubt = np.sqrt(by_elasticity**2 + by_form**2 + by_others**2 + by_forecast**2)
    moved = price != rows.base
    return Gain(np.where(moved, gross - rows.label, 0.0), np.where(moved, doubt, 0.0))


def units_at(rows: Rows, price: Floats) -> Floats:
    """Units of 28 days at each row's price."""
    return np.asarray(rows.units * np.exp(rows.elasticity * _move(rows, price)))


class Earned(NamedTuple):
    """What a price earns; what of it answers to the log of the units; and its derivative by the elasticity."""

    earned: Floats
    marginal: Floats
    slope: Floats


def earned(rows: Rows, price: Floats) -> Earned:
    """What each row's price earns over 28 days, with what the category's others earn more by it than at the planned."""
    move = _move(rows, price)
    units = rows.units * np.exp(rows.elasticity * move)
    own = np.minimum(units, rows.stock) * (price - rows.cost)
    marginal = np.where(units < rows.stock, own, 0.0)
    return Earned(own + rows.others * np.log(price / rows.planned), marginal, marginal * move)


def _move(rows: Rows, price: Floats) -> Floats:
    """The log move a constant elasticity would have to make for the same answer, as demand.response has it."""
    move = np.log(np.maximum(price, DEEPEST * rows.planned) / rows.planned)
    curved = rows.curvature > FLAT
    if not curved.any():
        return move
    power = np.where(curved, rows.curvature, 1.0)
    return np.where(curved, np.minimum((np.exp(move * power) - 1) / power, FURTHEST), move)


def choose(rows: Rows, ladder: Ints, level: float) -> Ints:
    """Of each row's ladder (k × n, minor units; 0 where it has fewer) the price expected to earn most, if it is sure.

    A price is chosen only if it earns more than the base with probability `level`; of those that do, the one of the
    highest expected gain, not of the highest lower bound: that would leave the last part of each move for ever. Of
    equals the one nearest to the base counts, then the lower one, whatever the order of the ladder. The base where none
    is sure.
    """
    price = rows.base.copy()
    best = np.zeros(len(price))
    holding = earned(rows, rows.base)
    for candidate in ladder:
        there = np.where(candidate > 0, candidate, rows.base).astype(np.float64)
        worth = gain(rows, there, holding).worth(level)
        nearer = np.abs(there - rows.base), there
        held = np.abs(price - rows.base), price
        equal = (worth == best) & (price != rows.base)
        better = (worth > best) | (equal & ((nearer[0] < held[0]) | ((nearer[0] == held[0]) & (nearer[1] < held[1]))))
        price, best = np.where(better, there, price), np.where(better, worth, best)
    return price.astype(np.int64)
