"""Random markets with goals, and slow obvious answers: every combination of prices, every goal checked one by one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from pricing_assets.pricing.goals import Changes, Chosen, Clear, Family, Goal, Margin, Options, Order, Revenue


def options(rows: int, prices: int, seed: int) -> Options:
    """Ladders around prices of 2 to 20 with 5-cent steps, some prices closed, demand of constant elasticity."""
    draw = np.random.default_rng(seed)
    current = draw.integers(40, 60 if draw.random() < 0.5 else 400, rows) * 5
    steps = np.arange(prices) - draw.integers(0, prices, rows)[:, None]
    price = np.maximum(current[:, None] + steps * 5 * draw.integers(1, 4), 5)
    price = np.maximum.accumulate(price, axis=1).astype(np.int64)
    hold = (price == current[:, None]).argmax(axis=1)
    opened = draw.random(price.shape) < 0.85
    opened[:, 1:] &= price[:, 1:] > price[:, :-1]
    opened[np.arange(rows), hold] |= draw.random(rows) < 0.9
    cost = current * draw.uniform(0.4, 0.9, rows)
    units = draw.gamma(2.0, 10.0, rows)[:, None] * (price / current[:, None]) ** -draw.uniform(0.5, 4.0, rows)[:, None]
    revenue, profit = units * price / 100, units * (price - cost[:, None]) / 100
    value = profit - profit[np.arange(rows), hold][:, None]
    return Options(price, opened, value, profit, revenue, hold, tuple(f"SKU-{row}" for row in range(rows)))


def goals(held: Options, seed: int, most: int = 5) -> list[Goal]:
    """Some goals of every kind, tight or beyond reach as often as not."""
    draw = np.random.default_rng(seed + 10**6)
    every = np.arange(held.rows)
    found: list[Goal] = []

    def some(least: int = 1) -> np.ndarray:
        return np.sort(draw.permutation(every)[: draw.integers(min(least, held.rows), held.rows + 1)])

    for number in range(draw.integers(1, most + 1)):
        rows, label = some(), f"goal {number}"
        at = np.arange(len(rows)), held.hold[rows]
        kind = draw.integers(0, 6)
        if kind == 0:
            now = 100 * held.profit[rows][at].sum() / held.revenue[rows][at].sum()
            found.append(Margin(label, rows, float(now + draw.uniform(-6, 3))))
        elif kind == 1:
            found.append(Revenue(label, rows, float(held.revenue[rows][at].sum() * draw.uniform(0.8, 1.1))))
        elif kind == 2:
            rows = rows[: draw.integers(1, 3)]
            units = held.revenue[rows] / held.price[rows] * 100
            least, largest = units.min(axis=1).sum(), units.max(axis=1).sum()
            found.append(Clear(label, rows, units, float(draw.uniform(least, least + 0.8 * (largest - least)))))
        elif kind == 3:
            found.append(Changes(label, rows, int(draw.integers(0, len(rows) + 1))))
        elif kind == 4:
            rows = draw.permutation(some(2))[:4]
            by_price = rows[np.argsort(held.price[rows, held.hold[rows]], kind="stable")]
            line = by_price if draw.random() < 0.9 else rows
            ratio = Fraction(1) if draw.random() < 0.9 else Fraction(int(draw.integers(2, 8)), 4)
            found.append(Order(label, line, int(draw.integers(0, 4)) * 5, ratio))
        else:
            near = np.argsort(
                np.abs(held.price[every, held.hold] - held.price[rows[0], held.hold[rows[0]]]), kind="stable"
            )
            found.append(Family(label, near[: draw.integers(2, 4)]))
    return found


def broken(held: Options, goal: Goal, index: Sequence[int] | np.ndarray) -> bool:
    """Whether the prices miss a goal."""
    rows, columns = goal.rows, np.asarray(index)[goal.rows]
    price = [int(held.price[row, column]) for row, column in zip(rows, columns, strict=True)]
    profit, revenue = held.profit[rows, columns].sum(), held.revenue[rows, columns].sum()
    match goal:
        case Margin():
            return bool(profit < goal.pct / 100 * revenue - 1e-7 * (1 + revenue))
        case Revenue():
            return bool(revenue < goal.amount - 1e-7 * (1 + goal.amount))
        case Clear():
            sold = goal.units[np.arange(len(rows)), columns].sum()
            return bool(sold < goal.amount - 1e-7 * (1 + goal.amount))
        case Changes():
            return bool((columns != held.hold[rows]).sum() > goal.at_most)
        case Order():
            pairs = itertools.pairwise(price)
            return any(large < goal.ratio * small + goal.at_least for small, large in pairs)
        case Family():
            return len(set(price)) > 1


def violations(held: Options, wanted: Sequence[Goal], chosen: Chosen) -> list[str]:
    """Everything that is wrong with an answer."""
    found = []
    given_way = {clash.goal for clash in chosen.clashes}
    for number, goal in enumerate(wanted):
        if number not in given_way and broken(held, goal, chosen.index):
            found.append(f"{goal} is not met, and not said to clash")
    for row, column in enumerate(chosen.index):
        if row in chosen.held and column != held.hold[row]:
            found.append(f"row {row} is held and moves")
        if row not in chosen.held and not held.open[row, column]:
            found.append(f"row {row} takes a price that is not open")
    for clash in chosen.clashes:
        found += [f"row {row} of {clash.label} is not held" for row in clash.rows if int(row) not in chosen.held]
    if chosen.bound < chosen.value - 1e-6 * (1 + abs(chosen.value)):
        found.append(f"the bound {chosen.bound} lies below the value {chosen.value}")
    return found


def best(held: Options, wanted: Sequence[Goal], rows_held: Sequence[int] = ()) -> float | None:
    """The highest value of all combinations of prices that meet every goal; none where no combination does."""
    frozen = {int(row) for goal in wanted if isinstance(goal, Changes) and goal.at_most == 0 for row in goal.rows}
    ladders = [
        [int(held.hold[row])] if row in rows_held or row in frozen else np.flatnonzero(held.open[row]).tolist()
        for row in range(held.rows)
    ]
    found = None
    for index in itertools.product(*ladders):
        worth = float(sum(held.value[row, column] for row, column in enumerate(index)))
        if (found is None or worth > found) and not any(broken(held, goal, index) for goal in wanted):
            found = worth
    return found
