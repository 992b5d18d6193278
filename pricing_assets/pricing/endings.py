"""Price endings: the nearest admissible price that ends as the strategy likes, ties going down.

Here: the choice among endings in minor units. Not here: what is admissible (constraints).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl


def nearest(frame: pl.DataFrame, endings: Sequence[Decimal]) -> pl.Series:
    """The price nearest to `price` within [`low`, `high`] that has one of the endings, row by row, in minor units.

    Reads Int64 columns `price`, `low`, `high`, `scale`. An ending is a fraction of the major unit, 0.99; one that the
    currency cannot express (0.99 in yen) is no candidate. Null where no price in the interval has an ending.
    """
    candidates = [candidate for ending in endings for candidate in _candidates(ending)]
    names = [f"candidate {number}" for number in range(len(candidates))]
    if not names:
        return pl.repeat(None, frame.height, dtype=pl.Int64, eager=True).alias("ended")
    # step by step: what an expression repeats, Polars computes again
    found = frame.select(
        "price", "low", "high", *(each.alias(name) for each, name in zip(candidates, names, strict=True))
    )
    found = found.with_columns(_admissible(name).alias(name) for name in names)
    distances = [(pl.col(name) - pl.col("price")).abs().alias(f"{name} away") for name in names]
    found = found.with_columns(distances).with_columns(shortest=pl.min_horizontal(f"{name} away" for name in names))
    # of equally near candidates the lowest one: ties go down
    near = [pl.when(pl.col(f"{name} away") == pl.col("shortest")).then(pl.col(name)) for name in names]
    return found.select(pl.min_horizontal(near).alias("ended")).to_series()


def _admissible(name: str) -> pl.Expr:
    candidate = pl.col(name)
    return pl.when((candidate >= pl.col("low")) & (candidate <= pl.col("high"))).then(candidate)


def _candidates(ending: Decimal) -> list[pl.Expr]:
    """The highest price with the ending that is neither above `price` nor `high`, and the lowest one above `price`."""
    scale = pl.col("scale")
    num, den = ending.as_integer_ratio()
    offset = (scale * num) // den
    below = (pl.min_horizontal("price", "high") - offset) // scale * scale + offset
    above = -((offset - pl.max_horizontal(pl.col("price") + 1, "low")) // scale) * scale + offset
    return [pl.when((scale * num) % den == 0).then(price) for price in (below, above)]
