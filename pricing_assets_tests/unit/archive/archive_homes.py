"""What homes of these tests are made of: days with prices, databases.

Here: writing them, and what people decided in one. Not here: the homes (conftest).
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from pricing_assets import governance, strategies
from pricing_assets.lake import Lake
from pricing_assets.lake.days import commit_days
from pricing_assets.settings import Settings
from pricing_assets.tables import raw
from pricing_assets_tests.unit.lake.lake_frames import RUN, day, days_frame, days_row, prices


def commit(lake: Lake, number: int, price: str = "4.99") -> None:
    """A day with three prices."""
    files = lake.commit(raw.Prices, prices(day(number), price), [day(number)], RUN)
    commit_days(lake, days_frame(days_row(day(number), files, run_id=f"run-{number}-{price}")), RUN)


def write_database(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE runs (id TEXT)")
        database.execute("INSERT INTO runs VALUES ('r1')")
        database.commit()


def decided(settings: Settings) -> tuple[object, object]:
    """Events and audit."""
    with governance.open_store(settings.governance, strategies) as store:
        return store.events(), store.audit()
