"""Money between Decimal(18,4) and minor units, against Python's own decimals."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.tables import money

AMOUNTS = st.decimals(Decimal("-99999999.9999"), Decimal("99999999.9999"), places=4)
CODES = st.sampled_from(["GBP", "EUR", "JPY", "KWD", "TND", "XOF", "USD"])


def frame(rows: list[tuple[str | None, Decimal | None]]) -> pl.DataFrame:
    made = pl.DataFrame(rows, schema={"code": pl.String, "amount": money.AT_REST}, orient="row")
    return made.with_columns(scale=money.scale(pl.col("code")))


def minor(rows: list[tuple[str | None, Decimal | None]]) -> list[int | None]:
    return frame(rows).select(money.to_minor(pl.col("amount"), pl.col("scale"))).to_series().to_list()


@given(st.lists(st.tuples(CODES, AMOUNTS), max_size=20))
def test_minor_units_round_half_to_even_in_every_currency(rows: list[tuple[str, Decimal]]) -> None:
    expected = [int(amount.scaleb(money.exponent(code)).quantize(Decimal(1), ROUND_HALF_EVEN)) for code, amount in rows]
    assert minor(list(rows)) == expected


@given(st.lists(st.tuples(CODES, st.integers(-(10**12), 10**12)), max_size=20))
def test_minor_units_go_to_major_ones_and_back_unchanged(rows: list[tuple[str, int]]) -> None:
    made = pl.DataFrame(rows, schema={"code": pl.String, "minor": pl.Int64}, orient="row")
    made = made.with_columns(scale=money.scale(pl.col("code")))
    made = made.with_columns(major=money.to_major(pl.col("minor"), pl.col("scale")))
    assert made.schema["major"] == money.AT_REST
    assert made.select(money.to_minor(pl.col("major"), pl.col("scale"))).to_series().to_list() == [m for _, m in rows]


@pytest.mark.parametrize(("code", "scale"), [("GBP", 100), ("JPY", 1), ("KWD", 1000), (None, 100)])
def test_a_currency_has_its_own_minor_unit(code: str | None, scale: int) -> None:
    assert frame([(code, None)])["scale"].to_list() == [scale]


@pytest.mark.parametrize("code", ["ABC", "gbp", "", "XXX", "XAU", "HRK", *sorted(money.FOUR_DECIMALS)])
def test_what_is_no_currency_in_use_is_none(code: str) -> None:
    assert code not in money.CURRENCIES


def test_currencies_in_use_are_three_letters_and_kept_exactly() -> None:
    assert {"GBP", "EUR", "USD", "JPY", "KWD", "CHF"} | money.EXPONENTS.keys() <= money.CURRENCIES
    assert all(len(code) == 3 and code.isupper() for code in money.CURRENCIES)
    assert all(10_000 // 10 ** money.exponent(code) % 2 == 0 for code in money.CURRENCIES), "halves of a minor unit"


def test_naming_the_codes_that_occur_changes_no_scale() -> None:
    made = pl.DataFrame({"code": ["GBP", "JPY", None, "KWD", "ISK"]})
    code = pl.col("code")
    assert made.select(money.scale(code, made["code"].unique())).equals(made.select(money.scale(code)))
    assert made.head(1).select(money.scale(code, ["GBP"])).to_series().to_list() == [100]


def test_an_unknown_amount_stays_unknown() -> None:
    assert minor([("GBP", None)]) == [None]
