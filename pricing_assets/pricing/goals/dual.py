"""What a unit of each goal is worth: multipliers under which every row chooses for itself, and the bound they give.

Here: Everett's generalised Lagrange multipliers, found by cutting planes: each round prices the sums by the
multipliers of a small linear program, lets every bundle choose, and adds what came of it, for each set of bundles
that share their sums a plane of its own. Not here: how what they choose is mended where it misses a sum (repair).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pricing_assets.pricing.goals import exact
from pricing_assets.pricing.goals.ladders import Ladders
from pricing_assets.pricing.goals.options import Floats, Ints

ROUNDS = 60
"""Rounds at most; 100,000 rows under 250 targets and a budget took 20."""
NEAR = 1e-7
"""Of the bound: what the program still promises to take off it, below which it is left at that."""
REACH = (4.0, 64.0, 1024.0, 16384.0)
"""How far multipliers are looked for, in units of what a row's value varies by what it adds to a sum varies."""


class Dual(NamedTuple):
    """Multipliers of the sums, the bound on the worth of anything that meets them, the columns chosen under them."""

    multipliers: Floats
    bound: float
    columns: Ints


def chosen(ladders: Ladders, score: Floats) -> Ints:
    """The open columns with the highest score that keep every link."""
    index = ladders.bundles.best(ladders.closed(score), ladders.hold)
    tangled = ladders.bundles.tangled
    if len(tangled.child):
        nodes = np.unique(np.concatenate([tangled.child, tangled.parent]))
        answer = exact.solve(ladders.part(nodes), score[nodes], sums=np.zeros(ladders.sums, np.bool_))
        assert answer.columns is not None, "ties that fit have an answer"
        index[nodes] = answer.columns
    return index


def priced(ladders: Ladders) -> Dual:
    """The multipliers that give the lowest bound."""
    search = _Search(ladders)
    for reach in REACH:
        search.reach(reach)
        while search.rounds < ROUNDS and search.improves():
            search.look()
        if not search.at_reach():
            break
    return search.best


class _Search:
    """Cutting planes over the multipliers, in units in which a typical one is about 1."""

    def __init__(self, ladders: Ladders) -> None:
        self.ladders = ladders
        self.cell, self.cells = _cells(ladders)
        self.unit = _varies(ladders) if ladders.sums else np.zeros(0)
        self.rounds, self.limit = 0, REACH[0]
        self.expected = -np.inf
        self.next = np.zeros(ladders.sums)
        self.best = Dual(self.next, np.inf, np.zeros(0, np.int64))
        self.program, self.inf = self._program()
        self.look()

    def _program(self) -> tuple[Any, float]:
        import highspy  # 0.2 s to import, which only goals need

        program: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        exact.configure(program)
        # no presolve: a program a few planes longer than the last one starts from its basis
        program.setOptionValue("presolve", "off")
        amounts = self.ladders.amount * self.unit
        for amount in amounts:
            program.addCol(-float(amount), 0.0, REACH[0], 0, [], [])
        for _ in range(self.cells):
            program.addCol(1.0, -highspy.kHighsInf, highspy.kHighsInf, 0, [], [])
        return program, highspy.kHighsInf

    def reach(self, reach: float) -> None:
        """Lets multipliers be as large as this."""
        self.limit = reach
        for each in range(self.ladders.sums):
            self.program.changeColBounds(each, 0.0, reach)
        self._ask()

    def at_reach(self) -> bool:
        """Whether a multiplier would rather be larger."""
        return bool((self.next >= self.limit * (1 - 1e-9)).any())

    def improves(self) -> bool:
        """Whether the program still promises a lower bound than the best."""
        return self.best.bound - self.expected > NEAR * (abs(self.best.bound) + 1e-9)

    def _ask(self) -> None:
        self.program.run()
        values = np.array(self.program.getSolution().col_value)
        self.next = np.clip(values[: self.ladders.sums], 0.0, self.limit)
        self.expected = float(self.program.getInfo().objective_function_value)

    def look(self) -> None:
        """Lets every bundle choose under the next multipliers, and adds what came of it."""
        self.rounds += 1
        ladders, multipliers = self.ladders, self.next * self.unit
        score = ladders.priced(multipliers)
        index = chosen(ladders, score)
        row = np.arange(len(index))
        worth = np.bincount(self.cell, score[row, index], minlength=self.cells)
        bound = float(worth.sum() - (multipliers * ladders.amount).sum())
        if bound < self.best.bound:
            self.best = Dual(multipliers, bound, index)
        value = np.bincount(self.cell, ladders.value[row, index], minlength=self.cells)
        totals = np.zeros((self.cells, ladders.sums + 1))
        for member, adds in zip(ladders.member, ladders.adds, strict=True):
            np.add.at(totals, (self.cell, member), adds[row, index])
        totals = totals[:, :-1] * self.unit
        for cell in range(self.cells):
            some = np.flatnonzero(totals[cell])
            entries = np.append(-totals[cell, some], 1.0)
            at = np.append(some, ladders.sums + cell).astype(np.int32)
            self.program.addRow(float(value[cell]), self.inf, len(at), at, entries)
        self._ask()


def _cells(ladders: Ladders) -> tuple[Ints, int]:
    """The cell of each node: bundles whose nodes are in the same sums are in one."""
    bundle = ladders.bundles.bundle
    own = np.sort(ladders.member, axis=0).T
    kinds, kind = np.unique(own, axis=0, return_inverse=True)
    sets = [frozenset(each.tolist()) - {ladders.sums} for each in kinds]
    seen: dict[int, frozenset[int]] = {}
    for each, which in zip(bundle.tolist(), kind.ravel().tolist(), strict=True):
        seen[each] = seen.get(each, frozenset()) | sets[which]
    number: dict[frozenset[int], int] = {}
    of_bundle = {each: number.setdefault(found, len(number)) for each, found in seen.items()}
    return np.array([of_bundle[each] for each in bundle.tolist()], np.int64), len(number)


def _varies(ladders: Ladders) -> Floats:
    """What the value of a row varies by for what it adds to each sum varies by."""
    count, spread, worth = (np.zeros(ladders.sums + 1) for _ in range(3))
    values = _range(ladders, ladders.value)
    for member, adds in zip(ladders.member, ladders.adds, strict=True):
        count += np.bincount(member, minlength=len(count))
        spread += np.bincount(member, _range(ladders, adds), minlength=len(count))
        worth += np.bincount(member, values, minlength=len(count))
    safe = np.where((spread > 0) & (worth > 0), spread, 1.0)
    return np.asarray(np.where((spread > 0) & (worth > 0), worth / safe, 1.0)[:-1])


def _range(ladders: Ladders, values: Floats) -> Floats:
    high: Floats = np.where(ladders.open, values, -np.inf).max(axis=1)
    return np.asarray(high - np.where(ladders.open, values, np.inf).min(axis=1))
