"""Tied rows and their sums as arrays: what all ways of choosing work on.

Here: one node per row or family, its prices, what each adds to the sums it is in. Not here: any choice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from pricing_assets.pricing.goals.bundles import Bundles, bundles_of
from pricing_assets.pricing.goals.kinds import Changes, Family, Goal, Order, amount, weights
from pricing_assets.pricing.goals.options import Flags, Floats, Ints, Options
from pricing_assets.pricing.goals.ties import Tied, slack


@dataclass(frozen=True, eq=False)
class Ladders:
    """m nodes × k prices. Node i is in the sums `member[:, i]`, to which column j adds `adds[:, i, j]`.

    A node in fewer sums than others is in the last one, number len(amount), which is no goal: it adds nothing there.
    """

    value: Floats
    open: Flags
    hold: Ints
    member: Ints
    adds: Floats
    amount: Floats
    budget: Flags
    bundles: Bundles

    @property
    def sums(self) -> int:
        """How many goals are sums."""
        return len(self.amount)

    def closed(self, score: Floats) -> Floats:
        """The score, −inf where a price is not open."""
        return np.where(self.open, score, -np.inf)

    def priced(self, multipliers: Floats) -> Floats:
        """What a price is worth where a unit of each sum is worth its multiplier."""
        each = np.append(multipliers, 0.0)
        score = self.value.copy()
        for member, adds in zip(self.member, self.adds, strict=True):
            score += each[member][:, None] * adds
        return score

    def totals(self, index: Ints) -> Floats:
        """What the sums come to."""
        row = np.arange(len(index))
        found = np.zeros(self.sums + 1)
        for member, adds in zip(self.member, self.adds, strict=True):
            found += np.bincount(member, adds[row, index], minlength=self.sums + 1)
        return found[:-1]

    def worth(self, index: Ints) -> float:
        """What the columns are worth together."""
        return float(self.value[np.arange(len(index)), index].sum())

    def rounding(self) -> Floats:
        """What each sum may fall short by, for the rounding of doubles."""
        return np.array([slack(each) for each in self.amount])

    def met(self, index: Ints) -> bool:
        """Whether the columns meet every sum, keep every link and are open."""
        fine = self.open[np.arange(len(index)), index].all() and self.bundles.links.kept(index).all()
        return bool(fine and (self.totals(index) >= self.amount - self.rounding()).all())

    def part(self, nodes: Ints) -> Ladders:
        """Some of the nodes, sorted; every link has both ends among them, or neither."""
        place = np.full(len(self.hold), -1, np.int64)
        place[nodes] = np.arange(len(nodes))
        return replace(
            self,
            value=self.value[nodes],
            open=self.open[nodes],
            hold=self.hold[nodes],
            member=self.member[:, nodes],
            adds=self.adds[:, nodes],
            bundles=self.bundles.part(nodes, place),
        )

    def narrowed(self, opened: Flags) -> Ladders:
        """With fewer prices open."""
        return replace(self, open=opened)


def ladders_of(options: Options, tied: Tied, goals: Mapping[int, Goal]) -> tuple[Ladders, Ints, list[int]]:
    """The ladders of the nodes, the position of each node among the tied rows, and the numbers of the goals as sums."""
    nodes = np.flatnonzero(tied.leader == np.arange(len(tied.rows)))
    place = np.zeros(len(tied.rows), np.int64)
    place[nodes] = np.arange(len(nodes))
    rows = tied.rows
    sums = [
        number for number, goal in goals.items() if not isinstance(goal, Order | Family) and number not in tied.masks
    ]
    shape = len(nodes), options.price.shape[1]
    member: list[Ints] = []
    adds: list[Floats] = []
    for number, sum_number in enumerate(sums):
        goal = goals[sum_number]
        assert not isinstance(goal, Order | Family)
        at, brings = _at_nodes(tied, np.searchsorted(rows, goal.rows), weights(goal, options))
        _put(member, adds, place[at], brings, number=number, none=len(sums), shape=shape)
    value = np.where(np.isfinite(options.value[rows]), options.value[rows], 0.0)
    edges = tied.edges._replace(low=place[tied.edges.low], high=place[tied.edges.high])
    made = Ladders(
        value=tied.drawn_together(value)[nodes],
        open=tied.open[nodes],
        hold=options.hold[rows][nodes],
        member=np.stack(member) if member else np.zeros((0, len(nodes)), np.int64),
        adds=np.stack(adds) if adds else np.zeros((0, *shape)),
        amount=np.array([amount(goals[each]) for each in sums], np.float64),  # type: ignore[arg-type]
        budget=np.array([isinstance(goals[each], Changes) for each in sums], np.bool_),
        bundles=bundles_of(options.price[rows][nodes], edges),
    )
    return made, nodes, sums


def _at_nodes(tied: Tied, at: Ints, brings: Floats) -> tuple[Ints, Floats]:
    """The nodes of the rows, each once, and what their columns bring."""
    led = [i for i, row in enumerate(at) if int(row) in tied.columns] if tied.columns else []
    for i in led:
        brings[i] = brings[i, tied.columns[int(at[i])]]
    nodes, which = np.unique(tied.leader[at], return_inverse=True)
    if len(nodes) == len(at):
        return nodes, brings[np.argsort(which)]
    found = np.zeros((len(nodes), brings.shape[1]))
    np.add.at(found, which, brings)
    return nodes, found


def _put(
    member: list[Ints],
    adds: list[Floats],
    at: Ints,
    brings: Floats,
    *,
    number: int,
    none: int,
    shape: tuple[int, int],
) -> None:
    """Gives each node its next free place for a sum it is in."""
    left = np.arange(len(at))
    slot = 0
    while len(left):
        if slot == len(member):
            member.append(np.full(shape[0], none, np.int64))
            adds.append(np.zeros(shape))
        free = member[slot][at[left]] == none
        now = left[free]
        member[slot][at[now]] = number
        adds[slot][at[now]] = brings[now]
        left, slot = left[~free], slot + 1
