"""Hard constraints at the cut-off, against exact fractions."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from functools import cache

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pricing_frames import SCALES, strategy

from pricing_assets.pricing import cutoff
from pricing_assets.strategies import Strategy

AT_REST = pl.Decimal(18, 4)
BOUNDS = {
    "map": "{map: required}",
    "cost": "{min_price: {cost_times: 1.1}}",
    "margin": "{min_margin_pct: 12.5}",
    "amount": "{min_price: {amount: 3.5}}",
}
SOFT = "{max_daily_change: 0.01}, {max_price: {amount: 0.01}}, {min_price: {list_times: 9}}"


@cache
def made_of(bounds: str) -> Strategy:
    return strategy("{name: r, then: {multiply: 0.9}}", f"constraints: [{bounds}]\n")


def why(bounds: str, price: str, cost: str | None = "2", least: str | None = None, currency: str = "GBP") -> str | None:
    made = made_of(bounds)
    rows = pl.DataFrame(
        [[made.hash, currency, Decimal(price), cost and Decimal(cost), least and Decimal(least)]],
        schema={
            "strategy_hash": pl.String,
            "currency": pl.String,
            "price": AT_REST,
            "cost": AT_REST,
            "map_price": AT_REST,
        },
        orient="row",
    )
    found: str | None = cutoff.broken(rows, {made.hash: made})[0]
    return found


@pytest.mark.parametrize(
    ("bound", "price", "cost", "least", "said"),
    [
        ("cost", "2.19", "2", None, "the floor min_price: {cost_times: 1.1} is now 2.2000 GBP, above the price"),
        ("cost", "2.20", "2", None, None),
        ("cost", "9", None, None, "no cost is known, so the floor min_price: {cost_times: 1.1} cannot be checked"),
        ("map", "3.99", "2", "4", "the floor map: required is now 4.0000 GBP, above the price"),
        ("map", "3.99", None, None, None),
        ("amount", "3.49", None, None, "the floor min_price: {amount: 3.5} is now 3.5000 GBP, above the price"),
    ],
)
def test_a_floor_that_rose_is_named(bound: str, price: str, cost: str | None, least: str | None, said: str) -> None:
    assert why(BOUNDS[bound], price, cost, least) == said


def test_caps_and_goals_bind_the_decision_only() -> None:
    assert why(SOFT, "5") is None


def test_the_first_of_two_broken_floors_is_named() -> None:
    assert str(why(f"{BOUNDS['map']}, {BOUNDS['cost']}", "1", "2", "4")).startswith("the floor map")


def test_a_price_of_a_strategy_not_recorded_has_no_floors() -> None:
    rows = pl.DataFrame({"strategy_hash": [None], "currency": ["GBP"], "price": [1], "cost": [2], "map_price": [3]})
    typed = rows.cast({"strategy_hash": pl.String, "price": AT_REST, "cost": AT_REST, "map_price": AT_REST})
    assert cutoff.broken(typed, {}).to_list() == [None]


AMOUNTS = st.decimals(Decimal("0.01"), Decimal("9999"), places=4)


@given(st.sampled_from(["cost", "margin"]), st.integers(1, 10**6), AMOUNTS, st.sampled_from(sorted(SCALES)))
def test_a_price_stays_exactly_where_the_fraction_says(bound: str, minor: int, cost: Decimal, currency: str) -> None:
    price = Fraction(minor, SCALES[currency])
    floor = Fraction(cost) * Fraction(11, 10) if bound == "cost" else Fraction(cost) / (1 - Fraction(125, 1000))
    text = str(Decimal(minor) / SCALES[currency])
    assert (why(BOUNDS[bound], text, str(cost), currency=currency) is None) == (price >= floor)


@pytest.mark.parametrize(
    ("market", "price", "cost", "said"),
    [
        ("FR", "1.99", "2", "law: no_sale_below_cost is now 2.0000 GBP, above the price"),
        ("FR", "2.00", "2", None),
        ("FR", "9", None, "no cost is known, so law: no_sale_below_cost cannot be checked"),
        ("DE", "1.99", "2", None),
    ],
)
def test_the_law_of_a_market_is_asked_again_whatever_the_strategy_says(
    market: str, price: str, cost: str | None, said: str | None
) -> None:
    amounts = dict.fromkeys(("price", "cost", "map_price"), AT_REST)
    row = {"market": market, "strategy_hash": None, "currency": "GBP", "price": Decimal(price), "map_price": None}
    rows = pl.DataFrame(
        [row | {"cost": cost and Decimal(cost)}], schema_overrides={**amounts, "strategy_hash": pl.String}
    )
    law = {"FR": ["no_sale_below_cost", "prior_price_30d"]}
    assert cutoff.broken(rows, {}, law).to_list() == [said]
