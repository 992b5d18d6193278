"""Rules over a frame: what a strategy proposes, row by row, as one Polars plan.

Here: the order of rules, compounding, `stop`, holds and their reasons, confidence. Not here: constraints, endings and
the decision (pricing/), single conditions and actions (compilation.py, actions.py).

The plan is linear in the number of rules: each adds columns over the price so far; none nests into the next.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.strategies.actions import MINOR_PER_MAJOR, action_blame, price_after
from pricing_assets.strategies.compilation import SO_FAR, blame, compiled, divided, prepared
from pricing_assets.strategies.strategy import Rule, Strategy
from pricing_assets.strategies.trees import features, names_price
from pricing_assets.tables import money

MAX_MINOR = 1e13
"""Prices from here on (in minor units) are held: every smaller one fits Decimal(18,4) in every currency."""

_PRICE, _OPEN, _HELD = "price:minor", "price:open", "price:held"
_START = -1


def propose(strategy: Strategy, frame: pl.DataFrame) -> pl.DataFrame:
    """What the strategy's rules make of each row. Row for row in the order of `frame`.

    `frame` has the columns of features.feature_snapshots. The result has

    - `start` Int64: list price in minor units, null where unknown;
    - `proposed` Float64: price after all rules in minor units, null where held;
    - `rule:<name>` Float64, in the order the rules run: cumulative price after the rule in minor units, null where it
      did not fire;
    - `hold` String: null, or why the SKU must be held, e.g. `rule aged-180: stock_age_days is null`;
    - `confidence` Float64: share of the features the rules name that are not null, 1.0 where they name none.
    """
    plan = _prepared(strategy, frame)
    for number, rule in enumerate(strategy.rules):
        plan = _ruled(plan, number, rule)
    done = plan.collect()
    held = pl.col(_HELD).is_null()
    return done.select(
        "start",
        pl.when(held).then(pl.col(_PRICE)).alias("proposed"),
        *(f"rule:{rule.name}" for rule in strategy.rules),
        _reasons(strategy, done),
        _confidence(strategy),
    )


def _prepared(strategy: Strategy, frame: pl.DataFrame) -> pl.LazyFrame:
    """The named features as the plan wants them, the state before the first rule, and all conditions on features."""
    trees = [tree for rule in strategy.rules for tree in (rule.when, rule.then.formula) if tree is not None]
    inputs = list(dict.fromkeys(name for tree in trees for name in features(tree)))
    sellable = pl.col("start").is_between(0, MAX_MINOR, closed="none").fill_null(False)
    conditions = [
        compiled(rule.when).alias(f"when:{number}")
        for number, rule in enumerate(strategy.rules)
        if rule.when is not None and not names_price(rule.when)
    ]
    return (
        frame.lazy()
        .select(
            *dict.fromkeys(["list_price", *strategy.features()]),
            *(prepared(name) for name in inputs),
            money.scale(pl.col("currency"), frame["currency"].unique()).alias(MINOR_PER_MAJOR),
        )
        .with_columns(money.to_minor(pl.col("list_price"), pl.col(MINOR_PER_MAJOR)).alias("start"), *conditions)
        .with_columns(
            pl.col("start").cast(pl.Float64).alias(_PRICE),
            sellable.alias(_OPEN),
            pl.when(~sellable).then(pl.lit(_START, dtype=pl.Int16)).alias(_HELD),
        )
    )


def _ruled(plan: pl.LazyFrame, number: int, rule: Rule) -> pl.LazyFrame:
    """One more rule: where the row is open and the condition true, the price moves; where it is null, the row holds."""
    condition, after = pl.col(f"when:{number}"), f"rule:{rule.name}"
    if rule.when is None:
        plan = plan.with_columns(pl.lit(True).alias(f"when:{number}"))
    elif names_price(rule.when):
        plan = plan.with_columns(_so_far()).with_columns(compiled(rule.when).alias(f"when:{number}"))
    if rule.then.formula is not None and names_price(rule.then.formula):
        plan = plan.with_columns(_so_far())
    price = price_after(rule.then, pl.col(_PRICE))
    # a price that is null, NaN, infinite or out of bounds is no price: null
    sound = price.is_between(0, MAX_MINOR, closed="none")
    plan = plan.with_columns(pl.when(pl.col(_OPEN) & condition & sound).then(price).alias(after))
    moved = pl.col(after).is_not_null()
    fails = pl.col(_OPEN) & ~moved & condition.fill_null(True)
    goes_on = pl.col(_OPEN) & ~fails
    return plan.with_columns(
        pl.coalesce(after, _PRICE).alias(_PRICE),
        (goes_on & ~moved if rule.stop else goes_on).alias(_OPEN),
        pl.when(fails).then(pl.lit(number, dtype=pl.Int16)).otherwise(pl.col(_HELD)).alias(_HELD),
    )


def _so_far() -> pl.Expr:
    return divided(pl.col(_PRICE), pl.col(MINOR_PER_MAJOR).cast(pl.Float64)).alias(SO_FAR)


def _confidence(strategy: Strategy) -> pl.Expr:
    named = strategy.features()
    if not named:
        return pl.lit(1.0).alias("confidence")
    present = pl.sum_horizontal(pl.col(name).is_not_null() for name in named).cast(pl.Float64)
    return divided(present, pl.lit(float(len(named)))).alias("confidence")


def _reasons(strategy: Strategy, done: pl.DataFrame) -> pl.Series:
    """Why each held row is held; worked out for held rows only, rule by rule."""
    held = done.with_row_index("row").filter(pl.col(_HELD).is_not_null())
    parts = [pl.DataFrame(schema={"row": pl.UInt32, "hold": pl.String})]
    for number in held[_HELD].unique().sort():
        rows = held.filter(pl.col(_HELD) == number).with_columns(_so_far())
        reason = _start_reason() if number == _START else _rule_reason(strategy.rules[number])
        parts.append(rows.select(pl.col("row").cast(pl.UInt32), reason.alias("hold")))
    reasons = pl.concat(parts)
    rows = pl.DataFrame({"row": pl.arange(done.height, dtype=pl.UInt32, eager=True)})
    return rows.join(reasons, on="row", how="left", maintain_order="left")["hold"]


def _start_reason() -> pl.Expr:
    return (
        pl.when(pl.col("start").is_null())
        .then(pl.lit("start: list_price is null"))
        .when(pl.col("start") <= 0)
        .then(pl.lit("start: list_price is not above zero"))
        .otherwise(pl.lit("start: list_price is too large"))
    )


def _rule_reason(rule: Rule) -> pl.Expr:
    price = price_after(rule.then, pl.col(_PRICE))
    bounds = pl.when(price <= 0).then(pl.lit("its price is not above zero")).otherwise(pl.lit("its price is too large"))
    why = [] if rule.when is None else [blame(rule.when)]
    return pl.concat_str(pl.lit(f"rule {rule.name}: "), pl.coalesce(*why, action_blame(rule.then), bounds))
