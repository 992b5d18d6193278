from __future__ import annotations

from decimal import Decimal
from typing import Any

import pricing_reference as reference
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import minor

from pricing_assets.pricing import endings


def ended(price: int, *wanted: str, low: int = 1, high: int = 10**6, currency: str = "GBP") -> int | None:
    frame = minor([{"currency": currency, "price": price, "low": low, "high": high}])
    return endings.nearest(frame, [Decimal(each) for each in wanted])[0]


@pytest.mark.parametrize(
    ("price", "wanted", "found"),
    [
        (1020, ("0.99",), 999),
        (1060, ("0.99",), 1099),
        (999, ("0.99",), 999),
        (525, ("0.49", "0.99"), 549),
        (524, ("0.49", "0.99"), 499),  # a tie goes down
        (574, ("0.49", "0.99"), 549),  # a tie goes down
        (550, ("0.00",), 500),  # a tie goes down
        (20, ("0.99",), 99),
    ],
)
def test_nearest_ending(price: int, wanted: tuple[str, ...], found: int) -> None:
    assert ended(price, *wanted) == found


def test_the_interval_decides_what_is_admissible() -> None:
    assert ended(1020, "0.99", low=1000) == 1099
    assert ended(1060, "0.99", high=1098) == 999
    assert ended(1020, "0.99", low=1000, high=1098) is None


def test_no_endings_no_candidate() -> None:
    assert ended(1020) is None


def test_what_the_currency_cannot_express_is_no_candidate() -> None:
    assert ended(1020, "0.99", currency="JPY") is None
    assert ended(1020, "0", currency="JPY") == 1020
    assert ended(1020, "0.995", currency="GBP") is None
    assert ended(1020, "0.995", currency="KWD") == 995


@settings(max_examples=150)
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "currency": st.sampled_from(["GBP", "JPY", "KWD"]),
                "price": st.integers(0, 3000),
                "low": st.integers(1, 3000),
                "high": st.integers(1, 3000),
            }
        ),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(0, 999).map(lambda n: Decimal(n).scaleb(-3)), max_size=4, unique=True),
)
def test_endings_equal_the_oracle(rows: list[dict[str, Any]], wanted: list[Decimal]) -> None:
    found = endings.nearest(minor(rows), wanted).to_list()
    assert found == [reference.ending(row, wanted) for row in rows]
