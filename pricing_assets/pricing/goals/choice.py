"""The price of every row under linked goals.

Here: which rows and goals hang together, how each such part is decided, who holds where goals clash. Not here: the
parts of the method: ties, dual, repair, core, exact, clashes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from pricing_assets.pricing.goals import clashes, core, dual, repair
from pricing_assets.pricing.goals.clashes import Scene
from pricing_assets.pricing.goals.groups import groups
from pricing_assets.pricing.goals.kinds import Changes, Family, Goal, Order, amount, weights
from pricing_assets.pricing.goals.ladders import ladders_of
from pricing_assets.pricing.goals.options import Flags, Floats, Ints, Options, pick, unfit
from pricing_assets.pricing.goals.outcome import Chosen, Clash, Part, Worth
from pricing_assets.pricing.goals.ties import tie

EXACT = 2_000
"""Prices still in question up to which HiGHS decides a part as a whole (docs/goals.md has the measurement)."""


class _Settled(NamedTuple):
    """A part that is decided: the columns of its rows, the bound, what its sums are worth by goal number."""

    rows: Ints
    columns: Ints
    part: Part
    multipliers: dict[int, float]


def choose(options: Options, goals: Sequence[Goal]) -> Chosen:
    """The columns worth the most that meet the goals; a goal that cannot be met holds its rows, and is named."""
    held = unfit(options)
    opened = options.open.copy()
    _hold(options, opened, list(held))
    for goal in goals:
        if isinstance(goal, Changes) and goal.at_most == 0:
            closed = goal.rows[~options.open[goal.rows, options.hold[goal.rows]]]
            words = f"{goal.label}: no price may change, also not one that breaks a constraint"
            held |= {int(row): words for row in closed if int(row) not in held}
            _hold(options, opened, goal.rows)
    found: list[Clash] = []
    settled: list[_Settled] = []
    given_way: dict[int, str] = {}
    waiting = _parts(options, opened, {n: goal for n, goal in enumerate(goals) if len(goal.rows)})
    while waiting:
        part = waiting.pop()
        done = _settle(options, opened, part)
        if isinstance(done, _Settled):
            settled.append(done)
            continue
        done = [_beside_held(each, given_way) for each in done]
        for each in done:
            given_way |= {int(row): each.label for row in each.rows if int(row) not in held}
            held |= {int(row): each.words for row in each.rows if int(row) not in held}
            _hold(options, opened, each.rows)
        found += done
        gone = {each.goal for each in done}
        waiting += _parts(options, opened, {n: goal for n, goal in part.items() if n not in gone})
    found.sort(key=lambda each: each.goal)
    return _chosen(options, opened, goals, settled=settled, found=found, held=held)


def _beside_held(clash: Clash, given_way: Mapping[int, str]) -> Clash:
    """With the goals for which rows of it already hold."""
    labels = tuple(dict.fromkeys(given_way[int(row)] for row in clash.rows if int(row) in given_way))
    if not labels:
        return clash
    some = ", ".join(labels[:3]) + (" and others" if len(labels) > 3 else "")
    words = f"{clash.words}; prices of it already hold because of {some}"
    return clash._replace(against=tuple(dict.fromkeys([*clash.against, *labels])), words=words)


def _hold(options: Options, opened: Flags, rows: Sequence[int] | Ints) -> None:
    at = np.asarray(rows, np.int64)
    opened[at] = np.arange(opened.shape[1]) == options.hold[at][:, None]


def _parts(options: Options, opened: Flags, goals: Mapping[int, Goal]) -> list[dict[int, Goal]]:
    """Goals that hang together by rows that are not held, in their order."""
    if not goals:
        return []
    free = (opened & (np.arange(opened.shape[1]) != options.hold[:, None])).any(axis=1)
    numbers = list(goals)
    ends = [(np.full(len(rows), place), rows) for place, n in enumerate(numbers) if len(rows := _free(goals[n], free))]
    ties = np.concatenate([np.stack(each) for each in ends], axis=1) if ends else np.zeros((2, 0), np.int64)
    size = len(numbers) + options.rows
    part = groups(ties[0], ties[1] + len(numbers), size)
    found: dict[int, dict[int, Goal]] = {}
    for place, number in enumerate(numbers):
        found.setdefault(int(part[place]), {})[number] = goals[number]
    return list(found.values())


def _free(goal: Goal, free: Flags) -> Ints:
    return goal.rows[free[goal.rows]]


def _settle(options: Options, opened: Flags, goals: Mapping[int, Goal]) -> _Settled | list[Clash]:
    """Decides a part, or says which of its goals give way."""
    below = [(n, goal) for n, goal in goals.items() if isinstance(goal, Changes) and goal.at_most < 0]
    if below:
        return [clashes.clash(goal, n, (goal.at_most, 0, ""), (), True) for n, goal in below]
    rows = np.unique(np.concatenate([goal.rows for goal in goals.values()]))
    tied = tie(options, opened, rows, goals)
    ladders, nodes, sums = ladders_of(options, tied, goals)
    scene = Scene(options, opened, goals, tied, ladders, nodes, sums)
    if tied.faults:
        return clashes.at_ties(scene)
    if found := clashes.at_budgets(scene) or clashes.at_targets(scene):
        return found
    return _decide(scene)


def _decide(scene: Scene) -> _Settled | list[Clash]:
    ladders = scene.ladders
    if not ladders.sums:
        index = dual.chosen(ladders, ladders.value)
        return _settled(scene, index, "alone", bound=ladders.worth(index), first=index, multipliers=np.zeros(0))
    priced = dual.priced(ladders)
    index = first = repair.repaired(ladders, priced.columns, priced.multipliers)
    bound, method = priced.bound, "multipliers"
    opened = core.in_question(ladders, priced, index)
    if not ladders.met(index) or _count(opened) > EXACT:
        index = core.polished(ladders, priced, index)
        opened = core.in_question(ladders, priced, index)
    if _count(opened) <= EXACT:
        method = "HiGHS"
        answer = core.within(ladders, index, np.arange(len(index)), opened)
        if answer.columns is not None and (
            not ladders.met(index) or ladders.worth(answer.columns) > ladders.worth(index)
        ):
            index = answer.columns
        if ladders.met(index):
            bound = min(bound, max(answer.bound, ladders.worth(index)))
        elif one_too_many := clashes.jointly(scene):
            return one_too_many
    if not ladders.met(index):
        return clashes.unmet(scene, priced, index)
    index = repair.settled(ladders, index)
    return _settled(scene, index, method, bound=bound, first=first, multipliers=priced.multipliers)


def _count(opened: Flags) -> int:
    """How many prices a program would have to decide among."""
    return int(opened[opened.sum(axis=1) > 1].sum())


def _settled(scene: Scene, index: Ints, method: str, *, bound: float, first: Ints, multipliers: Floats) -> _Settled:
    ladders = scene.ladders
    spread = np.zeros(len(scene.tied.rows), np.int64)
    spread[scene.nodes] = index
    lagrangian = ladders.worth(first) if ladders.met(first) else None
    part = Part(len(scene.tied.rows), len(scene.goals), method, ladders.worth(index), bound, lagrangian)
    return _Settled(
        scene.tied.rows, scene.tied.spread(spread), part, dict(zip(scene.sums, multipliers.tolist(), strict=True))
    )


def _chosen(
    options: Options,
    opened: Flags,
    goals: Sequence[Goal],
    *,
    settled: Sequence[_Settled],
    found: list[Clash],
    held: dict[int, str],
) -> Chosen:
    finite = np.where(np.isfinite(options.value), options.value, 0.0)
    index = pick(np.where(opened, finite, -np.inf), options.hold)
    fit = options.open.copy()
    _hold(options, fit, list(unfit(options)))
    alone = pick(np.where(fit, finite, -np.inf), options.hold)
    every = np.arange(options.rows)
    free = np.ones(options.rows, np.bool_)
    for each in settled:
        index[each.rows] = each.columns
        free[each.rows] = False
    multipliers = {number: price for each in settled for number, price in each.multipliers.items()}
    rest = float(finite[every, index][free].sum())
    given_way = {each.goal for each in found}
    standing = {n: goal for n, goal in enumerate(goals) if n not in given_way}
    return Chosen(
        index=index,
        alone=alone,
        value=float(finite[every, index].sum()),
        bound=rest + sum(each.part.bound for each in settled),
        worth=_worth(options, standing, index, multipliers),
        clashes=found,
        held=dict(sorted(held.items())),
        because=_because(options, standing, index, alone, multipliers=multipliers, held=held),
        parts=[each.part for each in settled],
    )


def _worth(options: Options, goals: Mapping[int, Goal], index: Ints, multipliers: Mapping[int, float]) -> list[Worth]:
    found = []
    for number, goal in goals.items():
        if isinstance(goal, Order | Family):
            continue
        reached = float(weights(goal, options)[np.arange(len(goal.rows)), index[goal.rows]].sum())
        sign = -1.0 if isinstance(goal, Changes) else 1.0
        found.append(Worth(goal.label, multipliers.get(number, 0.0), sign * amount(goal) + 0.0, sign * reached + 0.0))
    return found


def _because(
    options: Options,
    goals: Mapping[int, Goal],
    index: Ints,
    alone: Ints,
    *,
    multipliers: Mapping[int, float],
    held: Mapping[int, str],
) -> dict[int, str]:
    """The goal that did most to move each row from what it would take alone: by worth, else the first that ties it."""
    moved = index != alone
    moved[list(held)] = False
    push, label = np.zeros(options.rows), np.full(options.rows, -1)
    for number, goal in goals.items():
        at = np.flatnonzero(moved[goal.rows])
        rows = goal.rows[at]
        if isinstance(goal, Order | Family) or number not in multipliers:
            some = rows[label[rows] < 0]
            label[some] = number
            continue
        adds = weights(goal, options)[at]
        each = np.arange(len(at))
        pushes = multipliers[number] * (adds[each, index[rows]] - adds[each, alone[rows]])
        more = pushes > push[rows]
        push[rows[more]], label[rows[more]] = pushes[more], number
        some = rows[label[rows] < 0]
        label[some] = number
    return {int(row): goals[int(label[row])].label for row in np.flatnonzero(moved) if label[row] >= 0}
