"""The SAP-like example read from a database, the way a run reads it: received, judged, committed to a lake."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from sources_market import LAST, market

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake.store import Provenance
from pricing_assets.settings import SAP_LIKE, Settings
from pricing_assets.simulation.delivery import deliver
from pricing_assets.sources import Intake, Source
from pricing_assets.tables.base import Table
from pricing_assets.tables.raw import Quarantine
from pricing_assets.tables.runs import Checks

WEEK, DAY = LAST - timedelta(days=6), LAST - timedelta(days=1)


@pytest.fixture(scope="session")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small market in SQLite, to be copied."""
    path = tmp_path_factory.mktemp("delivered") / "market.db"
    deliver(market(), f"sqlite:///{path}")
    return path


@pytest.fixture
def file(delivered: Path, tmp_path: Path) -> str:
    """The small market in SQLite, a copy this test may change, for what has nothing to do with the engine."""
    return f"sqlite:///{shutil.copy(delivered, tmp_path / 'market.db')}"


def shop_at(url: str, folder: Path = SAP_LIKE) -> Source:
    """The example, its SQL run in the database at `url`."""
    return sources.load(folder, Settings(_env_file=None, source_url=url))  # type: ignore[call-arg]


def taken_in(url: str, first: date = WEEK, last: date = LAST) -> Intake:
    return sources.take_in(shop_at(url), first, last, last, "run")


def landed(lake: Lake, url: str, first: date = WEEK, last: date = LAST) -> dict[str, dict[date, str]]:
    """Takes the days in and commits them: table → day → content hash of what is in the lake."""
    intake = taken_in(url, first, last)
    source, provenance = shop_at(url), Provenance("run")
    frames: dict[type[Table], Any] = {
        table: sources.arrive(table, lake.read(table, first, last), part.accepted, source, last)
        for table, part in intake.received.items()
    }
    for table, frame in frames.items():
        lake.commit(table, frame, intake.days, provenance)
    lake.commit(Quarantine, intake.quarantine, [source.first_day, *intake.days], provenance)
    lake.commit(Checks, intake.checks, [source.first_day, *intake.days], provenance)
    tables = (*frames, Quarantine, Checks)
    return {table.table_name(): {day: f.hash for day, f in lake.partitions(table).items()} for table in tables}


def refused(url: str, folder: Path = SAP_LIKE) -> PricingError:
    with pytest.raises(PricingError) as caught:
        sources.take_in(shop_at(url, folder), DAY, LAST, LAST, "run")
    assert "secret" not in str(caught.value)
    return caught.value


def of_shop(folder: Path, settings: dict[str, object] | None = None, **selects: str) -> Path:
    """A copy of the example with other SELECTs and settings."""
    shutil.copytree(SAP_LIKE, folder)
    kept = yaml.safe_load((folder / "source.yaml").read_text()) | (settings or {})
    (folder / "source.yaml").write_text(yaml.safe_dump(kept))
    for name, text in selects.items():
        (folder / f"{name}.sql").write_text(text)
    return folder
