"""The oracle: strategies run one row at a time in plain Python, as the documentation tells it. Slow and obvious.

It walks cel-python's parse tree itself, so it shares neither trees nor compiler with the package.
"""

from __future__ import annotations

import math
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from celpy.celparser import CELParser

from pricing_assets.strategies import Strategy
from pricing_assets.tables.features import FeatureSnapshots

MAX_MINOR = 1e13
EXPONENTS = {"JPY": 0, "KWD": 3}


class Unknown(Exception):
    """A value that cannot be known: null or not finite."""


def evaluate(text: str, row: dict[str, Any], price: float) -> Any:
    """The value of an expression for one row; None where it cannot be known."""
    try:
        return _value(CELParser().parse(text), row, price)
    except Unknown:
        return None


def _value(node: Any, row: dict[str, Any], price: float) -> Any:
    kind, parts = node.data, node.children
    if len(parts) == 2 and kind != "ident_arg":
        return _operation(kind, parts, row, price)
    if kind == "ident_arg":
        (name,) = parts[1].scan_values(lambda _: True)
        return row[str(name)] is not None
    if kind == "ident":
        return price if parts[0] == "price" else _feature(row[str(parts[0])])
    (only,) = parts
    return _literal(only) if kind == "literal" else _value(only, row, price)


def _operation(kind: str, parts: list[Any], row: dict[str, Any], price: float) -> Any:
    if kind in ("conditionalor", "conditionaland"):
        return _junction(kind == "conditionalor", [_truth(part, row, price) for part in parts])
    if kind == "relation":
        return _relation(parts[0].data, parts[0].children[0], parts[1], row, price)
    if kind == "unary":
        inner = _value(parts[1], row, price)
        return (not inner) if parts[0].data == "unary_not" else -inner
    left, right = (_value(part, row, price) for part in (parts[0].children[0], parts[1]))
    return _calculate(parts[0].data, left, right)


def _truth(node: Any, row: dict[str, Any], price: float) -> bool | None:
    try:
        return bool(_value(node, row, price))
    except Unknown:
        return None


def _junction(any_of: bool, sides: list[bool | None]) -> bool:
    if any_of in sides:
        return any_of
    if None in sides:
        raise Unknown
    return not any_of


def _relation(kind: str, left_node: Any, right_node: Any, row: dict[str, Any], price: float) -> bool:
    left = _value(left_node, row, price)
    if kind == "relation_in":
        return left in [_literal(token) for token in right_node.scan_values(lambda _: True)]
    right = _value(right_node, row, price)
    return {
        "relation_lt": lambda: left < right,
        "relation_le": lambda: left <= right,
        "relation_gt": lambda: left > right,
        "relation_ge": lambda: left >= right,
        "relation_eq": lambda: left == right,
        "relation_ne": lambda: left != right,
    }[kind]()


def _calculate(kind: str, left: float, right: float) -> float:
    if kind == "multiplication_div" and right == 0:
        raise Unknown
    result = {
        "addition_add": lambda: left + right,
        "addition_sub": lambda: left - right,
        "multiplication_mul": lambda: left * right,
        "multiplication_div": lambda: left / right,
    }[kind]()
    if not math.isfinite(result):
        raise Unknown
    return result


def _feature(value: Any) -> Any:
    if value is None:
        raise Unknown
    if isinstance(value, bool | str):
        return value
    number = float(value)
    if not math.isfinite(number):
        raise Unknown
    return number


def _literal(token: Any) -> Any:
    if token.type == "BOOL_LIT":
        return token == "true"
    return token[1:-1] if token.type == "STRING_LIT" else float(token)


def minor(amount: Decimal, currency: str | None) -> int:
    """Major units to minor units, half to even."""
    places = EXPONENTS.get(currency or "", 2)
    return int(amount.scaleb(places).quantize(Decimal(1), ROUND_HALF_EVEN))


def propose(strategy: Strategy, row: dict[str, Any]) -> dict[str, Any]:
    """What strategies.propose returns for one row; `hold` is true or false."""
    named = strategy.features()
    present = sum(row[name] is not None for name in named) / len(named) if named else 1.0
    result: dict[str, Any] = {"start": None, "proposed": None, "hold": True, "confidence": present}
    result |= {f"rule:{rule.name}": None for rule in strategy.rules}
    if row["list_price"] is None:
        return result
    result["start"] = minor(row["list_price"], row["currency"])
    price = float(result["start"])
    if not 0 < price < MAX_MINOR:
        return result
    for rule in strategy.rules:
        major = price / 10 ** EXPONENTS.get(row["currency"] or "", 2)
        fires = evaluate(rule.when_text, row, major) if rule.when_text else True
        if fires is None:
            return result
        if not fires:
            continue
        after = _after(rule.then, row, price, major)
        if after is None or not 0 < after < MAX_MINOR:
            return result
        result[f"rule:{rule.name}"] = price = after
        if rule.stop:
            break
    return result | {"proposed": price, "hold": False}


def _after(action: Any, row: dict[str, Any], price: float, major: float) -> float | None:
    scale = 10 ** EXPONENTS.get(row["currency"] or "", 2)
    if action.kind == "multiply":
        factor = action.label.removeprefix("multiply ")
        value = float(action.amount) if action.amount is not None else evaluate(factor, row, major)
        return None if value is None else price * value
    if action.kind == "add":
        return price + float(action.amount * scale)
    if action.feature is None:
        target: Any = action.amount * scale
    else:
        target = None if row[action.feature] is None else minor(row[action.feature], row["currency"])
    if target is None:
        return None
    if action.beat_by is not None:
        return float(target) - float(action.beat_by * scale)
    return float(target) * (float(100 - (action.beat_by_pct or 0)) / 100.0)


def frame_row(**values: Any) -> dict[str, Any]:
    """A row of feature_snapshots: an SKU listed at 10.00 GBP of which nothing else is known."""
    import datetime

    row: dict[str, Any] = dict.fromkeys(FeatureSnapshots.columns())
    return (
        row
        | {
            "date": datetime.date(2026, 3, 4),
            "sku": "A1",
            "market": "UK",
            "currency": "GBP",
            "list_price": Decimal("10.0000"),
            "units_7d": 0,
            "units_28d": 0,
            "units_56d": 0,
            "returned_units_28d": 0,
            "weekday": 3,
            "month": 3,
            "day_of_year": 63,
            "absent_tables": "",
        }
        | values
    )
