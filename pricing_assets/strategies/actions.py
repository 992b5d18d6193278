"""What a rule may do to a price: multiply, add, set, match.

Here: an action from its YAML, and an action as a Polars expression over the price so far. Not here: when an action is
done, and in which order (plan.py).
"""

from __future__ import annotations

import functools
from decimal import Decimal

import polars as pl
import yaml

from pricing_assets.strategies.compilation import blame, compiled, divided
from pricing_assets.strategies.document import MAX_DECIMALS, Document, is_number
from pricing_assets.strategies.faults import did_you_mean
from pricing_assets.strategies.strategy import Action
from pricing_assets.tables import money
from pricing_assets.tables.features import FeatureSnapshots

KINDS = ("multiply", "add", "set", "match")
MAX_AMOUNT = 1_000_000_000
MINOR_PER_MAJOR = "price:scale"


@functools.cache
def amounts() -> tuple[str, ...]:
    """The features that are prices or costs: exact amounts per unit, in the row's currency."""
    return tuple(
        name
        for name, column in FeatureSnapshots.columns().items()
        if column.dtype.is_decimal() and not name.startswith("revenue")
    )


def read_action(document: Document, node: yaml.Node) -> Action | None:
    """The action of a `then:`; None where it has a fault, which is noted."""
    found = document.mapping(node, "then", (*KINDS, "beat_by", "beat_by_pct"))
    kinds = [kind for kind in KINDS if kind in found]
    if not isinstance(node, yaml.MappingNode):
        return None
    if len(kinds) != 1:
        named = f", has {' and '.join(kinds)}" if kinds else ""
        document.fault(node, f"then needs exactly one of {', '.join(KINDS)}{named}")
        return None
    for key in ("beat_by", "beat_by_pct"):
        if key in found and kinds[0] != "match":
            document.fault(found[key], f"{key} goes with match only")
    value = found[kinds[0]]
    match kinds[0]:
        case "multiply":
            return _read_multiply(document, value)
        case "add":
            amount = document.number(value, "add", low=-MAX_AMOUNT, high=MAX_AMOUNT, decimals=MAX_DECIMALS)
            return None if amount is None else Action("add", amount=amount, label=f"add {amount}")
        case "set":
            return _read_set(document, value)
    return _read_match(document, value, found.get("beat_by"), found.get("beat_by_pct"))


def _read_multiply(document: Document, node: yaml.Node) -> Action | None:
    if is_number(node) is not None:
        factor = document.number(node, "multiply", above=0, high=1_000)
        return None if factor is None else Action("multiply", amount=factor, label=f"multiply {factor}")
    formula = document.expression(node, "multiply", "number")
    return None if formula is None else Action("multiply", formula=formula, label=f"multiply {node.value}")


def _read_set(document: Document, node: yaml.Node) -> Action | None:
    if is_number(node) is not None:
        amount = document.number(node, "set", above=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS)
        return None if amount is None else Action("set", amount=amount, label=f"set {amount}")
    feature = _amount_feature(document, node, "set")
    return None if feature is None else Action("set", feature=feature, label=f"set {feature}")


def _read_match(
    document: Document, node: yaml.Node, beat_by: yaml.Node | None, beat_by_pct: yaml.Node | None
) -> Action | None:
    feature = _amount_feature(document, node, "match")
    if beat_by is not None and beat_by_pct is not None:
        document.fault(beat_by_pct, "match takes beat_by or beat_by_pct, not both")
    less = percent = None
    if beat_by is not None:
        less = document.number(beat_by, "beat_by", low=0, high=MAX_AMOUNT, decimals=MAX_DECIMALS)
    if beat_by_pct is not None:
        percent = document.number(beat_by_pct, "beat_by_pct", low=0, below=100)
    if feature is None:
        return None
    beat = f" beat_by {less}" if less is not None else f" beat_by_pct {percent}" if percent is not None else ""
    return Action("match", feature=feature, beat_by=less, beat_by_pct=percent, label=f"match {feature}{beat}")


def _amount_feature(document: Document, node: yaml.Node, what: str) -> str | None:
    word = document.word(node, what)
    if word is None or word in amounts():
        return word
    hint = did_you_mean(word, amounts()) or f"; known are {', '.join(amounts())}"
    document.fault(node, f"{what} needs an amount or a feature that is one, not {word}{hint}")
    return None


def price_after(action: Action, price: pl.Expr) -> pl.Expr:
    """The price after an action, Float64 minor units, from the price so far in the same; null or not finite where
    an input is.
    """
    match action.kind:
        case "multiply" if action.amount is not None:
            return price * float(action.amount)
        case "multiply" if action.formula is not None:
            return price * compiled(action.formula)
        case "add":
            return price + _minor(action.amount)
    target = _minor(action.amount) if action.feature is None else _minor_feature(action.feature)
    if action.beat_by is not None:
        return target - _minor(action.beat_by)
    if action.beat_by_pct is not None:
        return target * (float(100 - action.beat_by_pct) / 100.0)
    return target


def action_blame(action: Action) -> pl.Expr:
    """Why an action gives no price, null where its inputs are all there."""
    if action.formula is not None:
        return blame(action.formula)
    if action.feature is not None:
        return pl.when(pl.col(action.feature).is_null()).then(pl.lit(f"{action.feature} is null"))
    return pl.lit(None, dtype=pl.String)


def _minor(amount: Decimal | None) -> pl.Expr:
    ten_thousandths = float((amount or Decimal(0)).scaleb(MAX_DECIMALS))
    return divided(pl.col(MINOR_PER_MAJOR).cast(pl.Float64) * ten_thousandths, pl.lit(10.0**MAX_DECIMALS))


def _minor_feature(feature: str) -> pl.Expr:
    return money.to_minor(pl.col(feature), pl.col(MINOR_PER_MAJOR)).cast(pl.Float64)
