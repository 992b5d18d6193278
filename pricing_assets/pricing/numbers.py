"""Numbers as people read them, of whole columns: 1,234.50.

Here: text of numbers, as expressions. Not here: the sentences they stand in (grounds), single numbers (counting).
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from pricing_assets.tables import money

_GROUPS = 5  # of three digits that are told apart: what is left of them stands before the first comma


def fixed(number: pl.Expr, places: int) -> pl.Expr:
    """A number with so many decimal places and commas between thousands, halves rounded to even; null stays null.

    As f"{number:,.{places}f}" of the decimal number, below 2 ** 53 of the last place. What is not finite is null.
    """
    value = number.cast(pl.Float64)
    steps = (value.abs() * 10**places).round().cast(pl.Int64, strict=False)
    sign = pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    text = sign + _grouped(steps // 10**places)
    return text + "." + (steps % 10**places).cast(pl.String).str.zfill(places) if places else text


def units(number: pl.Expr) -> pl.Expr:
    """Units as people say them: to a tenth below a hundred. As counting.counted_units."""
    return pl.when(number < 100).then(fixed(number, 1)).otherwise(fixed(number, 0))


def amount(number: pl.Expr, currency: pl.Expr, among: Iterable[str | None]) -> pl.Expr:
    """An amount with the decimal places of its currency, which is one of `among`."""
    codes: dict[int, list[str]] = {}
    for code in among:
        codes.setdefault(money.exponent(code or ""), []).append(code or "")
    mine = {places: currency.fill_null("").is_in(named) for places, named in sorted(codes.items())}
    return pl.coalesce(*(pl.when(own).then(fixed(number, places)) for places, own in mine.items()))


def _grouped(whole: pl.Expr) -> pl.Expr:
    text: pl.Expr = pl.lit("")
    for power in range(_GROUPS - 1, -1, -1):
        reached = whole // 1000**power
        first = (whole < 1000 ** (power + 1)) if power < _GROUPS - 1 else pl.lit(value=True)
        later = pl.lit(",") + (reached % 1000).cast(pl.String).str.zfill(3)
        digits = pl.when(first).then(reached.cast(pl.String)).otherwise(later)
        text = text + pl.when((reached > 0) | (power == 0)).then(digits).otherwise(pl.lit(""))
    return text
