"""Estimation: from a panel to elasticities, each with how well it is known and why it was borrowed, if it was.

Here: the order of the steps and the rows they end in. Not here: the steps.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.demand.elasticity.borrowing import borrow
from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.columns import Columns, checked
from pricing_assets.demand.elasticity.design import Design, design
from pricing_assets.demand.elasticity.observations import NEWNESS, observe
from pricing_assets.demand.elasticity.specifications import MAIN, Answer, answers, spread
from pricing_assets.demand.elasticity.substitution import cross, with_cross
from pricing_assets.demand.elasticity.traits import Traits, steepened, traits

KINDS = ("base", "promotion")
"""Base: what a lasting change of the regular price does. Promotion: what a temporary cut below it does."""


def elasticities(panel: pl.DataFrame, columns: Columns, name: str = "panel") -> pl.DataFrame:
    """Two rows per series, of kind base and promotion, sorted by unique_id and kind.

    `elasticity` is % of units per % of price, below 0; `std_error` its standard error; `own`, `own_error` what the
    series says alone, null where it says nothing; `n_obs` rows it rests on; `price_variation` the standard deviation of
    the log price that no other column moves with; `spec_low`, `spec_high` its range over specifications; `shrinkage`
    the share that comes from beyond the SKU, 0 to 1; `fallback_reason` why it is borrowed, null where it is not;
    `left_out` the rows that were wrong; `curvature`, of base alone, how it grows with the price (its power), the same
    for all; a base elasticity is of the series' last price; `cross`, `cross_error`, `cross_reason`, of base alone, what
    the category's other SKUs do to it (substitution). Raises PricingError for a panel that cannot be meant
    (columns.checked).
    """
    observed = observe(checked(panel, columns, name), columns)
    series = observed.series
    if not observed.rows.height:
        rows = borrow(series, None, None).with_columns(curvature=pl.lit(None, pl.Float64))
        return with_cross(rows, observed, columns, None)
    sku, category = tree(series)
    asked, told = known(design(observed, columns.controls), sku, category)
    said = answers(asked, columns, sku, category)
    made = {name: _now(answer, asked, told) for name, answer in said.items()}
    rows = borrow(series, made[MAIN], spread(made)).with_columns(
        curvature=pl.when(pl.col("kind") == "base").then(pl.lit(told.curvature))
    )
    return with_cross(rows, observed, columns, cross(observed, asked, said[MAIN].shrunken))


def known(whole: Design, sku: Ints, category: Ints) -> tuple[Design, Traits]:
    """The design to ask for elasticities, and the traits of its customers."""
    told = traits(whole, sku, category)
    return whole if told.remember else whole.without({NEWNESS}), told


def _now(answer: Answer, design: Design, told: Traits) -> Answer:
    """The answer with the elasticity of base prices as it is at each series' last price."""
    times, away = steepened(design, told.curvature)
    slopes, shrunken = answer.slopes, answer.shrunken
    base, doubt = shrunken.slopes[:, 0], told.curvature_error * away
    errors = np.hypot(shrunken.errors[:, 0], base * doubt)
    return Answer(
        slopes._replace(own=_first(slopes.own, times), own_error=_first(slopes.own_error, times)),
        shrunken._replace(
            slopes=_first(shrunken.slopes, times),
            errors=_first(np.column_stack([errors, shrunken.errors[:, 1:]]), times),
        ),
    )


def _first(values: Floats, times: Floats) -> Floats:
    """The columns with the first one multiplied."""
    return np.column_stack([values[:, 0] * times, values[:, 1:]])


def tree(series: pl.DataFrame) -> tuple[Ints, Ints]:
    """The number of each row's SKU, and of each SKU's category; a SKU in two categories is two."""
    keys = series.select("category", "sku")
    skus = keys.unique().sort("category", "sku").with_row_index("number")
    sku = keys.join(skus, on=["category", "sku"], how="left", maintain_order="left")["number"]
    category = skus["category"].rank("dense") - 1
    return sku.to_numpy().astype(np.int64), category.to_numpy().astype(np.int64)
