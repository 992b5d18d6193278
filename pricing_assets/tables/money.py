"""Money between its two exact forms: Decimal(18,4) in major units at rest, Int64 minor units while deciding.

Here: how many minor units a currency has, and the two conversions. Not here: rounding rules of a price decision.
Source of the exponents: ISO 4217, list one (currencies whose minor unit is not 1/100).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

EXPONENTS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}
DEFAULT_EXPONENT = 2
AT_REST = pl.Decimal(18, 4)


def exponent(currency: str) -> int:
    """Decimal places of a currency's minor unit: 2 for GBP, 0 for JPY, 3 for KWD."""
    return EXPONENTS.get(currency, DEFAULT_EXPONENT)


def scale(currency: pl.Expr, among: Iterable[str | None] | None = None) -> pl.Expr:
    """Minor units per major unit as Int64, for a column of ISO codes; 100 where the code is null.

    `among` may say which codes occur: a million rows of two currencies then cost two comparisons, not a look-up.
    """
    codes = EXPONENTS.keys() if among is None else EXPONENTS.keys() & set(among)
    factors = pl.lit(10**DEFAULT_EXPONENT, dtype=pl.Int64)
    for code in sorted(codes):
        factor = pl.lit(10 ** EXPONENTS[code], dtype=pl.Int64)
        factors = pl.when(currency == code).then(factor).otherwise(factors)
    return factors


def to_minor(amount: pl.Expr, minor_per_major: pl.Expr) -> pl.Expr:
    """Decimal(18,4) major units → Int64 minor units, fractions of a minor unit rounded half to even."""
    ten_thousandths = amount.cast(AT_REST).to_physical().cast(pl.Int64)
    step = 10_000 // minor_per_major  # even, whatever the currency
    # a half rounds up from an odd whole only, so that it ends at an even one; the last bit
    # says which, `% 2` takes five times as long
    return (ten_thousandths + (step // 2 - 1) + ((ten_thousandths // step) & 1)) // step


def to_major(minor: pl.Expr, minor_per_major: pl.Expr) -> pl.Expr:
    """Int64 minor units → Decimal(18,4) major units, exactly."""
    return (minor.cast(pl.Decimal(38, 4)) / minor_per_major.cast(pl.Decimal(38, 4))).cast(AT_REST)
