"""The oracle: one row at a time in plain Python, in fractions, as the documentation tells it. Slow and obvious."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

from pricing_assets.strategies import Constraint

SCALES = {"JPY": 1, "KWD": 1000}
HIGHEST = 10**13 - 1
TIMES = {
    "cost_times": "cost",
    "list_times": "list_price",
    "competitor_min_times": "competitor_min",
    "competitor_max_times": "competitor_max",
}


def scale(row: Mapping[str, Any]) -> int:
    return SCALES.get(row["currency"], 100)


def bounds(constraint: Constraint, row: Mapping[str, Any]) -> tuple[Fraction | None, Fraction | None]:
    """Lowest and highest price in minor units, exact; None where the constraint does not bind."""
    value = Fraction(constraint.value)
    units = scale(row)

    def amount(name: str) -> Fraction | None:
        return None if row[name] is None else Fraction(row[name]) * units

    match constraint.kind:
        case "map":
            return amount("map_price"), None
        case "min_margin_pct":
            cost = amount("cost")
            return (None if cost is None else cost / (1 - value / 100)), None
        case "max_daily_change":
            current = amount("current_price")
            return (None, None) if current is None else (current * (1 - value), current * (1 + value))
    base = Fraction(units) if constraint.parameter == "amount" else amount(TIMES[constraint.parameter])
    bound = None if base is None else base * value
    return (bound, None) if constraint.kind == "min_price" else (None, bound)


def _major(minor: int, row: Mapping[str, Any]) -> str:
    """An amount in major units of the row's currency."""
    return f"{(Decimal(minor) / scale(row)).normalize():f}"


def constrained(row: Mapping[str, Any], constraints: Sequence[Constraint]) -> tuple[int, int, int, str | None]:
    """Price after the constraints, the interval, and the first clash by name; where they clash the price stays."""
    low, high = 1, HIGHEST
    low_by, high_by = "the smallest coin", "the largest price"
    price = row["price"]
    for constraint in constraints:
        floor, cap = bounds(constraint, row)
        lowest = None if floor is None else math.ceil(floor)
        highest = None if cap is None else math.floor(cap)
        if lowest is not None and lowest > high:
            return row["price"], low, high, f"{high_by} clashes with {constraint.label} by {_major(lowest - high, row)}"
        if highest is not None and highest < low:
            return row["price"], low, high, f"{low_by} clashes with {constraint.label} by {_major(low - highest, row)}"
        if lowest is not None and highest is not None and lowest > highest:
            apart = _major(lowest - highest, row)
            return row["price"], low, high, f"the smallest coin clashes with {constraint.label} by {apart}"
        if lowest is not None and lowest > low:
            low, low_by = lowest, constraint.label
        if highest is not None and highest < high:
            high, high_by = highest, constraint.label
        price = max(price, lowest) if lowest is not None else price
        price = min(price, highest) if highest is not None else price
    return price, low, high, None


def ending(row: Mapping[str, Any], endings: Sequence[Decimal]) -> int | None:
    """The nearest price of the interval with one of the endings, the lower of two: by looking at every price."""
    units = scale(row)
    wanted = {int(each * units) for each in endings if each * units == int(each * units)}
    prices = [price for price in range(row["low"], row["high"] + 1) if price % units in wanted]
    return min(prices, key=lambda price: (abs(price - row["price"]), price), default=None)
