"""From integers to columns: amounts, counts and ratios, null where there is nothing to say.

Here: the one place where exact integers become Float64, by a single division, or Decimal(18,4).
Not here: what is divided by what.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.features.visibility import Ints
from pricing_assets.features.windows import Bools

Floats = npt.NDArray[np.float64]
UNITS = 10_000
"""Amounts are counted in ten-thousandths of the major unit: what Decimal(18,4) holds, exactly."""


def ten_thousandths(amount: pl.Series) -> Ints:
    """Decimal(18,4) amounts as Int64 ten-thousandths, 0 for null."""
    return amount.to_physical().cast(pl.Int64).fill_null(0).to_numpy()


def count(values: Ints, known: Bools | None = None) -> pl.Series:
    """Whole numbers, null where not known."""
    return _masked(pl.Series(values, dtype=pl.Int64), known)


def amount(values: Ints, known: Bools) -> pl.Series:
    """Ten-thousandths as Decimal(18,4), null where not known."""
    # Decimal keeps its digits as an integer: 123 ten-thousandths are 123.0000 ÷ 10000.
    wide = pl.Series(np.where(known, values, 0), dtype=pl.Int64).cast(pl.Decimal(38, 4))
    return _masked((wide / pl.Series([UNITS], dtype=pl.Decimal(38, 4))).cast(pl.Decimal(18, 4)), known)


def ratio(numerator: Ints | Floats, denominator: Ints | Floats, known: Bools, times: float = 1.0) -> pl.Series:
    """times × numerator ÷ denominator, null where not known or the denominator is 0."""
    known = known & (denominator != 0)
    below = np.where(known, denominator, 1).astype(np.float64)
    above = np.where(known, numerator, 0).astype(np.float64) * times
    return _masked(pl.Series(above / below, dtype=pl.Float64), known)


def percent(numerator: Ints, denominator: Ints, known: Bools) -> pl.Series:
    """Numerator as % of the denominator, null where not known or the denominator is 0."""
    return ratio(numerator, denominator, known, 100.0)


def _masked(values: pl.Series, known: Bools | None) -> pl.Series:
    if known is None or known.all():
        return values
    return pl.select(pl.when(pl.Series(known)).then(values)).to_series()
