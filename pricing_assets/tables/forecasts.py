"""What is expected of demand: forecasts, how units answer prices, and how well both did.

A row's `date` is the business day it was made on; what is known afterwards is in no row of that day.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier, money

FREQUENCIES = ["D", "W"]
_UNITS = ["raw.sales.units"]
_PRICES = ["raw.prices.price", "raw.prices.price_type", "raw.prices.price_kind"]
_PLANS = ["raw.promotions.target_date", "raw.promotions.planned_price"]
_MARKS = ["raw.promotions.feature", "raw.promotions.display"]
_STOCK = ["raw.stock.on_hand", "raw.stock.sold_out_hours"]
_DEMAND = [*_UNITS, *_STOCK, *_PRICES, *_PLANS, *_MARKS, "raw.products.category"]
_OTHERS = [*_UNITS, *_STOCK, *_PRICES, "raw.listings.market", "raw.products.category"]
_ANSWERS = [*_UNITS, *_STOCK, *_PRICES, *_MARKS, "raw.products.category"]
_FORECASTS = [f"forecasts.demand_forecasts.{name}" for name in ("mean", "target_date")]
_RANGES = [f"forecasts.demand_forecasts.{name}" for name in ("q10", "q90")]
_SUMS = [f"forecasts.demand_forecasts.{name}" for name in ("sum_q10", "sum_q90")]


def _from(*columns: str) -> dict[str, Any]:
    return {"from": list(columns)}


def _units(description: str) -> dy.Float64:
    return dy.Float64(min=0.0, allow_inf=False, allow_nan=False, description=description, metadata=_from(*_DEMAND))


def _figure(description: str, *columns: str, **bounds: Any) -> dy.Float64:
    return dy.Float64(
        nullable=True,
        allow_inf=False,
        allow_nan=False,
        description=description,
        metadata=_from(*_UNITS, *columns),
        **bounds,
    )


class DemandForecasts(Table):
    """One row per day it was made on, date it is for, SKU, market, frequency and model: units, and their likely range.

    A week is named by its last day: those of a day end 7, 14 … days after it. `sum_…` is of the units from the first
    date of the horizon to `target_date`, itself included; daily quantiles do not add up to its range.
    """

    kept = "evidence"

    date = day("business day it was made on; it rests on what that day may see")
    target_date = dy.Date(primary_key=True, description="day it is for; of weeks the last day")
    sku = identifier("stock keeping unit", metadata=_from("raw.listings.sku", "raw.listings.on_sale"))
    market = identifier("market", metadata=_from("raw.listings.market", "raw.listings.on_sale"))
    frequency = dy.Enum(FREQUENCIES, primary_key=True, description="D: units of a day; W: of seven days")
    model = identifier("name of the model that is asked, e.g. demand-daily; `method` says what answered")
    mean = _units("expected units")
    q10 = _units("units exceeded nine times in ten")
    q90 = _units("units exceeded once in ten")
    sum_mean = _units("expected units of the horizon so far")
    sum_q10 = _units("units of the horizon so far exceeded nine times in ten")
    sum_q90 = _units("units of the horizon so far exceeded once in ten")
    conditioning_price = money(
        "price assumed on the target date, of weeks their mean: the plan known last, else the current price of the "
        "day; null where prices are only realised or not known",
        nullable=True,
        metadata=_from(*_PRICES, *_PLANS),
    )
    method = dy.String(description="what forecast it: blend, or the rate of a simple method", metadata=_from(*_DEMAND))
    fallback_reason = dy.String(
        nullable=True, description="why a simple method forecast it; null where the model did", metadata=_from(*_DEMAND)
    )
    model_version = dy.Int64(nullable=True, min=1, description="version of the model in force; null without one")
    model_hash = dy.String(nullable=True, description="SHA-256 of the model's files; null without one")
    trained_until = dy.Date(nullable=True, description="last day the model was trained on; null without one")


class Elasticities(Table):
    """One row per day, SKU, market and kind: % of units per % of price, and how well that is known."""

    kept = "evidence"

    date = day("business day it holds for")
    sku = identifier("stock keeping unit", metadata=_from("raw.listings.sku", "raw.listings.on_sale"))
    market = identifier("market", metadata=_from("raw.listings.market", "raw.listings.on_sale"))
    kind = dy.Enum(
        ["base", "promotion"],
        primary_key=True,
        description="base: of a lasting change of the regular price; promotion: of a temporary cut below it",
    )
    elasticity = dy.Float64(
        max=0.0, description="% of units per % of price, below 0, after shrinkage", metadata=_from(*_ANSWERS)
    )
    curvature = dy.Float64(
        nullable=True,
        min=0.0,
        description="of base: the power of the price it grows with, 0 where it is constant; null of promotion",
        metadata=_from(*_ANSWERS),
    )
    std_error = dy.Float64(
        min=0.0,
        description="standard error of the elasticity, clustered where prices are set",
        metadata=_from(*_ANSWERS),
    )
    own = dy.Float64(
        nullable=True, description="what the series says alone; null where it says nothing", metadata=_from(*_ANSWERS)
    )
    own_error = dy.Float64(nullable=True, min=0.0, description="standard error of `own`", metadata=_from(*_ANSWERS))
    n_obs = dy.Int64(min=0, description="rows it rests on", metadata=_from(*_ANSWERS))
    price_variation = dy.Float64(
        min=0.0,
        description="standard deviation of the log price that nothing else in the series moves with",
        metadata=_from(*_ANSWERS),
    )
    spec_low = dy.Float64(description="lowest elasticity over specifications", metadata=_from(*_ANSWERS))
    spec_high = dy.Float64(description="highest elasticity over specifications", metadata=_from(*_ANSWERS))
    shrinkage = dy.Float64(
        min=0.0, max=1.0, description="share that comes from beyond the SKU: category or all", metadata=_from(*_ANSWERS)
    )
    fallback_reason = dy.String(
        nullable=True, description="why it is borrowed from others; null where it is not", metadata=_from(*_ANSWERS)
    )
    left_out = dy.String(
        nullable=True,
        description="rows that were wrong and left out, by kind; null without any",
        metadata=_from(*_ANSWERS),
    )
    cross = dy.Float64(
        nullable=True,
        min=0.0,
        description="of base: % of units per % of the mean log price of the category's other SKUs on sale in the "
        "market, all moving together; null of promotion, and without another",
        metadata=_from(*_OTHERS),
    )
    cross_error = dy.Float64(
        nullable=True,
        min=0.0,
        description="standard error of `cross`, with the doubt about what is published and how far a SKU may be from "
        "its category",
        metadata=_from(*_OTHERS),
    )
    cross_reason = dy.String(
        nullable=True,
        description="of base: why `cross` is borrowed, declared or missing; null where its category says it in the "
        "market",
        metadata=_from(*_OTHERS),
    )
    estimated_on = dy.Date(description="day it was estimated on, from what that day may see; it holds for a week")


class Accuracy(Table):
    """One row per day, origin, segment, frequency and model: how forecasts of the origin did, as known on the day.

    Only dates that are over count, and of them those sold through: where it was sold out, units say too little.
    """

    date = day("business day up to which sales are known")
    origin = dy.Date(primary_key=True, description="day the forecasts were made on, 1 to 28 days before")
    segment = identifier(
        "`all`, or one value of one of market, category, method, e.g. `category: TEA`",
        metadata=_from(
            "raw.products.category", "forecasts.demand_forecasts.method", "forecasts.demand_forecasts.market"
        ),
    )
    frequency = dy.Enum(FREQUENCIES, primary_key=True, description="D: units of a day; W: of seven days")
    model = identifier(
        "the model asked, `rate` where none could be asked, or a simple method scored beside it on the same dates"
    )
    n_series = dy.Int64(min=1, description="SKU-markets scored", metadata=_from(*_FORECASTS))
    n_dates = dy.Int64(min=1, description="SKU-markets × dates scored", metadata=_from(*_FORECASTS))
    units = dy.Float64(min=0.0, description="units sold on them", metadata=_from(*_UNITS))
    wape = _figure("sum of absolute errors ÷ units; null where nothing was sold", *_FORECASTS, min=0.0)
    rmsse = _figure(
        "root mean squared error ÷ that of the value a season before in the past, mean over SKU-markets; null where "
        "none ever moved",
        *_FORECASTS,
        min=0.0,
    )
    bias = _figure("(forecast − units) ÷ units, both summed; null where nothing was sold", *_FORECASTS)
    coverage = _figure("share of dates with q10 ≤ units ≤ q90; null for a simple method", *_RANGES, min=0.0, max=1.0)
    sum_coverage = _figure(
        "share of SKU-markets whose units up to the last date over are within its sum_q10 and sum_q90; null where "
        "a date is not known, and for a simple method",
        *_SUMS,
        min=0.0,
        max=1.0,
    )
