"""Numbers as people read them: what Python's own format says of each."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.counting import counted_units
from pricing_assets.pricing.numbers import amount, fixed, units


@given(st.lists(st.decimals(-(10**11), 10**11, places=4), min_size=1, max_size=20), st.sampled_from([0, 2, 3]))
def test_amounts_read_as_python_writes_them(amounts: list[Decimal], places: int) -> None:
    said = pl.DataFrame({"a": pl.Series(amounts, dtype=pl.Decimal(18, 4))}).select(fixed(pl.col("a"), places))
    exact = [value.quantize(Decimal(1).scaleb(-places)) for value in amounts]
    assert said.to_series().to_list() == [f"{each:,.{places}f}" for each in exact]


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=20))
def test_units_read_as_of_single_numbers(tenths: list[int]) -> None:
    values = [each / 10 for each in tenths]
    assert pl.DataFrame({"u": values}).select(units(pl.col("u"))).to_series().to_list() == [
        counted_units(each) for each in values
    ]


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.0, "0.00"), (999.999, "1,000.00"), (1e6, "1,000,000.00"), (1.5e14, "150,000,000,000,000.00")],
)
def test_thousands_are_told_apart(number: float, text: str) -> None:
    assert pl.DataFrame({"n": [number]}).select(fixed(pl.col("n"), 2)).item() == text


def test_each_currency_has_its_places_and_what_is_not_known_stays_so() -> None:
    rows = pl.DataFrame({"a": [1234.5, 1234.5, 1234.5, 1234.5, None], "c": ["GBP", "JPY", "KWD", None, "GBP"]})
    said = rows.select(amount(pl.col("a"), pl.col("c"), rows["c"].unique())).to_series().to_list()
    assert said == ["1,234.50", "1,234", "1,234.500", "1,234.50", None]
