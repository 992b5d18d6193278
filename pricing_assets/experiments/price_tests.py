"""Price tests: small moves of prices that would have stayed, half of them up and half down, to learn what units answer.

Here: which prices are moved, in which direction, on which day. Not here: which prices are admissible and what is
decided (pricing/), what is learned (demand/elasticity).

Each cluster has a first day of its own in the period: only on it are prices moved, then they are left to the strategy,
so a move is never made upon a move. Of the prices that may go either way, a random half goes up and the other half
down by the same factor: as many up as down in every cluster, an odd one out, and the logs add up to nothing but for
rounding. What went up in a period of an even number comes down in the next: prices come back instead of wandering.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.experiments.design import CLUSTER, Design, clustered, effective
from pricing_assets.tables.decisions import PriceTests

STEP = "test"
"""The step of an explanation that a test is."""
WORDS = "price test until {}: {} by about {} %, and as many others of its category {}"
_TURNS = 2  # periods after which a price is back where it was


def drawn(frame: pl.DataFrame, size: float, design: Design) -> pl.DataFrame:
    """The prices tested: row (ascending), `tested` (Int64, minor units) and `test`, the sentence.

    `frame` are the rows of one strategy whose price would stay: row, date, sku, market, category, current (minor
    units), and `up` and `down`, the admissible prices nearest to `targets`, null where there is none.
    """
    first = _on_first_day(clustered(frame.filter(_fits(size))), design)
    if first.is_empty():
        return first.select("row", tested=pl.lit(None, dtype=pl.Int64), test=pl.lit(None, dtype=pl.String))
    draws = design.draws(first, "price test", ["turn", *CLUSTER, "sku"])
    rows = first.join(draws, on=["turn", *CLUSTER, "sku"], maintain_order="left")
    cell = ["date", *CLUSTER]
    half = pl.len().over(cell) // 2
    place = pl.int_range(pl.len()).over(cell, order_by="draw")
    rows = rows.with_columns(rises=(place < half) != (pl.col("period") % _TURNS == 1)).filter(place < 2 * half)
    until, percent = pl.col("until").dt.to_string("%Y-%m-%d"), f"{size * 100:g}"
    sides = [
        pl.when("rises").then(pl.lit(one)).otherwise(pl.lit(other)) for one, other in (("up", "down"), ("down", "up"))
    ]
    return rows.select(
        "row",
        pl.when("rises").then("up").otherwise("down").alias("tested"),
        pl.format(WORDS, until, sides[0], pl.lit(percent), sides[1]).alias("test"),
    ).sort("row")


def targets(size: float) -> tuple[pl.Expr, pl.Expr]:
    """Where a test would like to go from `current`, in minor units: as far up as down in logs."""
    current = pl.col("current").cast(pl.Float64)
    up, down = current * (1 + size), current / (1 + size)
    return up.round().cast(pl.Int64).alias("up"), down.round().cast(pl.Int64).alias("down")


def moved(decisions: pl.DataFrame, steps: pl.DataFrame, sizes: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Rows of decisions.price_tests: what standing decisions tested, as their own steps say.

    `decisions` are rows of decisions.price_decisions with `category`, `steps` theirs; `sizes` has strategy_hash and
    size of the strategies in force.
    """
    told = steps.filter(pl.col("step").cast(pl.String) == STEP).select("date", "decision_id", "before", "after")
    rows = clustered(decisions.with_columns(pl.col("strategy_hash").cast(pl.String)))
    rows = rows.join(told, on=["date", "decision_id"], how="inner").join(sizes, on="strategy_hash", how="inner")
    rows = _counted(rows, design).with_columns(
        arm=pl.when(pl.col("after") > pl.col("before")).then(pl.lit("up")).otherwise(pl.lit("down")),
        base_price="before",
        test_price="after",
    )
    return PriceTests.cast(rows.select(PriceTests.column_names())).sort(PriceTests.order())


def _fits(size: float) -> pl.Expr:
    """Whether a price can go either way about as far as asked: endings and coins may be far apart."""
    current = pl.col("current").cast(pl.Float64)
    moves = [(pl.col("up") / current).log(), (current / pl.col("down")).log()]
    asked = pl.lit(1 + size).log()
    return pl.all_horizontal(move.is_between(asked / 2, asked * 2) for move in moves).fill_null(value=False)


def _on_first_day(rows: pl.DataFrame, design: Design) -> pl.DataFrame:
    """The rows whose cluster begins its period on the effective day."""
    return _counted(rows, design).filter((effective() - pl.col("offset")) % design.period_days == 0)


def _counted(rows: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Adds the period as the row's cluster counts it, its `turn`, and the last effective day it has."""
    offsets = design.draws(rows, "first day", CLUSTER).with_columns(offset=pl.col("draw") % design.period_days)
    rows = rows.join(offsets.drop("draw"), on=CLUSTER, how="left", maintain_order="left")
    period = (effective() - pl.col("offset")) // design.period_days
    last = ((pl.col("period") + 1) * design.period_days + pl.col("offset") - 1).cast(pl.Int32).cast(pl.Date)
    return rows.with_columns(period=period).with_columns(turn=pl.col("period") // _TURNS, until=last)
