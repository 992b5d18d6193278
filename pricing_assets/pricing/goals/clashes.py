"""Goals that cannot be met: which, beside which others, and by how much they are missed.

Here: from ladders on which not every goal can be met to the goals that give way. Budgets come first, for holding meets
them; then ties and sums of a single row; then targets; each kind in the order the goals were given. Not here: what is
done about it (choice).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pricing_assets.pricing.goals import exact
from pricing_assets.pricing.goals.dual import Dual, chosen
from pricing_assets.pricing.goals.kinds import Changes, Family, Goal, Margin, Order, Sum, amount, weights
from pricing_assets.pricing.goals.ladders import Ladders
from pricing_assets.pricing.goals.options import Flags, Floats, Ints, Options
from pricing_assets.pricing.goals.outcome import Clash, described
from pricing_assets.pricing.goals.ties import Fault, Tied, tie

Oracle = Callable[[Floats], Ints | None]
"""From what each column of each node adds to the columns that add the most."""


class Scene(NamedTuple):
    """What hangs together: the goals by number, tied, with their ladders; `sums` are the numbers of those that are
    sums, `nodes` the positions of the ladders' rows among the tied ones.
    """

    options: Options
    opened: Flags
    goals: Mapping[int, Goal]
    tied: Tied
    ladders: Ladders
    nodes: Ints
    sums: list[int]

    def adds(self, goal: Sum) -> Floats:
        """What each column of each node adds to a goal."""
        found = np.zeros((len(self.tied.rows), self.options.price.shape[1]))
        found[np.searchsorted(self.tied.rows, goal.rows)] = weights(goal, self.options)
        return self.tied.drawn_together(found)[self.nodes]

    def hard(self) -> list[int]:
        """Numbers of the goals that say what is open: ties, and sums over a single node."""
        return [n for n, goal in self.goals.items() if isinstance(goal, Order | Family) or n in self.tied.masks]


def clash(goal: Goal, number: int, fault: tuple[float, float, str], against: tuple[str, ...], proved: bool) -> Clash:
    """A clash, in words too."""
    needed, best, _ = fault
    said = described(goal, fault, against, proved)
    return Clash(number, goal.label, goal.rows, needed, best, against, proved, said)


def at_ties(scene: Scene) -> list[Clash]:
    """Of each set of hard goals that cannot be met together, the first that is one too many."""
    faulty = {fault.goal for fault in scene.tied.faults}
    found = []
    for group in _groups(scene):
        if faulty & set(group):
            found.append(_one_too_many(scene, group))
    return found


def _groups(scene: Scene) -> list[list[int]]:
    """The hard goals, those that share rows together, each group in their order."""
    parent: dict[int, int] = {}

    def root(row: int) -> int:
        while parent.setdefault(row, row) != row:
            parent[row] = parent[parent[row]]
            row = parent[row]
        return row

    hard = scene.hard()
    for number in hard:
        rows = scene.goals[number].rows.tolist()
        for row in rows[1:]:
            parent[root(row)] = root(rows[0])
    found: dict[int, list[int]] = {}
    for number in hard:
        found.setdefault(root(int(scene.goals[number].rows[0])), []).append(number)
    return list(found.values())


def _one_too_many(scene: Scene, group: list[int]) -> Clash:
    accepted: list[int] = []
    for number in group:
        if faults := _faults(scene, [*accepted, number]):
            guilty = [each for each in accepted if not _faults(scene, [n for n in accepted if n != each] + [number])]
            against = tuple(scene.goals[each].label for each in (guilty or accepted))
            return clash(scene.goals[number], number, faults[0][1:], against, True)
        accepted.append(number)
    raise AssertionError("a fault of goals that can be met together")


def _faults(scene: Scene, numbers: list[int]) -> list[Fault]:
    goals = {number: scene.goals[number] for number in sorted(numbers)}
    rows = np.unique(np.concatenate([goal.rows for goal in goals.values()]))
    return tie(scene.options, scene.opened, rows, goals).faults


def at_budgets(scene: Scene) -> list[Clash]:
    """Hard goals, the last ones first, that need more changes than a budget allows."""
    for place in np.flatnonzero(scene.ladders.budget):
        budget = scene.goals[scene.sums[place]]
        assert isinstance(budget, Changes)
        index = chosen(scene.ladders, scene.adds(budget))
        used = -scene.adds(budget)[np.arange(len(index)), index]
        excess = used.sum() - budget.at_most
        if excess > 0:
            # where no goal asks for the changes, prices that may not be held do
            needs = (float(budget.at_most), float(used.sum()), "")
            return _give_way(scene, budget, used, int(excess)) or [clash(budget, scene.sums[place], needs, (), True)]
    return []


def _give_way(scene: Scene, budget: Changes, used: Floats, excess: int) -> list[Clash]:
    found = []
    left = np.zeros(len(scene.tied.rows))
    left[scene.nodes] = used
    for number in reversed(scene.hard()):
        goal = scene.goals[number]
        nodes = np.unique(scene.tied.leader[np.searchsorted(scene.tied.rows, goal.rows)])
        needs = int(left[nodes].sum())
        if needs and excess > 0:
            room = max(needs - excess, 0)
            words = f"it needs {needs} changes of price, {room} of {budget.at_most} are left"
            plain = clash(goal, number, (needs, room, words), (budget.label,), True)
            found.append(plain._replace(words=f"{goal.label}: {words} by {budget.label}"))
            left[nodes] = 0.0
            excess -= needs
    return found


def at_targets(scene: Scene) -> list[Clash]:
    """Targets beyond what their ladders can reach, whatever all else does."""
    found = []
    for number in _targets(scene):
        goal = scene.goals[number]
        assert not isinstance(goal, Order | Family)
        if _out_of_reach(scene.ladders, scene.sums.index(number)):
            needed, best = _reach(scene, goal, lambda score: chosen(scene.ladders, score))
            found.append(clash(goal, number, (needed, best, ""), _closing(scene, goal), True))
    return found


def _out_of_reach(ladders: Ladders, place: int) -> bool:
    """Whether a sum stays below its amount where each of its bundles chooses for it alone."""
    concerned = np.zeros(int(ladders.bundles.bundle.max(initial=-1)) + 1, np.bool_)
    concerned[ladders.bundles.bundle[(ladders.member == place).any(axis=0)]] = True
    part = ladders.part(np.flatnonzero(concerned[ladders.bundles.bundle]))
    adds = np.where((part.member == place)[:, :, None], part.adds, 0.0).sum(axis=0)
    return bool(part.totals(chosen(part, adds))[place] < ladders.amount[place] - ladders.rounding()[place])


def _targets(scene: Scene) -> list[int]:
    return [number for number in scene.sums if not isinstance(scene.goals[number], Changes)]


def _closing(scene: Scene, goal: Goal) -> tuple[str, ...]:
    """Hard goals that close prices of the goal's rows: they are part of why it cannot be met."""
    rows = set(goal.rows.tolist())
    return tuple(scene.goals[n].label for n in scene.hard() if rows & set(scene.goals[n].rows.tolist()))[:3]


def _reach(scene: Scene, goal: Sum, oracle: Oracle) -> tuple[float, float]:
    """What the goal needs and the best that can be reached of it, in its own unit."""
    if not isinstance(goal, Margin):
        return amount(goal), _total(scene, goal, oracle(scene.adds(goal)))
    best = -np.inf
    trial = goal
    for _ in range(20):  # Dinkelbach: the best of a ratio, by the best of differences
        index = oracle(scene.adds(trial))
        if index is None:
            break
        columns = scene.tied.spread(_all_nodes(scene, index))[np.searchsorted(scene.tied.rows, goal.rows)]
        revenue = scene.options.revenue[goal.rows, columns].sum()
        reached = 100 * float(scene.options.profit[goal.rows, columns].sum() / revenue) if revenue > 0 else 0.0
        if reached <= best + 1e-9:
            break
        best, trial = reached, replace(goal, pct=reached)
    return goal.pct, best


def _all_nodes(scene: Scene, index: Ints) -> Ints:
    found = np.zeros(len(scene.tied.rows), np.int64)
    found[scene.nodes] = index
    return found


def _total(scene: Scene, goal: Sum, index: Ints | None) -> float:
    return float("-inf") if index is None else float(scene.adds(goal)[np.arange(len(index)), index].sum())


def jointly(scene: Scene) -> list[Clash]:
    """Of targets that can be met alone, not together, the first that is one too many. For small sets: by HiGHS."""
    ladders, accepted = scene.ladders, scene.ladders.budget.copy()
    every = np.arange(ladders.sums)
    if accepted.any() and exact.solve(ladders, np.zeros(ladders.value.shape), sums=accepted).none:
        return _over_budgets(scene)
    for number in _targets(scene):
        goal, place = scene.goals[number], scene.sums.index(number)
        assert not isinstance(goal, Order | Family)

        needed = float(ladders.amount[place] - ladders.rounding()[place])
        if _reaches(scene, goal, accepted, needed):
            accepted[place] = True
            continue
        others = np.flatnonzero(accepted)
        guilty = [each for each in others if _reaches(scene, goal, accepted & (every != each), needed)]
        against = tuple(scene.goals[scene.sums[each]].label for each in (guilty or others))
        answer = exact.solve(ladders, scene.adds(goal), sums=accepted)
        reach = _reach(scene, goal, lambda score: exact.solve(ladders, score, sums=accepted).columns)
        proved = answer.none or answer.bound < ladders.amount[place]
        return [clash(goal, number, (*reach, ""), against, proved)]
    return []


def _over_budgets(scene: Scene) -> list[Clash]:
    """The last hard goal among the rows of budgets that can be kept one by one, not together; where there is none, the
    last budget.
    """
    budgets = [goal for goal in scene.goals.values() if isinstance(goal, Changes)]
    rows = {row for budget in budgets for row in budget.rows.tolist()}
    hard = [number for number in scene.hard() if rows & set(scene.goals[number].rows.tolist())]
    number = (hard or [n for n, goal in scene.goals.items() if isinstance(goal, Changes)] or list(scene.goals))[-1]
    goal, every = scene.goals[number], np.arange(scene.ladders.open.shape[1])
    index = chosen(scene.ladders, np.where(every == scene.ladders.hold[:, None], 0.0, -1.0))
    changes = np.zeros(len(scene.tied.rows))
    changes[scene.nodes] = index != scene.ladders.hold
    needs = int(changes[np.unique(scene.tied.leader[np.searchsorted(scene.tied.rows, goal.rows)])].sum())
    against = tuple(budget.label for budget in budgets if budget is not goal)
    words = f"{goal.label}: it needs {needs} changes of price, more than are left by {', '.join(against)} together"
    return [clash(goal, number, (needs, max(needs - 1, 0), ""), against, True)._replace(words=words)]


def _reaches(scene: Scene, goal: Sum, counted: Flags, needed: float) -> bool:
    """Whether the goal can be met beside the sums that count."""
    return _total(scene, goal, exact.solve(scene.ladders, scene.adds(goal), sums=counted).columns) >= needed


def unmet(scene: Scene, dual: Dual, index: Ints) -> list[Clash]:
    """Of the targets that large sets were not found to meet together, the later half; of the others, where a budget is
    what is missed, the later half of those that cost something.
    """
    ladders = scene.ladders
    missed = ladders.totals(index) < ladders.amount - ladders.rounding()
    missing = np.flatnonzero(missed & ~ladders.budget)
    if not len(missing):
        missing = np.flatnonzero((dual.multipliers > 0.0) & ~ladders.budget)
    if not len(missing):
        missing = np.flatnonzero(~ladders.budget)
    least = np.where(ladders.open, ladders.value, np.inf).min(axis=1).sum()
    found = []
    for place in missing[len(missing) // 2 :]:
        goal = scene.goals[scene.sums[place]]
        assert not isinstance(goal, Order | Family)
        shares = (ladders.member == place).any(axis=0)
        beside = [int(p) for p in np.unique(ladders.member[:, shares]) if p not in {place, ladders.sums}]
        against = tuple(scene.goals[scene.sums[p]].label for p in beside if missed[p] or dual.multipliers[p] > 0.0)
        reach = _reach(scene, goal, lambda score: index)
        found.append(clash(goal, scene.sums[place], (*reach, ""), against, bool(dual.bound < least)))
    return found or _over_budgets(scene)
