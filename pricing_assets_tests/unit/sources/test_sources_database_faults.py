"""A database that is slow, locked, half-migrated or not as it was, SQL that is none: each is named, with what to do."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import execute
from sources_market import LAST, SKUS, market
from sources_reading import DAY, of_shop, refused, shop_at, taken_in

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import SAP_LIKE, Settings
from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources import database, engines
from pricing_assets.tables import raw

CELLS = 2 * SKUS


@pytest.fixture
def server(server_url: str) -> str:
    """The small market on each engine that is a server."""
    deliver(market(), server_url)
    return server_url


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts, shortened."""
    monkeypatch.setattr(database, "DELAYS", (0.01, 0.01))
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 1)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("oracle://me:secret@host/shop", "oracle is not supported"),
        ("sqlite://", "no such file"),
        ("sqlite:////nowhere/market.db", "/nowhere/market.db: no such file"),
        ("nothing secret", "is no database URL"),
        ("postgresql://me:secret@host:port/shop", "is no database URL"),
    ],
)
def test_a_url_that_leads_nowhere(url: str, what: str) -> None:
    error = refused(url)
    assert what in error.what
    assert error.remedy


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "market.db").write_text("Dear reader, " * 500)
    error = refused(f"sqlite:///{tmp_path / 'market.db'}")
    assert "not a database" in error.what
    assert "restore the file" in error.remedy


def test_a_locked_file_is_waited_for_then_named(file: str, quick: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "DELAYS", (0.01,))
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 0.2)
    holder = sqlite3.connect(str(sa.make_url(file).database))
    holder.execute("BEGIN EXCLUSIVE")
    error = refused(file)
    holder.close()
    assert "locked" in error.what
    assert "end the program that writes to the file" in error.remedy
    assert taken_in(file, DAY, LAST).checks["passed"].all()


def test_a_table_missing_is_named_and_the_others_are_still_tried(server: str, file: str) -> None:
    for url in (server, file):
        execute(url, "DROP TABLE daily_stock")
        error = refused(url)
        assert error.what.startswith("stock.sql: database ")
        assert "daily_stock" in error.what
        assert "half-migrated" in error.remedy
        settings = Settings(_env_file=None, source_url=url)  # type: ignore[call-arg]
        findings = {finding.file: finding for finding in sources.check(SAP_LIKE, settings)}
        assert [name for name, finding in findings.items() if not finding.passed] == ["stock.sql"]
        assert findings["competitor_snapshots.sql"].what.startswith(f"{7 * CELLS} rows received")


def test_a_column_missing_is_named(server: str, file: str) -> None:
    for url in (server, file):
        execute(url, "ALTER TABLE daily_prices RENAME COLUMN cost TO landed_cost")
        error = refused(url)
        assert error.what.startswith("prices.sql: database ")
        assert "cost" in error.what
        assert "half-migrated" in error.remedy


def test_a_column_that_became_text_overnight_is_quarantined_or_refused_by_name(server: str, file: str) -> None:
    kind = "ALTER COLUMN current_price TYPE TEXT" if server.startswith("postgresql") else "MODIFY current_price TEXT"
    execute(server, f"ALTER TABLE daily_prices {kind}")
    change = "UPDATE daily_prices SET current_price = 'ask us' WHERE matnr = 'SKU-0001' AND vkorg = 'DE'"
    for url in (server, file):
        execute(url, f"{change} AND datum = '{LAST:%Y%m%d}'")
        if url.startswith("postgresql"):  # which puts no text beside an amount
            error = refused(url)
            assert "UNION types numeric and text cannot be matched (current_price AS price)" in error.what
            assert "has a column changed its type?" in error.remedy
            continue
        intake = taken_in(url, DAY, LAST)
        rules = intake.quarantine.filter(table="raw.prices")["rule"].to_list()
        assert rules == ["price: found 'ask us'; expected a finite amount with at most 4 decimals"]
        assert intake.received[raw.Prices].accepted.height == 2 * 2 * CELLS - 1


def test_a_text_where_a_number_was_is_quarantined_by_name(server: str) -> None:
    kind = "ALTER COLUMN on_hand TYPE TEXT" if server.startswith("postgresql") else "MODIFY on_hand TEXT"
    execute(server, f"ALTER TABLE daily_stock {kind}")
    execute(server, f"UPDATE daily_stock SET on_hand = 'many' WHERE matnr = 'SKU-0001' AND datum = '{LAST:%Y%m%d}'")
    intake = taken_in(server, DAY, LAST)
    assert intake.quarantine["rule"].to_list() == ["on_hand: found 'many'; expected a whole number"] * 2
    assert intake.received[raw.Stock].accepted.height == 2 * CELLS - 2


def test_a_column_that_can_never_fit_is_refused_by_name(server: str) -> None:
    binary = "BYTEA" if server.startswith("postgresql") else "BLOB"
    execute(
        server,
        "ALTER TABLE daily_stock DROP COLUMN on_hand",
        f"ALTER TABLE daily_stock ADD COLUMN on_hand {binary}",
        "UPDATE daily_stock SET on_hand = 'x'",
    )
    error = refused(server)
    assert "stock.sql: its SELECT does not fit raw.stock" in error.what
    assert "column on_hand: is BLOB; expected a whole number" in error.what


def test_a_slow_database_ends_in_an_error(url: str, tmp_path: Path) -> None:
    deliver(market(days=1), url)
    endless = (
        "SELECT datum AS date, 'a' AS sku, 'DE' AS market FROM calendar_days WHERE (SELECT COUNT(*) FROM "
        "calendar_days a, calendar_days b, calendar_days c WHERE a.datum < b.datum AND b.datum < c.datum) = 1"
    )
    folder = of_shop(tmp_path / "shop", {"limits": {"query_seconds": 1}}, listings=endless)
    started = time.monotonic()
    error = refused(url, folder)
    assert 0.9 < time.monotonic() - started < 6
    assert error.what.startswith("listings.sql: ")
    assert "limits.query_seconds" in error.remedy


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("DELETE FROM daily_sales", "sales.sql: holds DELETE; expected exactly one SELECT"),
        ("SELECT 1; DROP TABLE daily_sales", "sales.sql: holds SELECT, DROP; expected exactly one SELECT"),
        ("-- SELECT\n", "sales.sql: holds no statement; expected exactly one SELECT"),
        ("SELECT * INTO mine FROM daily_sales", "sales.sql: writes with INTO"),
        ("SELECT 1 /*!50000 INTO OUTFILE '/tmp/x' */", "sales.sql: writes with INTO"),
        ("SELECT * FROM daily_sales WHERE datum > :yesterday", "sales.sql: parameter :yesterday unknown"),
        ("SELECT matnr AS sku, vkorg AS sku FROM daily_sales", "sales.sql: column sku is selected twice"),
    ],
)
def test_sql_that_is_no_reading_is_refused(file: str, tmp_path: Path, text: str, what: str) -> None:
    error = refused(file, of_shop(tmp_path / "shop", sales=text))
    assert what in error.what
    assert error.remedy


def test_colons_percents_and_semicolons_in_text_and_comments_are_no_parameters(server: str, tmp_path: Path) -> None:
    text = (SAP_LIKE / "sales.sql").read_text().replace("s.matnr AS sku", "s.matnr || ';:x 100% ''5''::' AS sku")
    text += "-- at 02:00 :first_day is; 100 % \n;; /* :nothing; */"
    folder = of_shop(tmp_path / "shop", sales=text)
    intake = sources.take_in(shop_at(server, folder), LAST, LAST, LAST, "run")
    assert "SKU-0001;:x 100% '5'::" in intake.received[raw.Sales].accepted["sku"]


def test_a_source_that_reads_files_is_not_run_in_a_database() -> None:
    settings = Settings(_env_file=None, source_url="postgresql://me:secret@host/shop")  # type: ignore[call-arg]
    with pytest.raises(PricingError, match="PRICING_SOURCE_URL: names a database, but the source reads files"):
        sources.load(SAP_LIKE.parent / "uci_online_retail", settings)


def test_a_source_reads_files_or_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = of_shop(tmp_path / "shop", {"variables": {"LINES": "lines.csv"}})
    with pytest.raises(PricingError, match="database: given beside files or variables"):
        sources.load(folder, Settings(_env_file=None))  # type: ignore[call-arg]
