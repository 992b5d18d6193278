"""Hold-outs: clusters whose prices stay for a period, drawn at random, so that pricing can be judged against them.

Here: which rows are held out and until when. Not here: what is then decided (pricing/), what it shows (effectiveness).

Of the clusters that strategies with a model price on a day, the share of the design is held, rounded, and at least
one; a single cluster is never held, since nothing would be left to compare it with. Each period draws anew and without
memory: chance alone tells the held from the others, which is what the figures rest on.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.experiments.design import CLUSTER, Design, clustered

WORDS = "held out until {}: its category shows what would have been without"


def held_out(frame: pl.DataFrame, design: Design | None) -> pl.DataFrame:
    """Row and sentence (`held_out`) of the rows held, in the order of `frame`.

    `frame` are all rows that strategies with a model price, with row, date, category, market. Without a design, or with
    a share of 0, nothing is held.
    """
    if design is None or not design.share or frame.is_empty():
        return frame.select("row").clear().with_columns(held_out=pl.lit(None, dtype=pl.String))
    held = assigned(frame, design).filter("held")
    rows = clustered(frame.select("row", "date", *CLUSTER)).join(
        held, on=["date", *CLUSTER], how="inner", maintain_order="left"
    )
    return rows.select("row", pl.format(WORDS, pl.col("period_until").dt.to_string("%Y-%m-%d")).alias("held_out"))


def assigned(frame: pl.DataFrame, design: Design) -> pl.DataFrame:
    """Every cluster of every day: the columns of decisions.holdouts.

    `frame` has date, category, market, a row per SKU. A cluster that appears or goes within a period can change who is
    held only where it takes or leaves a place among the first.
    """
    clusters = clustered(frame).group_by("date", *CLUSTER).agg(skus=pl.len().cast(pl.Int64))
    clusters = clusters.with_columns(design.period())
    drawn = design.draws(clusters, "hold-out", ["period", *CLUSTER])
    clusters = clusters.join(drawn, on=["period", *CLUSTER]).sort("date", "draw", *CLUSTER)
    return (
        clusters.with_columns(
            held=pl.int_range(pl.len()).over("date", order_by="draw") < _held(pl.len().over("date"), design.share)
        )
        .with_columns(design.first_day(), design.last_day())
        .select("date", *CLUSTER, "period", "period_from", "period_until", "held", "skus")
        .sort("date", *CLUSTER)
    )


def _held(clusters: pl.Expr, share: float) -> pl.Expr:
    """How many of so many clusters are held."""
    rounded = (clusters * share + 0.5).floor().cast(pl.Int64)
    wanted = pl.max_horizontal(rounded, pl.lit(1, dtype=pl.Int64)) if share else pl.lit(0, dtype=pl.Int64)
    return pl.min_horizontal(wanted, clusters.cast(pl.Int64) - 1)
