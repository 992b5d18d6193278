"""Price endings: the nearest admissible price that ends as the strategy likes, ties going down.

Here: the choice among endings in minor units. Not here: what is admissible (constraints).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import polars as pl


def nearest(endings: Sequence[Decimal]) -> pl.Expr:
    """The price nearest to `price` within [`low`, `high`] that has one of the endings, in minor units.

    Reads Int64 columns `price`, `low`, `high`, `scale`. An ending is a fraction of the major unit, 0.99; one that the
    currency cannot express (0.99 in yen) is no candidate. Null where no price in the interval has an ending.
    """
    candidates = [candidate for ending in endings for candidate in _candidates(ending)]
    if not candidates:
        return pl.lit(None, dtype=pl.Int64)
    distances = [(candidate - pl.col("price")).abs() for candidate in candidates]
    shortest = pl.min_horizontal(distances)
    # of equally near candidates the lowest one: ties go down
    return pl.min_horizontal(
        pl.when(distance == shortest).then(candidate) for candidate, distance in zip(candidates, distances, strict=True)
    )


def _candidates(ending: Decimal) -> list[pl.Expr]:
    """The highest admissible price with the ending at or below `price`, and the lowest one above it."""
    scale = pl.col("scale")
    num, den = ending.as_integer_ratio()
    expressible = (scale * num) % den == 0
    offset = (scale * num) // den
    below = (pl.min_horizontal("price", "high") - offset) // scale * scale + offset
    above = -((offset - pl.max_horizontal(pl.col("price") + 1, pl.col("low"))) // scale) * scale + offset
    return [
        pl.when(expressible & (price >= pl.col("low")) & (price <= pl.col("high"))).then(price)
        for price in (below, above)
    ]
