"""Admissible prices: each constraint is an interval of minor units, floors rounded up and caps rounded down.

Here: intervals, their intersection in the order of precedence, and which two clash. Not here: the strategy's own rules,
and the choice of a price inside the interval (endings).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl

from pricing_assets.strategies import Constraint

TEN_THOUSANDTHS = 10_000
LOWEST, HIGHEST = 1, 2**53  # one minor unit; the largest whole number a double holds exactly


def _ratio(value: Decimal) -> tuple[int, int]:
    """A decimal as an exact fraction, e.g. 1.1 → (11, 10)."""
    return value.as_integer_ratio()


def _ceil_div(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return -((-numerator) // denominator)


def _exact(amount: str) -> pl.Expr:
    """A Decimal(18,4) column as Int64 ten-thousandths."""
    return pl.col(amount).to_physical().cast(pl.Int64)


def _floor_of(amount: pl.Expr, value: Decimal) -> pl.Expr:
    """The lowest price in minor units that is not below amount × value; amount in ten-thousandths."""
    num, den = _ratio(value)
    return _ceil_div(amount * num, den * (TEN_THOUSANDTHS // pl.col("scale")))


def _cap_of(amount: pl.Expr, value: Decimal) -> pl.Expr:
    """The highest price in minor units that is not above amount × value; amount in ten-thousandths."""
    num, den = _ratio(value)
    return (amount * num) // (den * (TEN_THOUSANDTHS // pl.col("scale")))


_TIMES = {
    "cost_times": "cost",
    "list_times": "list_price",
    "competitor_min_times": "competitor_min",
    "competitor_median_times": "competitor_median",
    "competitor_max_times": "competitor_max",
}
_FIXED = pl.lit(TEN_THOUSANDTHS, dtype=pl.Int64)


def _amount(constraint: Constraint) -> pl.Expr:
    return _exact(_TIMES[constraint.parameter]) if constraint.parameter in _TIMES else _FIXED


def interval(constraint: Constraint) -> tuple[pl.Expr, pl.Expr]:
    """Lowest and highest admissible price in minor units; null where the constraint says nothing on that side.

    Reads `scale` (minor units per major unit) and the Decimal features the constraint names.
    """
    nothing = pl.lit(None, dtype=pl.Int64)
    match constraint.kind:
        case "map":
            return _floor_of(_exact("map_price"), Decimal(1)), nothing
        case "min_price":
            return _floor_of(_amount(constraint), constraint.value), nothing
        case "min_margin_pct":
            # price ≥ cost ÷ (1 − m): as a fraction, cost × den ÷ (den − num)
            num, den = _ratio(constraint.value / 100)
            step = (den - num) * (TEN_THOUSANDTHS // pl.col("scale"))
            return _ceil_div(_exact("cost") * den, step), nothing
        case "max_price":
            return nothing, _cap_of(_amount(constraint), constraint.value)
        case "max_daily_change":
            current = _exact("current_price")
            return _floor_of(current, 1 - constraint.value), _cap_of(current, 1 + constraint.value)
    raise ValueError(f"unknown constraint {constraint.kind}")


def needs_cost(constraint: Constraint) -> bool:
    """Whether a missing cost leaves the constraint undecidable, so that the price must hold."""
    return constraint.kind == "min_margin_pct" or constraint.parameter == "cost_times"


def apply(frame: pl.DataFrame, constraints: Sequence[Constraint]) -> pl.DataFrame:
    """Adds the joint interval, the price after each constraint, and the first clash.

    `frame` holds `price` (Int64 minor units after the rules, may be null), `scale` and the features. Adds `low`,
    `high` (Int64), `constraint:<i>` (price after the i-th constraint, null where it changed nothing), `clash` (text
    naming both constraints, null where none) and replaces `price`. Where two clash, `price` is what it was.
    """
    frame = frame.with_columns(
        low=pl.lit(LOWEST, dtype=pl.Int64),
        high=pl.lit(HIGHEST, dtype=pl.Int64),
        low_by=pl.lit("the smallest coin"),
        high_by=pl.lit(""),
        clash=pl.lit(None, dtype=pl.String),
        constrained=pl.col("price"),
    )
    for number, constraint in enumerate(constraints):
        frame = _narrow(frame, constraint, f"constraint:{number}")
    return frame.with_columns(
        price=pl.when(pl.col("clash").is_null()).then("constrained").otherwise("price"),
    ).drop("constrained", "low_by", "high_by")


def _narrow(frame: pl.DataFrame, constraint: Constraint, column: str) -> pl.DataFrame:
    """Intersects the interval with one constraint and moves the price into it."""
    floor, cap = interval(constraint)
    frame = frame.with_columns(floor=floor, cap=cap)
    label = pl.lit(constraint.label)
    clashes = pl.col("clash").is_null() & (
        (pl.col("floor") > pl.col("high")).fill_null(False) | (pl.col("cap") < pl.col("low")).fill_null(False)
    )
    other = pl.when(pl.col("floor") > pl.col("high")).then("high_by").otherwise("low_by")
    raises = (pl.col("floor") > pl.col("low")).fill_null(False)
    lowers = (pl.col("cap") < pl.col("high")).fill_null(False)
    moved = pl.col("constrained").clip(pl.col("floor"), pl.col("cap"))
    return frame.with_columns(
        pl.when(moved != pl.col("constrained")).then(moved).alias(column),
        constrained=moved,
        clash=pl.when(clashes).then(pl.concat_str(other, pl.lit(" clashes with "), label)).otherwise("clash"),
        low_by=pl.when(raises).then(label).otherwise("low_by"),
        high_by=pl.when(lowers).then(label).otherwise("high_by"),
        low=pl.when(raises).then("floor").otherwise("low"),
        high=pl.when(lowers).then("cap").otherwise("high"),
    ).drop("floor", "cap")
