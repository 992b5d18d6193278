"""Fewer files for the same rows: small files of closed days merged, and checkpoints of the Delta logs.

Here: both, as transactions that change no row. Not here: the removal of what is merged away (leftovers).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta

from pricing_assets.lake.store import Lake, Provenance
from pricing_assets.lake.transactions import last_checkpoint, write_checkpoint
from pricing_assets.tables import ALL
from pricing_assets.tables.base import Table

CLOSED = 8
"""Days after which nothing is appended to a day any more: publishing looks back seven."""


def to_merge(lake: Lake) -> dict[type[Table], list[date]]:
    """Table → its closed days of several files, by day. Days count back from the newest of the table."""
    found = {}
    for table in ALL:
        counts = Counter(file.partition for file in lake.files(table))
        closed = max(counts, default=date.max) - timedelta(days=CLOSED)
        if several := sorted(day for day, files in counts.items() if files > 1 and day <= closed):
            found[table] = several
    return found


def merge(lake: Lake, provenance: Provenance) -> dict[type[Table], list[date]]:
    """Makes one file of each closed day of several; table → the days merged."""
    return {table: lake.merge(table, days, provenance) for table, days in to_merge(lake).items()}


def to_checkpoint(lake: Lake) -> list[type[Table]]:
    """The tables with transactions after their last checkpoint: another engine reads these one by one."""
    return [table for table in ALL if lake.version(table) > last_checkpoint(lake.folder(table) / "_delta_log")]


def checkpoint(lake: Lake) -> list[type[Table]]:
    """Writes a checkpoint of each log that has moved on, durably; returns the tables."""
    tables = to_checkpoint(lake)
    for table in tables:
        with lake.still(table) as folder:
            write_checkpoint(folder / "_delta_log", lake.version(table))
    return tables
