"""The goals that link prices: what each asks for, of which rows, and as a sum over them where it is one.

Here: the goals as a person states them, rows being positions among the options. Not here: how they are met.

Families have one price, not one relative change: prices on a ladder round, so two equal relative changes hardly ever
exist in minor units, while one price on all flavours of a product is what a shelf shows and anybody can check.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from pricing_assets.pricing.goals.options import Floats, Ints, Options


@dataclass(frozen=True, eq=False)
class Margin:
    """Σ profit ≥ pct % of Σ revenue."""

    label: str
    rows: Ints
    pct: float


@dataclass(frozen=True, eq=False)
class Revenue:
    """Σ revenue ≥ amount."""

    label: str
    rows: Ints
    amount: float


@dataclass(frozen=True, eq=False)
class Clear:
    """Σ units sold until a date ≥ amount; `units` has a row for each of `rows` and a column for each price."""

    label: str
    rows: Ints
    units: Floats
    amount: float


@dataclass(frozen=True, eq=False)
class Changes:
    """At most so many of the rows change price. Comes before all other goals: holding always meets it."""

    label: str
    rows: Ints
    at_most: int


@dataclass(frozen=True, eq=False)
class Order:
    """Each row of the line costs at least `ratio` times the one before it, and `at_least` minor units more."""

    label: str
    rows: Ints
    at_least: int = 0
    ratio: Fraction = Fraction(1)


@dataclass(frozen=True, eq=False)
class Family:
    """All rows have one price."""

    label: str
    rows: Ints


Sum = Margin | Revenue | Clear | Changes
"""Goals that are a sum over rows of what their prices bring, at least an amount."""
Goal = Sum | Order | Family


def weights(goal: Sum, options: Options) -> Floats:
    """What each price of each row of the goal adds to its sum; what is not known adds nothing."""
    rows = goal.rows
    match goal:
        case Margin():
            found = options.profit[rows] - goal.pct / 100 * options.revenue[rows]
        case Revenue():
            found = options.revenue[rows]
        case Clear():
            found = goal.units
        case Changes():
            found = np.where(np.arange(options.price.shape[1]) == options.hold[rows][:, None], 0.0, -1.0)
    return np.where(np.isfinite(found), found, 0.0)


def amount(goal: Sum) -> float:
    """What the sum must reach."""
    match goal:
        case Margin():
            return 0.0
        case Changes():
            return -float(goal.at_most)
        case _:
            return goal.amount
