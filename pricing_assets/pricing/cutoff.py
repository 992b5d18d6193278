"""The cut-off: whether a price decided earlier may still go out, judged by what is known now.

Here: the floors of a market's law and of a strategy (minimum advertised price, its own) against the newest cost and
minimum advertised price. Not here: caps and goals, which bind the decision only; reading the newest facts
(publishing/).
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from pricing_assets.pricing import constraints
from pricing_assets.pricing import law as laws
from pricing_assets.pricing.law import NO_LAW, Law
from pricing_assets.strategies import Constraint, Strategy
from pricing_assets.tables import money

READ = ("price", "currency", "strategy_hash", "cost", "map_price")
"""The columns of a price about to go out that are looked at: Decimal amounts in the same currency."""

_PARAMETERS = {"required", "pct", "cost_times", "amount"}
"""What a hard floor may rest on: a floor on a rival's price or the list price is a goal of the day it was decided."""


def hard(strategy: Strategy) -> list[Constraint]:
    """The constraints of a strategy that must hold at the cut-off too, in order of precedence."""
    found = [each for each in strategy.constraints if each.kind in constraints.FLOORS]
    return [each for each in found if each.parameter in _PARAMETERS]


def broken(prices: pl.DataFrame, strategies: Mapping[str, Strategy], law: Law = NO_LAW) -> pl.Series:
    """Why each price may not go out any more, in words; null where it may. `strategies` are by hash of their text.

    `prices` have READ, and where there is a `law` also market. A floor on the cost is broken where no cost is known: it
    could not be checked. A price whose strategy is not among them has no constraints of its own.
    """
    scale = money.scale(pl.col("currency"), prices["currency"].unique())
    rows = prices.select(*READ, *(["market"] if law else [])).with_row_index("row").with_columns(scale=scale)
    rows = rows.with_columns(minor=money.to_minor(pl.col("price"), pl.col("scale")))
    parts = [
        part.select("row", why=_why(hard(strategies[hashed])))
        for (hashed,), part in rows.group_by("strategy_hash", maintain_order=True)
        if hashed in strategies
    ]
    nothing = pl.DataFrame(schema={"row": rows.schema["row"], "why": pl.String})
    found = rows.select("row").join(pl.concat([nothing, *parts]), on="row", how="left", maintain_order="left")
    own = found["why"]
    return rows.select(pl.coalesce(*_by_law(law), pl.lit(own)).alias("why")).to_series()


def _by_law(law: Law) -> list[pl.Expr]:
    """Why a price is against the law of its market."""
    said: list[pl.Expr] = []
    for bound in laws.floors(law):
        unknown = pl.when(laws.cost_unknown(law)).then(pl.lit(f"no cost is known, so {bound.label} cannot be checked"))
        lowest = money.to_major(bound.floor, pl.col("scale"))
        words = pl.format("{} is now {} {}, above the price", pl.lit(bound.label), lowest, "currency")
        said += [unknown, pl.when((pl.col("minor") < bound.floor).fill_null(False)).then(words)]
    return said


def _why(bounds: list[Constraint]) -> pl.Expr:
    """The first bound a price breaks, as a sentence."""
    said = []
    for bound in bounds:
        floor, _ = constraints.interval(bound)
        lowest = money.to_major(floor, pl.col("scale"))
        words = pl.format("{} is now {} {}, above the price", pl.lit(constraints.described(bound)), lowest, "currency")
        if constraints.needs_cost(bound):
            unknown = pl.lit(f"no cost is known, so {constraints.described(bound)} cannot be checked")
            said.append(pl.when(pl.col("cost").is_null()).then(unknown))
        said.append(pl.when((pl.col("minor") < floor).fill_null(False)).then(words))
    return pl.coalesce(*said, pl.lit(None, dtype=pl.String))
