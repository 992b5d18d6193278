"""A source in a database: the same rows, contracts and identities as anywhere, on every engine."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from servers import ENGINES, empty_database, execute, mariadb_programs
from sources_market import DAYS, LAST, SKUS, market
from sources_reading import landed, of_shop, refused, shop_at, taken_in

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.settings import SAP_LIKE
from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources.database import Snapshot, in_one_snapshot, reach
from pricing_assets.tables import raw

CELLS = 2 * SKUS


@pytest.fixture(scope="module", params=ENGINES)
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small market on each engine; no test here changes it."""
    url = empty_database(request, request.param, tmp_path_factory.mktemp("shop"))
    deliver(market(), url)
    return url


def counts(url: str, table: str, day: date = LAST) -> tuple[int, int]:
    """Rows accepted and quarantined of a table on a day."""
    part = next(part for found, part in taken_in(url).received.items() if found.table_name() == table)
    row = part.counts.row(by_predicate=pl.col("date") == day, named=True)
    assert row["received"] == row["accepted"] + row["quarantined"]
    return row["accepted"], row["quarantined"]


def failed(url: str, day: date = LAST) -> dict[str, str]:
    """`table check` → its message, of the verdicts a day fails."""
    rows = taken_in(url).checks.filter(~pl.col("passed"), pl.col("date") == day)
    return {f"{row['table']} {row['check']}": row["message"] for row in rows.to_dicts()}


def test_every_engine_gives_the_same_hashes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    whole = market(faults=5)
    found = {}
    for engine in ENGINES:
        if engine == "mariadb" and None in mariadb_programs():
            continue  # the tests of each engine skip it for all to see
        url = empty_database(request, engine, tmp_path)
        deliver(whole, url)
        found[engine] = landed(Lake(tmp_path / engine), url)
    first, *others = found.values()
    assert set(first) == {
        *(table.table_name() for table in shop_at("sqlite://").tables),
        "raw.quarantine",
        "runs.checks",
    }
    assert all(len(days) >= 7 for table, days in first.items() if table != "raw.quarantine")
    for other in others:
        assert other == first


def test_each_of_a_thousand_malformed_rows_is_quarantined_by_name(tmp_path: Path) -> None:
    whole, url = market(faults=20), f"sqlite:///{tmp_path / 'market.db'}"
    deliver(whole, url)
    intake = taken_in(url, LAST - timedelta(days=DAYS - 1))
    planted = {f"raw.{name}": frame.height * (2 if name == "prices" else 1) for name, frame in whole.faults.items()}
    assert sum(planted.values()) >= 1_000
    for table, part in intake.received.items():
        assert (part.counts["received"] == part.counts["accepted"] + part.counts["quarantined"]).all()
        # of a negative current price the row's list price is good
        good = 20 if table is raw.Prices else 0
        assert part.quarantined.height == planted.get(table.table_name(), 0) - good
    words = {
        "no day": "no usable date",
        "no sku": "sku: found nothing",
        "unknown market": "market: found 'FR'",
        "unknown currency": "currency: found 'QQQ'",
        "wrong currency": "currency: found 'USD'; expected one of EUR, GBP",
        "negative": "found '-",
        "day '2026-02-31'": "no usable date: ",
        "day ''": "no usable date: ",
        "day '00000000'": "no usable date: ",
        "day '2031-01-01'": "dated in the future: ",
        "day '2089-01-01'": "dated in the future: ",
    }
    kinds = {(row["sku"], row["market"]): row["fault"] for row in whole.faults["sales"].to_dicts()}
    for record, rule in intake.quarantine.filter(table="raw.sales").select("record", "rule").iter_rows():
        row = json.loads(record)
        assert any(words[kind] in rule for (sku, _), kind in kinds.items() if sku == row["sku"] or row["sku"] is None)


def test_only_the_window_is_transferred(shop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: dict[str, int] = {}
    fetch = Snapshot.fetch

    def counting(self: Snapshot, file: str, sql: str, parameters: Any) -> Any:
        found = fetch(self, file, sql, parameters)
        fetched[file] = fetched.get(file, 0) + found.frame.height
        return found

    monkeypatch.setattr(Snapshot, "fetch", counting)
    taken_in(shop)
    assert fetched["sales.sql"] == fetched["stock.sql"] == fetched["listings.sql"] == 7 * CELLS
    assert fetched["prices.sql"] == 2 * 7 * CELLS


def test_yesterdays_data_again_changes_nothing(tmp_path: Path) -> None:
    lake, url = Lake(tmp_path / "lake"), f"sqlite:///{tmp_path / 'market.db'}"
    deliver(market(faults=1), url)
    before = landed(lake, url)
    versions = {table: lake.version(table) for table in shop_at(url).tables}
    deliver(market(faults=1), url)
    assert landed(lake, url) == before
    assert {table: lake.version(table) for table in shop_at(url).tables} == versions


def test_a_day_delivered_ten_times_over_stops_by_name(file: str) -> None:
    copy = f"INSERT INTO daily_sales SELECT * FROM daily_sales WHERE datum = '{LAST:%Y%m%d}' AND units < 100"
    execute(file, copy, copy, copy)
    assert counts(file, "raw.sales") == (CELLS, 7 * CELLS)
    assert set(failed(file)) == {"raw.sales contract"}
    assert "the same row again" in failed(file)["raw.sales contract"]
    assert failed(file, LAST - timedelta(days=1)) == {}


def test_a_day_without_prices_stops_by_name_and_one_without_anything_had_no_trade(file: str) -> None:
    execute(file, f"DELETE FROM daily_prices WHERE datum = '{LAST:%Y%m%d}'")
    assert set(failed(file)) == {"raw.prices not_empty"}
    execute(file, f"DELETE FROM daily_sales WHERE datum = '{LAST:%Y%m%d}'")
    execute(file, f"DELETE FROM calendar_days WHERE datum = '{LAST:%Y%m%d}'")
    assert failed(file) == {}


def test_days_before_the_market_begins_had_no_trade(file: str) -> None:
    day = LAST - timedelta(days=DAYS)
    intake = taken_in(file, day - timedelta(days=3), day)
    assert intake.checks["passed"].all()
    assert all(part.counts["received"].sum() == 0 for part in intake.received.values())


def test_what_comes_late_is_a_row_of_its_own(file: str, tmp_path: Path) -> None:
    lake, day, cell = Lake(tmp_path / "lake"), LAST - timedelta(days=1), {"sku": "SKU-0001", "market": "DE"}
    landed(lake, file)
    late = "matnr, vkorg, datum, list_price, '2.5000', cost, waers, '2026-10-31 06:30:00.000000'"
    execute(file, f"INSERT INTO daily_prices SELECT {late} FROM daily_prices WHERE datum = '{day:%Y%m%d}'")
    landed(lake, file)
    rows = lake.read(raw.Prices, day, day).filter(**cell, price_type="current").sort("known_at")
    assert [f"{moment:%d %H:%M}" for moment in rows["known_at"]] == ["30 22:00", "31 06:30"]
    assert str(rows["price"][1]) == "2.5000"


def test_all_tables_of_a_reading_are_of_one_moment(url: str) -> None:
    deliver(market(), url)
    if url.startswith("sqlite"):
        execute(url, "PRAGMA journal_mode=WAL")
    count = "SELECT COUNT(*) AS n FROM daily_sales"

    def twice(snapshot: Snapshot) -> tuple[int, int]:
        before = snapshot.fetch("sales.sql", count, {}).frame["n"][0]
        execute(url, f"DELETE FROM daily_sales WHERE datum = '{LAST:%Y%m%d}'")
        return before, snapshot.fetch("sales.sql", count, {}).frame["n"][0]

    assert in_one_snapshot(shop_at(url), twice) == (DAYS * CELLS, DAYS * CELLS)
    assert in_one_snapshot(shop_at(url), twice)[0] == (DAYS - 1) * CELLS


WRITING = [
    "SELECT 1 AS a # '\nINTO OUTFILE '{file}'",
    "SELECT 1 AS `it's` INTO OUTFILE '{file}' -- '",
    "SELECT 1 AS a /*!999999 ' */ INTO OUTFILE '{file}' -- '",
    "SELECT 1 AS a /*M!999999 ' */ INTO OUTFILE '{file}' -- '",
    "SELECT 1.0INTO OUTFILE '{file}'",
    "SELECT \\NINTO DUMPFILE '{file}'",
    "SELECT E'\\''; COMMIT; DROP TABLE daily_sales; --'",
]
"""SELECTs that write, the writing hidden from whoever reads quotes and comments otherwise than the server."""


def test_a_database_is_never_written_to_whatever_the_statement(shop: str, tmp_path: Path) -> None:
    source = shop_at(shop)
    for statement in ("DELETE FROM daily_sales", "CREATE TABLE mine (a INTEGER)", "DROP TABLE daily_sales"):
        with pytest.raises(PricingError):
            in_one_snapshot(source, lambda snapshot, sql=statement: snapshot.fetch("x.sql", sql, {}))  # type: ignore[misc]
    with pytest.raises(PricingError, match="mine"):
        in_one_snapshot(source, lambda snapshot: snapshot.fetch("x.sql", "SELECT * FROM mine", {}))
    for number, statement in enumerate(WRITING):
        written = tmp_path / f"written-{number}"
        error = refused(shop, of_shop(tmp_path / f"shop-{number}", products=statement.format(file=written)))
        assert "products.sql" in error.what and error.remedy
        assert not written.exists(), statement
    assert counts(shop, "raw.sales") == (CELLS, 0)


def test_the_check_of_a_source_tries_the_example(file: str) -> None:
    findings = sources.check(SAP_LIKE, shop_settings(file))
    assert [finding.what for finding in findings if not finding.passed] == []
    assert len(findings) == 8


def test_reach_names_the_database_without_its_password(shop: str) -> None:
    assert reach(shop_at(shop)).startswith(shop.split(":", maxsplit=1)[0])
    assert "secret" not in repr(shop_at(shop.replace("://root:@", "://root:secret@")))


def shop_settings(url: str) -> Any:
    from pricing_assets.settings import Settings

    return Settings(_env_file=None, source_url=url)  # type: ignore[call-arg]


def test_the_default_database_is_under_home(tmp_path: Path) -> None:
    from pricing_assets.settings import Settings

    settings = Settings(_env_file=None, home=tmp_path / "home")  # type: ignore[call-arg]
    assert sources.load(SAP_LIKE, settings).database == f"sqlite:///{tmp_path / 'home' / 'market.db'}"
    findings = sources.check(SAP_LIKE, settings)
    assert "no such file" in findings[0].what
    assert "pricing simulate" in findings[0].remedy
