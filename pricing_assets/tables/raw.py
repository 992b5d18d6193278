"""What the shop said, day by day: raw tables, and the rows that broke a contract.

Tables with `known_at` are append-only: a correction is a new row with a later `known_at`. Listings, prices and sales
are required of every source; the others are optional, and their features are null where they are absent.
"""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, currency, day, identifier, known_at, moment, money


class Products(Table):
    """One row per day and SKU: the catalogue as it stood that day."""

    date = day()
    sku = identifier("stock keeping unit")
    name = dy.String(nullable=True, description="name a person knows it by")
    category = dy.String(nullable=True, description="category used by scopes and aggregates")
    brand = dy.String(nullable=True, description="brand")
    unit_of_measure = dy.String(nullable=True, description="unit of the pack, e.g. piece, kg, l")
    pack_quantity = dy.Float64(nullable=True, min_exclusive=0, description="units of measure per pack")
    launched_on = dy.Date(nullable=True, description="first day on sale")
    attributes = dy.String(
        nullable=True, description="further attributes, a JSON object; map_price is the minimum advertised price"
    )


class Listings(Table):
    """One row per day, SKU, market: whether it is on sale that day. Exactly those on sale get a standing decision."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market (country, channel, sales organisation)")
    known_at = known_at()
    on_sale = dy.Bool(description="whether it is on sale that day; false takes back a row known before")


class Prices(Table):
    """One row per day, SKU, market and price type: the price in force, and the cost known with it."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    price_type = dy.Enum(
        ["list", "current"], primary_key=True, description="list price, or the price customers pay today"
    )
    known_at = known_at()
    price = money("price per unit", min_exclusive=0)
    cost = money("cost per unit", nullable=True, min=0)
    currency = currency()
    tax_basis = dy.Enum(["gross", "net"], description="whether amounts include sales tax")
    price_kind = dy.Enum(["posted", "realised"], description="posted on the shelf, or realised: revenue ÷ units")
    cost_source = dy.Enum(
        ["recorded", "assumed"], nullable=True, description="recorded by the shop, or assumed by a stated rule"
    )


class Sales(Table):
    """One row per day, SKU, market: what was sold and what came back, exact."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    known_at = known_at()
    units = dy.Int64(min=0, description="units sold, returns not subtracted")
    returned_units = dy.Int64(min=0, description="units returned, positive")
    revenue = money("revenue of the units sold, refunds not subtracted", min=0)
    currency = currency()
    source_lines = dy.Int64(min=1, description="transaction lines summed into this row")


class Stock(Table):
    """One row per day, SKU, market: stock at the end of the day."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    known_at = known_at()
    on_hand = dy.Int64(min=0, description="units on hand at the end of the day")
    opening = dy.Int64(nullable=True, min=0, description="units on hand when the day began")
    sold_out_hours = dy.Float64(nullable=True, min=0, max=24, description="hours of the day without stock")
    oldest_received_on = dy.Date(nullable=True, description="when the oldest unit still on hand was received")


class Promotions(Table):
    """One row per day it became known, target day, SKU, market: what was planned, and when it was known."""

    known_on = day("day from which the plan was known")
    target_date = dy.Date(primary_key=True, description="day the promotion is planned for")
    sku = identifier("stock keeping unit")
    market = identifier("market")
    planned_price = money("planned price per unit", nullable=True, min_exclusive=0)
    currency = currency(nullable=True)
    feature = dy.Bool(nullable=True, description="advertised in a leaflet or on the front page")
    display = dy.Bool(nullable=True, description="placed on a display")
    promo_type = dy.String(nullable=True, description="kind of promotion")


class CompetitorSnapshots(Table):
    """One row per day, SKU, market, competitor: a rival's price as captured that day."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    competitor = identifier("rival shop")
    price = money("rival's price per unit", min_exclusive=0)
    currency = currency()
    tax_basis = dy.Enum(["gross", "net"], description="whether the price includes sales tax")
    shipping = money("shipping charged on top", nullable=True, min=0)
    in_stock = dy.Bool(nullable=True, description="whether the rival could deliver")
    match_confidence = dy.Float64(nullable=True, min=0, max=1, description="how sure the product match is, 0 to 1")
    captured_at = moment("when the price was captured, UTC", nullable=True)
    url = dy.String(nullable=True, description="page it was captured from")


class Quarantine(Table):
    """One row per row that broke a contract. For every table and day: received = accepted + quarantined."""

    received_on = day("day the row belongs to; the source's first day for one without a usable date or in the future")
    table = identifier("table the row was meant for, e.g. raw.sales")
    row = dy.Int64(
        primary_key=True, min=1, description="number of the row among that day's quarantined rows of the table"
    )
    record = dy.String(description="the row as received, JSON")
    rule = dy.String(description="the rule it broke, with the column, the value and what was expected")
    run_id = dy.String(description="run that quarantined it", metadata={"provenance": True})
