"""Linked goals: how near to the best, how fast, and whether any goal is ever missed without being named.

Here: 300 categories with targets, lines and a budget of changes; 200 small markets beside HiGHS, which decides each
as one program without any of our preparation; 10,000 random markets whose every goal is checked one by one. Not here:
the small cases that every combination of prices is tried for (the unit tests).

    python benchmarks/goals.py --size 100000 --categories 300
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from unittest import mock

import numpy as np

from pricing_assets.pricing import goals
from pricing_assets.pricing.goals import Changes, Chosen, Clear, Family, Goal, Margin, Options, Order, Revenue, exact
from pricing_assets.pricing.goals.ladders import ladders_of
from pricing_assets.pricing.goals.ties import tie

SMALL_BAR = 0.001
"""Of HiGHS's value: what a small market may be short of it."""
DOUBT = 0.1
"""Of the change in revenue: what a price's lower bound takes off its gain."""


def run(size: int = 100_000, categories: int = 300, small: int = 200, cases: int = 10_000) -> list[dict[str, Any]]:
    """Figures for `make bench`."""
    return [*_large(size, categories), *_beside_highs(small), _violations(cases)]


def _large(size: int, categories: int) -> list[dict[str, Any]]:
    options, wanted = market(size, categories)
    start, cpu = time.perf_counter(), time.process_time()
    found = goals.choose(options, wanted)
    seconds, used = time.perf_counter() - start, time.process_time() - cpu
    kinds = [sum(isinstance(goal, kind) for goal in wanted) for kind in (Margin, Revenue, Order)]
    broken = sum(misses(options, goal, found) for goal in wanted)
    what = (
        f"{size:,} SKU-markets in {categories} categories, {kinds[0]} margin and {kinds[1]} revenue targets, "
        f"{kinds[2]:,} lines of three, a budget of {size * 15 // 100:,} changes"
    )
    gap = {"name": f"goals, gap to the bound in %: {what}", "figure": round(100 * found.relative_gap, 4)}
    time_taken = {"name": f"goals, seconds ({used:.1f} s of one processor)", "figure": round(seconds, 1)}
    missed = {"name": "goals missed, or given up", "figure": broken + len(found.clashes), "bar": 0}
    missed["holds"] = missed["figure"] == 0
    return [{**gap, "bar": None, "holds": True}, {**time_taken, "bar": None, "holds": True}, missed]


def _beside_highs(count: int) -> list[dict[str, Any]]:
    """Small markets, each with targets, lines and a budget; HiGHS gets all open prices at once."""
    mine, alone, unmet = [], [], 0
    seed = 0
    while len(mine) < count:
        seed += 1
        draw = np.random.default_rng(seed)
        options, wanted = market(int(draw.integers(10, 61)), int(draw.integers(1, 4)), seed)
        best = _by_highs(options, wanted)
        if best is None:
            continue
        found = goals.choose(options, wanted)
        with mock.patch("pricing_assets.pricing.goals.choice.EXACT", -1):
            without = goals.choose(options, wanted)
        scale = max(abs(best), 1.0)
        mine.append(max(best - found.value, 0.0) / scale if not found.clashes else np.inf)
        plain = [part.lagrangian for part in without.parts]
        if None in plain:
            unmet += 1
        else:
            rest = without.value - sum(part.value for part in without.parts)
            alone.append(max(best - rest - sum(filter(None, plain)), 0.0) / scale)
    name = f"goals, {count} small markets: furthest below HiGHS, % (multipliers and single moves alone: "
    name += f"median {100 * statistics.median(alone):.2f} %, furthest {100 * max(alone):.1f} %, no answer for {unmet})"
    worst = max(mine)
    return [{"name": name, "figure": round(100 * worst, 4), "bar": 100 * SMALL_BAR, "holds": worst <= SMALL_BAR}]


def _by_highs(options: Options, wanted: Sequence[Goal]) -> float | None:
    numbered = dict(enumerate(wanted))
    tied = tie(options, options.open, np.arange(options.rows), numbered)
    if tied.faults:
        return None
    ladders, _, _ = ladders_of(options, tied, numbered)
    answer = exact.solve(ladders, nodes=10**6)
    return None if answer.columns is None else ladders.worth(answer.columns)


def _violations(cases: int) -> dict[str, Any]:
    missed, clashing = 0, 0
    for seed in range(cases):
        draw = np.random.default_rng(seed)
        options, wanted = tiny(int(draw.integers(2, 13)), seed)
        found = goals.choose(options, wanted)
        given_way = {clash.goal for clash in found.clashes}
        clashing += bool(given_way)
        missed += sum(misses(options, goal, found) for n, goal in enumerate(wanted) if n not in given_way)
        shut = ~options.open[np.arange(options.rows), found.index]
        missed += int((shut & ~np.isin(np.arange(options.rows), list(found.held))).sum())
        missed += int((found.index != options.hold)[list(found.held)].sum())
    name = f"goals and ladders broken in {cases:,} random markets, {clashing:,} of them with goals that clash"
    return {"name": name, "figure": missed, "bar": 0, "holds": missed == 0}


def misses(options: Options, goal: Goal, found: Chosen) -> bool:
    """Whether the prices miss a goal, by its own words."""
    rows, columns = goal.rows, found.index[goal.rows]
    price, profit, revenue = (each[rows, columns] for each in (options.price, options.profit, options.revenue))
    match goal:
        case Margin():
            return bool(profit.sum() < goal.pct / 100 * revenue.sum() - 1e-7 * (1 + revenue.sum()))
        case Revenue():
            return bool(revenue.sum() < goal.amount * (1 - 1e-7))
        case Clear():
            return bool(goal.units[np.arange(len(rows)), columns].sum() < goal.amount * (1 - 1e-7))
        case Changes():
            return bool((columns != options.hold[rows]).sum() > goal.at_most)
        case Order():
            return any(high < goal.ratio * int(low) + goal.at_least for low, high in itertools.pairwise(price))
        case Family():
            return len(set(price.tolist())) > 1


def market(rows: int, categories: int, seed: int = 1, prices: int = 20) -> tuple[Options, list[Goal]]:
    """Ladders in steps of 2 % around prices of some 1 to 50, with goals: a margin target 1.5 points above today's in
    every second category, a revenue target in every third, a fifth of the rows in lines of three, changes for 15 % of
    the rows.
    """
    draw = np.random.default_rng(seed)
    options = _ladders(draw, rows, prices)
    return options, _targets(draw, options, categories)


def _ladders(draw: np.random.Generator, rows: int, prices: int) -> Options:
    current = np.exp(draw.normal(2.0, 0.8, rows)).clip(1.0, 99.0) // 0.1 * 10 + 9
    steps = 1 + 0.02 * (np.arange(prices) - prices // 2)
    ladder = np.round(current[:, None] * steps / 5).astype(np.int64) * 5
    ladder[:, prices // 2] = current
    ladder = np.sort(ladder, axis=1)
    opened = np.ones(ladder.shape, np.bool_)
    opened[:, 1:] = ladder[:, 1:] > ladder[:, :-1]
    hold = (ladder == current[:, None]).argmax(axis=1)
    elasticity, cost = 0.2 + draw.gamma(8.0, 0.3, rows), current * draw.uniform(0.5, 0.8, rows)
    units = draw.gamma(1.5, 30.0, rows)[:, None] * (ladder / current[:, None]) ** -elasticity[:, None]
    revenue, profit = units * ladder / 100, units * (ladder - cost[:, None]) / 100
    at = np.arange(rows)[:, None], hold[:, None]
    value = profit - profit[at] - DOUBT * np.abs(revenue - revenue[at])
    return Options(ladder, opened, value, profit, revenue, hold)


def _targets(draw: np.random.Generator, options: Options, categories: int) -> list[Goal]:
    category = draw.integers(0, categories, options.rows)
    every = np.arange(options.rows)
    now = {name: getattr(options, name)[every, options.hold] for name in ("price", "profit", "revenue")}
    found: list[Goal] = []
    for number in range(categories):
        rows = np.flatnonzero(category == number)
        if not len(rows):
            continue
        revenue = now["revenue"][rows].sum()
        if number % 2 == 0:
            margin = 100 * now["profit"][rows].sum() / revenue
            found.append(Margin(f"margin of C{number}", rows, float(margin + 1.5)))
        if number % 3 == 0:
            found.append(Revenue(f"revenue of C{number}", rows, float(revenue * (1.01 if number % 2 else 0.99))))
        lined = rows[np.argsort(now["price"][rows], kind="stable")][: len(rows) // 15 * 3]
        found += [Order(f"line {number}-{at}", lined[at : at + 3], 5) for at in range(0, len(lined), 3)]
    return [*found, Changes("changes of price", every, options.rows * 15 // 100)]


def tiny(rows: int, seed: int) -> tuple[Options, list[Goal]]:
    """A small market with closed prices, some rows with none at all, and a few goals of any kind on any rows."""
    draw = np.random.default_rng(seed)
    options = _ladders(draw, rows, int(draw.integers(3, 12)))
    opened = options.open & (draw.random(options.open.shape) < 0.8) & (draw.random(rows) < 0.97)[:, None]
    options = replace(options, open=opened)
    return options, [_any_goal(draw, options, f"goal {number}") for number in range(draw.integers(1, 6))]


def _any_goal(draw: np.random.Generator, options: Options, label: str) -> Goal:
    rows = draw.permutation(options.rows)[: draw.integers(1, options.rows + 1)]
    now = {name: getattr(options, name)[rows, options.hold[rows]].sum() for name in ("profit", "revenue")}
    by_price = rows[np.argsort(options.price[rows, options.hold[rows]], kind="stable")]
    units = options.revenue[rows] / options.price[rows] * 100
    match draw.integers(0, 6):
        case 0:
            return Margin(label, rows, float(100 * now["profit"] / now["revenue"] + draw.uniform(-6, 4)))
        case 1:
            return Revenue(label, rows, float(now["revenue"] * draw.uniform(0.8, 1.15)))
        case 2:
            return Clear(label, rows, units, float(units.max(axis=1).sum() * draw.uniform(0.5, 1.05)))
        case 3:
            return Changes(label, rows, int(draw.integers(0, len(rows) + 1)))
        case 4:
            return Order(label, (by_price if draw.random() < 0.8 else rows)[:4], int(draw.integers(0, 4)) * 5)
        case _:
            return Family(label, by_price[:2])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=100_000, help="SKU-markets")
    parser.add_argument("--categories", type=int, default=300)
    parser.add_argument("--small", type=int, default=200, help="small markets beside HiGHS")
    parser.add_argument("--cases", type=int, default=10_000, help="random markets whose every goal is checked")
    given = parser.parse_args()
    print(json.dumps(run(given.size, given.categories, given.small, given.cases), indent=2, ensure_ascii=False))
