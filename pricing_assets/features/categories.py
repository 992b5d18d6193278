"""Features of the category a SKU is in: its size, its units, its margin in the market.

Here: aggregates over the listed SKUs of a day, market and category. Not here: windows; they come computed by pair.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.features.demand import Sold
from pricing_assets.features.targets import Targets

GROUP = ["date", "market", "category"]


def category_features(targets: Targets, category: pl.Series, margin: pl.Series, sold: Sold) -> dict[str, pl.Series]:
    """The category columns of each target, null where the SKU has no category.

    Sums are of integers and the median is one of the margins, so neither depends on the order of rows.
    """
    rows = targets.keys.select("date", "market").with_columns(
        category.alias("category"),
        margin.alias("margin"),
        pl.Series("units", sold.units),
        pl.Series("before", sold.before),
    )
    groups = (
        rows.filter(pl.col("category").is_not_null())
        .group_by(GROUP)
        .agg(
            pl.len().cast(pl.Int64).alias("category_skus"),
            pl.col("units").sum().alias("category_units_28d"),
            pl.col("before").sum().alias("all_before"),
            pl.col("margin").quantile(0.5, interpolation="lower").alias("category_median_margin_pct"),
        )
    )
    joined = rows.join(groups, on=GROUP, how="left", maintain_order="left").with_columns(
        _percent(pl.col("category_units_28d") - pl.col("all_before"), pl.col("all_before")).alias(
            "category_units_trend_pct"
        ),
        _percent(pl.col("units"), pl.col("category_units_28d")).alias("category_share_pct"),
    )
    return {name: joined[name] for name in joined.columns if name.startswith("category_")}


def _percent(numerator: pl.Expr, denominator: pl.Expr) -> pl.Expr:
    return pl.when(denominator != 0).then(numerator.cast(pl.Float64) * 100.0 / denominator.cast(pl.Float64))
