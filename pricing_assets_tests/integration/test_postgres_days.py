"""Days on Dagster and governance in PostgreSQL: the same as on SQLite. A month, and MLflow, in torture/."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import empty_database
from tiny_shop import DAYS, Begin, Line

from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.shell.instance import open_instance

DEPLOY = Path(__file__).parents[2] / "deploy"


@pytest.fixture
def in_postgres(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> sa.URL:
    """The settings of a deployment; the URL of Dagster's database."""
    dagster, governance = (empty_database(request, "postgresql", tmp_path) for _ in range(2))
    for name, value in (
        ("DAGSTER_HOME", str(DEPLOY)),
        ("PRICING_DAGSTER_FOLDER", str(tmp_path / "dagster")),
        ("PRICING_DAGSTER_URL", dagster),
        ("PRICING_GOVERNANCE_URL", governance),
    ):
        monkeypatch.setenv(name, value)
    return sa.make_url(dagster)


def test_days_are_the_same_on_sqlite_and_in_postgresql(
    line: Line, begin: Begin, tmp_path: Path, in_postgres: sa.URL, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as there:
        there.delenv("PRICING_GOVERNANCE_URL")
        begin(line, DAYS[0], DAYS[2])
    other = Line(tmp_path / "other", line.shop)
    with open_instance(Settings()) as instance:
        made = sessions(in_postgres)
        other.instance = instance
        assert other.run(DAYS[0], DAYS[2]).success
        assert [run.status.value for run in instance.get_runs()] == ["SUCCESS"]
    assert other.hashes() == line.hashes()
    assert not list(tmp_path.rglob("other/**/*.db")), "nothing is in SQLite"
    assert sessions(in_postgres) - made < 10, "connections are kept, not opened for each statement"


def sessions(url: sa.URL) -> int:
    """How many connections were ever opened to a database."""
    asked = "SELECT sessions FROM pg_stat_database WHERE datname = current_database()"
    with sa.create_engine(url.set(drivername="postgresql+psycopg")).connect() as connection:
        return int(connection.execute(sa.text(asked)).scalar_one())


def test_a_variable_that_is_not_set_is_named(in_postgres: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PRICING_DAGSTER_URL")
    with pytest.raises(PricingError, match="PRICING_DAGSTER_URL is not set"), open_instance(Settings()):
        pass


def test_a_driver_that_is_not_installed_is_named(in_postgres: sa.URL, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dagster_postgres", None)
    monkeypatch.delitem(sys.modules, "pricing_assets.shell.connections", raising=False)
    with pytest.raises(PricingError, match="dagster_postgres is not installed") as missed, open_instance(Settings()):
        pass
    assert "postgres" in missed.value.remedy


def test_a_database_that_is_lost_in_the_block_is_named(in_postgres: sa.URL) -> None:
    with (
        pytest.raises(PricingError, match="its database does not answer") as lost,
        open_instance(Settings()) as instance,
    ):
        with sa.create_engine(in_postgres.set(drivername="postgresql+psycopg")).connect() as connection:
            connection.execute(sa.text("ALTER TABLE runs RENAME TO gone"))
            connection.commit()
        instance.get_runs()
    assert "runs" in lost.value.what and lost.value.remedy
