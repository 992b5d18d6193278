"""Goals over several SKUs: from a strategy's sentences to the prices that meet them all.

Here: which rows a goal is about, the ladders with what each price brings, and the words for what goals did. Not here:
the choice itself (goals/), gains of single prices (optimiser).

Every row of the strategy on a day takes part with what its price brings: one no model may move holds, but its profit
and revenue count for the targets of its category.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from pricing_assets.pricing.optimiser import Ints, Rows, gain, units_at
from pricing_assets.strategies import Goal, Strategy
from pricing_assets.strategies.learned import DEFAULT
from pricing_assets.tables.decisions import LinkedGoals

if TYPE_CHECKING:
    from pricing_assets.pricing import goals

_HORIZON = 28
CLASHES = "goals that cannot be met"
"""How the reason of a row begins that holds because of one."""


class Met(NamedTuple):
    """Of each row the price after the goals (minor units), the goal that moved it, and why it had to hold.

    `goals` are rows of decisions.linked_goals.
    """

    price: Ints
    because: pl.Series
    held: pl.Series
    goals: pl.DataFrame


def alone(price: Ints) -> Met:
    """The prices of rows no goal is about."""
    nothing = pl.repeat(None, len(price), dtype=pl.String, eager=True)
    return Met(price, nothing, nothing, LinkedGoals.create_empty())


class _Day(NamedTuple):
    """One day's rows of a strategy, and what each of their prices brings."""

    frame: pl.DataFrame
    rows: Rows
    options: goals.Options
    level: float


def meet(frame: pl.DataFrame, rows: Rows, ladder: Ints, strategy: Strategy) -> Met:
    """The prices of one day's rows of a strategy under its goals.

    `frame` has date, sku, market, category, scale, on_hand; `rows` and `ladder` (k × n, 0 where it has fewer, and of a
    row no model may move) are what the optimiser knows of the same rows.
    """
    from pricing_assets.pricing import goals as room

    level = float((strategy.ml or DEFAULT).bound_level)
    options = _options(frame, rows, ladder, level)
    day = _Day(frame, rows, options, level)
    asked = [made for goal in strategy.linked for made in _goals(goal, day)]
    chosen = room.choose(options, asked)
    price = options.price[np.arange(options.rows), chosen.index]
    because: list[str | None] = [None] * options.rows
    held: list[str | None] = [None] * options.rows
    for row, label in chosen.because.items():
        because[row] = label
    for clash in chosen.clashes:
        for row in map(int, clash.rows):
            held[row] = f"{CLASHES}: {clash.words}"
    told = [pl.Series(values, dtype=pl.String) for values in (because, held)]
    return Met(price, told[0], told[1], _told(frame, strategy, asked, chosen))


def _told(frame: pl.DataFrame, strategy: Strategy, asked: Sequence[goals.Goal], chosen: goals.Chosen) -> pl.DataFrame:
    """What came of each goal."""
    clashes, worth = {each.goal: each for each in chosen.clashes}, {each.label: each for each in chosen.worth}
    part = chosen.parts[0] if len(chosen.parts) == 1 else None
    whole = {
        "method": ", ".join(sorted({each.method for each in chosen.parts})) or "holds",
        "value": chosen.value,
        "bound": chosen.bound,
        "lagrangian": part.lagrangian if part else None,
    }
    told = []
    for number, goal in enumerate(asked):
        clash, sums = clashes.get(number), worth.get(goal.label)
        told.append(
            {
                "date": frame["date"][0],
                "strategy": strategy.name,
                "goal": goal.label,
                "met": clash is None,
                "needed": clash.needed if clash else sums.needed if sums else None,
                "reached": clash.best if clash else sums.reached if sums else None,
                "worth": sums.multiplier if sums and not clash else None,
                "clash": clash.words if clash else None,
                **whole,
            }
        )
    rows = pl.DataFrame(told, schema=LinkedGoals.create_empty().schema)
    return rows.unique(["goal"], keep="first", maintain_order=True).sort("goal")


def _options(frame: pl.DataFrame, rows: Rows, ladder: Ints, level: float) -> goals.Options:
    """Every rung of every row and its base, ascending, with what it brings in major units."""
    from pricing_assets.pricing import goals as room

    base = rows.base.astype(np.int64)
    prices = np.sort(np.concatenate([ladder, base[None]]), axis=0).T
    # empty rungs were sorted to the front: they repeat the lowest real one, closed
    first = np.argmax(prices > 0, axis=1)
    at = np.arange(prices.shape[1])
    real = (at >= first[:, None]) & np.concatenate(
        [np.ones((len(prices), 1), bool), np.diff(prices, axis=1) > 0], axis=1
    )
    prices = np.where(at < first[:, None], prices[np.arange(len(prices)), first][:, None], prices)
    scale = frame["scale"].to_numpy().astype(np.float64)
    value, profit, revenue = (np.empty(prices.shape) for _ in range(3))
    for column in at:
        price = prices[:, column].astype(np.float64)
        units = units_at(rows, price)
        value[:, column] = gain(rows, price).worth(level) / scale
        profit[:, column] = units * (price - rows.cost) / scale
        revenue[:, column] = units * price / scale
    hold = ((prices == base[:, None]) & real).argmax(axis=1)
    names = [f"{sku} in {market}" for sku, market in frame.select("sku", "market").iter_rows()]
    return room.Options(prices, real, value, profit, revenue, hold, names, frame["scale"].to_numpy())


def _goals(goal: Goal, day: _Day) -> list[goals.Goal]:
    """A goal of the text as goals of rows: lines and families and clearances by market, targets as written."""
    from pricing_assets.pricing import goals as room

    scope = [pl.col("sku").is_not_null()]
    scope += [pl.col(name) == value for name, value in (("category", goal.category), ("market", goal.market)) if value]
    scope += [pl.col("sku").is_in(goal.skus)] if goal.skus else []
    frame = day.frame
    mine = frame.select(pl.all_horizontal(scope).fill_null(value=False)).to_series().to_numpy()
    at = np.flatnonzero(mine)
    match goal.kind:
        case "margin_pct_at_least":
            return [room.Margin(goal.text, at, float(goal.value))]
        case "revenue_at_least":
            return [room.Revenue(goal.text, at, float(goal.value))]
        case "changes_at_most":
            return [room.Changes(goal.text, at, int(goal.value))]
        case "clear_by":
            return _clearances(goal, at, day)
    return [made for made in (_line(goal, at, frame, market) for market in frame["market"].unique().sort()) if made]


def _line(goal: Goal, at: Ints, frame: pl.DataFrame, market: str) -> goals.Goal | None:
    """A line or a family in one market, in the order of the text; None where fewer than two of it are sold there."""
    from pricing_assets.pricing import goals as room

    there = {frame["sku"][int(row)]: int(row) for row in at if frame["market"][int(row)] == market}
    rows = np.array([there[sku] for sku in goal.skus if sku in there], dtype=np.int64)
    if len(rows) < 2:
        return None
    label = f"{goal.text} in {market}"
    if goal.kind == "family":
        return room.Family(label, rows)
    return room.Order(label, rows, at_least=int(goal.value * int(frame["scale"][int(rows[0])])))


def _clearances(goal: Goal, at: Ints, day: _Day) -> list[goals.Goal]:
    """Of each SKU-market with stock: the units sold until the day, at least with the strategy's probability."""
    from scipy.special import ndtri  # type: ignore[import-untyped]

    from pricing_assets.pricing import goals as room

    late = float(ndtri(day.level))
    found: list[goals.Goal] = []
    for row in map(int, at):
        stock, decided = day.frame["on_hand"][row], day.frame["date"][row]
        days = (goal.until - decided).days if goal.until else 0
        if not stock or days < 1:
            continue
        prices = day.options.price[row]
        one = day.rows.take(np.full(len(prices), row))
        sold = units_at(one, prices.astype(np.float64)) * days / _HORIZON
        sold = sold * math.exp(-late * float(day.rows.spread[row]))
        label = f"{goal.text} ({day.options.names[row]})"
        found.append(room.Clear(label, np.array([row]), sold[None], float(goal.value) * stock))
    return found
