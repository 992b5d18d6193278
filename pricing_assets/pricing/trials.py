"""Price tests among the decisions: prices a model would leave alone, moved a little to learn what units answer.

Here: which rows may be tested and between which prices. Not here: which of them are and in which direction
(experiments/price_tests), rungs a model chooses among (ladder).

A test stays within everything a model's own move must stay within: constraints, endings, the reach of the ladder, the
movement of 28 days and the distance from prices ever tried. Prices on promotion, planned ones and those a model could
not judge are left alone.
"""

from __future__ import annotations

import polars as pl

from pricing_assets import experiments
from pricing_assets.experiments import Design
from pricing_assets.pricing import endings, ladder
from pricing_assets.strategies import Learned, Strategy
from pricing_assets.tables import money

_NOTHING = pl.lit(None, dtype=money.AT_REST)


def tested(frame: pl.DataFrame, strategy: Strategy, design: Design | None) -> pl.DataFrame:
    """Rows of a strategy whose model tests prices: `tested` (minor units) and `test`, the sentence, null but for those.

    `frame` has `price`, `current`, `hold`, `unmoved` and all that a ladder's bounds rest on. A price tested is not
    held, and nobody expects a gain of it.
    """
    if design is None or strategy.ml is None:
        return frame.with_columns(tested=pl.lit(None, dtype=pl.Int64), test=pl.lit(None, dtype=pl.String))
    judged = pl.col("expected_gain").is_not_null() & (pl.col("hold") == pl.col("unmoved"))
    if "touched" in frame.columns:  # what something goes before is left alone
        judged &= pl.col("touched").is_null()
    stays = frame.filter(judged & (pl.col("price") == pl.col("current")))
    drawn = experiments.drawn(_with_sides(stays, strategy, strategy.ml), float(strategy.ml.tests), design)
    frame = frame.join(drawn, on="row", how="left", maintain_order="left")
    is_tested = pl.col("tested").is_not_null()
    return frame.with_columns(
        price=pl.coalesce("tested", "price"),
        hold=pl.when(~is_tested).then("hold"),
        method=pl.when(is_tested).then(pl.lit("ml")).otherwise("method"),
        **{name: pl.when(is_tested).then(_NOTHING).otherwise(pl.col(name)) for name in ("expected_gain", "gain_low")},
    )


def acted(test: pl.Series, mode: pl.Series, judged: pl.DataFrame) -> pl.DataFrame:
    """What autonomy makes of tests, of `action` and `why` as of autonomy.acts: they publish but in manual mode.

    Nobody expects a gain of them, so no confidence could let them pass; whoever activated the strategy asked for them.
    """
    passes = test.is_not_null() & (mode != "manual") & (judged["action"] != "recommend")
    return judged.with_columns(
        action=pl.when(passes).then(pl.lit("publish")).otherwise("action"), why=pl.when(~passes).then("why")
    )


def _with_sides(stays: pl.DataFrame, strategy: Strategy, learned: Learned) -> pl.DataFrame:
    """The rows with `up` and `down`, the admissible prices a test would move them to; null where there is none."""
    stays = stays.with_columns(base=pl.col("current"))
    stays = stays.hstack(ladder.bounded(stays, learned))
    above, below = (
        pl.max_horizontal("lowest", pl.col("current") + 1),
        pl.min_horizontal("highest", pl.col("current") - 1),
    )
    up, down = experiments.targets(float(learned.tests))
    return stays.with_columns(
        up=_nearest(stays.select("scale", price=up, low=above, high="highest"), strategy),
        down=_nearest(stays.select("scale", price=down, low="lowest", high=below), strategy),
    )


def _nearest(rows: pl.DataFrame, strategy: Strategy) -> pl.Series:
    """The price nearest to `price` within `low` and `high` that has an ending of the strategy; null where none is."""
    if strategy.endings:
        return endings.nearest(rows, strategy.endings)
    price = pl.col("price").clip("low", "high")
    return rows.select(pl.when(pl.col("low") <= pl.col("high")).then(price)).to_series()
