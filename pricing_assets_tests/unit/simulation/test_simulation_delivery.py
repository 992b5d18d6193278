"""A market in a database: all of it, again and again, and never over what somebody else wrote."""

from __future__ import annotations

import sqlite3
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from servers import execute

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import SAP_LIKE, Settings
from pricing_assets.simulation import MarketSettings, Simulated, delivery, simulate
from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources.database import in_one_snapshot
from pricing_assets.tables import raw

LAST = date(2026, 10, 31)


@pytest.fixture(scope="module")
def market() -> Simulated:
    """A small one of the simulator's own."""
    return simulate(MarketSettings(skus=10, days=20, seed=3))


def received(url: str) -> dict[str, sources.Received]:
    source = sources.load(SAP_LIKE, Settings(_env_file=None, source_url=url))  # type: ignore[call-arg]
    intake = sources.take_in(source, source.first_day, LAST, LAST, "run")
    return {table.table_name(): part for table, part in intake.received.items()}


def test_what_is_simulated_arrives_on_every_engine_exact_and_balanced(url: str, market: Simulated) -> None:
    told: dict[str, int] = {}
    deliver(market, url, lambda table, rows: told.update({table: rows}))
    parts = received(url)
    assert told["daily_sales"] == market.frames["sales"].height + market.faults["sales"].height
    for part in parts.values():
        assert (part.counts["received"] == part.counts["accepted"] + part.counts["quarantined"]).all()
    assert int(parts["raw.sales"].counts["received"].sum()) == told["daily_sales"]
    assert int(parts["raw.prices"].counts["received"].sum()) == 2 * told["daily_prices"]
    clean = market.frames["sales"].unique()
    arrived = parts["raw.sales"].accepted
    assert arrived.height == clean.height
    columns = ["date", "sku", "market", "known_at", "units", "returned_units", "revenue", "source_lines"]
    order = columns[:4]
    assert (
        arrived.select(columns)
        .sort(order)
        .equals(clean.select(columns).cast(arrived.select(columns).schema).sort(order))
    )


def test_every_kind_of_fault_of_the_simulator_is_quarantined(tmp_path: Path, market: Simulated) -> None:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    deliver(market._replace(frames={name: frame.unique() for name, frame in market.frames.items()}), url)
    parts = received(url)
    for name, rows in market.faults.items():
        if name in ("products", "listings"):
            continue  # which come once per day
        planted = rows.height * (2 if name == "prices" else 1)
        quarantined = parts[f"raw.{name}"].quarantined
        assert quarantined.height == planted, (name, rows["fault"].unique().to_list())
    assert parts["raw.prices"].table is raw.Prices


def test_a_market_is_written_over_the_one_before(url: str, market: Simulated) -> None:
    deliver(market, url)
    told: dict[str, int] = {}
    deliver(market, url, lambda table, rows: told.update({table: rows}))
    source = sources.load(SAP_LIKE, Settings(_env_file=None, source_url=url))  # type: ignore[call-arg]
    for table, rows in told.items():
        count = f"SELECT COUNT(*) AS n FROM {table}"
        found = in_one_snapshot(source, lambda snapshot, sql=count: snapshot.fetch("count", sql, {}))  # type: ignore[misc]
        assert found.frame["n"].to_list() == [rows]


def test_the_books_of_somebody_else_are_never_written_over(url: str, market: Simulated) -> None:
    execute(url, "CREATE TABLE daily_prices (price INTEGER)", "INSERT INTO daily_prices VALUES (1)")
    with pytest.raises(PricingError, match="table daily_prices is there, and its 1 rows are not what"):
        deliver(market, url)
    execute(url, "INSERT INTO daily_prices VALUES (2)")


def test_rows_added_to_a_market_are_somebodys(tmp_path: Path, market: Simulated) -> None:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    deliver(market, url)
    execute(url, "INSERT INTO materials (matnr) VALUES ('MINE')")
    with pytest.raises(PricingError, match="table materials is there") as caught:
        deliver(market, url)
    assert "name an empty database" in caught.value.remedy


def test_a_delivery_cut_short_leaves_the_market_before(tmp_path: Path, market: Simulated) -> None:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    deliver(market, url)

    def interrupt(table: str, _rows: int) -> None:
        if table == "daily_stock":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(market, url, interrupt)
    assert received(url)["raw.stock"].accepted.height > 0


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("sqlite:////proc/nowhere/market.db", "/proc/nowhere"),
        ("oracle://me:secret@host/shop", "oracle is not supported"),
        ("postgresql://me:secret@127.0.0.1:1/shop", "cannot be written"),
        ("postgresql://me:secret@127.0.0.1:1/shop?sslmode=secret", r'sslmode value: "\*\*\*"'),
    ],
)
def test_a_database_that_cannot_be_written_is_named(url: str, what: str, market: Simulated) -> None:
    with pytest.raises(PricingError, match=what) as caught:
        deliver(market, url)
    assert "secret" not in str(caught.value)
    assert caught.value.remedy


def test_a_locked_file_is_named(tmp_path: Path, market: Simulated, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'market.db'}"
    monkeypatch.setattr(delivery, "CONNECT_SECONDS", 0.1)
    holder = sqlite3.connect(str(sa.make_url(url).database))
    holder.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PricingError, match="locked"):
        deliver(market, url)
    holder.close()


def test_the_frames_of_the_market_are_left_as_they_were(tmp_path: Path, market: Simulated) -> None:
    before = {name: frame.clone() for name, frame in market.frames.items()}
    deliver(market, f"sqlite:///{tmp_path / 'market.db'}")
    assert all(isinstance(frame, pl.DataFrame) and frame.equals(before[name]) for name, frame in market.frames.items())
