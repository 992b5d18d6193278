"""Files and SQL at fault, a shop in another dialect of CSV, a shop in Excel."""

import subprocess
import sys
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from sources_shop import DAY, GOOD, Shop

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.tables import raw

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 31)
GOOD_PRICES = GOOD["prices"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", ["prices.sql: DuckDB says:", "syntax error at or near", "SELEC"]),
        ("", ["prices.sql: holds no statement; expected exactly one SELECT"]),
        ("-- only words", ["prices.sql: holds no statement"]),
        (f"{GOOD_PRICES}; {GOOD_PRICES}", ["holds SELECT, SELECT; expected exactly one SELECT"]),
        ("COPY (SELECT 1) TO 'x.csv'", ["holds COPY; expected exactly one SELECT"]),
        ("CREATE TABLE x AS SELECT 1", ["holds CREATE"]),
        ("SELECT * FROM 'gone.csv'", ["prices.sql", 'No files found that match the pattern "gone.csv"', "source.yaml"]),
        ("SELECT * FROM read_parquet('gone/*.parquet')", ["No files found", "gone/*.parquet"]),
        ("SELECT * FROM price_list", ["Table with name price_list does not exist"]),
        ("SELECT dat AS date FROM (SELECT 1 AS day)", ['Referenced column "dat" not found']),
        (
            GOOD_PRICES.replace("AS sku", "AS article"),
            ["column article: unknown; expected date, sku", "column sku: missing"],
        ),
        (GOOD_PRICES.replace(", 9.99 AS price", ""), ["column price: missing; expected price per unit"]),
        (GOOD_PRICES + ", 'x' AS color", ["column color: unknown"]),
        (GOOD_PRICES + ", 1 AS price", ["column price is selected twice"]),
        (GOOD_PRICES.replace("9.99 AS", "true AS"), ["column price: is BOOLEAN; expected a finite amount"]),
        (GOOD_PRICES.replace("9.99 AS", "[1] AS"), ["column price: is INTEGER[]; expected"]),
        (
            GOOD_PRICES.replace("'A' AS", "1.5::DOUBLE AS"),
            ["column sku: is DOUBLE; expected text (VARCHAR)", "CAST(CAST(sku AS BIGINT) AS VARCHAR)"],
        ),
        (GOOD_PRICES.replace("DATE '2026-03-02'", "20260302"), ["column date: is INTEGER; expected a date"]),
        (GOOD_PRICES + ", 1 AS price_type", ["column price_type: is INTEGER; expected one of list, current"]),
        (
            "SELECT strptime('2.3.26', '%Y') AS date, 'A' AS sku, 'UK' AS market, 1 AS price",
            ["DuckDB says", "TRY_CAST"],
        ),
        ("SELECT * FROM read_csv('broken.csv')", ["prices.sql"]),
        ("SELECT * FROM read_parquet('broken.csv')", ["prices.sql", "broken.csv"]),
        ("SELECT 'x'::DATE AS date, 'A' AS sku, 'UK' AS market, 1 AS price", ["prices.sql", "invalid date"]),
    ],
)
def test_a_select_at_fault_is_explained(shop: Shop, sql: str, words: list[str]) -> None:
    source = shop(prices=sql)
    (source.folder / "broken.csv").write_bytes(b"\xff\xfe\x00\x01\n\x00")
    with pytest.raises(PricingError) as caught:
        sources.receive(source, raw.Prices, FIRST, LAST, LAST)
    assert "prices.sql" in caught.value.what
    for word in words:
        assert word in str(caught.value)
    assert caught.value.remedy


def test_every_column_at_fault_is_named_at_once(shop: Shop) -> None:
    source = shop(sales="SELECT 1 AS date, true AS sku, 2 AS quantity, 'x' AS note")
    with pytest.raises(PricingError) as caught:
        sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    for name in ("note: unknown", "market: missing", "unit_price: missing", "date: is INTEGER", "sku: is BOOLEAN"):
        assert f"column {name}" in caught.value.what
    assert "line_" in caught.value.remedy


def test_a_line_column_is_kept_for_the_record_only(shop: Shop) -> None:
    columns = ", 7 AS line_till, TIMESTAMP '2026-03-02 10:00' AS line_time, 'damaged' AS quarantine"
    received = sources.receive(shop(sales=GOOD["sales"] + columns), raw.Sales, FIRST, LAST, LAST)
    assert received.accepted.is_empty()
    assert '"line_till": 7, "line_time": "2026-03-02 10:00:00' in received.quarantined["record"][0]
    source = shop(sales=GOOD["sales"] + ", INTERVAL 1 DAY AS line_delay")
    with pytest.raises(PricingError, match="column line_delay: is INTERVAL; expected text, a number"):
        sources.receive(source, raw.Sales, FIRST, LAST, LAST)


def test_a_file_that_is_no_text(shop: Shop) -> None:
    source = shop()
    (source.folder / "prices.sql").write_bytes(b"\xff\xfe\xfa")
    with pytest.raises(PricingError, match=r"prices\.sql: cannot be read"):
        sources.receive(source, raw.Prices, FIRST, LAST, LAST)


@pytest.mark.parametrize("end", [";", "; -- that is all ;", ";\n/* ; */\n", " -- semicolon; in a comment", "\n;;\n"])
def test_a_select_may_end_as_people_end_them(shop: Shop, end: str) -> None:
    source = shop(prices=GOOD_PRICES + end)
    assert sources.receive(source, raw.Prices, FIRST, LAST, LAST).accepted.height == 1


def test_an_absent_table_yields_nothing(shop: Shop) -> None:
    received = sources.receive(shop(), raw.Stock, FIRST, LAST, LAST)
    assert (received.accepted.height, received.counts.height) == (0, 0)
    raw.Stock.validate(received.accepted)


def test_the_select_knows_the_window(shop: Shop) -> None:
    sql = "SELECT getvariable('last_day') AS date, 'A' AS sku, CASE WHEN getvariable('first_day') = DATE '2026-03-02' "
    source = shop(listings=sql + "THEN 'UK' END AS market")
    received = sources.receive(source, raw.Listings, DAY, date(2026, 3, 5), LAST)
    assert received.accepted["date"].to_list() == [date(2026, 3, 5)]


def test_a_column_that_is_all_null_may_have_any_type(shop: Shop) -> None:
    source = shop(prices=GOOD_PRICES + ", NULL AS cost_source, NULL AS cost, NULL AS known_at, NULL AS currency")
    assert sources.receive(source, raw.Prices, FIRST, LAST, LAST).accepted.height == 1


def test_a_newcomers_shop(shop: Shop) -> None:
    """Other column names, semicolons, decimal commas, German dates, two currencies, another encoding of returns."""
    csv = (
        "Tag;ArtikelNr;Land;Menge;Einzelpreis;Waehrung;Art\n"
        "02.03.2026;00123;D;3;12,50;EUR;Verkauf\n"
        "02.03.2026;00123;D;3;12,50;EUR;Verkauf\n"
        "02.03.2026;00123;GB;1;10,99;GBP;Verkauf\n"
        "02.03.2026;00123;D;1;12,50;EUR;Retoure\n"
        "02.03.2026;VERSAND;D;1;4,90;EUR;Verkauf\n"
        "02.03.2026;00124;CH;1;9,00;CHF;Verkauf\n"
        "32.03.2026;00124;D;1;9,00;EUR;Verkauf\n"
        "02.03.2026;00124;D;1;gratis;EUR;Verkauf\n"
    )
    read = "read_csv('kasse.csv', delim = ';', all_varchar = true)"
    market = "CASE Land WHEN 'D' THEN 'DE' WHEN 'GB' THEN 'UK' ELSE Land END AS market"
    day = "CAST(try_strptime(Tag, '%d.%m.%Y') AS DATE)"
    price = "replace(Einzelpreis, ',', '.')"
    source = shop(
        {"time_zone": "Europe/Berlin", "currency": "EUR", "limits": {"quarantine_share": 0.5}},
        listings=f"SELECT DISTINCT {day} AS date, ArtikelNr AS sku, {market} FROM {read} WHERE ArtikelNr <> 'VERSAND'",
        prices=f"SELECT {day} AS date, ArtikelNr AS sku, {market}, min({price}) AS price, Waehrung AS currency "
        f"FROM {read} WHERE ArtikelNr = '00123' GROUP BY ALL",
        sales=f"SELECT {day} AS date, ArtikelNr AS sku, {market}, Menge AS quantity, {price} AS unit_price, "
        "Waehrung AS currency, Art = 'Retoure' AS is_return, Tag AS line_day, "
        f"CASE WHEN ArtikelNr = 'VERSAND' THEN 'postage' END AS quarantine FROM {read}",
    )
    (source.folder / "kasse.csv").write_text(csv)
    sales = sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    assert sales.accepted.select("sku", "market", "units", "returned_units", "revenue", "currency").rows() == [
        ("00123", "DE", 6, 1, Decimal("75.0000"), "EUR"),
        ("00123", "UK", 1, 0, Decimal("10.9900"), "GBP"),
    ]
    rules = " | ".join(sales.quarantined["rule"])
    for words in ("own reason: postage", "market: found 'CH'", "no usable date", "unit_price: found 'gratis'"):
        assert words in rules
    assert '"line_day": "32.03.2026"' in " ".join(sales.quarantined["record"])
    assert sales.counts["received"].sum() == 8
    prices = sources.receive(source, raw.Prices, FIRST, LAST, LAST).accepted.sort("market")
    assert prices["price"].to_list() == [Decimal("12.5"), Decimal("10.99")]
    assert sources.receive(source, raw.Listings, FIRST, LAST, LAST).accepted.height == 3


def excel(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        bold = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet = book.add_worksheet("Prices")
        sheet.write_row(0, 0, ["day", "article", "price"])
        for row, (article, price) in enumerate([("A", 9.99), ("B", -1.0), ("C", "free")], start=1):
            sheet.write_datetime(row, 0, datetime(2026, 3, 2), bold)
            sheet.write_row(row, 1, [article, price])


PRICES_FROM_EXCEL = "SELECT day AS date, article AS sku, 'UK' AS market, price FROM price_list"


def test_excel_is_read_like_a_table(shop: Shop) -> None:
    source = shop({"files": {"price_list": {"path": "list.xlsx", "sheet": "Prices"}}}, prices=PRICES_FROM_EXCEL)
    excel(source.folder / "list.xlsx")
    received = sources.receive(source, raw.Prices, FIRST, LAST, LAST)
    assert received.accepted.select("date", "sku", "price").rows() == [(DAY, "A", Decimal("9.9900"))]
    assert [rule.split(";")[0] for rule in received.quarantined.sort("record")["rule"]] == [
        "price: found '-1.0000'",
        "price: found 'free'",
    ]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"path": "gone.xlsx"}, "files.price_list: sheet 0 of"),
        ({"path": "list.xlsx", "sheet": "Costs"}, "sheet 'Costs' of"),
        ({"path": "source.yaml"}, "source.yaml cannot be read"),
    ],
)
def test_excel_at_fault_is_explained(shop: Shop, files: dict[str, Any], words: str) -> None:
    source = shop({"files": {"price_list": files}}, prices=PRICES_FROM_EXCEL)
    excel(source.folder / "list.xlsx")
    with pytest.raises(PricingError) as caught:
        sources.receive(source, raw.Prices, FIRST, LAST, LAST)
    assert words in caught.value.what


def test_importing_sources_is_cheap() -> None:
    code = "import sys, pricing_assets.sources; print([m for m in ('duckdb', 'fastexcel') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
