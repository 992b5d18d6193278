"""What pricing may look at: one immutable row per day, SKU and market.

Every column says in `from` which raw columns it reads. A name here is a name a strategy may use. Numbers come from
exact Int64 window sums and one last division, so a pass over a day and a pass over a year give the same bits.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier, money

_CURRENT = ["raw.prices.price", "raw.prices.price_type"]
_HISTORY = [*_CURRENT, "raw.prices.currency"]
_STOCK = ["raw.stock.on_hand"]
_OFFERS = ["raw.competitor_snapshots.currency", "raw.competitor_snapshots.in_stock", "raw.prices.currency"]
_RIVALS = ["raw.competitor_snapshots.price", *_OFFERS]
_REVENUE = ["raw.sales.revenue", "raw.sales.currency", "raw.prices.currency"]
_CATEGORY = ["raw.products.category"]
_UNITS = ["raw.sales.units"]
_PLANS = ["raw.promotions.target_date", "raw.promotions.planned_price"]


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
    """One row per listed SKU and market of the day D.

    The last w days are the dates after D−w up to D, and only rows known before D+1 02:00 count, of corrected rows the
    latest known. Earlier prices count if they are in the currency of D. Percentages are null where they divide by 0.
    """

    kept = "evidence"

    date = day()
    sku = identifier("stock keeping unit", metadata=_from("raw.listings.sku"))
    market = identifier("market", metadata=_from("raw.listings.market"))
    category = dy.String(nullable=True, description="category of the SKU on D", metadata=_from(*_CATEGORY))
    brand = dy.String(nullable=True, description="brand of the SKU on D", metadata=_from("raw.products.brand"))
    currency = dy.String(
        nullable=True,
        description="ISO 4217 code of the amounts, from the current price row of D",
        metadata=_from("raw.prices.currency"),
    )

    current_price = _amount("price in force on D; null if none is known for D itself", *_CURRENT)
    list_price = _amount(
        "list price on D in the currency of D, else the highest current price of the trailing 365 days; null without "
        "a current price",
        *_HISTORY,
    )
    price_kind = dy.String(nullable=True, description="posted or realised", metadata=_from("raw.prices.price_kind"))
    cost = _amount("cost per unit on D", "raw.prices.cost")
    cost_source = dy.String(nullable=True, description="recorded or assumed", metadata=_from("raw.prices.cost_source"))
    map_price = _amount("minimum advertised price, attribute map_price of the product", "raw.products.attributes")
    cost_pct = _number("cost as % of the current price", "raw.prices.cost", *_CURRENT)
    margin_pct = _number("(current price − cost) as % of the current price", "raw.prices.cost", *_CURRENT)
    price_change_1d_pct = _number(
        "% change of the current price against the last one dated on or before D−1, within 365 days", *_HISTORY
    )
    price_change_7d_pct = _number(
        "% change of the current price against the last one dated on or before D−7, within 365 days", *_HISTORY
    )
    price_change_28d_pct = _number(
        "% change of the current price against the last one dated on or before D−28, within 365 days", *_HISTORY
    )
    price_volatility_14d = _number(
        "standard deviation ÷ mean of the current prices of the last 14 days; null below two prices", *_HISTORY
    )
    days_since_price_change = _count(
        "days since the current price last changed; null if it did not within 365 days", *_HISTORY
    )
    lowest_price_30d = _amount("lowest current price of the last 30 days, D among them", *_HISTORY)
    lowest_price_365d = _amount("lowest current price of the last 365 days", *_HISTORY)
    highest_price_365d = _amount("highest current price of the last 365 days", *_HISTORY)
    promotion_depth_pct = _number("(list − current price) as % of the list price", *_HISTORY)
    planned_price = _amount(
        "price planned for D+1 by the plan known last, up to D, in the currency of D or in none stated",
        "raw.promotions.planned_price",
        "raw.promotions.target_date",
        "raw.promotions.currency",
        "raw.prices.currency",
    )

    competitor_count = _count(
        "rivals whose latest snapshot of the last 7 days is in our currency and not out of stock", *_OFFERS
    )
    competitor_min = _amount("lowest rival price", *_RIVALS)
    competitor_median = _amount("median rival price, the lower of two middles", *_RIVALS)
    competitor_max = _amount("highest rival price", *_RIVALS)
    competitor_delta_pct = _number(
        "(current price − lowest rival price) as % of the lowest rival price", *_RIVALS, *_CURRENT
    )
    price_position = _number("share of rivals cheaper than us, 0 to 1", *_RIVALS, *_CURRENT)

    usual_price = _amount(
        "median current price of the unplanned days among the 56 before D, the lower of two middles; null below 14",
        *_HISTORY,
        *_PLANS,
    )
    usual_price_move_pct = _number(
        "80 % quantile of the distances of these prices from their median, as % of it", *_HISTORY, *_PLANS
    )
    usual_margin_pct = _number(
        "median margin % of the unplanned days among the 56 before D; null below 14 with a cost",
        *_HISTORY,
        "raw.prices.cost",
        *_PLANS,
    )
    usual_margin_move = _number(
        "80 % quantile of the distances of these margins from their median, in points",
        *_HISTORY,
        "raw.prices.cost",
        *_PLANS,
    )
    margin_182d_pct = _number(
        "(prices − costs) as % of the prices, both summed over the unplanned days among the 182 before D; null below "
        "14 with a cost",
        *_HISTORY,
        "raw.prices.cost",
        *_PLANS,
    )
    usual_competitor_delta_pct = _number(
        "median of (current price − lowest rival price) as % of it, on the unplanned days among the 28 before D; "
        "null below 14 with a rival",
        *_RIVALS,
        *_CURRENT,
        *_PLANS,
    )
    usual_competitor_delta_move = _number(
        "80 % quantile of the distances of these gaps from their median, in points", *_RIVALS, *_CURRENT, *_PLANS
    )
    planned_price_today = _amount(
        "price planned for D by the plan known last before D, in the currency of D or in none stated",
        "raw.promotions.planned_price",
        "raw.promotions.target_date",
        "raw.promotions.currency",
        "raw.prices.currency",
    )
    price_age_days = _count(
        "days since the last current price was dated, 0 if on D; null if none was within 365 days",
        "raw.prices.price_type",
    )
    missing_data = dy.String(
        description="of price, rivals, sales, stock what should have come for D and did not, comma separated",
        metadata=_from("raw.prices.price_type", "raw.sales.units", "raw.sales.returned_units"),
    )

    units_7d = _count("units sold in the last 7 days, in any currency", *_UNITS, nullable=False)
    units_28d = _count("units sold in the last 28 days", *_UNITS, nullable=False)
    units_56d = _count("units sold in the last 56 days", *_UNITS, nullable=False)
    revenue_7d = _amount(
        "revenue of the last 7 days; null if any of it is in another currency than that of D", *_REVENUE
    )
    revenue_28d = _amount("revenue of the last 28 days; null if any of it is in another currency", *_REVENUE)
    revenue_56d = _amount("revenue of the last 56 days; null if any of it is in another currency", *_REVENUE)
    returned_units_28d = _count("units returned in the last 28 days", "raw.sales.returned_units", nullable=False)
    units_trend_pct = _number("% change of the units of the last 28 days against the 28 days before", *_UNITS)
    days_since_sale = _count("days since a unit was last sold; null if none was within 56 days", *_UNITS)

    on_hand = _count("units on hand at the end of D; null if not known for D itself", *_STOCK)
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
    category_units_28d = _count("units of the category's SKUs listed in the market, last 28 days", *_CATEGORY, *_UNITS)
    category_units_trend_pct = _number(
        "% change of the category's units, last 28 days against the 28 before", *_CATEGORY, *_UNITS
    )
    category_share_pct = _number("units of the SKU as % of its category, last 28 days", *_CATEGORY, *_UNITS)
    category_median_margin_pct = _number(
        "median margin % of the category in the market, the lower of two middles",
        *_CATEGORY,
        "raw.prices.cost",
        *_CURRENT,
    )

    absent_tables = dy.String(
        description="optional raw tables this source does not have, comma separated: their features are null"
    )
    inputs_hash = dy.String(description="identity of what D could see of the raw tables: hash over their windows")
    inputs = dy.String(
        description="the windows D saw: table, first and last day, Delta version, hash; JSON",
        metadata={"provenance": True, **_from()},
    )
