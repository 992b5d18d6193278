"""A small home made by hand: rows, decisions of people, a registry, Dagster's runs, and what no backup needs."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from archive_homes import commit, write_database

from pricing_assets import governance, strategies
from pricing_assets.archive import saving
from pricing_assets.lake import Lake
from pricing_assets.settings import Settings


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which two days stand, one of them corrected. Not to be changed."""
    home = tmp_path_factory.mktemp("made") / "home"
    lake = Lake(home / "lake")
    lake.belongs_to("a shop")
    for number, price in ((0, "4.99"), (1, "4.99"), (0, "3.99")):
        commit(lake, number, price)
    with governance.open_store(Settings(home=home).governance, strategies) as store:
        store.ensure_default()
        store.propose("approval:one", {"n": 1}, datetime.now(UTC) + timedelta(days=9), reason="r", key="propose one")
    for name in ("mlflow/mlflow.db", "dagster/history/runs.db"):
        write_database(home / name)
    for name in (
        "mlflow/artifacts/1/model/data/level.json",
        "market/notes.txt",
        "dbt/target/x",
        "logs/2026-10-31.jsonl",
        "dagster/dagster.yaml",
    ):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(name)
    (home / "analytics.duckdb").write_bytes(b"built anew")
    (home / "lake" / "_claims").mkdir()
    (home / "lake" / "_claims" / "2024-03-01.json").write_text("{}")
    return home


@pytest.fixture
def settings(made: Path, home: Path) -> Settings:
    """The same home, to be changed."""
    shutil.copytree(made, home)
    return Settings()


@pytest.fixture
def elsewhere(tmp_path: Path) -> Settings:
    """Where to restore to: a home that is not there yet."""
    return Settings(home=tmp_path / "empty machine" / "home")


@pytest.fixture
def backup(settings: Settings, tmp_path: Path) -> Path:
    """A backup of the home."""
    return saving.save(tmp_path / "home.backup", settings).file
