"""What every test shares: a home of its own, a tiny shop, and Hypothesis without deadlines.

Here: fixtures that tests of more than one room use. Not here: rows or sources of a single room.
"""

from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

import pytest
from filelock import FileLock
from hypothesis import settings
from servers import mariadb, postgres
from tiny_shop import Begin, Line, Once, Shop, load_location

if TYPE_CHECKING:
    from alembic.config import Config

__all__ = ["mariadb", "postgres"]

settings.register_profile("suite", deadline=None, print_blob=True)  # two shared cores: time says nothing about a test
settings.load_profile("suite")


def pytest_configure() -> None:
    """No setting of the machine reaches a test, nor a fixture of the whole session: make sets DAGSTER_HOME."""
    for name in [name for name in os.environ if name.startswith(("PRICING_", "DAGSTER_"))]:
        del os.environ[name]
    _read_migrations_once()


def _read_migrations_once() -> None:
    """Dagster, MLflow and our governance stamp each database with its revision: reading all scripts of migrations for
    each anew is most of making one of Dagster's."""
    from alembic.script import ScriptDirectory

    read: dict[str | None, ScriptDirectory] = {}
    afresh = ScriptDirectory.from_config

    def known(config: Config) -> ScriptDirectory:
        place = config.get_main_option("script_location")
        return read.get(place) or read.setdefault(place, afresh(config))

    ScriptDirectory.from_config = known  # type: ignore[method-assign]


def pytest_collection_finish() -> None:
    """What was imported to collect the tests stays: looking through it for garbage again and again took a twentieth."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """What the torture, or its short half, came to: reports of a test's end have what it told."""
    reports = [each for reports in terminalreporter.stats.values() for each in reports]
    ended = [dict(each.user_properties) for each in reports if getattr(each, "when", "") == "teardown"]
    if any(ended):
        from torture_told import told

        for line in told(ended):
            terminalreporter.write_line(line)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PRICING_HOME."""
    folder = tmp_path / "home"
    monkeypatch.setenv("PRICING_HOME", str(folder))
    return folder


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are tried again at once. Not by a sleep that returns early: Dagster would spin until it is time."""
    import dagster as dg

    monkeypatch.setattr(dg.RetryPolicy, "calculate_delay", lambda policy, attempt_num: 0)


@pytest.fixture(scope="session")
def once(tmp_path_factory: pytest.TempPathFactory) -> Once:
    """The folder of a name, filled by the first that asks for it in any worker of the suite. Not to be changed."""
    mine = tmp_path_factory.getbasetemp()
    shared = (mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine) / "once"
    shared.mkdir(exist_ok=True)

    def filled(name: str, fill: Callable[[Path], object]) -> Path:
        folder, whole = shared / name, shared / f"{name}.whole"
        with FileLock(shared / f"{name}.lock"):
            if not whole.exists():
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                fill(folder)
                whole.touch()
        return folder

    return filled


@pytest.fixture(scope="session")
def mlflow_by_mlflow() -> Callable[[Path], None]:
    """How a home's MLflow is made where no test is in a hurry."""
    from pricing_assets.models import mlflow_client

    return mlflow_client._migrate


@pytest.fixture(scope="session", autouse=True)
def mlflow_migrated_once(once: Once, mlflow_by_mlflow: Callable[[Path], None]) -> Iterator[None]:
    """A home's MLflow is a copy of a file MLflow made once: its migrations take longer than most tests of models."""
    from pricing_assets.models import mlflow_client

    def copy(aside: Path) -> None:
        made = once("mlflow", lambda folder: mlflow_by_mlflow(folder / "mlflow.db"))
        shutil.copyfile(made / "mlflow.db", aside)

    with mock.patch.object(mlflow_client, "_migrate", copy):
        yield


@pytest.fixture(scope="session")
def location(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny shop's folder; the code location is imported with it."""
    folder = tmp_path_factory.mktemp("location") / "shop"
    Shop(folder).write()
    load_location(folder)
    return folder


@pytest.fixture
def shop(location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The tiny shop, a copy this test may change; PRICING_SOURCE names it."""
    folder = tmp_path / "shop"
    shutil.copytree(location, folder)
    monkeypatch.setenv("PRICING_SOURCE", str(folder))
    return Shop(folder)


@pytest.fixture
def line(home: Path, shop: Shop) -> Line:
    """Its stations."""
    return Line(home, shop)


@pytest.fixture
def begin(once: Once) -> Begin:
    """Lets the empty home of a line be as a run of these days leaves it, by a copy of one that was run once."""

    def begun(line: Line, first: date, last: date | None = None) -> None:
        def run(folder: Path) -> None:
            made = Line(folder / "home", line.shop, line.clock)
            assert made.run(first, last).success
            made.ended()

        moment = f"-{line.clock():%Y%m%d%H%M%S}" if line.clock else ""
        name = f"begun-{first}-{last or first}{moment}-{line.shop.digest()}"
        shutil.copytree(once(name, run) / "home", line.home, dirs_exist_ok=True)

    return begun
