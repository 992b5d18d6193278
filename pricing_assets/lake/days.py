"""The manifest of days: which partitions each day put in force.

Here: reading and extending runs.days. Not here: how a day comes to its row.

A day exists when its row in runs.days commits. The row with the highest sequence stands. The manifested content of a
table and day is what the last row that names it says, in order of sequence; an entry of 0 rows says there is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from pricing_assets.lake.files import exclusive
from pricing_assets.lake.log import PartitionFile
from pricing_assets.lake.store import Lake, Provenance
from pricing_assets.tables import runs
from pricing_assets.tables.base import Table

Manifest = dict[str, dict[date, PartitionFile]]


def standing(lake: Lake) -> pl.DataFrame:
    """The standing row of each day: runs.days, one row per date, by date."""
    rows = lake.read(runs.Days)
    return rows.sort("sequence").unique("date", keep="last", maintain_order=True).sort("date")


def manifested(lake: Lake, table: type[Table]) -> dict[date, PartitionFile]:
    """Day → the file of `table` that the manifest has in force, by day."""
    return manifest(lake).get(table.table_name(), {})


def manifest(lake: Lake, version: int | None = None) -> Manifest:
    """Table name → day → file, for all tables in one reading, as of a version of runs.days (default: the latest).

    runs.days itself is in it with every file in force at that version: its commit is what makes a day.
    """
    version = lake.version(runs.Days) if version is None else version
    entries = (
        lake.read(runs.Days, version=version, columns=["sequence", "tables"])
        .sort("sequence")
        .select(pl.col("tables").explode(empty_as_null=False))
        .unnest("tables")
        .unique(["table", "partition"], keep="last", maintain_order=True)
        .filter(pl.col("rows") > 0)
        .sort("table", "partition")
    )
    found: Manifest = {runs.Days.table_name(): lake.partitions(runs.Days, version)}
    for entry in entries.iter_rows(named=True):
        found.setdefault(entry["table"], {})[entry["partition"]] = PartitionFile(**entry)
    return found


def commit_days(lake: Lake, rows: pl.DataFrame, provenance: Provenance) -> list[date]:
    """Commit rows of runs.days (all columns but `sequence`), in one transaction; returns the days committed, by date.

    A row that says what the standing row of its day says, and puts in force only what is in force already, is left
    out: run, clock times, Delta versions and other provenance are not compared. A run that commits a day again
    replaces its own row and keeps what that row had put in force, unless the new one names it.
    """
    with exclusive(lake.root / "_locks" / "days.lock"):
        known = lake.read(runs.Days)
        last = {row["date"]: row for row in standing(lake).to_dicts()}
        force = manifest(lake)
        new = [
            row
            for row in rows.sort("date").to_dicts()
            if row["date"] not in last
            or _said(row) != _said(last[row["date"]])
            or not all(_is_in_force(file, force) for file in row["tables"])
        ]
        if not new:
            return []
        days = [row["date"] for row in new]
        before = known.filter(pl.col("date").is_in(days))
        first = int(known.get_column("sequence").max() or 0) + 1  # type: ignore[arg-type]
        mine = {(row["date"], row["run_id"]): row for row in before.to_dicts()}
        frame = pl.DataFrame(
            [_with_own(row, mine) | {"sequence": first + number} for number, row in enumerate(new)],
            schema=known.schema,
        )
        kept = before.join(frame, on=["date", "run_id"], how="anti")
        lake.commit(runs.Days, pl.concat([kept, frame]), days, provenance)
        return days


def _with_own(row: Mapping[str, Any], mine: Mapping[tuple[date, str], Mapping[str, Any]]) -> dict[str, Any]:
    """The row, with what an earlier row of the same run and day put in force and this one does not name."""
    own = mine.get((row["date"], row["run_id"]))
    named = {(file["table"], file["partition"]) for file in row["tables"]}
    kept = [file for file in own["tables"] if (file["table"], file["partition"]) not in named] if own else []
    return {**row, "tables": [*kept, *row["tables"]]}


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says, without provenance: no run, no versions, inputs in one order."""
    said = {name: row[name] for name in runs.Days.hashed() if name not in ("run_id", "tables", "inputs")}
    return said | {"inputs": _without_versions(row["inputs"])}


def _is_in_force(file: Mapping[str, Any], force: Manifest) -> bool:
    """Whether the manifest already has a file in force; for an entry of 0 rows, whether it has none."""
    known = force.get(file["table"], {}).get(file["partition"])
    return known is None if file["rows"] == 0 else known is not None and known.hash == file["hash"]


def _without_versions(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(tuple(str(v) for k, v in entry.items() if k != "version") for entry in entries)
