"""Who prices what: the strategy that claims a SKU, and strategies that would claim the same one.

Here: scopes, active windows, priorities. Not here: what a strategy does with its SKUs (plan.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import combinations

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.strategies.language import parse
from pricing_assets.strategies.strategy import Strategy

REMEDY = "give one of them a higher priority, narrow a scope or part their active windows"


@dataclass(frozen=True)
class Conflict:
    """Two strategies of equal priority that can claim one SKU on one day."""

    first: str
    second: str
    priority: int
    where: str

    def __str__(self) -> str:
        return f"{self.first} and {self.second} both claim {self.where} at priority {self.priority}"


def conflicts(strategies: Sequence[Strategy]) -> list[Conflict]:
    """Pairs of strategies with equal priority whose scopes and active windows meet.

    Scopes that name different things (a category here, a brand there) are taken to meet: only the catalogue of a day
    could tell.
    """
    ordered = sorted(strategies, key=lambda strategy: strategy.name)
    return [
        Conflict(one.name, two.name, one.priority, _common(one, two))
        for one, two in combinations(ordered, 2)
        if one.priority == two.priority and _scopes_meet(one, two) and _windows_meet(one, two)
    ]


def clashes(text: str, active: Mapping[str, str]) -> list[str]:
    """One sentence for each active strategy (name → text) that the strategy in `text` conflicts with.

    Raises StrategyError for a text with faults, an active one too: its origin is its name.
    """
    draft = parse(text)
    others = [parse(other, f"active strategy {name}") for name, other in sorted(active.items())]
    return [str(conflict) for other in others for conflict in conflicts([draft, other])]


def claims(strategies: Sequence[Strategy], frame: pl.DataFrame) -> pl.Series:
    """For each row the index of the strategy that prices it (Int64), null where none does.

    The highest priority among the strategies whose scope holds the row's category, market, brand and sku and whose
    active window holds its date. Raises PricingError where two of equal priority claim one row.
    """
    claimed = pl.repeat(None, frame.height, dtype=pl.Int64, eager=True)
    for priority in sorted({strategy.priority for strategy in strategies}, reverse=True):
        open_rows = claimed.is_null()
        for index, strategy in enumerate(strategies):
            if strategy.priority != priority:
                continue
            mine = frame.select(mine=_claim(strategy))["mine"] & open_rows
            _refuse(strategies, frame, mine & claimed.is_not_null(), claimed, index)
            claimed = pl.select(pl.when(mine).then(pl.lit(index, dtype=pl.Int64)).otherwise(claimed)).to_series()
    return claimed.alias("claim")


def _claim(strategy: Strategy) -> pl.Expr:
    holds = [pl.col(column).is_in(list(names)) for column, names in strategy.scope.items()]
    if strategy.active_from:
        holds.append(pl.col("date") >= strategy.active_from)
    if strategy.active_until:
        holds.append(pl.col("date") <= strategy.active_until)
    # a row without category or brand is in no scope that names one
    return pl.all_horizontal(pl.repeat(True, pl.len(), dtype=pl.Boolean), *holds).fill_null(False)


def _refuse(
    strategies: Sequence[Strategy], frame: pl.DataFrame, twice: pl.Series, claimed: pl.Series, index: int
) -> None:
    if not twice.any():
        return
    row = twice.arg_max() or 0
    sku, market, day = frame.select("sku", "market", "date").row(row)
    first, second = strategies[claimed[row]], strategies[index]
    raise PricingError(
        f"strategies {first.name} and {second.name} both claim SKU {sku} in {market} on {day}"
        f" at priority {second.priority}; so for {counted(int(twice.sum()), 'row')}",
        REMEDY,
    )


def _scopes_meet(one: Strategy, two: Strategy) -> bool:
    return all(set(one.scope[key]) & set(two.scope[key]) for key in one.scope.keys() & two.scope.keys())


def _windows_meet(one: Strategy, two: Strategy) -> bool:
    starts = max(one.active_from or date.min, two.active_from or date.min)
    ends = min(one.active_until or date.max, two.active_until or date.max)
    return starts <= ends


def _common(one: Strategy, two: Strategy) -> str:
    shared = []
    for key in dict.fromkeys([*one.scope, *two.scope]):
        names = [set(scope[key]) for scope in (one.scope, two.scope) if key in scope]
        shared.append(f"{key} {', '.join(sorted(set.intersection(*names)))}")
    return " and ".join(shared) or "every SKU"
