"""What pricing may look at: one immutable row per day, SKU and market.

Every column says in `from` which raw columns it reads. A name here is a name a strategy may use. Numbers come from
exact Int64 window sums and one last division, so a pass over a day and a pass over a year give the same bits.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier, money

_CURRENT = ["raw.prices.price", "raw.prices.price_type"]
_STOCK = ["raw.stock.on_hand"]
_RIVALS = ["raw.competitor_snapshots.price", "raw.competitor_snapshots.currency", "raw.competitor_snapshots.in_stock"]
_CATEGORY = ["raw.products.category"]
_UNITS = ["raw.sales.units"]


def _from(*columns: str) -> dict[str, Any]:
    return {"from": list(columns)}


def _number(description: str, *columns: str) -> dy.Float64:
    return dy.Float64(
        nullable=True, allow_inf=False, allow_nan=False, description=description, metadata=_from(*columns)
    )


def _count(description: str, *columns: str, nullable: bool = True) -> dy.Int64:
    return dy.Int64(nullable=nullable, description=description, metadata=_from(*columns))


def _amount(description: str, *columns: str) -> dy.Decimal:
    return money(description, nullable=True, metadata=_from(*columns))


class FeatureSnapshots(Table):
    """One row per listed SKU and market of the day D. Windows end on D and hold only rows known before D+1 02:00."""

    date = day()
    sku = identifier("stock keeping unit", metadata=_from("raw.listings.sku"))
    market = identifier("market", metadata=_from("raw.listings.market"))
    category = dy.String(nullable=True, description="category of the SKU on D", metadata=_from(*_CATEGORY))
    brand = dy.String(nullable=True, description="brand of the SKU on D", metadata=_from("raw.products.brand"))
    currency = dy.String(
        nullable=True, description="ISO 4217 code of the amounts", metadata=_from("raw.prices.currency")
    )

    current_price = _amount("price in force on D", *_CURRENT)
    list_price = _amount(
        "list price on D; highest current price of the trailing 365 days where the source has one price", *_CURRENT
    )
    price_kind = dy.String(nullable=True, description="posted or realised", metadata=_from("raw.prices.price_kind"))
    cost = _amount("cost per unit on D", "raw.prices.cost")
    cost_source = dy.String(nullable=True, description="recorded or assumed", metadata=_from("raw.prices.cost_source"))
    map_price = _amount("minimum advertised price, attribute map_price of the product", "raw.products.attributes")
    cost_pct = _number("cost as % of the current price", "raw.prices.cost", *_CURRENT)
    margin_pct = _number("(current price − cost) as % of the current price", "raw.prices.cost", *_CURRENT)
    price_change_1d_pct = _number(
        "% change of the current price against the last one known on or before D−1", *_CURRENT
    )
    price_change_7d_pct = _number(
        "% change of the current price against the last one known on or before D−7", *_CURRENT
    )
    price_change_28d_pct = _number(
        "% change of the current price against the last one known on or before D−28", *_CURRENT
    )
    price_volatility_14d = _number("standard deviation ÷ mean of the current prices of the last 14 days", *_CURRENT)
    days_since_price_change = _count("days since the current price last changed, within 365 days", *_CURRENT)
    promotion_depth_pct = _number("(list − current price) as % of the list price", *_CURRENT)
    planned_price = _amount(
        "price planned for D+1 by a promotion known on D", "raw.promotions.planned_price", "raw.promotions.target_date"
    )

    competitor_count = _count("rivals with a price of the last 7 days, in our currency and not out of stock", *_RIVALS)
    competitor_min = _amount("lowest rival price", *_RIVALS)
    competitor_median = _amount("median rival price, the lower of two middles", *_RIVALS)
    competitor_max = _amount("highest rival price", *_RIVALS)
    competitor_delta_pct = _number(
        "(current price − lowest rival price) as % of the lowest rival price", *_RIVALS, *_CURRENT
    )
    price_position = _number("share of rivals cheaper than us, 0 to 1", *_RIVALS, *_CURRENT)

    units_7d = _count("units sold in the last 7 days", *_UNITS, nullable=False)
    units_28d = _count("units sold in the last 28 days", *_UNITS, nullable=False)
    units_56d = _count("units sold in the last 56 days", *_UNITS, nullable=False)
    revenue_7d = _amount("revenue of the last 7 days", "raw.sales.revenue")
    revenue_28d = _amount("revenue of the last 28 days", "raw.sales.revenue")
    revenue_56d = _amount("revenue of the last 56 days", "raw.sales.revenue")
    returned_units_28d = _count("units returned in the last 28 days", "raw.sales.returned_units", nullable=False)
    units_trend_pct = _number("% change of the units of the last 28 days against the 28 days before", *_UNITS)
    days_since_sale = _count("days since a unit was last sold, within 56 days", *_UNITS)

    on_hand = _count("units on hand at the end of D", *_STOCK)
    days_of_cover = _number("on hand ÷ mean daily units of the last 28 days", *_STOCK, *_UNITS)
    stock_age_days = _count("days since the oldest unit on hand was received", "raw.stock.oldest_received_on")

    weekday = _count("ISO weekday of D, 1 Monday to 7 Sunday", nullable=False)
    month = _count("month of D, 1 to 12", nullable=False)
    day_of_year = _count("day of the year of D, 1 to 366", nullable=False)
    is_holiday = dy.Bool(
        nullable=True,
        description="public holiday in the market's country; null where the market has none",
        metadata=_from(),
    )

    category_skus = _count("SKUs of the category listed in the market", *_CATEGORY, "raw.listings.sku")
    category_units_28d = _count("units of the category in the market, last 28 days", *_CATEGORY, *_UNITS)
    category_units_trend_pct = _number(
        "% change of the category's units, last 28 days against the 28 before", *_CATEGORY, *_UNITS
    )
    category_share_pct = _number("units of the SKU as % of its category, last 28 days", *_CATEGORY, *_UNITS)
    category_median_margin_pct = _number(
        "median margin % of the category in the market", *_CATEGORY, "raw.prices.cost", *_CURRENT
    )

    absent_tables = dy.String(
        description="optional raw tables this source does not have, comma separated: their features are null"
    )
