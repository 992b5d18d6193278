"""Rows that are tied to each other: families under one price, lines in order; and which of their prices fit together.

Here: families drawn together into one row each, orders as bounds that are passed on along lines until nothing moves,
and who runs out of prices on the way. Not here: which of the prices that fit is best (bundles), what is said of it
(clashes).

Passing on bounds decides exactly whether a set of lines can be met, cycles included: from the lowest price of each row,
every order only ever raises, so where nothing moves any more the lowest prices meet all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from pricing_assets.pricing.goals.kinds import Changes, Family, Goal, Order, amount, weights
from pricing_assets.pricing.goals.options import TIE, Flags, Floats, Ints, Options


class Edges(NamedTuple):
    """`den` × price[high] ≥ `num` × price[low] + `den` × `gap`, each asked by a goal; ends are positions in a Tied."""

    low: Ints
    high: Ints
    gap: Ints
    num: Ints
    den: Ints
    goal: Ints

    def of(self, chosen: Flags | Ints) -> Edges:
        """Some of them."""
        return Edges(*(each[chosen] for each in self))


class Fault(NamedTuple):
    """A goal that no prices of its rows meet: what it needs, the best there is, in its own unit, and why in words."""

    goal: int
    needed: float
    best: float
    words: str


@dataclass(frozen=True, eq=False)
class Tied:
    """Rows of the options as nodes: a family is the node of its first row, the `leader` of the others.

    `open` are the prices that fit the ties; none for a row that is led. `columns` says which column of a led row is the
    price of each of its leader's. `masks` are the sums that concern a single node, met by what is open.
    """

    rows: Ints
    leader: Ints
    columns: dict[int, Ints]
    open: Flags
    edges: Edges
    masks: frozenset[int]
    faults: list[Fault]

    def drawn_together(self, matrix: Floats) -> Floats:
        """What a column of each node brings: its own, and that of the rows it leads."""
        found = matrix.copy()
        for row, columns in self.columns.items():
            found[self.leader[row]] += matrix[row, columns]
        return found

    def spread(self, index: Ints) -> Ints:
        """The column of each row from that of its node."""
        found = index[self.leader]
        for row, columns in self.columns.items():
            found[row] = columns[index[self.leader[row]]]
        return found


@dataclass(eq=False)
class _Families:
    """Families as they grow together: one that shares a row with another is one with it."""

    price: Ints
    open: Flags
    leader: Ints
    columns: dict[int, Ints] = field(default_factory=dict)
    led: dict[int, list[int]] = field(default_factory=dict)

    def join(self, lead: int, other: int) -> None:
        """Puts `other`, and all it leads, under `lead`; what is open is what all of them may take."""
        columns = np.searchsorted(self.price[other], self.price[lead]).clip(max=self.price.shape[1] - 1)
        same = self.price[other, columns] == self.price[lead]
        self.open[lead] &= same & self.open[other, columns]
        for row in self.led.pop(other, []):
            self.columns[row] = self.columns[row][columns]
            self._put(row, lead)
        self.columns[other] = columns
        self._put(other, lead)
        self.open[other] = False

    def _put(self, row: int, lead: int) -> None:
        self.leader[row] = lead
        self.led.setdefault(lead, []).append(row)


def tie(options: Options, opened: Flags, rows: Ints, goals: Mapping[int, Goal]) -> Tied:
    """Ties the sorted `rows` by the goals among them, numbered in order of precedence. `opened` is of all options."""
    made = _Families(options.price[rows], opened[rows], np.arange(len(rows)))
    faults: list[Fault] = []
    for goal in goals.values():
        if isinstance(goal, Changes) and goal.at_most == 0:
            at = np.searchsorted(rows, goal.rows)
            made.open[at] = np.arange(made.open.shape[1]) == options.hold[goal.rows][:, None]
    for number, goal in goals.items():
        if isinstance(goal, Family):
            faults += _draw_together(options, rows, made, number, goal)
    masks = frozenset(_mask(options, rows, made, goals, faults))
    edges = _edges(options, rows, made, goals, faults)
    faults += _pass_on(options, rows, made.price, made.open, edges)
    return Tied(rows, made.leader, made.columns, made.open, edges, masks, faults)


def _draw_together(options: Options, rows: Ints, made: _Families, number: int, goal: Family) -> list[Fault]:
    members = np.unique(made.leader[np.searchsorted(rows, goal.rows)])
    ranges = [made.price[each][made.open[each]] for each in members]
    for other in members[1:]:
        made.join(int(members[0]), int(other))
    if made.open[members[0]].any() or not all(len(each) for each in ranges):
        return []
    lows, highs = [int(each.min()) for each in ranges], [int(each.max()) for each in ranges]
    apart = max(max(lows) - min(highs), 0)
    first = int(rows[members[0]])
    words = "; ".join(
        f"{options.name(int(rows[each]))} takes {options.money(first, low)} to {options.money(first, high)}"
        for each, low, high in zip(members[:4], lows, highs, strict=False)
    )
    scale = options.scale if isinstance(options.scale, int) else int(options.scale[first])
    return [Fault(number, max(lows) / scale, min(highs) / scale if apart else 0.0, f"no price in common: {words}")]


def _mask(options: Options, rows: Ints, made: _Families, goals: Mapping[int, Goal], faults: list[Fault]) -> list[int]:
    """Sums over a single node say which of its prices are open; the numbers of those goals."""
    found = []
    for number, goal in goals.items():
        if isinstance(goal, Order | Family | Changes):
            continue
        at = np.searchsorted(rows, goal.rows)
        node = made.leader[at[0]]
        if len(at) > 1 and (made.leader[at] != node).any():
            continue
        found.append(number)
        each = weights(goal, options)
        brings = np.sum([each[i, made.columns.get(int(row), slice(None))] for i, row in enumerate(at)], axis=0)
        needed, was = amount(goal), made.open[node].copy()
        made.open[node] &= brings >= needed - slack(needed)
        if was.any() and not made.open[node].any():
            faults.append(Fault(number, needed, float(brings[was].max()), ""))
    return found


def slack(amount: float, size: float = 0.0) -> float:
    """What a sum may fall short of an amount and still count as reaching it: rounding of doubles, no more."""
    return TIE * (1.0 + abs(amount) + size)


def _edges(options: Options, rows: Ints, made: _Families, goals: Mapping[int, Goal], faults: list[Fault]) -> Edges:
    parts: list[list[Ints]] = [[np.zeros(0, np.int64)] * 6]
    for number, goal in goals.items():
        if not isinstance(goal, Order):
            continue
        at = made.leader[np.searchsorted(rows, goal.rows)]
        low, high = at[:-1], at[1:]
        terms = (goal.at_least, goal.ratio.numerator, goal.ratio.denominator, number)
        parts.append([low, high, *(np.full(len(low), each, np.int64) for each in terms)])
    edges = Edges(*(np.concatenate(each) for each in zip(*parts, strict=True)))
    alone = edges.low == edges.high
    for low, _, gap, num, den, number in zip(*edges.of(alone), strict=True):
        was = made.open[low].copy()
        made.open[low] &= den * made.price[low] >= num * made.price[low] + den * gap
        if was.any() and not made.open[low].any():
            words = f"{options.name(int(rows[low]))} is to cost more than what has one price with it"
            faults.append(Fault(int(number), float(gap), 0.0, words))
    return edges.of(~alone)


def _pass_on(options: Options, rows: Ints, price: Ints, opened: Flags, edges: Edges) -> list[Fault]:
    """Closes every price that no prices of the other rows fit; the orders that ran out of prices."""
    faults: list[Fault] = []
    column = np.arange(price.shape[1])
    lowest, highest = opened.argmax(axis=1), price.shape[1] - 1 - opened[:, ::-1].argmax(axis=1)
    some: Flags = np.asarray(opened.any(axis=1))
    alive = edges.of(some[edges.low] & some[edges.high])
    while len(alive.low):
        needed = alive.num * price[alive.low, lowest[alive.low]] + alive.den * alive.gap
        fits = opened[alive.high] & (alive.den[:, None] * price[alive.high] >= needed[:, None])
        out = ~fits.any(axis=1)
        top = np.where(opened[alive.high], price[alive.high], 0).max(axis=1)
        faults += [
            _short(options, rows, int(top[edge]), edges=alive, needed=int(needed[edge]), edge=int(edge))
            for edge in np.flatnonzero(out)
        ]
        raised = np.maximum(lowest[alive.high], fits.argmax(axis=1))[~out]
        alive = alive.of(~out)
        if (raised == lowest[alive.high]).all():
            break
        np.maximum.at(lowest, alive.high, raised)
    while not faults and len(alive.low):
        room = alive.den * (price[alive.high, highest[alive.high]] - alive.gap)
        fits = opened[alive.low] & (alive.num[:, None] * price[alive.low] <= room[:, None])
        lowered = np.minimum(highest[alive.low], len(column) - 1 - fits[:, ::-1].argmax(axis=1))
        if (lowered == highest[alive.low]).all():
            break
        np.minimum.at(highest, alive.low, lowered)
    opened &= (column >= lowest[:, None]) & (column <= highest[:, None])
    return faults


def _short(options: Options, rows: Ints, top: int, *, edges: Edges, needed: int, edge: int) -> Fault:
    low, high = int(edges.low[edge]), int(edges.high[edge])
    row, other = int(rows[high]), int(rows[low])
    lowest = -(-needed // int(edges.den[edge]))
    scale = options.scale if isinstance(options.scale, int) else int(options.scale[row])
    words = (
        f"{options.name(row)} costs {options.money(row, top)} at most, {options.money(row, lowest)} is needed "
        f"beside {options.name(other)}"
    )
    return Fault(int(edges.goal[edge]), lowest / scale, top / scale, words)
