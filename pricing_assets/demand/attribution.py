"""Attribution: what drives a demand estimate, in a manager's words.

Here: features put into named groups, and their contributions over the dates of a horizon added up. Not here: the
contributions of single features (model), which series are asked about (forecasts).

A contribution adds to the logarithm of the units that the member `ratio` of the blend expects; those of all features
and the average it starts from add up to what it says. So do the groups: an effect is what a group makes more or less
of the units, beside an average day of an average SKU.
"""

from __future__ import annotations

import polars as pl

from pricing_assets.demand.drivers import DEPTH, PROMOTED
from pricing_assets.demand.panel import DATE, ID
from pricing_assets.demand.panels import HOLIDAY
from pricing_assets.demand.roles import Roles
from pricing_assets.demand.seasonality import SEASON

AVERAGE = "the average"
"""What the contributions start from: no driver."""
EXPECTED = "expected"
"""The feature under which the model gives that average."""
OTHER = "other facts known of it"
_PRICE = "price against its usual level"
_LEVEL = "price level"
_RIVALS = "rivals' prices"
_PROMOTION = "promotion"
_BEFORE = "recent promotions"
_AROUND = "promotions of other SKUs"
_SEASON = "season"
_WEEKDAY = "weekday"
_MONTH = "time of the month"
_HOLIDAYS = "holidays"
_SALES = "recent sales"
_STEADY = "how steadily it sells"
_SHOP = "sales of the shop around it"
_PLACE = "its category and market"
_AHEAD = "how far ahead it is"
_NAMED = {
    **dict.fromkeys((DEPTH, "price_step", "price_to_recent", "price_to_recent_low"), _PRICE),
    **dict.fromkeys(("price_to_cheapest", "price_to_rivals", "rivals_below"), _RIVALS),
    **dict.fromkeys(("deepest_rival", "mean_rival_depth"), _RIVALS),
    **dict.fromkeys((PROMOTED, "own_lift", "own_slope", "promotions_seen"), _PROMOTION),
    **dict.fromkeys(("promoted_for", "since_promotion"), _BEFORE),
    **dict.fromkeys(("year_sin", "year_cos", "year_sin_2", "year_cos_2", "year_ago", SEASON), _SEASON),
    **dict.fromkeys(("weekday", "weekday_4", "weekday_8"), _WEEKDAY),
    **dict.fromkeys(("holidays", "holiday_in", "holiday_ago", HOLIDAY), _HOLIDAYS),
    **dict.fromkeys(("age", "since_sale", "zero_share", "spread"), _STEADY),
    **{"log_price": _LEVEL, "day_of_month": _MONTH, "log_base": _SALES, "step": _AHEAD, EXPECTED: AVERAGE},
}
_ENDS = {":promoted_share": _AROUND, ":depth_mean": _AROUND, ":momentum": _SHOP, ":answer": _PROMOTION}
_ENDS |= {":seen": _PROMOTION}
_BEGINS = {"promoted_before_": _BEFORE, **dict.fromkeys(("mean_", "log_mean_", "plain_", "last_"), _SALES)}


def driver_of(feature: str, roles: Roles) -> str:
    """The group a feature belongs to: of those whose names it bears the first."""
    level = bool(roles.own) and feature.split(":", maxsplit=1)[0] == roles.own
    marks = [
        (_BEFORE, ":before_" in feature),
        (_RIVALS, feature.startswith(roles.rivals)),
        (_PROMOTION, feature in roles.promotions),
        (_PLACE, feature in roles.categories),
        (_LEVEL, level),
        *((name, feature.endswith(end)) for end, name in _ENDS.items()),
        *((name, feature.startswith(beginning)) for beginning, name in _BEGINS.items()),
    ]
    return _NAMED.get(feature) or next((name for name, bears in marks if bears), OTHER)


def attributed(contributions: pl.DataFrame, forecasts: pl.DataFrame, roles: Roles) -> pl.DataFrame:
    """unique_id, driver, effect: what each group adds to the log of the units, a mean of its dates by their forecast.

    `contributions` as of DemandModel.contributions; `forecasts` have unique_id, ds, mean of the dates that count, all
    of them alike where nothing is expected. With AVERAGE the effects of a series add up to the mean score.
    """
    weight = pl.col("mean") / pl.col("mean").sum().over(ID)
    weights = forecasts.sort(ID, DATE).select(ID, DATE, weight=weight.fill_nan(1 / pl.len().over(ID)))
    names = contributions["feature"].unique().to_list()
    groups = {name: driver_of(name, roles) for name in names}
    rows = contributions.join(weights, on=[ID, DATE]).with_columns(
        driver=pl.col("feature").replace_strict(groups, return_dtype=pl.String),
        effect=pl.col("contribution") * pl.col("weight"),
    )
    # in one order: sums of floats depend on it
    rows = rows.sort(ID, "driver", DATE, "feature")
    return rows.group_by(ID, "driver", maintain_order=True).agg(pl.col("effect").sum())


def ranked(effects: pl.DataFrame) -> pl.DataFrame:
    """unique_id, driver_no, driver, effect_pct, sentence of `attributed` effects: 1 is the largest, AVERAGE none."""
    rows = effects.filter(pl.col("driver") != AVERAGE)
    rows = rows.with_columns(effect_pct=(100 * (pl.col("effect").exp() - 1)).round(1) + 0.0)
    rows = rows.sort(ID, pl.col("effect").abs().round(9), "driver", descending=[False, True, False])
    number = pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over(ID).alias("driver_no")
    return rows.select(ID, number, "driver", "effect_pct", sentence=_sentence())


def _sentence() -> pl.Expr:
    """`recent sales: 12.3 % more units than on average`."""
    size = pl.col("effect_pct").abs()
    more = pl.when(pl.col("effect_pct") > 0).then(pl.lit("more")).otherwise(pl.lit("fewer"))
    told = pl.format("{}: {} % {} units than on average", "driver", size, more)
    return pl.when(size > 0).then(told).otherwise(pl.format("{}: as on average", "driver"))
