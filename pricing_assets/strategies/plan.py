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

_PRICE, _OPEN, _UNSELLABLE = "price:minor", "price:open", "fails:start"


def propose(strategy: Strategy, frame: pl.DataFrame, start: str = "list_price") -> pl.DataFrame:
    """What the strategy's rules make of each row. Row for row in the order of `frame`.

    `frame` has the columns of features.feature_snapshots, and the amount the rules start from. The result has

    - `start` Int64: that amount in minor units, null where unknown;
    - `proposed` Float64: price after all rules in minor units, null where held;
    - `rule:<name>` Float64, in the order the rules run: cumulative price after the rule in minor units, null where it
      did not fire;
    - `hold` String: null, or why the SKU must be held, e.g. `rule aged-180: stock_age_days is null`;
    - `confidence` Float64: share of the features the rules name that are not null, 1.0 where they name none.
    """
    plan = _prepared(strategy, frame, start)
    for number, rule in enumerate(strategy.rules):
        plan = _ruled(plan, number, rule)
    done = plan.collect()
    held = pl.any_horizontal(_UNSELLABLE, *(f"fails:{number}" for number in range(len(strategy.rules))))
    return done.select(
        "start",
        pl.when(~held).then(pl.col(_PRICE)).alias("proposed"),
        *(f"rule:{rule.name}" for rule in strategy.rules),
        _reasons(strategy, done, start),
        _confidence(strategy, frame),
    )


def _prepared(strategy: Strategy, frame: pl.DataFrame, start: str) -> pl.LazyFrame:
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
            *dict.fromkeys([start, *strategy.features()]),
            *(prepared(name) for name in inputs),
            money.scale(pl.col("currency"), frame["currency"].unique()).alias(MINOR_PER_MAJOR),
        )
        .with_columns(money.to_minor(pl.col(start), pl.col(MINOR_PER_MAJOR)).alias("start"), *conditions)
        .with_columns(
            pl.col("start").cast(pl.Float64).alias(_PRICE),
            sellable.alias(_OPEN),
            (~sellable).alias(_UNSELLABLE),
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
        fails.alias(f"fails:{number}"),
    )


def _so_far() -> pl.Expr:
    return divided(pl.col(_PRICE), pl.col(MINOR_PER_MAJOR).cast(pl.Float64)).alias(SO_FAR)


def _confidence(strategy: Strategy, frame: pl.DataFrame) -> pl.Expr:
    named = strategy.features()
    gaps = [pl.col(name).is_null() for name in named if frame[name].null_count()]
    if not gaps:
        return pl.lit(1.0).alias("confidence")
    present = pl.lit(len(named)).cast(pl.Float64) - pl.sum_horizontal(gaps).cast(pl.Float64)
    return divided(present, pl.lit(float(len(named)))).alias("confidence")


def _reasons(strategy: Strategy, done: pl.DataFrame, start: str) -> pl.Series:
    """Why each held row is held; worked out for held rows only, rule by rule."""
    whys = {_UNSELLABLE: _start_reason(start)}
    whys |= {f"fails:{number}": _rule_reason(rule) for number, rule in enumerate(strategy.rules)}
    reasons = pl.repeat(None, done.height, dtype=pl.String, eager=True).alias("hold")
    for fails, why in whys.items():
        if done[fails].any():
            rows = done[fails].arg_true()
            reasons = reasons.scatter(rows, done[rows].with_columns(_so_far()).select(why).to_series())
    return reasons


def _start_reason(start: str) -> pl.Expr:
    return (
        pl.when(pl.col("start").is_null())
        .then(pl.lit(f"start: {start} is null"))
        .when(pl.col("start") <= 0)
        .then(pl.lit(f"start: {start} is not above zero"))
        .otherwise(pl.lit(f"start: {start} is too large"))
    )


def _rule_reason(rule: Rule) -> pl.Expr:
    price = price_after(rule.then, pl.col(_PRICE))
    bounds = pl.when(price <= 0).then(pl.lit("its price is not above zero")).otherwise(pl.lit("its price is too large"))
    why = [] if rule.when is None else [blame(rule.when)]
    return pl.concat_str(pl.lit(f"rule {rule.name}: "), pl.coalesce(*why, action_blame(rule.then), bounds))
