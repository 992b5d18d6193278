"""Trees into Polars expressions.

Here: one Polars expression per tree, with Kleene nulls, and the expression that says why a tree came out null. Not
here: prices, rules, their order (plan.py).

Trees are compiled over *prepared* columns: numbers as Float64 in which NaN and the infinities are null already, under
`input:<feature>`. So a null result means exactly one thing: a feature that was not guarded, or an arithmetic result
that is not finite. NaN never reaches a comparison (in Polars NaN > 0.9 is true).
"""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from pricing_assets.strategies.trees import (
    PRICE,
    Binary,
    Expression,
    Has,
    Member,
    Name,
    Number,
    Text,
    Truth,
    Unary,
    constant,
)
from pricing_assets.tables.features import FeatureSnapshots

SO_FAR = "price:major"
_COMPARISONS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "==": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "&&": lambda left, right: left & right,
    "||": lambda left, right: left | right,
}
_ARITHMETIC: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
}


def finite(number: pl.Expr) -> pl.Expr:
    """The number, null where it is NaN or infinite."""
    return pl.when(number.is_finite()).then(number)


def divided(left: pl.Expr, right: pl.Expr) -> pl.Expr:
    """The IEEE quotient of two Float64 expressions, bit for bit.

    Polars multiplies by the reciprocal where the divisor is one value for the whole frame (1 ulp off), and divides
    where the frame has one row. So the divisor is made a column. A left side that is not finite gives NaN.
    """
    return left / (left * 0.0 + right)


def prepared(feature: str) -> pl.Expr:
    """The input column of a feature: numbers as finite Float64 in major units, anything else as it is."""
    dtype = FeatureSnapshots.columns()[feature].dtype
    column = pl.col(feature)
    if dtype.is_float():
        column = finite(column)
    elif dtype.is_numeric():
        column = column.cast(pl.Float64)
    return column.alias(f"input:{feature}")


def compiled(tree: Expression) -> pl.Expr:
    """The value of a tree: Boolean or finite Float64, null where it cannot be known."""
    return finite(_raw(tree)) if _is_arithmetic(tree) else _raw(tree)


def _is_arithmetic(tree: Expression) -> bool:
    if isinstance(tree, Unary):
        return _is_arithmetic(tree.operand)
    return isinstance(tree, Binary) and tree.operator in "+-*/" and constant(tree) is None


def _raw(tree: Expression) -> pl.Expr:
    match tree:
        case Unary(operator=operator, operand=operand):
            return ~compiled(operand) if operator == "!" else -_raw(operand)
        case Member(operand=operand, items=items):
            return compiled(operand).is_in([item.value for item in items])
        case Binary():
            return _binary(tree)
    return _leaf(tree)


def _leaf(tree: Number | Text | Truth | Name | Has) -> pl.Expr:
    match tree:
        case Name(name=name):
            return pl.col(SO_FAR if name == PRICE else f"input:{name}")
        case Has(name=name):
            return pl.col(name).is_not_null()
    return pl.lit(tree.value)


def _binary(tree: Binary) -> pl.Expr:
    if tree.operator == "/":
        # x / inf is 0: the one operation that would turn a result that is not finite into one that is
        return divided(_raw(tree.left), compiled(tree.right))
    if tree.operator in _ARITHMETIC:
        return _ARITHMETIC[tree.operator](_raw(tree.left), _raw(tree.right))
    return _COMPARISONS[tree.operator](compiled(tree.left), compiled(tree.right))


def blame(tree: Expression) -> pl.Expr:
    """Why a tree is null, in a manager's words; null where it is not. For the few rows that are held."""
    match tree:
        case Name(name=name) if name != PRICE:
            absent = pl.when(pl.col(name).is_null()).then(pl.lit(f"{name} is null"))
            missing = absent.otherwise(pl.lit(f"{name} is not finite"))
            return pl.when(pl.col(f"input:{name}").is_null()).then(missing)
        case Unary(operand=operand) | Member(operand=operand):
            return blame(operand)
        case Binary(left=left, right=right, source=source):
            inner = pl.coalesce(blame(left), blame(right))
            if _is_arithmetic(tree):
                inner = pl.coalesce(inner, pl.lit(f"{source} is not finite (division by zero or overflow)"))
            return pl.when(compiled(tree).is_null()).then(inner)
    return pl.lit(None, dtype=pl.String)
