"""The ladder: the prices a model may choose among, in minor units.

Here: bounds of each row (constraints, reach of the ladder, movement of 28 days, prices ever tried) and the rungs
between them. Not here: what a price earns (optimiser).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import numpy as np
import polars as pl

from pricing_assets.pricing.optimiser import Ints
from pricing_assets.strategies import Learned

RUNGS = 32
"""Prices on a ladder at most: where it is longer, every second, third … step is left out."""
_PARTS = 10_000  # of a share


def bounded(frame: pl.DataFrame, learned: Learned) -> pl.DataFrame:
    """`lowest` and `highest` rung of each row, Int64 minor units; lowest above highest where none is admissible.

    Reads Int64 `base`, `low`, `high` (of the constraints), `scale`, `current`, and the features price_change_28d_pct,
    lowest_price_365d, highest_price_365d. Floors round up, caps round down.
    """
    major = pl.col("scale").cast(pl.Float64)
    before = (pl.col("current") / (1 + pl.col("price_change_28d_pct") / 100)).round().cast(pl.Int64)
    tried = [
        (pl.col(name).cast(pl.Float64) * major).round().cast(pl.Int64)
        for name in ("lowest_price_365d", "highest_price_365d")
    ]
    floors = [
        pl.col("low"),
        _floor(pl.col("base"), learned.ladder.down),
        _floor(before, learned.drift_28d),
        _floor(tried[0], learned.untested),
    ]
    caps = [
        pl.col("high"),
        _cap(pl.col("base"), learned.ladder.up),
        _cap(before, learned.drift_28d),
        _cap(tried[1], learned.untested),
    ]
    return frame.select(lowest=pl.max_horizontal(floors), highest=pl.min_horizontal(caps))


def _floor(price: pl.Expr, share: Decimal) -> pl.Expr:
    return -((price * -(_PARTS - _parts(share))) // _PARTS)


def _cap(price: pl.Expr, share: Decimal) -> pl.Expr:
    return (price * (_PARTS + _parts(share))) // _PARTS


def _parts(share: Decimal) -> int:
    """A share in ten-thousandths, finer ones rounded to the safe side."""
    return int(share * _PARTS)


def rungs(bounds: pl.DataFrame, learned: Learned, endings: Sequence[Decimal]) -> Ints:
    """The prices of each ladder, RUNGS or fewer × rows; 0 where a row has fewer.

    `bounds` has Int64 base, scale, lowest, highest. With endings, the prices that have one of them; in rows where none
    is admissible, and without endings, every step from the base on.
    """
    base, scale, lowest, highest = (bounds[name].to_numpy() for name in ("base", "scale", "lowest", "highest"))
    steps = _steps(base, scale, lowest, highest, learned.ladder.step)
    if endings:
        ended = _ended(scale, lowest, highest, endings)
        plain = ~(ended > 0).any(axis=0)
        steps = np.concatenate([ended, np.where(plain, steps, 0)])
    return steps


def _steps(base: Ints, scale: Ints, lowest: Ints, highest: Ints, step: Decimal) -> Ints:
    """Every step up and down from the base; of a longer ladder every so many."""
    num, den = step.as_integer_ratio()
    stride = np.maximum(num * scale // den, 1)
    stride = stride * np.maximum(-((lowest - highest) // (stride * (RUNGS - 1))), 1)
    first = base - (base - lowest) // stride * stride
    prices = first + stride * np.arange(RUNGS, dtype=np.int64)[:, None]
    return np.where((prices >= lowest) & (prices <= highest), prices, 0)


def _ended(scale: Ints, lowest: Ints, highest: Ints, endings: Sequence[Decimal]) -> Ints:
    """The prices with an ending; of a longer ladder those of every so many major units."""
    whole = max(RUNGS // len(endings), 2)
    stride = scale * np.maximum(-((lowest - highest) // (scale * (whole - 1))), 1)
    major = lowest // scale * scale + stride * np.arange(whole, dtype=np.int64)[:, None]
    found = []
    for ending in endings:
        num, den = ending.as_integer_ratio()
        prices = major + num * scale // den
        expressible = (num * scale) % den == 0
        found.append(np.where((prices >= lowest) & (prices <= highest) & expressible, prices, 0))
    return np.concatenate(found)
