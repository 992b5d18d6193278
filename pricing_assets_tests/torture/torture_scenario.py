"""An operation that is done while a disk fails, and what readers of the lake see of it.

Here: what a scenario is, and reading a table as two readers do. Not here: any operation (torture_scenarios,
torture_passes).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from torture_findings import require

from pricing_assets.lake import Lake
from pricing_assets.tables.base import Table

State = Any


@dataclass(frozen=True)
class Scenario:
    """One operation. `state` is what every reader sees, and raises where one has an error."""

    before: Callable[[Path], object]
    act: Callable[[Path], object]
    state: Callable[[Path], State]
    in_steps: bool = False  # its states in between are no mix: of a dead process anybody may take them over


def lake_of(home: Path) -> Lake:
    return Lake(home / "lake")


def nothing(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)


def rows_of(lake: Lake, table: type[Table]) -> list[dict[str, Any]]:
    """What our reader sees, which must be what Polars' own reader of Delta tables sees."""
    rows = lake.read(table)
    twice = rows.select(table.order()).is_duplicated().sum()
    require(not twice, duplicated=f"{table.table_name()}: {twice} rows are there twice")
    if lake.version(table) >= 0:
        seen = pl.scan_delta(str(lake.folder(table))).collect()
        by = [name for name in table.order() if name in seen.columns]
        shared = [name for name in rows.columns if name in seen.columns]
        theirs = seen.select(pl.col(name).cast(rows.schema[name]) for name in shared).sort(by)
        assert theirs.equals(rows.select(shared).sort(by)), f"{table.table_name()}: two readers, two contents"
    return rows.to_dicts()
