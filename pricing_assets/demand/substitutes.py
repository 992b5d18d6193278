"""Substitutes: what a SKU's price does to the units of its category's other SKUs in the market.

Here: cross effects where they were estimated, else a share somebody declares. Not here: what a SKU's own price does to
its units (response), how cross effects are estimated (elasticity/substitution).

Units of a SKU change by exp(cross × mean log move of the prices of its category's others in the market), each other
weighing the same, whatever it sells. A SKU without a cross effect gains what others lose by the share declared.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.errors import PricingError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

LARGEST_MOVE = math.log(2)
"""Log move beyond which a price does no more to others: it is given away by half, or nobody is left to lose to them."""
_KEY = ["sku", "market"]
_TERMS = 8  # of the exponential's series: at twice the price and a cross effect of 3 they are exact to a thousandth


@dataclass(frozen=True)
class Diversion:
    """Share of the units a SKU loses that its category's other SKUs in the market gain, in proportion to their units.

    Declared by whoever knows the shop, `by_category` before `share`; 0 where nothing is known. Of no matter to a SKU
    whose cross effect is estimated. Raises PricingError for a share that is none.
    """

    share: float = 0.0
    by_category: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, share in [("diversion", self.share), *self.by_category.items()]:
            if not 0.0 <= share <= 1.0:
                raise PricingError(f"diversion {name}: {share}", "expected a share from 0 to 1")


NO_DIVERSION = Diversion()


class Plan(NamedTuple):
    """What is planned, one entry per forecast: its `keys`, the number of its category in its market, others in that.

    `units` are planned ones, `cross` its effect and `error` (NaN where it is not known or nobody is beside), `share`
    what is declared of its category.
    """

    keys: pl.DataFrame
    group: Ints
    others: Floats
    units: Floats
    cross: Floats
    error: Floats
    share: Floats

    def summed(self, values: Floats) -> Floats:
        """Of each entry the sum over the others of its category and market."""
        return np.asarray(np.bincount(self.group, values)[self.group] - values)


def planned(forecasts: pl.DataFrame, elasticities: pl.DataFrame, diversion: Diversion) -> Plan:
    """The plan that forecasts are; cross effects are those of `elasticities` of kind base, never below 0."""
    category = pl.col("category").cast(pl.String) if "category" in forecasts.columns else pl.lit(None, pl.String)
    rows = forecasts.select(*_KEY, category.alias("category"), pl.col("units").cast(pl.Float64).fill_null(0.0))
    rows = rows.join(_crosses(elasticities), on=_KEY, how="left", maintain_order="left")
    alone = pl.when(pl.col("category").is_null()).then(pl.int_range(pl.len()))  # of no category: of none but its own
    group = rows.select(pl.struct("market", "category", alone.alias("alone")).rank("dense") - 1).to_series()
    number = group.to_numpy().astype(np.int64)
    others = np.bincount(number)[number] - 1.0
    nobody = others == 0
    declared = dict(diversion.by_category)
    share = rows["category"].replace_strict(declared, default=diversion.share, return_dtype=pl.Float64)
    cross, error = (rows[name].fill_null(math.nan).to_numpy() for name in ("cross", "cross_error"))
    return Plan(
        keys=rows.select(_KEY),
        group=number,
        others=np.maximum(others, 1.0),
        units=rows["units"].to_numpy(),
        cross=np.where(nobody, np.nan, cross),
        error=np.where(nobody, np.nan, error),
        share=share.to_numpy(),
    )


def _crosses(elasticities: pl.DataFrame) -> pl.DataFrame:
    base = elasticities.filter(pl.col("kind").cast(pl.String) == "base")
    known = [
        pl.col(name).cast(pl.Float64) if name in base.columns else pl.lit(None, pl.Float64).alias(name)
        for name in ("cross", "cross_error")
    ]
    return base.select(*_KEY, *known).with_columns(pl.col("cross").clip(lower_bound=0.0))


def moved() -> pl.Expr:
    """Log of `reached` ÷ `planned_price`, as far as others mind."""
    return (pl.col("reached") / pl.col("planned_price")).log().clip(-LARGEST_MOVE, LARGEST_MOVE)


def diverted(rows: pl.DataFrame, plan: Plan) -> pl.Series:
    """Units that all others of the category gain when a row's price moves and no other does, below 0 where they lose.

    `rows`: sku, market, move (log), lost (units); null without a forecast. The exponential of each other is summed by
    the terms of its series: so no row has to meet each of its category.
    """
    place = rows.select(_KEY).join(plan.keys.with_row_index("place"), on=_KEY, how="left", maintain_order="left")
    known = place["place"].is_not_null().to_numpy()
    at = place["place"].drop_nulls().to_numpy()
    move, lost = (rows[name].fill_null(0.0).to_numpy()[known] for name in ("move", "lost"))
    open_, every = plan.summed(np.where(np.isnan(plan.cross), plan.units, 0.0))[at], plan.summed(plan.units)[at]
    found = plan.share[at] * lost * open_ / np.where(every > 0, every, 1.0)
    if not np.isnan(plan.cross).all():
        cross = np.nan_to_num(plan.cross)
        for n in range(1, _TERMS + 1):
            found += plan.summed(plan.units * cross**n)[at] / math.factorial(n) * (move / plan.others[at]) ** n
    whole = np.full(rows.height, np.nan)
    whole[known] = found
    return pl.Series("diverted", whole).fill_nan(None)


def gained(rows: pl.DataFrame, plan: Plan) -> pl.DataFrame:
    """Per row `times`, `doubt` and `more`: what all others' prices do to its units when they hold at once.

    `rows`: move, lost, one per entry of the plan and in its order. Units are `times` as many, with `doubt` the standard
    error of its log, and `more` besides, by what is declared.
    """
    move, lost = (rows[name].fill_null(0.0).to_numpy() for name in ("move", "lost"))
    others = plan.summed(move) / plan.others
    beside = plan.summed(plan.units)
    rate = plan.share * lost / np.where(beside > 0, beside, np.inf)
    return pl.DataFrame(
        {
            "times": np.exp(np.nan_to_num(plan.cross) * others),
            "doubt": np.nan_to_num(plan.error) * np.abs(others),
            "more": np.where(np.isnan(plan.cross), plan.units * plan.summed(rate), 0.0),
        }
    )
