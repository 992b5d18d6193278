"""Borrowing: when a series' elasticity is not its own, and the sentence that says why.

Here: reasons, and the rows of the answer. Not here: how far it is drawn towards others (shrinkage).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.clusters import Floats
from pricing_assets.demand.elasticity.columns import ID
from pricing_assets.demand.elasticity.shrinkage import PUBLISHED, PUBLISHED_SPREAD
from pricing_assets.demand.elasticity.specifications import Answer

MOSTLY = 0.9
"""Share from beyond the SKU from which an elasticity counts as borrowed."""
LEAST_VARIATION = 0.004
"""Standard deviation of the log price below which it did not really vary."""
LEAST_NEGATIVE = -0.05
"""No elasticity is nearer to 0 than this: a shop that believed it would raise prices without end."""
_MOVED = {"base": "the regular price", "promotion": "the price below the regular one"}


def borrow(series: pl.DataFrame, answer: Answer | None, spread: tuple[Floats, Floats] | None) -> pl.DataFrame:
    """The rows of `elasticities`; without an answer all of them are the published mean."""
    rows = [_kind(series, kind, number, answer, spread) for number, kind in enumerate(_MOVED)]
    return pl.concat(rows).sort(ID, "kind")


def _kind(
    series: pl.DataFrame, kind: str, number: int, answer: Answer | None, spread: tuple[Floats, Floats] | None
) -> pl.DataFrame:
    height = series.height
    if answer is None or spread is None:
        values = {
            "elasticity": np.full(height, PUBLISHED),
            "std_error": np.full(height, PUBLISHED_SPREAD),
            "own": np.full(height, np.nan),
            "own_error": np.full(height, np.nan),
            "price_variation": np.zeros(height),
            "spec_low": np.full(height, PUBLISHED),
            "spec_high": np.full(height, PUBLISHED),
            "shrinkage": np.ones(height),
            "category": np.full(height, np.nan),
            "category_error": np.full(height, np.nan),
        }
    else:
        slopes, shrunken = answer.slopes, answer.shrunken
        values = {
            "elasticity": shrunken.slopes[:, number],
            "std_error": shrunken.errors[:, number],
            "own": slopes.own[:, number],
            "own_error": slopes.own_error[:, number],
            "price_variation": slopes.variation[:, number],
            "spec_low": spread[0][:, number],
            "spec_high": spread[1][:, number],
            "shrinkage": shrunken.shrinkage[:, number],
            "category": shrunken.category[:, number],
            "category_error": shrunken.category_errors[:, number],
        }
    frame = series.select(ID, "n_obs", "fault", "left_out").with_columns(
        pl.lit(kind).alias("kind"), *(pl.Series(name, column).fill_nan(None) for name, column in values.items())
    )
    return _said(frame, kind)


def _said(frame: pl.DataFrame, kind: str) -> pl.DataFrame:
    """The frame with the reason where the elasticity is not the series' own, and one of the wrong sign replaced."""
    silent = pl.col("fault").is_not_null()
    still = pl.col("own").is_null() | (pl.col("price_variation") < LEAST_VARIATION)
    wrong = pl.col("elasticity") > LEAST_NEGATIVE
    from_category = pl.min_horizontal(pl.col("category").fill_null(PUBLISHED), pl.lit(LEAST_NEGATIVE))
    share = pl.format("{} % of it from beyond the SKU", (100 * pl.col("shrinkage")).round(0).cast(pl.Int64))
    alone = pl.format("{} ± {} alone", pl.col("own").round(2), pl.col("own_error").round(2))
    reason = (
        pl.when(silent)
        .then(pl.col("fault"))
        .when(wrong)
        .then(pl.format("wrong sign: {}; the category's is used", alone))
        .when(still)
        .then(pl.format("{} hardly moved: {} % beside all else", pl.lit(_MOVED[kind]), _percent("price_variation")))
        .when((pl.col("own") > 0) & (pl.col("shrinkage") > 0.5))
        .then(pl.format("wrong sign: {}; {}", alone, share))
        .when(pl.col("shrinkage") > MOSTLY)
        .then(pl.format("too uncertain: {}; {}", alone, share))
    )
    frame = frame.with_columns(
        fallback_reason=reason,
        elasticity=pl.when(wrong).then(from_category).otherwise("elasticity"),
        std_error=pl.when(wrong).then(pl.col("category_error").fill_null(PUBLISHED_SPREAD)).otherwise("std_error"),
        shrinkage=pl.when(wrong).then(1.0).otherwise("shrinkage"),
        price_variation=pl.when(silent).then(0.0).otherwise("price_variation"),
    )
    low, high = pl.col("spec_low"), pl.col("spec_high")
    return frame.select(
        ID,
        "kind",
        "elasticity",
        "std_error",
        "own",
        "own_error",
        pl.col("n_obs").cast(pl.Int64),
        "price_variation",
        pl.min_horizontal(low, "elasticity").alias("spec_low"),
        pl.max_horizontal(high, "elasticity").alias("spec_high"),
        "shrinkage",
        "fallback_reason",
        "left_out",
    )


def _percent(column: str) -> pl.Expr:
    return (100 * pl.col(column)).round(2)
