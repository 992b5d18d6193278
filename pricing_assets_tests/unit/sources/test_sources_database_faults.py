"""A database that is down, slow, locked, half-migrated or somebody else's: each is named, with what to do."""

from __future__ import annotations

import re
import shutil
import socket
import sqlite3
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
import yaml
from servers import Proxy, execute
from sources_market import LAST, SKUS, market
from sources_reading import shop_at, taken_in

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import SAP_LIKE, Settings
from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources import Intake, database, engines
from pricing_assets.sources.database import in_one_snapshot, reach
from pricing_assets.tables import raw

DAY = LAST - timedelta(days=1)
CELLS = 2 * SKUS


@pytest.fixture
def server(server_url: str) -> str:
    """The small market on each engine that is a server."""
    deliver(market(), server_url)
    return server_url


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The small market in SQLite."""
    url = f"sqlite:///{tmp_path / 'market.db'}"
    deliver(market(), url)
    return url


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Waits between attempts, shortened."""
    monkeypatch.setattr(database, "DELAYS", (0.01, 0.01))
    monkeypatch.setattr(engines, "CONNECT_SECONDS", 1)


@pytest.fixture
def silent() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def refused(url: str, folder: Path = SAP_LIKE) -> PricingError:
    with pytest.raises(PricingError) as caught:
        sources.take_in(shop_at(url, folder), DAY, LAST, LAST, "run")
    assert "secret" not in str(caught.value)
    return caught.value


def content(intake: Intake) -> dict[str, pl.DataFrame]:
    return {table.table_name(): part.accepted.sort(table.order()) for table, part in intake.received.items()}


def changed(url: str, **parts: object) -> str:
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


def of_shop(folder: Path, settings: dict[str, object] | None = None, **selects: str) -> Path:
    """A copy of the example with other SELECTs and settings."""
    shutil.copytree(SAP_LIKE, folder)
    kept = yaml.safe_load((folder / "source.yaml").read_text()) | (settings or {})
    (folder / "source.yaml").write_text(yaml.safe_dump(kept))
    for name, text in selects.items():
        (folder / f"{name}.sql").write_text(text)
    return folder


def test_a_connection_cut_in_the_middle_is_retried_and_comes_out_equal(server: str, quick: None) -> None:
    whole = taken_in(server, DAY, LAST)
    proxy = Proxy(server, cuts=2, after=9_000)
    again = taken_in(proxy.url, DAY, LAST)
    proxy.close()
    assert proxy.connections == 3
    for table, rows in content(whole).items():
        assert rows.equals(content(again)[table])


def test_a_session_ended_by_the_server_is_retried_on_a_new_state(server: str, quick: None) -> None:
    attempts = []

    def killed_once(snapshot: database.Snapshot) -> int:
        attempts.append(1)
        own = "pg_backend_pid()" if server.startswith("postgresql") else "CONNECTION_ID()"
        number = snapshot.fetch("x.sql", f"SELECT {own} AS n", {}).frame["n"][0]
        if len(attempts) == 1:
            execute(server, f"SELECT pg_terminate_backend({number})" if "pg_" in own else f"KILL {number}")
        return int(snapshot.fetch("x.sql", "SELECT COUNT(*) AS n FROM daily_sales", {}).frame["n"][0])

    assert in_one_snapshot(shop_at(server), killed_once) == market().frames["sales"].height
    assert len(attempts) == 2


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_database_that_stays_down_is_named_without_its_password(scheme: str, quick: None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    started = time.monotonic()
    error = refused(f"{scheme}://me:secret@127.0.0.1:{port}/shop")
    assert time.monotonic() - started < 5
    assert f"database {scheme}://me:***@127.0.0.1:{port}/shop: " in error.what
    assert error.what.endswith("; 3 attempts")
    assert "see that the database runs" in error.remedy


def test_all_attempts_take_some_ten_seconds() -> None:
    assert 5 <= sum(database.DELAYS) <= 10
    assert sum(database.DELAYS) + 4 * engines.CONNECT_SECONDS <= 20


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_never_answers_ends_in_an_error(
    scheme: str, silent: int, quick: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "DELAYS", ())
    folder = of_shop(tmp_path / "shop", {"limits": {"query_seconds": 1}})
    started = time.monotonic()
    error = refused(f"{scheme}://me:secret@127.0.0.1:{silent}/shop", folder)
    assert time.monotonic() - started < 15
    assert f"127.0.0.1:{silent}" in error.what


def test_a_wrong_password_or_user_is_named_at_once(server: str, tmp_path: Path) -> None:
    started = time.monotonic()
    error = refused(changed(server, username="nobody", password="secret"))
    assert time.monotonic() - started < 3
    assert "nobody" in error.what
    assert error.remedy == "mend user and password in PRICING_SOURCE_URL"


def test_an_unknown_database_is_named_at_once(server: str) -> None:
    error = refused(changed(server, database="elsewhere"))
    assert "elsewhere" in error.what
    assert "create the database" in error.remedy


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


def test_a_locked_file_is_waited_for_then_named(file: str, quick: None) -> None:
    holder = sqlite3.connect(str(sa.make_url(file).database))
    holder.execute("BEGIN EXCLUSIVE")
    error = refused(file)
    holder.close()
    assert "locked" in error.what
    assert "end the program that writes to the file" in error.remedy
    assert taken_in(file, DAY, LAST).checks["passed"].all()


def test_a_table_missing_is_named(server: str, file: str) -> None:
    for url in (server, file):
        execute(url, "DROP TABLE daily_stock")
        error = refused(url)
        assert error.what.startswith("stock.sql: database ")
        assert "daily_stock" in error.what
        assert "half-migrated" in error.remedy


def test_a_column_missing_is_named(server: str, file: str) -> None:
    for url in (server, file):
        execute(url, "ALTER TABLE daily_prices RENAME COLUMN cost TO landed_cost")
        error = refused(url)
        assert error.what.startswith("prices.sql: database ")
        assert "cost" in error.what
        assert "half-migrated" in error.remedy


def test_the_other_tables_of_a_half_migrated_database_are_still_tried(server: str) -> None:
    execute(server, "DROP TABLE daily_stock")
    settings = Settings(_env_file=None, source_url=server)  # type: ignore[call-arg]
    findings = {finding.file: finding for finding in sources.check(SAP_LIKE, settings)}
    assert [file for file, finding in findings.items() if not finding.passed] == ["stock.sql"]
    assert findings["competitor_snapshots.sql"].what.startswith(f"{7 * CELLS} rows received")


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


def test_reach_is_quick_to_say_that_nobody_answers(silent: int, quick: None) -> None:
    with pytest.raises(PricingError, match=re.escape(f"127.0.0.1:{silent}")):
        reach(shop_at(f"postgresql://me:secret@127.0.0.1:{silent}/shop"))
