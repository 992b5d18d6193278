"""Expressions of the strategy language as typed trees.

Here: the kinds of node, and what can be asked of a tree without evaluating it. Not here: how a text becomes a tree
(conditions.py), how a tree becomes a Polars expression (compilation.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["number", "text", "truth"]
PRICE = "price"


@dataclass(frozen=True)
class Number:
    """A literal number."""

    value: float


@dataclass(frozen=True)
class Text:
    """A literal text."""

    value: str


@dataclass(frozen=True)
class Truth:
    """`true` or `false`."""

    value: bool


@dataclass(frozen=True)
class Name:
    """A feature, or `price`."""

    name: str
    kind: Kind


@dataclass(frozen=True)
class Has:
    """`has(feature)`: the feature is not null."""

    name: str


@dataclass(frozen=True)
class Unary:
    """`!x` or `-x`."""

    operator: str
    operand: Expression


@dataclass(frozen=True)
class Binary:
    """Two operands and one of `&& || == != < <= > >= + - * /`; `source` is its text, for messages."""

    operator: str
    left: Expression
    right: Expression
    source: str = field(compare=False)


@dataclass(frozen=True)
class Member:
    """`x in [..]`, over literals."""

    operand: Expression
    items: tuple[Number | Text, ...]


Expression = Number | Text | Truth | Name | Has | Unary | Binary | Member


def features(expression: Expression) -> list[str]:
    """The features an expression names, in order, each once; `price` is none."""
    match expression:
        case Name(name=name) | Has(name=name):
            return [] if name == PRICE else [name]
        case Unary(operand=operand) | Member(operand=operand):
            return features(operand)
        case Binary(left=left, right=right):
            return list(dict.fromkeys(features(left) + features(right)))
    return []


def names_price(expression: Expression) -> bool:
    """Whether an expression looks at the price so far."""
    match expression:
        case Name(name=name):
            return name == PRICE
        case Unary(operand=operand) | Member(operand=operand):
            return names_price(operand)
        case Binary(left=left, right=right):
            return names_price(left) or names_price(right)
    return False


def constant(expression: Expression) -> float | None:
    """The value of a formula of literals only; None where it names a feature or is no number."""
    match expression:
        case Number(value=value):
            return value
        case Unary(operator="-", operand=operand):
            inner = constant(operand)
            return None if inner is None else -inner
        case Binary(operator=operator, left=left, right=right):
            return _fold(operator, constant(left), constant(right))
    return None


def _fold(operator: str, left: float | None, right: float | None) -> float | None:
    if left is None or right is None or operator not in "+-*/":
        return None
    if operator == "/":
        return left / right if right else math.nan
    return {"+": left + right, "-": left - right, "*": left * right}[operator]
