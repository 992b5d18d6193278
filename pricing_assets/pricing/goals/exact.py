"""Small and tied sets, exactly: one binary per open price, by HiGHS.

Here: the mixed-integer program, in the form whose relaxation is tight for lines (a sum of binaries per threshold
instead of a sum of prices per pair), and settings under which HiGHS gives one answer on every machine: one thread,
one seed, limits on nodes and none on time. Not here: what is small (choice), the multipliers (dual).

Choose HiGHS's answer only with `met`: it works to tolerances, ours are narrower.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from pricing_assets.pricing.goals.bundles import Links
from pricing_assets.pricing.goals.ladders import Ladders
from pricing_assets.pricing.goals.options import Flags, Floats, Ints

NODES = 5_000
"""Nodes of a search tree after which the best answer so far counts."""
GAP = 1e-6
"""Of the value: an answer as near to its bound counts as the best."""


class Answer(NamedTuple):
    """The columns found, none where there are none; a bound on their worth; whether it is proved that none exist."""

    columns: Ints | None
    bound: float
    none: bool


def solve(
    ladders: Ladders,
    score: Floats | None = None,
    *,
    start: Ints | None = None,
    sums: Flags | None = None,
    nodes: int = NODES,
    gap: float = GAP,
) -> Answer:
    """The open columns with the highest score (the value where none is given) that meet the sums and keep the links.

    `sums` says which of the sums count, all where not given.
    """
    program = _Program(ladders, ladders.value if score is None else score, sums)
    return program.solved(start, nodes, gap)


class _Program:
    """The rows and columns of a mixed-integer program over the open prices."""

    def __init__(self, ladders: Ladders, score: Floats, sums: Flags | None) -> None:
        self.ladders = ladders
        self.score = score
        self.node, self.column = np.nonzero(ladders.open)
        self.number = np.full(ladders.open.shape, -1, np.int64)
        self.number[self.node, self.column] = np.arange(len(self.node))
        self.counted = np.ones(ladders.sums, np.bool_) if sums is None else sums
        self.entries: list[tuple[Ints, Ints, Floats]] = []
        self.lower: list[Floats] = []
        self.upper: list[Floats] = []
        self.rows = 0
        self._one_each()
        self._sums()
        self._links()

    def _add(self, row: Ints, variable: Ints, entry: Floats, lower: Floats, upper: Floats) -> None:
        self.entries.append((row + self.rows, variable, entry))
        self.lower.append(lower)
        self.upper.append(upper)
        self.rows += len(lower)

    def _one_each(self) -> None:
        every = np.ones(len(self.ladders.open))
        self._add(self.node, np.arange(len(self.node)), np.ones(len(self.node)), every, every)

    def _sums(self) -> None:
        ladders, counted = self.ladders, np.append(self.counted, False)
        places = np.cumsum(counted) - 1
        row, variable, entry = [], [], []
        for member, adds in zip(ladders.member, ladders.adds, strict=True):
            brings = adds[self.node, self.column]
            some = np.flatnonzero(counted[member[self.node]] & (brings != 0.0))
            row.append(places[member[self.node[some]]])
            variable.append(some)
            entry.append(brings[some])
        count = int(self.counted.sum())
        if not count:
            return
        rows, entries = np.concatenate(row), np.concatenate(entry)
        largest = np.zeros(count)
        np.maximum.at(largest, rows, np.abs(entries))
        largest[largest == 0.0] = 1.0
        amounts = ladders.amount[self.counted]
        self._add(rows, np.concatenate(variable), entries / largest[rows], amounts / largest, np.full(count, np.inf))

    def _links(self) -> None:
        """Whoever is at or beyond a column has the other at or beyond what that column asks for, on either side."""
        links, opened = self.ladders.bundles.links, self.ladders.open
        for each in range(len(links.child)):
            self._linked(links, opened, each)

    def _linked(self, links: Links, opened: Flags, each: int) -> None:
        child, parent = links.child[each], links.parent[each]
        mine, others = np.flatnonzero(opened[parent]), np.flatnonzero(opened[child])
        low, high = links.low[each, mine], links.high[each, mine]
        upwards = range(len(mine))
        sides = [
            *((mine[at:], others[others >= low[at]]) for at in _steps(low, others[0], upwards)),
            *((mine[: at + 1], others[others < high[at]]) for at in _steps(-high, -others[-1] - 1, upwards[::-1])),
        ]
        for asking, fitting in sides:
            variable = np.concatenate([self.number[child, fitting], self.number[parent, asking]])
            entry = np.concatenate([np.ones(len(fitting)), -np.ones(len(asking))])
            self._add(np.zeros(len(variable), np.int64), variable, entry, np.zeros(1), np.full(1, np.inf))

    def solved(self, start: Ints | None, nodes: int, gap: float) -> Answer:
        import highspy  # 0.2 s to import, which only goals need

        highs: Any = highspy.Highs()  # type: ignore[no-untyped-call]
        configure(highs)
        highs.setOptionValue("mip_max_nodes", nodes)
        highs.setOptionValue("mip_rel_gap", gap)
        highs.passModel(self._model(highspy))
        if start is not None:
            self._begin(highspy, highs, start)
        highs.run()
        status = highs.getModelStatus()
        infeasible = status in {highspy.HighsModelStatus.kInfeasible, highspy.HighsModelStatus.kUnboundedOrInfeasible}
        info = highs.getInfo()
        if infeasible or info.primal_solution_status != 2:  # 2: a feasible point
            return Answer(None, float("inf") if not infeasible else float("-inf"), infeasible)
        taken = np.zeros(self.ladders.open.shape)
        taken[self.node, self.column] = highs.getSolution().col_value
        return Answer(taken.argmax(axis=1), float(info.mip_dual_bound), False)

    def _model(self, highspy: Any) -> Any:
        from scipy.sparse import coo_array  # type: ignore[import-untyped]

        count = len(self.node)
        row, variable, entry = (np.concatenate(each) for each in zip(*self.entries, strict=True))
        matrix = coo_array((entry, (row, variable)), shape=(self.rows, count)).tocsr()
        model = highspy.HighsLp()
        model.num_col_, model.num_row_ = count, self.rows
        model.sense_ = highspy.ObjSense.kMaximize
        model.col_cost_ = self.score[self.node, self.column]
        model.col_lower_, model.col_upper_ = np.zeros(count), np.ones(count)
        model.row_lower_, model.row_upper_ = np.concatenate(self.lower), np.concatenate(self.upper)
        model.integrality_ = [highspy.HighsVarType.kInteger] * count
        model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
        model.a_matrix_.start_, model.a_matrix_.index_ = matrix.indptr, matrix.indices
        model.a_matrix_.value_ = matrix.data
        return model

    def _begin(self, highspy: Any, highs: Any, start: Ints) -> None:
        solution = highspy.HighsSolution()
        values = np.zeros(len(self.node))
        values[self.number[np.arange(len(start)), start]] = 1.0
        solution.col_value = values.tolist()
        highs.setSolution(solution)


def configure(highs: Any) -> None:
    """One answer on every machine."""
    for option, value in {
        "output_flag": False,
        "threads": 1,
        "parallel": "off",
        "random_seed": 0,
        "mip_abs_gap": 1e-9,
        "mip_feasibility_tolerance": 1e-9,
        "primal_feasibility_tolerance": 1e-9,
        "dual_feasibility_tolerance": 1e-9,
    }.items():
        highs.setOptionValue(option, value)


def _steps(bound: Ints, free: int, order: range) -> list[int]:
    """Where, going along `order`, the bound asks for more than before, and for more than is there anyway."""
    found, last = [], free
    for at in order:
        if bound[at] > last:
            found.append(at)
            last = int(bound[at])
    return found
