"""Money between its two exact forms: Decimal(18,4) in major units at rest, Int64 minor units while deciding.

Here: which currencies there are, how many minor units each has, and the two conversions. Not here: rounding rules of a
price decision.
Source: ISO 4217, list one; of the exponents, those of currencies whose minor unit is not 1/100.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

CURRENCIES = frozenset({
    "AED", "AFN", "ALL", "AMD", "AOA", "ARS", "AUD", "AWG", "AZN", "BAM", "BBD", "BDT", "BGN", "BHD", "BIF", "BMD",
    "BND", "BOB", "BRL", "BSD", "BTN", "BWP", "BYN", "BZD", "CAD", "CDF", "CHF", "CLP", "CNY", "COP", "CRC", "CUP",
    "CVE", "CZK", "DJF", "DKK", "DOP", "DZD", "EGP", "ERN", "ETB", "EUR", "FJD", "FKP", "GBP", "GEL", "GHS", "GIP",
    "GMD", "GNF", "GTQ", "GYD", "HKD", "HNL", "HTG", "HUF", "IDR", "ILS", "INR", "IQD", "IRR", "ISK", "JMD", "JOD",
    "JPY", "KES", "KGS", "KHR", "KMF", "KPW", "KRW", "KWD", "KYD", "KZT", "LAK", "LBP", "LKR", "LRD", "LSL", "LYD",
    "MAD", "MDL", "MGA", "MKD", "MMK", "MNT", "MOP", "MRU", "MUR", "MVR", "MWK", "MXN", "MYR", "MZN", "NAD", "NGN",
    "NIO", "NOK", "NPR", "NZD", "OMR", "PAB", "PEN", "PGK", "PHP", "PKR", "PLN", "PYG", "QAR", "RON", "RSD", "RUB",
    "RWF", "SAR", "SBD", "SCR", "SDG", "SEK", "SGD", "SHP", "SLE", "SOS", "SRD", "SSP", "STN", "SYP", "SZL", "THB",
    "TJS", "TMT", "TND", "TOP", "TRY", "TTD", "TWD", "TZS", "UAH", "UGX", "USD", "UYU", "UZS", "VED", "VES", "VND",
    "VUV", "WST", "XAF", "XCD", "XCG", "XOF", "XPF", "YER", "ZAR", "ZMW", "ZWG",
})  # fmt: skip
"""Currencies prices may be in: the active codes of ISO 4217, list one, that are legal tender.

Left out are the codes that are no money (metals, XTS, XXX), the units of account, and with them those in FOUR_DECIMALS.
"""

FOUR_DECIMALS = frozenset({"CLF", "UYW"})
"""Units of account whose minor unit is the last decimal money is kept to, so that `to_minor` has no half to round."""

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
