from __future__ import annotations

from decimal import Decimal
from typing import Any

import pricing_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import minor

from pricing_assets.pricing import constraints
from pricing_assets.strategies import Constraint


def constraint(kind: str, parameter: str, value: str) -> Constraint:
    return Constraint(kind, parameter, Decimal(value), f"{kind}: {{{parameter}: {value}}}")


def applied(row: dict[str, Any], *limits: Constraint) -> dict[str, Any]:
    return constraints.apply(minor([{"currency": "GBP", **row}]), limits).row(0, named=True)


COST = constraint("min_price", "cost_times", "1.1")
DAILY = constraint("max_daily_change", "share", "0.1")
RIVAL = constraint("max_price", "competitor_max_times", "0.95")
MAP = constraint("map", "required", "1")


@pytest.mark.parametrize(
    ("currency", "cost", "floor"),
    [("GBP", "3.001", 331), ("GBP", "3.00", 330), ("JPY", "3.00", 4), ("KWD", "3.0001", 3301)],
)
def test_floor_rounds_up(currency: str, cost: str, floor: int) -> None:
    assert applied({"currency": currency, "price": 1, "cost": Decimal(cost)}, COST)["price"] == floor


@pytest.mark.parametrize(
    ("currency", "rival", "cap"), [("GBP", "9.99", 949), ("JPY", "999", 949), ("KWD", "9.999", 9499)]
)
def test_cap_rounds_down(currency: str, rival: str, cap: int) -> None:
    row = {"currency": currency, "price": 10**6, "competitor_max": Decimal(rival)}
    assert applied(row, RIVAL)["price"] == cap


def test_margin_is_of_the_price() -> None:
    margin = constraint("min_margin_pct", "pct", "20")
    assert applied({"price": 1, "cost": Decimal("8.01")}, margin)["price"] == 1002  # (10.02 − 8.01) ÷ 10.02 ≥ 20 %


@pytest.mark.parametrize("limit", [RIVAL, MAP, constraint("min_price", "competitor_min_times", "1")])
def test_what_is_absent_does_not_bind(limit: Constraint) -> None:
    row = applied({"price": 700}, limit)
    assert (row["price"], row["clash"], row["constraint:0"]) == (700, None, None)


def test_clash_names_both_and_leaves_the_price() -> None:
    row = {"price": 1200, "cost": Decimal("10"), "competitor_max": Decimal("10"), "current_price": Decimal("11")}
    found = applied(row, COST, DAILY, RIVAL)
    assert found["clash"] == f"{COST.label} clashes with {RIVAL.label} by 1.5"
    assert found["price"] == 1200


def test_precedence_decides_which_constraint_is_second() -> None:
    row = {"price": 900, "cost": Decimal("10"), "competitor_max": Decimal("10")}
    assert applied(row, COST, RIVAL)["clash"] == f"{COST.label} clashes with {RIVAL.label} by 1.5"
    assert applied(row, RIVAL, COST)["clash"] == f"{RIVAL.label} clashes with {COST.label} by 1.5"


def test_one_constraint_that_leaves_no_whole_price_clashes() -> None:
    row = {"price": 100, "current_price": Decimal("1.0050")}
    found = applied(row, constraint("max_daily_change", "share", "0.001"))
    assert found["clash"] is not None and found["clash"].startswith("the smallest coin clashes with max_daily_change")


def test_a_factor_with_many_decimals_is_exact() -> None:
    """1/3 as a person writes it, times a large amount, exceeds 64 bits."""
    third = constraint("max_price", "list_times", "0.333333333333")
    assert applied({"price": 10**12, "list_price": Decimal(3 * 10**9)}, third)["price"] == 99999999999
    absurd = constraint("min_price", "list_times", "1." + "3" * 40)  # beyond 16 decimals: rounded to the safe side
    assert applied({"price": 1, "list_price": Decimal("3")}, absurd)["price"] == 401


def test_a_floor_above_every_price_clashes() -> None:
    found = applied({"price": 1, "cost": Decimal(10**13)}, constraint("min_price", "cost_times", "1000"))
    assert found["clash"] == "the largest price clashes with min_price: {cost_times: 1000} by 0.01"


def test_missing_cost_is_needed_by_cost_floors_only() -> None:
    assert constraints.needs_cost(COST) and constraints.needs_cost(constraint("min_margin_pct", "pct", "20"))
    assert not constraints.needs_cost(RIVAL) and not constraints.needs_cost(DAILY) and not constraints.needs_cost(MAP)


AMOUNTS = st.none() | st.integers(0, 40_0000).map(lambda n: Decimal(n).scaleb(-4))
LIMITS = st.sampled_from(
    [
        MAP,
        COST,
        DAILY,
        RIVAL,
        constraint("max_daily_change", "share", "0.0001"),
        constraint("min_margin_pct", "pct", "33.3"),
        constraint("min_price", "amount", "4.995"),
        constraint("max_price", "amount", "20.005"),
        constraint("min_price", "list_times", "0.333333333"),
        constraint("max_price", "competitor_min_times", "1.05"),
    ]
)
ROWS = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(["GBP", "JPY", "KWD"]),
        "price": st.integers(0, 40_000),
        **dict.fromkeys(
            ("current_price", "list_price", "cost", "map_price", "competitor_min", "competitor_max"), AMOUNTS
        ),
    }
)


@settings(max_examples=150)
@given(st.lists(ROWS, min_size=1, max_size=8), st.lists(LIMITS, max_size=5, unique_by=lambda limit: limit.label))
def test_constraints_equal_the_oracle(rows: list[dict[str, Any]], limits: list[Constraint]) -> None:
    found = constraints.apply(minor(rows), limits)
    for row, ours in zip(rows, found.iter_rows(named=True), strict=True):
        price, low, high, clash = reference.constrained(row, limits)
        assert (ours["price"], ours["clash"]) == (price, clash)
        if clash is None:
            assert (ours["low"], ours["high"]) == (low, high)
            if limits:
                moved = [ours[f"constraint:{n}"] for n in range(len(limits)) if ours[f"constraint:{n}"] is not None]
                assert (moved or [row["price"]])[-1] == price
