"""Measures of forecasts: how far off, in which direction, how honest the range.

Here: WAPE, RMSSE, bias, coverage, interval score over frames of forecasts. Not here: where forecasts come from.

A frame of forecasts has unique_id, ds, cutoff, model, yhat, yhat_lo, yhat_hi and y; rows without y are not scored.
"""

from __future__ import annotations

import polars as pl

COVERAGE = 0.8
"""What q10 to q90 should cover."""

WAPE = ((pl.col("y") - pl.col("yhat")).abs().sum() / pl.col("y").sum()).alias("wape")
"""Weighted absolute percentage error: Σ|y − ŷ| ÷ Σy (Kolassa and Schütz 2007)."""
BIAS = ((pl.col("yhat") - pl.col("y")).sum() / pl.col("y").sum()).alias("bias")
"""Σ(ŷ − y) ÷ Σy: above 0 is too high."""
COVERED = pl.col("y").is_between(pl.col("yhat_lo"), pl.col("yhat_hi")).mean().alias("coverage")


def interval_score() -> pl.Expr:
    """Mean interval score of the central 80 % (Gneiting and Raftery 2007): width and, ten times, what lies outside."""
    low, high, y = pl.col("yhat_lo"), pl.col("yhat_hi"), pl.col("y")
    outside = (low - y).clip(lower_bound=0.0) + (y - high).clip(lower_bound=0.0)
    return (high - low + outside * (2 / (1 - COVERAGE))).mean().alias("interval_score")


def scales(history: pl.DataFrame, season: int = 1) -> pl.DataFrame:
    """unique_id, scale: mean squared seasonal-naive error in the history (unique_id, ds, y), as RMSSE divides by."""
    step = pl.col("y") - pl.col("y").shift(season).over("unique_id")
    squared = history.sort("unique_id", "ds").with_columns(scale=step**2)
    return squared.group_by("unique_id", maintain_order=True).agg(pl.col("scale").mean())


def rmsse(forecasts: pl.DataFrame, scale: pl.DataFrame) -> pl.DataFrame:
    """model, rmsse: root mean squared scaled error (Hyndman and Koehler 2006), the mean over series and origins.

    `scale` has unique_id, cutoff and scale; series that never moved before an origin are left out of it.
    """
    scored = forecasts.drop_nulls("y").join(scale.filter(pl.col("scale") > 0), on=["unique_id", "cutoff"])
    squared = ((pl.col("y") - pl.col("yhat")) ** 2).mean() / pl.col("scale").first()
    each = scored.group_by("model", "unique_id", "cutoff", maintain_order=True).agg(rmsse=squared.sqrt())
    return each.group_by("model", maintain_order=True).agg(pl.col("rmsse").mean())


def accuracy(forecasts: pl.DataFrame, by: tuple[str, ...] = ("model",)) -> pl.DataFrame:
    """One row per value of `by`: n_series, n, wape, bias, coverage, interval_score."""
    scored = forecasts.drop_nulls("y")
    figures = [pl.col("unique_id").n_unique().alias("n_series"), pl.len().alias("n"), WAPE, BIAS, COVERED]
    return scored.group_by(*by, maintain_order=True).agg(*figures, interval_score())
