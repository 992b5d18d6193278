"""The prices that are in question, decided exactly: of a small part all that can matter, of a large one the nearest
to a tie.

Here: what multipliers and an answer leave in question. A price whose row would lose more by it than the answer is
short of the bound is in no better answer (reduced-cost fixing: exact); and Pisinger's core: under good multipliers
nearly every row has one price that is clearly best, only those near a tie are worth a program, one neighbourhood
after another. A neighbourhood is what hangs together by targets and lines; of a budget it has what the others leave.
Not here: single moves (repair), which of the two is used (choice).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from pricing_assets.pricing.goals import exact, repair
from pricing_assets.pricing.goals.dual import Dual
from pricing_assets.pricing.goals.exact import Answer
from pricing_assets.pricing.goals.groups import groups
from pricing_assets.pricing.goals.ladders import Ladders
from pricing_assets.pricing.goals.options import TIE, Flags, Floats, Ints

PRICES = 150
"""Prices near a tie that a neighbourhood's program decides among."""
NODES = 100
"""Of its search tree."""
GAP = 1e-4
"""Of the value of the rows in it: as near to its bound is good enough."""
TURNS = 3
"""Through all neighbourhoods, where budgets and targets are still at odds."""


def in_question(ladders: Ladders, dual: Dual, index: Ints) -> Flags:
    """The open prices that may be in a better answer than `index`."""
    if not ladders.met(index):
        return ladders.open
    loss = ladders.bundles.losses(ladders.closed(ladders.priced(dual.multipliers)))
    gap = dual.bound - ladders.worth(index)
    opened = loss <= gap + TIE * (1.0 + abs(dual.bound))
    opened[np.arange(len(index)), index] = True
    return opened


def within(
    ladders: Ladders,
    index: Ints,
    nodes: Ints,
    opened: Flags,
    *,
    sums: Flags | None = None,
    score: Floats | None = None,
    nodes_of_tree: int = exact.NODES,
    gap: float = exact.GAP,
) -> Answer:
    """The best columns of all nodes where `nodes` may take what is `opened` for them, and all others stay at `index`.

    An answer that misses a counted sum by more than the rounding of doubles is none.
    """
    counted = np.ones(ladders.sums, np.bool_) if sums is None else sums
    free = opened.sum(axis=1) > 1
    bundle = ladders.bundles.bundle[nodes]
    free = np.isin(bundle, bundle[free])
    some = nodes[free]
    part = ladders.part(some).narrowed(opened[free])
    others = ladders.totals(index) - part.totals(index[some])
    part = replace(part, amount=ladders.amount - others)
    # a sum that no row here is in is no concern of this program, where it is met without them
    concerned = np.isin(np.arange(ladders.sums), part.member)
    value = ladders.worth(index) - part.worth(index[some])
    if not len(some):
        return Answer(index, value, False)
    start = index[some] if sums is None and part.met(index[some]) else None
    used = None if score is None else score[some]
    answer = exact.solve(part, used, start=start, sums=counted & concerned, nodes=nodes_of_tree, gap=gap)
    if answer.columns is None:
        return Answer(None, answer.bound + value, answer.none)
    found = index.copy()
    found[some] = answer.columns
    short = part.totals(answer.columns) < part.amount - ladders.rounding()
    kept = part.bundles.links.kept(answer.columns).all()
    fine = kept and not (short & counted & concerned).any()
    return Answer(found if fine else None, answer.bound + value, False)


def polished(ladders: Ladders, dual: Dual, index: Ints) -> Ints:
    """Columns at least as good as `index`: that meet all sums where those do not, or are worth more."""
    doubt = ladders.bundles.losses(ladders.closed(ladders.priced(dual.multipliers)))
    around = neighbourhoods(ladders)
    for _ in range(TURNS):
        found = index
        for nodes in around:
            found = _decided(ladders, dual.multipliers, doubt, found, nodes)
        found = repair.repaired(ladders, found, dual.multipliers)
        met = ladders.met(index)
        if met and not (ladders.met(found) and ladders.worth(found) > ladders.worth(index)):
            return index
        index = found
        if met:
            return index
    return index


def neighbourhoods(ladders: Ladders) -> list[Ints]:
    """Nodes that hang together by targets and lines; what only budgets concern is one neighbourhood."""
    count, links = len(ladders.hold), ladders.bundles.links
    targets = np.append(~ladders.budget, False)
    ends = [(links.child, links.parent)]
    for member in ladders.member:
        some = np.flatnonzero(targets[member])
        ends.append((some, member[some] + count))
    ties = np.concatenate([np.stack(each) for each in ends], axis=1)
    size = count + ladders.sums + 1
    part = groups(ties[0], ties[1], size)
    in_target = np.isin(part, part[count : count + ladders.sums][~ladders.budget])[:count]
    part = np.where(in_target, part[:count], size)
    order = np.argsort(part, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(part[order])) + 1)


def _decided(ladders: Ladders, multipliers: Floats, doubt: Floats, index: Ints, nodes: Ints) -> Ints:
    """With the prices of a neighbourhood that are in doubt decided: within the budgets, or where that leaves its
    targets no room at what the budgets' multipliers make it cost.
    """
    opened = _in_doubt(doubt[nodes], index[nodes])
    answer = within(ladders, index, nodes, opened, nodes_of_tree=NODES, gap=GAP)
    if answer.columns is None and ladders.budget.any():
        score = ladders.priced(np.where(ladders.budget, multipliers, 0.0))
        answer = within(ladders, index, nodes, opened, sums=~ladders.budget, score=score, nodes_of_tree=NODES, gap=GAP)
    return index if answer.columns is None else answer.columns


def _in_doubt(doubt: Floats, index: Ints) -> Flags:
    """The columns taken, and the nearest to being taken."""
    flat = doubt[np.isfinite(doubt) & (doubt > 0.0)]
    limit = np.partition(flat, PRICES)[PRICES] if len(flat) > PRICES else np.inf
    opened = np.isfinite(doubt) & (doubt <= limit)
    opened[np.arange(len(index)), index] = True
    return opened
