"""Planted rows: each lands in quarantine, alone, under a rule that names column, value and expectation."""

from datetime import UTC, date, datetime
from decimal import Decimal
from json import loads
from typing import Any

import polars as pl
import pytest
from sources_shop import DAY, Shop

from pricing_assets import sources
from pricing_assets.sources import Received
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)

GOOD_ROWS: dict[type[Table], dict[str, str]] = {
    raw.Products: {"date": "DATE '2026-03-02'", "sku": "'A'", "pack_quantity": "1.5", "attributes": "'{}'"},
    raw.Listings: {"date": "DATE '2026-03-02'", "sku": "'A'", "market": "'UK'", "on_sale": "'false'"},
    raw.Prices: {
        "date": "DATE '2026-03-02'",
        "sku": "'A'",
        "market": "'UK'",
        "price_type": "'current'",
        "price": "'9.99'",
        "cost": "4.5::DOUBLE",
        "currency": "'GBP'",
        "known_at": "'2026-03-02 21:00'",
    },
    raw.Sales: {
        "date": "'2026-03-02'",
        "sku": "'A'",
        "market": "'UK'",
        "quantity": "'2'",
        "unit_price": "9.99::DOUBLE",
        "is_return": "'false'",
        "quarantine": "NULL",
    },
    raw.Stock: {
        "date": "DATE '2026-03-02'",
        "sku": "'A'",
        "market": "'UK'",
        "on_hand": "5::DOUBLE",
        "sold_out_hours": "'1.5'",
        "oldest_received_on": "'2026-03-01'",
    },
    raw.Promotions: {
        "known_on": "DATE '2026-03-02'",
        "target_date": "DATE '2026-04-02'",
        "sku": "'A'",
        "market": "'UK'",
        "planned_price": "5",
        "feature": "'yes'",
    },
    raw.CompetitorSnapshots: {
        "date": "DATE '2026-03-02'",
        "sku": "'A'",
        "market": "'UK'",
        "competitor": "'rival'",
        "price": "8.5",
        "match_confidence": "0.9::DOUBLE",
        "in_stock": "1",
        "captured_at": "'2026-03-03 01:59:59'",
    },
}


def select(table: type[Table], *changes: dict[str, str]) -> str:
    """A SELECT of rows of a table, each the good row with other expressions."""
    rows = [{**GOOD_ROWS[table], **change} for change in changes]
    return " UNION ALL ".join("SELECT " + ", ".join(f"{v} AS {k}" for k, v in row.items()) for row in rows)


def receive(shop: Shop, table: type[Table], sql: str, settings: dict[str, Any] | None = None) -> Received:
    source = shop(settings, **{table.table_name().split(".")[1]: sql})
    return sources.receive(source, table, FIRST, LAST, LAST)


@pytest.mark.parametrize("table", list(GOOD_ROWS), ids=lambda table: table.table_name())
def test_a_good_row_is_accepted(shop: Shop, table: type[Table]) -> None:
    received = receive(shop, table, select(table, {}))
    assert received.quarantined.is_empty(), received.quarantined["rule"].to_list()
    assert table.validate(received.accepted).height == 1


A_CURRENCY = "the ISO 4217 code of a currency in use, like EUR"
PLANTED: list[tuple[type[Table], dict[str, str], str]] = [
    (raw.Listings, {"date": "NULL"}, "no usable date: date: found nothing; expected a day as YYYY-MM-DD"),
    (
        raw.Listings,
        {"date": "DATE '2026-04-01'"},
        "dated in the future: date: found '2026-04-01'; expected no day after",
    ),
    (raw.Listings, {"date": "DATE 'infinity'"}, "no usable date: date: found 'infinity'"),
    (raw.Listings, {"sku": "NULL"}, "sku: found nothing; expected a value (stock keeping unit)"),
    (raw.Listings, {"sku": "''"}, "sku: found ''; expected a text"),
    (raw.Listings, {"market": "'FR'"}, "market: found 'FR'; expected one of UK, DE"),
    (raw.Listings, {"market": "NULL"}, "market: found nothing"),
    (raw.Listings, {"on_sale": "NULL"}, "on_sale: found nothing; expected a value (whether it is on sale that day"),
    (raw.Listings, {"on_sale": "'perhaps'"}, "on_sale: found 'perhaps'; expected true or false"),
    (raw.Prices, {"price": "'0'"}, "price: found '0.0000'; expected more than 0"),
    (raw.Prices, {"price": "'-1'"}, "price: found '-1.0000'; expected more than 0"),
    (raw.Prices, {"price": "NULL"}, "price: found nothing; expected a value (price per unit)"),
    (raw.Prices, {"price": "'nan'"}, "price: found 'nan'; expected a finite amount with at most 4 decimals"),
    (raw.Prices, {"price": "'inf'"}, "price: found 'inf'; expected a finite amount"),
    (raw.Prices, {"price": "'cheap'"}, "price: found 'cheap'; expected a finite amount"),
    (raw.Prices, {"price": "'9,99'"}, "price: found '9,99'; expected a finite amount"),
    (raw.Prices, {"price": "'1.23456'"}, "price: found '1.23456'; expected a finite amount with at most 4 decimals"),
    (raw.Prices, {"price": "'1e30'"}, "price: found '1e30'"),
    (raw.Prices, {"cost": "'NaN'::DOUBLE"}, "cost: found 'NaN'; expected a finite amount"),
    (raw.Prices, {"cost": "'-inf'::DOUBLE"}, "cost: found '-inf'; expected a finite amount"),
    (raw.Prices, {"cost": "-0.01::DOUBLE"}, "cost: found '-0.0100'; expected at least 0"),
    (
        raw.Prices,
        {"cost": "(10/3)::DOUBLE"},
        "cost: found '3.3333333333333335'; expected a finite amount with at most 4",
    ),
    (raw.Prices, {"currency": "'USD'"}, "currency: found 'USD'; expected one of GBP, EUR"),
    (raw.Prices, {"currency": "'pounds'"}, f"currency: found 'pounds'; expected {A_CURRENCY}"),
    (raw.Prices, {"currency": "'ABC'"}, f"currency: found 'ABC'; expected {A_CURRENCY}"),
    (raw.Prices, {"price_type": "'sale'"}, "price_type: found 'sale'; expected one of list, current"),
    (raw.Prices, {"known_at": "'2026-03-01 23:59'"}, "known_at: found '2026-03-01 23:59:00"),
    (raw.Prices, {"known_at": "'yesterday'"}, "known_at: found 'yesterday'; expected a point in time"),
    (raw.Sales, {"date": "'31.02.2026'"}, "no usable date: date: found '31.02.2026'"),
    (raw.Sales, {"date": "''"}, "no usable date: date: found ''"),
    (raw.Sales, {"quantity": "'0'"}, "quantity: found '0'; expected at least one unit"),
    (raw.Sales, {"quantity": "'-2'"}, "quantity: found '-2'; expected more than 0 units where is_return is false"),
    (raw.Sales, {"quantity": "'1.5'"}, "quantity: found '1.5'; expected a whole number"),
    (raw.Sales, {"quantity": "'many'"}, "quantity: found 'many'; expected a whole number"),
    (raw.Sales, {"quantity": "'99999999999'"}, "quantity: found '99999999999'; expected at most 1000000000"),
    (
        raw.Sales,
        {"quantity": "'999999999'", "unit_price": "999.0"},
        "unit_price: found '999.0000'; expected quantity times",
    ),
    (raw.Sales, {"unit_price": "0.0::DOUBLE"}, "unit_price: found '0.0000'; expected more than 0"),
    (raw.Sales, {"unit_price": "'NaN'::DOUBLE"}, "unit_price: found 'NaN'; expected a finite amount"),
    (raw.Sales, {"is_return": "'perhaps'"}, "is_return: found 'perhaps'; expected true or false"),
    (raw.Sales, {"quarantine": "'not a product'"}, "the shop's own reason: not a product"),
    (raw.Stock, {"on_hand": "-1"}, "on_hand: found '-1'; expected at least 0"),
    (raw.Stock, {"on_hand": "1.5::DOUBLE"}, "on_hand: found '1.5'; expected a whole number"),
    (raw.Stock, {"sold_out_hours": "'25'"}, "sold_out_hours: found '25.0'; expected at most 24"),
    (raw.Stock, {"sold_out_hours": "'nan'"}, "sold_out_hours: found 'nan'; expected a finite number"),
    (
        raw.Stock,
        {"oldest_received_on": "'2026-03-03'"},
        "oldest_received_on: found '2026-03-03'; expected no day after",
    ),
    (raw.Stock, {"oldest_received_on": "'once'"}, "oldest_received_on: found 'once'; expected a date"),
    (raw.Products, {"pack_quantity": "0"}, "pack_quantity: found '0.0'; expected more than 0"),
    (raw.Products, {"attributes": "'[1]'"}, "attributes: found '[1]'; expected a JSON object"),
    (raw.Products, {"attributes": "'{'"}, "attributes: found '{'; expected a JSON object"),
    (raw.Promotions, {"target_date": "NULL"}, "target_date: found nothing"),
    (raw.Promotions, {"planned_price": "0"}, "planned_price: found '0.0000'; expected more than 0"),
    (raw.Promotions, {"feature": "'maybe'"}, "feature: found 'maybe'; expected true or false"),
    (raw.CompetitorSnapshots, {"match_confidence": "1.1::DOUBLE"}, "match_confidence: found '1.1'; expected at most 1"),
    (raw.CompetitorSnapshots, {"in_stock": "2"}, "in_stock: found '2'; expected true or false"),
    (
        raw.CompetitorSnapshots,
        {"captured_at": "'2026-03-03 02:00'"},
        "captured_at: found '2026-03-03 02:00:00.000000+00:00'; expected a moment before 02:00 of the day after",
    ),
    (raw.CompetitorSnapshots, {"competitor": "''"}, "competitor: found ''"),
]


@pytest.mark.parametrize(("table", "change", "words"), PLANTED)
def test_a_planted_row_is_quarantined(shop: Shop, table: type[Table], change: dict[str, str], words: str) -> None:
    received = receive(shop, table, select(table, {}, {"sku": "'B'", **change}))
    assert received.accepted["sku"].to_list() == ["A"]
    assert received.quarantined.height == 1
    row = received.quarantined.row(0, named=True)
    assert words in row["rule"]
    assert (row["table"], row["row"]) == (table.table_name(), 1)
    assert set(loads(row["record"])) == {*GOOD_ROWS[table]}
    stray = row["rule"].startswith(("no usable date", "dated in the future"))
    assert row["received_on"] == (FIRST if stray else DAY)
    raw.Quarantine.validate(received.quarantined.with_columns(pl.lit("run").alias("run_id")))
    assert received.counts.select("received", "accepted", "quarantined").sum().row(0) == (2, 1, 1)


def test_rows_of_one_key_that_differ_all_go(shop: Shop) -> None:
    rows = select(raw.Prices, {}, {"price": "'8'"}, {"sku": "'B'"})
    received = receive(shop, raw.Prices, rows)
    assert received.accepted["sku"].to_list() == ["B"]
    assert all("in rows that differ; expected one row per key" in rule for rule in received.quarantined["rule"])
    assert "(2026-03-02, A, UK, current" in received.quarantined["rule"][0]


def test_the_same_row_twice_stays_once(shop: Shop) -> None:
    received = receive(shop, raw.Prices, select(raw.Prices, {}, {"price": "'9.990'"}))
    assert received.accepted.height == 1
    assert "the same row again" in received.quarantined["rule"][0]


def test_repeated_lines_are_two_sales(shop: Shop) -> None:
    received = receive(shop, raw.Sales, select(raw.Sales, {}, {}, {"quantity": "'-1'", "is_return": "'true'"}))
    row = received.accepted.row(0, named=True)
    assert (row["units"], row["returned_units"], row["revenue"]) == (4, 1, Decimal("39.9600"))
    assert row["source_lines"] == 3
    assert row["known_at"] == datetime(2026, 3, 3, tzinfo=UTC)
    assert received.counts.filter(date=DAY).row(0) == (DAY, 3, 3, 0)


def test_lines_known_later_add_to_those_known_before(shop: Shop) -> None:
    evening, morning = {"known_at": "'2026-03-02 21:00'"}, {"known_at": "'2026-03-03 01:00'", "quantity": "'3'"}
    received = receive(shop, raw.Sales, select(raw.Sales, morning, evening, evening))
    assert received.accepted.select("known_at", "units", "revenue", "source_lines").rows() == [
        (datetime(2026, 3, 2, 21, tzinfo=UTC), 4, Decimal("39.96"), 2),
        (datetime(2026, 3, 3, 1, tzinfo=UTC), 7, Decimal("69.93"), 3),
    ]


def test_lines_of_one_sku_in_two_currencies_go(shop: Shop) -> None:
    rows = [{"currency": "'GBP'"}, {"currency": "'EUR'"}, {"currency": "'EUR'", "market": "'DE'"}]
    received = receive(shop, raw.Sales, select(raw.Sales, *rows))
    assert received.accepted["market"].to_list() == ["DE"]
    assert received.quarantined["rule"].str.contains("one currency for all lines").all()


def test_daily_totals_instead_of_lines(shop: Shop) -> None:
    sql = "SELECT DATE '2026-03-02' AS date, 'A' AS sku, 'UK' AS market, 3 AS units, 29.97 AS revenue"
    row = receive(shop, raw.Sales, sql).accepted.row(0, named=True)
    assert (row["units"], row["returned_units"], row["source_lines"], row["currency"]) == (3, 0, 1, "GBP")


def test_what_a_select_leaves_out_is_filled(shop: Shop) -> None:
    sql = "SELECT '2026-03-02' AS date, 'A' AS sku, 'UK' AS market, 9.99 AS price, 5 AS cost"
    row = receive(shop, raw.Prices, sql).accepted.row(0, named=True)
    filled = {"price_type": "current", "price_kind": "posted", "tax_basis": "gross", "currency": "GBP"}
    assert {name: row[name] for name in filled} == filled
    assert (row["cost_source"], row["known_at"]) == ("recorded", datetime(2026, 3, 3, tzinfo=UTC))
    assert receive(shop, raw.Prices, sql.replace(", 5 AS cost", "")).accepted["cost_source"].to_list() == [None]


def test_a_listing_is_on_sale_unless_it_says_otherwise(shop: Shop) -> None:
    sql = "SELECT '2026-03-02' AS date, 'A' AS sku, 'UK' AS market"
    assert receive(shop, raw.Listings, sql).accepted["on_sale"].to_list() == [True]
    assert receive(shop, raw.Listings, f"{sql}, 0 AS on_sale").accepted["on_sale"].to_list() == [False]


def test_a_time_without_a_zone_is_the_shops(shop: Shop) -> None:
    changes = {"known_at": "TIMESTAMP '2026-03-02 21:00'"}
    received = receive(shop, raw.Prices, select(raw.Prices, changes), {"time_zone": "Europe/Berlin"})
    assert received.accepted["known_at"].to_list() == [datetime(2026, 3, 2, 20, tzinfo=UTC)]


def test_strays_come_with_every_window_and_alone(shop: Shop) -> None:
    source = shop(
        listings=select(raw.Listings, {"date": "NULL"}, {"date": "DATE '2026-03-01'", "sku": "''"}, {}, {"sku": "'B'"})
    )
    received = sources.receive(source, raw.Listings, DAY, DAY, LAST)
    assert received.accepted["sku"].sort().to_list() == ["A", "B"]
    assert received.quarantined.select("received_on", "row").rows() == [(FIRST, 1)]
    assert received.undated == 1
    assert received.counts.rows() == [(FIRST, 1, 0, 1), (DAY, 2, 2, 0)]


def test_a_window_without_undated_rows_is_only_itself(shop: Shop) -> None:
    source = shop(listings=select(raw.Listings, {"date": "DATE '2026-03-01'"}, {}))
    received = sources.receive(source, raw.Listings, DAY, DAY, LAST)
    assert received.counts.rows() == [(DAY, 1, 1, 0)]
    assert received.accepted["date"].to_list() == [DAY]


def test_a_shop_that_goes_on_knows_no_tomorrow(shop: Shop) -> None:
    rows = select(raw.Listings, {}, {"date": "DATE '2026-03-03'"})
    source = shop({"historical": False, "last_day": None}, listings=rows)
    received = sources.receive(source, raw.Listings, FIRST, DAY, DAY)
    assert (
        "dated in the future: date: found '2026-03-03'; expected no day after 2026-03-02"
        in received.quarantined["rule"][0]
    )


def test_a_rivals_price_need_not_say_when_it_was_captured(shop: Shop) -> None:
    received = receive(shop, raw.CompetitorSnapshots, select(raw.CompetitorSnapshots, {"captured_at": "NULL"}))
    assert received.accepted["captured_at"].to_list() == [None]
