"""Estimation: from a panel to elasticities, each with how well it is known and why it was borrowed, if it was.

Here: the order of the steps and the rows they end in. Not here: the steps.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.borrowing import borrow
from pricing_assets.demand.elasticity.clusters import Ints
from pricing_assets.demand.elasticity.columns import Columns, checked
from pricing_assets.demand.elasticity.design import design
from pricing_assets.demand.elasticity.observations import observe
from pricing_assets.demand.elasticity.specifications import MAIN, answers, spread

KINDS = ("base", "promotion")
"""Base: what a lasting change of the regular price does. Promotion: what a temporary cut below it does."""


def elasticities(panel: pl.DataFrame, columns: Columns, name: str = "panel") -> pl.DataFrame:
    """Two rows per series, of kind base and promotion, sorted by unique_id and kind.

    `elasticity` is % of units per % of price, below 0; `std_error` its standard error; `own`, `own_error` what the
    series says alone, null where it says nothing; `n_obs` rows it rests on; `price_variation` the standard deviation of
    the log price that no other column moves with; `spec_low`, `spec_high` its range over specifications; `shrinkage`
    the share that comes from beyond the SKU, 0 to 1; `fallback_reason` why it is borrowed, null where it is not;
    `left_out` the rows that were wrong. Raises PricingError for a panel that cannot be meant (columns.checked).
    """
    observed = observe(checked(panel, columns, name), columns)
    series = observed.series
    if not observed.rows.height:
        return borrow(series, None, None)
    sku, category = tree(series)
    made = answers(design(observed, columns.controls), columns, sku, category)
    return borrow(series, made[MAIN], spread(made))


def tree(series: pl.DataFrame) -> tuple[Ints, Ints]:
    """The number of each row's SKU, and of each SKU's category; a SKU in two categories is two."""
    keys = series.select("category", "sku")
    skus = keys.unique().sort("category", "sku").with_row_index("number")
    sku = keys.join(skus, on=["category", "sku"], how="left", maintain_order="left")["number"]
    category = skus["category"].rank("dense") - 1
    return sku.to_numpy().astype(np.int64), category.to_numpy().astype(np.int64)
