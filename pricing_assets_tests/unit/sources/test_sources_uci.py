"""The example that ships, on its excerpt; and on the whole file where that is at hand."""

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import duckdb
import polars as pl
import pytest
from whole_shop import needed_whole_file

from pricing_assets import sources
from pricing_assets.settings import EXAMPLES, Settings
from pricing_assets.sources import Received, Source
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

FIRST, LAST = date(2010, 12, 1), date(2011, 12, 9)
UCI = EXAMPLES / "uci_online_retail"
EXCERPT = UCI / "data" / "uci_online_retail_excerpt.parquet"
TABLES = (raw.Products, raw.Listings, raw.Prices, raw.Sales)
CUT = date(2011, 5, 17)


def load(path: Path | None = None) -> Source:
    """The example over its excerpt, or over another file."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("UCI_ONLINE_RETAIL", raising=False)
        if path:
            patch.setenv("UCI_ONLINE_RETAIL", str(path))
        return sources.load(UCI, Settings(_env_file=None))  # type: ignore[call-arg]


@pytest.fixture(scope="module")
def year() -> Iterator[dict[type[Table], Received]]:
    source = load()
    yield {table: sources.receive(source, table, FIRST, LAST, LAST) for table in TABLES}


@pytest.fixture(scope="module")
def lines() -> pl.DataFrame:
    """The excerpt as it is, with what the example says of a line."""
    day = pl.col("InvoiceDate").dt.date().alias("date")
    product = pl.col("StockCode").str.contains(r"^\d{5}")
    back = pl.col("InvoiceNo").str.starts_with("C")
    sold = product & ~back & (pl.col("Quantity") > 0) & (pl.col("UnitPrice") > 0)
    return pl.read_parquet(EXCERPT).with_columns(day, product.alias("product"), back.alias("back"), sold.alias("sold"))


def test_every_line_is_accounted_for(year: dict[type[Table], Received], lines: pl.DataFrame) -> None:
    sales = year[raw.Sales]
    assert sales.accepted["source_lines"].sum() + sales.quarantined.height == lines.height
    own = sales.quarantined["rule"] == "the shop's own reason: not a product"
    assert own.sum() == lines.filter(~pl.col("product")).height
    assert sales.quarantined.filter(~own)["rule"].str.contains("unit_price: found '0.0000'; expected more than 0").all()
    assert sales.accepted["units"].sum() == lines.filter("sold")["Quantity"].sum()
    good_returns = lines.filter(pl.col("product") & pl.col("back") & (pl.col("UnitPrice") > 0))
    assert sales.accepted["returned_units"].sum() == -good_returns["Quantity"].sum()
    exact = sum(Decimal(str(row[0])) * row[1] for row in lines.filter("sold").select("UnitPrice", "Quantity").rows())
    assert sales.accepted["revenue"].sum() == exact


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name())
def test_contracts_hold_and_no_day_of_trade_stops(year: dict[type[Table], Received], table: type[Table]) -> None:
    table.validate(year[table].accepted)
    source, days = load(), [FIRST + timedelta(days=number) for number in range((LAST - FIRST).days + 1)]
    status = sources.trade_status(source, year[raw.Listings], year[raw.Sales], days)
    closed = [day for day, trade in status.items() if trade == "no_trade"]
    assert len(closed) == 69
    judged = sources.judge(source, table, year[table], days, closed)
    assert judged.filter(~pl.col("passed")).rows() == []


def test_listed_are_the_pairs_sold_within_56_days(year: dict[type[Table], Received], lines: pl.DataFrame) -> None:
    listed = year[raw.Listings].accepted
    trading = lines["date"].unique()
    assert listed["date"].unique().sort().to_list() == trading.sort().to_list()
    for day in (FIRST, date(2011, 1, 25), CUT, LAST):
        recent = lines.filter("sold").filter(pl.col("date").is_between(day - timedelta(days=55), day))
        expected = recent.select(sku="StockCode", market="Country").unique().sort("sku", "market")
        assert listed.filter(date=day).select("sku", "market").sort("sku", "market").equals(expected)
    assert listed.filter(date=LAST).height > 100


def test_price_is_revenue_by_units_carried_forward(year: dict[type[Table], Received], lines: pl.DataFrame) -> None:
    listed = year[raw.Listings].accepted.drop("known_at", "on_sale")
    prices = year[raw.Prices].accepted
    assert prices.select(listed.columns).sort(listed.columns).equals(listed.sort(listed.columns))
    for day, sku, market, price in prices.select("date", "sku", "market", "price").sample(60, seed=1).iter_rows():
        sold = lines.filter("sold").filter((pl.col("date") <= day) & (pl.col("StockCode") == sku), Country=market)
        sold = sold.filter(pl.col("date") == pl.col("date").max())
        revenue = sum(Decimal(str(p)) * q for p, q in sold.select("UnitPrice", "Quantity").rows())
        assert price == (revenue / sold["Quantity"].sum()).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    assert prices["price_kind"].unique().to_list() == ["realised"]


def test_cost_is_assumed_at_60_percent_of_the_usual_price(year: dict[type[Table], Received]) -> None:
    prices = year[raw.Prices].accepted
    assert prices["cost_source"].unique().to_list() == ["assumed"]
    once = prices.sort("date").group_by("sku", "market", maintain_order=True).first()
    assert (once["cost"] == once["price"] * Decimal("0.6")).all()


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name())
def test_nothing_leaks_from_the_future(year: dict[type[Table], Received], table: type[Table], tmp_path: Path) -> None:
    cut = tmp_path / "cut.parquet"
    pl.read_parquet(EXCERPT).filter(pl.col("InvoiceDate").dt.date() <= CUT).write_parquet(cut)
    received = sources.receive(load(cut), table, FIRST, CUT, LAST)
    before = year[table].accepted.filter(pl.col(table.partition()) <= CUT)
    assert received.accepted.sort(table.order()).equals(before.sort(table.order()))


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.table_name())
def test_a_day_read_alone_is_the_day_of_the_year(year: dict[type[Table], Received], table: type[Table]) -> None:
    alone = sources.receive(load(), table, CUT, CUT, LAST)
    of_year = year[table].accepted.filter(pl.col("date") == CUT)
    assert alone.accepted.sort(table.order()).equals(of_year.sort(table.order()))


def test_check_finds_no_fault() -> None:
    findings = sources.check(UCI, Settings(_env_file=None))  # type: ignore[call-arg]
    assert [finding.what for finding in findings if not finding.passed] == []


def test_the_excerpt_has_what_makes_the_shop_hard(lines: pl.DataFrame) -> None:
    codes = set(lines["StockCode"])
    assert {"POST", "D", "M", "BANK CHARGES", "DOT", "B"} <= codes
    assert lines["back"].any() and lines["Description"].has_nulls()
    assert (lines["UnitPrice"] == 0).any() and (lines["UnitPrice"] < 0).any()
    assert EXCERPT.stat().st_size < 500_000


@pytest.mark.full_data
@pytest.mark.parametrize(
    ("since", "rows"),
    # listings and prices are the year's lines once more for each of 56 days: each time, the busiest quarter of them
    [(LAST - timedelta(days=90), 600_000), pytest.param(FIRST, 2_000_000, marks=pytest.mark.torture)],
    ids=["its busiest quarter", "the year"],
)
def test_the_whole_file_is_accounted_for(since: date, rows: int) -> None:
    path = needed_whole_file()
    source = load(path)
    sales = sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    assert sales.accepted["source_lines"].sum() + sales.quarantined.height == 541_909
    assert duckdb.sql(f"SELECT count(*) FROM '{path}'").fetchall() == [(541_909,)]
    closed = closed_days(source, sales, sales)
    assert len(closed) == 69
    assert failed_verdicts(source, sales, closed) == []
    listings = sources.receive(source, raw.Listings, since, LAST, LAST)
    prices = sources.receive(source, raw.Prices, since, LAST, LAST)
    assert listings.accepted.height == prices.accepted.height > rows
    closed_then = closed_days(source, listings, sales)
    assert closed_then == [day for day in closed if day >= since]
    assert failed_verdicts(source, listings, closed_then) == failed_verdicts(source, prices, closed_then) == []


def closed_days(source: Source, received: Received, sales: Received) -> list[date]:
    """The days without trade, of those a table was received for."""
    status = sources.trade_status(source, received, sales, received.counts["date"].to_list())
    return [day for day, trade in status.items() if trade == "no_trade"]


def failed_verdicts(source: Source, received: Received, closed: list[date]) -> list[tuple[object, ...]]:
    judged = sources.judge(source, received.table, received, received.counts["date"].to_list(), closed)
    return judged.filter(~pl.col("passed")).rows()
