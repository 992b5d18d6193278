"""A database that goes away, stays away, never answers or lets nobody in: retried where that helps, and named."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
import sqlalchemy as sa
from servers import ENGINES, Proxy, empty_database, execute
from sources_market import LAST, market
from sources_reading import DAY, of_shop, refused, shop_at, taken_in

from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources import Intake, database, engines
from pricing_assets.sources.database import in_one_snapshot


@pytest.fixture(scope="module", params=ENGINES[1:])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The small market on each engine that is a server; no test here changes it."""
    url = empty_database(request, request.param, tmp_path_factory.mktemp("lost"))
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


def content(intake: Intake) -> dict[str, pl.DataFrame]:
    return {table.table_name(): part.accepted.sort(table.order()) for table, part in intake.received.items()}


def changed(url: str, **parts: object) -> str:
    return sa.make_url(url).set(**parts).render_as_string(hide_password=False)  # type: ignore[arg-type]


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
