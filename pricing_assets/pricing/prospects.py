"""Prospects: what is known of the demand of each SKU-market a model prices, and of what its category gains or loses.

Here: forecasts, elasticities and cross effects beside the rows of a day; why a row cannot be judged. Not here: reading
them from the lake (outlook), choosing a price (optimiser).
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.elasticity.substitution import APART
from pricing_assets.pricing.outlook import KEY, Outlook
from pricing_assets.strategies import Learned

WRONG_SIGN = "its elasticity has the wrong sign"
_TENTH = 1.2815515655446004  # standard deviations from the median to the 10 % and 90 % quantiles
_UNKNOWN_SPREAD = 0.5  # of log units, where a range begins at nothing
_DECLARED = 0.5  # how much of a declared cross effect may be wrong, as a standard deviation
_THOUSANDTHS, _FINE = 1000, 1e9
_GROUP = ["date", "market", "category"]
COLUMNS = ("units", "spread", "planned", "elasticity", "error", "curvature", "others", "others_error", "unknown")


def no_model(learned: Learned) -> str:
    """Why a row is not judged whose forecast no model made."""
    return f"no model {learned.model} made its forecast"


def prospects(frame: pl.DataFrame, known: Outlook, learned: Learned) -> pl.DataFrame:
    """The columns of COLUMNS, row for row in the order of `frame`, which holds every SKU on sale.

    `frame` has date, sku, market, category, scale, current (Int64 minor units), cost (Decimal). `units` are of the 28
    days after the date at the price `planned` (minor units, Float64), `spread` the standard deviation of their log.
    `others` is what the category's other SKUs in the market earn more (minor units, by the strategy's objective) per
    unit of the row's log price. `unknown` says why a row cannot be judged; null where it can.
    """
    rows = frame.select(*KEY, "category", "scale", "current", cost=pl.col("cost").cast(pl.Float64) * pl.col("scale"))
    rows = rows.join(_forecasts(known), on=KEY, how="left", maintain_order="left")
    rows = rows.join(_elasticities(known), on=KEY, how="left", maintain_order="left")
    rows = rows.with_columns(
        planned=pl.coalesce(pl.col("conditioning_price") * pl.col("scale"), pl.col("current").cast(pl.Float64)),
        curvature=pl.col("curvature").fill_null(0.0),
    )
    rows = rows.with_columns(_worth(learned))
    return rows.with_columns(_others(learned), unknown=_unknown(learned)).select(COLUMNS)


def _forecasts(known: Outlook) -> pl.DataFrame:
    """Units over the horizon, their spread, the price assumed, and whether a model made them."""
    ratio = (pl.col("sum_q90") / pl.col("sum_q10")).log() / (2 * _TENTH)
    return known.forecasts.select(
        *KEY,
        units="sum_mean",
        spread=pl.when(pl.col("sum_q10") > 0).then(ratio).otherwise(_UNKNOWN_SPREAD),
        conditioning_price=pl.col("conditioning_price").cast(pl.Float64),
        modelled=pl.col("model_hash").is_not_null(),
    )


def _elasticities(known: Outlook) -> pl.DataFrame:
    """The base elasticity, its doubt, and the cross effect."""
    base = known.elasticities.filter(pl.col("kind").cast(pl.String) == "base")
    return base.select(*KEY, "elasticity", "curvature", "cross", "cross_error", error=doubt_of_elasticity())


def doubt_of_elasticity() -> pl.Expr:
    """The standard error, or the deviation that the range over specifications has where that is wider.

    Not both at once: what specifications differ in is for the most part the same chance the standard error tells of.
    """
    return pl.max_horizontal("std_error", (pl.col("spec_high") - pl.col("spec_low")) / 12**0.5)


def _worth(learned: Learned) -> pl.Expr:
    """What a unit sold counts for, in minor units: its margin, or its price."""
    if learned.objective != "profit":
        return pl.col("planned").alias("worth")
    return (pl.col("planned") - pl.col("cost")).alias("worth")


def _others(learned: Learned) -> list[pl.Expr]:
    """What the others of the category earn more per unit of log price: as estimated, else by the declared diversion.

    Estimated: each of the others answers the mean log price of its n − 1 others with its `cross`. Declared: the share
    `diversion` of the money not spent is spent on the others, in proportion to theirs.
    """
    several = pl.col("category").is_not_null() & (pl.len().over(_GROUP) > 1)
    earned = pl.col("worth") * pl.col("units")
    answer = _of_others(earned * pl.col("cross")) / (pl.len().over(_GROUP) - 1)
    doubt = _doubt_of_others(earned.abs()) / (pl.len().over(_GROUP) - 1)
    revenue = pl.col("planned") * pl.col("units")
    lost = -pl.lit(float(learned.diversion)) * pl.col("elasticity") * revenue
    declared = (lost * _of_others(earned) / _of_others(revenue)).fill_nan(0.0)
    chosen = pl.when(several & pl.col("cross").is_not_null())
    return [
        chosen.then(answer).when(several).then(declared).otherwise(0.0).fill_null(0.0).alias("others"),
        chosen.then(doubt)
        .when(several)
        .then(_DECLARED * declared.abs())
        .otherwise(0.0)
        .fill_null(0.0)
        .alias("others_error"),
    ]


def _doubt_of_others(earned: pl.Expr) -> pl.Expr:
    """Doubt about the others' answer together: what their cross effects share adds up, what is their own does not."""
    error = pl.col("cross_error")
    # bounds of a cross effect cut both parts of its error: at most half of the square counts as its own
    own = pl.when(error.is_not_null()).then(pl.min_horizontal(error / 2**0.5, pl.lit(APART)))
    shared = (error**2 - own**2).sqrt()
    # by shares of all that is earned: squares of amounts would outgrow whole numbers
    whole = pl.max_horizontal(_whole(earned).sum().over(_GROUP) / _THOUSANDTHS, pl.lit(1.0))
    squared = _of_others((earned * own / whole) ** 2 * _FINE) / _FINE
    return (_of_others(earned * shared) ** 2 + squared * whole**2).sqrt()


def _of_others(value: pl.Expr) -> pl.Expr:
    """The sum over the row's group without the row. Of whole thousandths: sums of floats depend on their order."""
    whole = _whole(value)
    return (whole.sum().over(_GROUP) - whole) / _THOUSANDTHS


def _whole(value: pl.Expr) -> pl.Expr:
    return (value * _THOUSANDTHS).round().cast(pl.Int64, strict=False).fill_null(0)


def _unknown(learned: Learned) -> pl.Expr:
    """The first reason why a row cannot be judged, in a manager's words."""
    needs_cost = learned.objective == "profit"
    reasons = {
        "no forecast for it": pl.col("units").is_null(),
        no_model(learned): ~pl.col("modelled").fill_null(value=False),
        "no cost known": pl.col("cost").is_null() if needs_cost else pl.lit(value=False),
        "no elasticity known": pl.col("elasticity").is_null(),
        WRONG_SIGN: (pl.col("elasticity") >= 0).fill_null(value=False),
    }
    return pl.coalesce(*(pl.when(holds).then(pl.lit(words)) for words, holds in reasons.items()))
