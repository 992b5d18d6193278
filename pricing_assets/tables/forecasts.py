"""What is expected of demand: forecasts, how units answer prices, and how well both did.

A row's `date` is the business day it was made on; what is known afterwards is in no row of that day.
"""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier


class Elasticities(Table):
    """One row per day, SKU, market and kind: % of units per % of price, and how well that is known."""

    date = day("business day up to which rows were looked at")
    sku = identifier("stock keeping unit")
    market = identifier("market")
    kind = dy.Enum(
        ["base", "promotion"],
        primary_key=True,
        description="base: of a lasting change of the regular price; promotion: of a temporary cut below it",
    )
    elasticity = dy.Float64(max=0.0, description="% of units per % of price, below 0, after shrinkage")
    std_error = dy.Float64(min=0.0, description="standard error of the elasticity, clustered where prices are set")
    own = dy.Float64(nullable=True, description="what the series says alone; null where it says nothing")
    own_error = dy.Float64(nullable=True, min=0.0, description="standard error of `own`")
    n_obs = dy.Int64(min=0, description="rows it rests on")
    price_variation = dy.Float64(
        min=0.0, description="standard deviation of the log price that nothing else in the series moves with"
    )
    spec_low = dy.Float64(description="lowest elasticity over specifications")
    spec_high = dy.Float64(description="highest elasticity over specifications")
    shrinkage = dy.Float64(min=0.0, max=1.0, description="share that comes from beyond the SKU: category or all")
    fallback_reason = dy.String(nullable=True, description="why it is borrowed from others; null where it is not")
    left_out = dy.String(nullable=True, description="rows that were wrong and left out, by kind; null without any")
