"""Late corrections: what was first delivered was wrong, and some days later the right row comes.

Here: which rows are corrected, and what they said at first. Not here: rows that are never right (faults.py).

The right values are those the market kept: the first row of a corrected key is the wrong one, so a day that looks
before the correction is known sees it. Labelled days are left alone.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.simulation.randomness import stream
from pricing_assets.simulation.settings import MarketSettings

LONGEST = 4  # days until the correction
_SHARES = {"prices": 0.004, "sales": 0.010, "stock": 0.003}
_KEY = ["date", "sku", "market"]
_DRAWS = ("__chosen", "__size", "__side", "__delay")


def correct(settings: MarketSettings, frames: dict[str, pl.DataFrame], labels: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """The frames with wrong first rows and their corrections, in order of date, SKU, market and `known_at`."""
    spared = labels.select(_KEY).with_columns(__spared=pl.lit(True))
    return frames | {name: _corrected(settings, name, frames[name], spared) for name in _SHARES}


def _corrected(settings: MarketSettings, name: str, frame: pl.DataFrame, spared: pl.DataFrame) -> pl.DataFrame:
    draw = stream(settings.seed, f"corrections of {name}").random((len(_DRAWS), frame.height))
    drawn = frame.with_columns(pl.Series(column, draw[i]) for i, column in enumerate(_DRAWS))
    rows = drawn.filter(pl.col("__chosen") < _SHARES[name])
    rows = rows.join(spared, on=_KEY, how="left", maintain_order="left").filter(pl.col("__spared").is_null())
    later = pl.col("known_at") + pl.duration(days=1 + (pl.col("__delay") * LONGEST).cast(pl.Int64))
    rows = rows.with_columns(__later=later).filter(pl.col("__later").dt.date() <= settings.last_day, _correctable(name))
    right = rows.with_columns(known_at="__later").select(frame.columns)
    wrong = rows.with_columns(**_first_said(name)).select(frame.columns)
    key = [*_KEY, "known_at"]
    untouched = frame.join(rows.select(key), on=key, how="anti", maintain_order="left")
    return pl.concat([untouched, wrong, right]).sort(key)


def _correctable(name: str) -> pl.Expr:
    return pl.col("units") > 1 if name == "sales" else pl.lit(True)


def _first_said(name: str) -> dict[str, pl.Expr]:
    """What the wrong row says: a price or cost up to 3 % off, sales not all booked, stock miscounted."""
    side = pl.when(pl.col("__side") < 0.5)
    if name == "prices":
        factor = 1 + side.then(-1.0).otherwise(1.0) * (0.01 + 0.02 * pl.col("__size"))
        return {column: _scaled(column, factor) for column in ("current_price", "cost")}
    if name == "sales":
        booked = (pl.col("units") * (0.5 + 0.4 * pl.col("__size"))).ceil().cast(pl.Int64).clip(1, pl.col("units") - 1)
        return {"units": booked, "revenue": _scaled("revenue", booked / pl.col("units"))}
    off = side.then(-1).otherwise(1) * (1 + (3 * pl.col("__size")).cast(pl.Int64))
    return {"on_hand": (pl.col("on_hand") + off).clip(0)}


def _scaled(column: str, factor: pl.Expr) -> pl.Expr:
    """An amount times a factor, in whole cents."""
    kind = pl.Decimal(18, 4)
    return (pl.col(column).cast(pl.Float64) * factor).round(2).cast(kind)
