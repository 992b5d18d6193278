"""Admissible prices: each constraint is an interval of minor units, floors rounded up and caps rounded down.

Here: intervals, their intersection in the order of precedence, and which two clash. Not here: the strategy's own rules,
and the choice of a price inside the interval (endings).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import NamedTuple

import polars as pl

from pricing_assets.strategies import Constraint
from pricing_assets.tables import money

TEN_THOUSANDTHS = 10_000
FLOORS = frozenset({"map", "min_price", "min_margin_pct"})
"""Kinds of constraints that must hold whatever a person says, and whenever it is asked."""
LOWEST, HIGHEST = 1, 10**13 - 1  # minor units: one, and the largest that rules may propose; fits Decimal(18,4)
_SMALLEST, _LARGEST = "the smallest coin", "the largest price"
_DECIMALS = Decimal("1e-16")  # of a factor; finer ones are rounded to the safe side, so that Int128 always suffices


class Bound(NamedTuple):
    """An interval of minor units, null where it says nothing on that side, and its name in sentences."""

    label: str
    floor: pl.Expr
    cap: pl.Expr


def floor_of(amount: str) -> pl.Expr:
    """The lowest price in minor units that is not below an amount."""
    return _floor_of(_exact(amount), Fraction(1))


def _exact(amount: str) -> pl.Expr:
    """A Decimal(18,4) column as ten-thousandths. Int128: an amount times a factor may exceed Int64."""
    return pl.col(amount).to_physical().cast(pl.Int128)


def _floor_of(amount: pl.Expr, factor: Fraction) -> pl.Expr:
    """The lowest price in minor units that is not below amount × factor; amount in ten-thousandths."""
    step = pl.lit(factor.denominator, dtype=pl.Int128) * (TEN_THOUSANDTHS // pl.col("scale"))
    below_zero = (amount * pl.lit(-factor.numerator, dtype=pl.Int128)) // step
    return _minor(below_zero * pl.lit(-1, dtype=pl.Int128))


def _cap_of(amount: pl.Expr, factor: Fraction) -> pl.Expr:
    """The highest price in minor units that is not above amount × factor; amount in ten-thousandths."""
    step = pl.lit(factor.denominator, dtype=pl.Int128) * (TEN_THOUSANDTHS // pl.col("scale"))
    return _minor((amount * pl.lit(factor.numerator, dtype=pl.Int128)) // step)


def _minor(price: pl.Expr) -> pl.Expr:
    """As Int64; what lies beyond every price stays beyond."""
    return price.clip(upper_bound=pl.lit(HIGHEST + 1, dtype=pl.Int128)).cast(pl.Int64)


def _up(value: Decimal) -> Fraction:
    return Fraction(value.quantize(_DECIMALS, ROUND_CEILING))


def _down(value: Decimal) -> Fraction:
    return Fraction(value.quantize(_DECIMALS, ROUND_FLOOR))


_TIMES = {
    "cost_times": "cost",
    "list_times": "list_price",
    "competitor_min_times": "competitor_min",
    "competitor_max_times": "competitor_max",
}
READ = ("map_price", *_TIMES.values())
"""The amounts a constraint may look at, beside the current price."""

_FIXED = pl.lit(TEN_THOUSANDTHS, dtype=pl.Int128)


def _amount(constraint: Constraint) -> pl.Expr:
    return _exact(_TIMES[constraint.parameter]) if constraint.parameter in _TIMES else _FIXED


def interval(constraint: Constraint) -> tuple[pl.Expr, pl.Expr]:
    """Lowest and highest admissible price in minor units; null where the constraint says nothing on that side.

    Reads `scale` (minor units per major unit) and the Decimal features the constraint names.
    """
    nothing = pl.lit(None, dtype=pl.Int64)
    match constraint.kind:
        case "map":
            return _floor_of(_exact("map_price"), Fraction(1)), nothing
        case "min_price":
            return _floor_of(_amount(constraint), _up(constraint.value)), nothing
        case "min_margin_pct":
            # price − cost ≥ m × price, so price ≥ cost ÷ (1 − m)
            return _floor_of(_exact("cost"), 1 / (1 - _up(constraint.value) / 100)), nothing
        case "max_price":
            return nothing, _cap_of(_amount(constraint), _down(constraint.value))
        case "max_daily_change":
            current, share = _exact("current_price"), _down(constraint.value)
            return _floor_of(current, 1 - share), _cap_of(current, 1 + share)
    raise ValueError(f"unknown constraint {constraint.kind}")


def needs_cost(constraint: Constraint) -> bool:
    """Whether a missing cost leaves the constraint undecidable, so that the price must hold."""
    return constraint.kind == "min_margin_pct" or constraint.parameter == "cost_times"


def described(constraint: Constraint) -> str:
    """A bound of one side, as a person says it: `the floor min_price: {cost_times: 1.1}`."""
    return f"the {'cap' if constraint.kind == 'max_price' else 'floor'} {constraint.label}"


def broken_floors(constraints: Sequence[Constraint]) -> pl.Expr:
    """What the current price lies below, in words: its cost, the minimum advertised price, floors; empty if nothing.

    The first two count whatever the strategy says of them. Reads `current` (minor units), `scale` and the features.
    """
    floors = [each for each in constraints if each.kind in {"min_price", "min_margin_pct"}]
    below = [
        (pl.col("current_price") < pl.col("map_price"), "the minimum advertised price"),
        (pl.col("current_price") < pl.col("cost"), "its cost"),
        *((pl.col("current") < interval(each)[0], described(each)) for each in floors),
    ]
    named = [pl.when(breaks).then(pl.lit(words)) for breaks, words in below]
    return pl.concat_str(named, separator=", ", ignore_nulls=True)


def apply(frame: pl.DataFrame, constraints: Sequence[Constraint], law: Sequence[Bound] = ()) -> pl.DataFrame:
    """Adds the joint interval, the price after each bound, and the first clash. What the law says comes first.

    `frame` holds `price` (Int64 minor units after the rules, may be null), `scale` and the features. Adds `low`,
    `high` (Int64), `constraint:<i>` (price after the i-th bound, null where it changed nothing), `clash` (text naming
    both bounds and the amount between them, null where none) and replaces `price`. Where two clash, `price` is what it
    was.
    """
    bounds = [*law, *(Bound(each.label, *interval(each)) for each in constraints)]
    labels = [_SMALLEST, _LARGEST, *(bound.label for bound in bounds)]
    frame = frame.with_columns(
        low=pl.lit(LOWEST, dtype=pl.Int64),
        high=pl.lit(HIGHEST, dtype=pl.Int64),
        low_by=pl.lit(0, dtype=pl.Int32),
        high_by=pl.lit(1, dtype=pl.Int32),
        clash=pl.lit(None, dtype=pl.Int32),
        apart=pl.lit(None, dtype=pl.Int64),
        constrained=pl.col("price"),
    )
    for number, bound in enumerate(bounds):
        frame = _narrow(frame, bound, f"constraint:{number}", number + 2, len(labels))
    pairs = {
        one * len(labels) + two: f"{labels[one]} clashes with {labels[two]}"
        for two in range(2, len(labels))
        for one in range(two)
    }
    frame = frame.with_columns(price=pl.when(pl.col("clash").is_null()).then("constrained").otherwise("price"))
    return frame.with_columns(clash=_in_words(frame, pairs)).drop("constrained", "low_by", "high_by", "apart")


def _in_words(frame: pl.DataFrame, pairs: Mapping[int, str]) -> pl.Series:
    """Which two bounds clash and by how much in major units; of the few rows where any do."""
    found = pl.repeat(None, frame.height, dtype=pl.String, eager=True)
    rows = frame["clash"].is_not_null().arg_true()
    if not rows.len():
        return found
    clashing = frame.select("clash", "apart", "scale")[rows]
    words = clashing["clash"].replace_strict(pairs, return_dtype=pl.String)
    amounts = clashing.select(money.to_major(pl.col("apart"), pl.col("scale")))["apart"]
    shown = [f"{word} by {amount.normalize():f}" for word, amount in zip(words, amounts, strict=True)]
    return found.scatter(rows, pl.Series(shown, dtype=pl.String))


def _narrow(frame: pl.DataFrame, bound: Bound, column: str, index: int, labels: int) -> pl.DataFrame:
    """Intersects the interval with one bound and moves the price into it.

    A bound remembers the constraint it comes from by its index among the labels; a clash remembers two of them.
    """
    frame = frame.with_columns(floor=bound.floor, cap=bound.cap)
    raises = (pl.col("floor") > pl.col("low")).fill_null(False)
    lowers = (pl.col("cap") < pl.col("high")).fill_null(False)
    frame = frame.with_columns(
        above=(pl.col("floor") > pl.col("high")).fill_null(False),
        below=(pl.col("cap") < pl.col("low")).fill_null(False),
        # a fraction of a minor unit may leave no whole price between a constraint's own two bounds
        within=(pl.col("floor") > pl.col("cap")).fill_null(False),
        moved=pl.col("constrained").clip(pl.col("floor"), pl.col("cap")),
    )
    other = pl.when("above").then("high_by").when("below").then("low_by").otherwise(pl.lit(0, dtype=pl.Int32))
    clashes = pl.col("clash").is_null() & (pl.col("above") | pl.col("below") | pl.col("within"))
    return frame.with_columns(
        pl.when(pl.col("moved") != pl.col("constrained")).then("moved").alias(column),
        constrained="moved",
        clash=pl.when(clashes).then(other * labels + index).otherwise("clash"),
        apart=pl.when(clashes).then(_apart()).otherwise("apart"),
        low_by=pl.when(raises).then(pl.lit(index, dtype=pl.Int32)).otherwise("low_by"),
        high_by=pl.when(lowers).then(pl.lit(index, dtype=pl.Int32)).otherwise("high_by"),
        low=pl.when(raises).then("floor").otherwise("low"),
        high=pl.when(lowers).then("cap").otherwise("high"),
    ).drop("floor", "cap", "above", "below", "within", "moved")


def _apart() -> pl.Expr:
    """By how much a floor lies above a cap, of the two that clash."""
    above, below = pl.col("floor") - pl.col("high"), pl.col("low") - pl.col("cap")
    return pl.when("above").then(above).when("below").then(below).otherwise(pl.col("floor") - pl.col("cap"))
