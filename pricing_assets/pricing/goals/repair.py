"""From what rows choose under multipliers to what meets every goal, and then as good as single moves make it.

Here: moves of one node at a time, the cheapest by the multipliers first where a sum is missed, the most valuable
first where room is left. Not here: the multipliers (dual), the exact answer (exact).

Targets are mended first, whatever that does to a budget of changes; budgets then, by taking back the changes that are
worth least, which no target may need.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.pricing.goals.ladders import Ladders
from pricing_assets.pricing.goals.options import TIE, Flags, Floats, Ints

PASSES = 20
"""Over the rows of a sum that is missed, and over all rows for room that is left: most need two."""


def repaired(ladders: Ladders, index: Ints, multipliers: Floats) -> Ints:
    """Columns that meet the sums where moves of single nodes lead there, and no single move is worth more."""
    state = _State(ladders, index.copy(), multipliers)
    targets, budgets = np.flatnonzero(~ladders.budget), np.flatnonzero(ladders.budget)
    for _ in range(PASSES):
        for number in targets:
            state.mend(int(number), loose=True)
        for number in budgets:
            state.mend(int(number), loose=False)
        if not (state.room < -state.rounding).any() or not state.moved():
            break
    state.improve()
    return state.index


def settled(ladders: Ladders, index: Ints) -> Ints:
    """The same value by fewer changes and lower prices, where single moves lead there: to the hold, then down."""
    state = _State(ladders, index.copy(), np.zeros(ladders.sums))
    state.settle()
    return state.index


class _State:
    """The columns taken, and the room they leave in every sum."""

    def __init__(self, ladders: Ladders, index: Ints, multipliers: Floats) -> None:
        self.ladders = ladders
        self.index = index
        self.score = ladders.priced(multipliers)
        self.rounding = ladders.rounding() / 2
        self.room = ladders.totals(index) - ladders.amount
        self.moves = 0
        self.seen = 0
        self.links = _links_of(ladders)

    def moved(self) -> bool:
        """Whether anything moved since this was asked."""
        before, self.seen = self.seen, self.moves
        return before != self.moves

    def mend(self, number: int, loose: bool) -> None:
        """Moves nodes of a sum that is missed until it is met. Where `loose`, budgets may be missed by it."""
        nodes = np.flatnonzero((self.ladders.member == number).any(axis=0))
        for _ in range(PASSES):
            short = -self.room[number] - self.rounding[number]
            if short <= 0.0:
                return
            gain = self._gain(nodes, number)
            cost = self._from(nodes, self.score) + TIE
            useful = (gain > 0.0) & self._may(nodes, loose)
            ratio = np.where(useful, cost / np.clip(gain, 1e-300, short), np.inf)
            if not self._take(nodes, ratio, number, loose):
                return

    def improve(self) -> None:
        """Moves nodes to what is worth more, while there is room."""
        nodes = np.arange(len(self.index))
        for _ in range(PASSES):
            worth = -self._from(nodes, self.ladders.value)
            size = TIE * (1.0 + np.abs(self.ladders.value[nodes, self.index[nodes]]))[:, None]
            rank = np.where((worth > size) & self._may(nodes, False), -worth, np.inf)
            if not self._take(nodes, rank, None, False):
                return
            nodes = np.flatnonzero(np.isfinite(rank).any(axis=1))

    def settle(self) -> None:
        """Moves nodes to their hold, or else to lower prices, where that is worth the same."""
        nodes, column = np.arange(len(self.index)), np.arange(self.ladders.open.shape[1])
        for _ in range(PASSES):
            value = self.ladders.value[nodes, self.index[nodes]]
            same = np.abs(self._from(nodes, self.ladders.value)) <= TIE * (1.0 + np.abs(value))[:, None]
            same &= (self.index != self.ladders.hold)[:, None] & self._may(nodes, False)
            home = same & (column == self.ladders.hold[:, None])
            rank = np.where(home, -1.0, np.where(same & (column < self.index[:, None]), column, np.inf))
            if not self._take(nodes, rank, None, False):
                return

    def _from(self, nodes: Ints, score: Floats) -> Floats:
        """What is lost of a score by moving to each column."""
        return np.asarray(score[nodes, self.index[nodes]][:, None] - score[nodes])

    def _gain(self, nodes: Ints, number: int) -> Floats:
        found = np.zeros((len(nodes), self.ladders.open.shape[1]))
        for member, adds in zip(self.ladders.member[:, nodes], self.ladders.adds, strict=True):
            some = np.flatnonzero(member == number)
            found[some] -= self._from(nodes[some], adds)
        return found

    def _may(self, nodes: Ints, loose: bool) -> Flags:
        """The columns a node may move to: open, and no sum is missed by it, nor by more than it is."""
        fine = self.ladders.open[nodes].copy()
        fine[np.arange(len(nodes)), self.index[nodes]] = False
        room = self._rooms(loose)
        for member, adds in zip(self.ladders.member[:, nodes], self.ladders.adds, strict=True):
            fine &= self._from(nodes, adds) <= room[member][:, None]
        return fine

    def _rooms(self, loose: bool) -> Floats:
        room = np.maximum(self.room + self.rounding, 0.0)
        if loose:
            room = np.where(self.ladders.budget, np.inf, room)
        return np.append(room, np.inf)

    def _take(self, nodes: Ints, rank: Floats, number: int | None, loose: bool) -> bool:
        """Makes the moves of lowest rank, one a node, as long as each is still possible and the sum is missed."""
        column = rank.argmin(axis=1)
        ranks = rank[np.arange(len(nodes)), column]
        order = np.argsort(ranks, kind="stable")
        before = self.moves
        for at in order[: np.isfinite(ranks).sum()].tolist():
            if number is not None and self.room[number] >= -self.rounding[number]:
                break
            self._move(int(nodes[at]), int(column[at]), loose)
        return self.moves > before

    def _move(self, node: int, column: int, loose: bool) -> None:
        was = int(self.index[node])
        changes: dict[int, float] = {}
        for slot in range(len(self.ladders.member)):
            number = int(self.ladders.member[slot, node])
            if number == self.ladders.sums:
                continue
            change = float(self.ladders.adds[slot, node, column] - self.ladders.adds[slot, node, was])
            free = loose and self.ladders.budget[number]
            if not free and -change > max(self.room[number] + self.rounding[number], 0.0):
                return
            changes[number] = change
        if not self._keeps(node, column):
            return
        self.index[node] = column
        self.moves += 1
        for number, change in changes.items():
            self.room[number] += change

    def _keeps(self, node: int, column: int) -> bool:
        """Whether the node keeps its links in the column."""
        links = self.ladders.bundles.links
        for each in self.links.get(node, ()):
            parent, child = int(links.parent[each]), int(links.child[each])
            above = column if parent == node else self.index[parent]
            below = column if child == node else self.index[child]
            if not links.low[each, above] <= below < links.high[each, above]:
                return False
        return True


def _links_of(ladders: Ladders) -> dict[int, list[int]]:
    links = ladders.bundles.links
    found: dict[int, list[int]] = {}
    for each, (child, parent) in enumerate(zip(links.child.tolist(), links.parent.tolist(), strict=True)):
        found.setdefault(child, []).append(each)
        found.setdefault(parent, []).append(each)
    return found
