"""The packaged default: each of its rules at its edges, and a shop that lacks the data for them."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from strategies_reference import frame_row
from strategies_reference import propose as reference

from pricing_assets.strategies import packaged_default, parse, propose
from pricing_assets.tables.features import FeatureSnapshots

DEFAULT = parse(packaged_default(), "default.yaml")


def proposed(**values: Any) -> float:
    frame = pl.DataFrame([frame_row(**values)], schema=FeatureSnapshots.create_empty().schema)
    row = propose(DEFAULT, frame).row(0, named=True)
    assert row["hold"] is None and row["proposed"] == reference(DEFAULT, frame_row(**values))["proposed"]
    return round(row["proposed"], 6)


@pytest.mark.parametrize(
    ("age", "price"),
    [
        (None, 1000),
        (0, 1000),
        (89, 1000),
        (90, 900),
        (135, 850),
        (179, round(1000 * (0.9 - 0.1 * 89 / 90), 6)),
        (180, 800),
        (270, 700),
        (359, round(1000 * (0.8 - 0.2 * 179 / 180), 6)),
        (360, 600),
        (2000, 600),
    ],
)
def test_markdown_over_stock_age(age: int | None, price: float) -> None:
    assert proposed(stock_age_days=age) == price


@pytest.mark.parametrize(
    ("on_hand", "price"), [(None, 1000), (0, 1050), (9, 1050), (10, 1000), (100, 1000), (101, 950)]
)
def test_stock_level(on_hand: int | None, price: float) -> None:
    assert proposed(on_hand=on_hand) == price


@pytest.mark.parametrize(
    ("month", "price"), [(1, 950), (2, 1000), (6, 1000), (7, 950), (8, 1000), (10, 1000), (11, 1050), (12, 1050)]
)
def test_season(month: int, price: float) -> None:
    assert proposed(month=month, date=date(2026, month, 1)) == price


@pytest.mark.parametrize(
    ("rival", "on_hand", "price"),
    [
        ("10.00", 50, 1000),
        ("10.01", 50, 1000),
        ("9.99", 50, 999),
        ("8.00", None, 800),
        ("9.00", 101, 855),
        ("9.50", 101, 950),
    ],
)
def test_a_rival_below_us(rival: str, on_hand: int | None, price: float) -> None:
    assert proposed(competitor_min=Decimal(rival), on_hand=on_hand) == price


def test_a_match_is_stable_once_we_charge_it() -> None:
    for current in ("10", "9"):
        assert proposed(competitor_min=Decimal(9), current_price=Decimal(current)) == 900


def test_rules_compound() -> None:
    assert proposed(stock_age_days=180, on_hand=101, month=1) == round(1000 * 0.8 * 0.95 * 0.95, 6)


def test_bounds_and_endings() -> None:
    assert [constraint.label for constraint in DEFAULT.constraints] == [
        "min_price: {cost_times: 1.1}",
        "max_daily_change: 0.10",
        "max_price: {competitor_max_times: 0.95}",
    ]
    assert DEFAULT.endings == (Decimal("0.49"), Decimal("0.99"))
    assert (DEFAULT.name, DEFAULT.priority, DEFAULT.scope) == ("default", 0, {})


def test_every_optional_feature_is_guarded() -> None:
    optional = [name for name, column in FeatureSnapshots.columns().items() if column.nullable]
    absent = dict.fromkeys(set(optional) - {"list_price"})
    assert proposed(**absent) == 1000
