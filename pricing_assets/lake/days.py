"""The manifest of days: which partitions each day put in force.

Here: reading and extending runs.days. Not here: how a day comes to its row.

A day exists when its row in runs.days commits. The row with the highest sequence stands. The manifested content of a
table and day is what the last row that names it says, in order of sequence; an entry of 0 rows says there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.lake import contracts, marks
from pricing_assets.lake.entries import PartitionFile
from pricing_assets.lake.files import exclusive
from pricing_assets.lake.hashing import canonical
from pricing_assets.lake.store import Lake, Provenance
from pricing_assets.tables import runs
from pricing_assets.tables.base import Table

Manifest = dict[str, dict[date, PartitionFile]]


class _Known:
    """What a process knows of runs.days at one place: its rows, and what they come to. Files are read once."""

    def __init__(self) -> None:
        self.files: dict[date, PartitionFile] = {}
        self.rows = contracts.empty(runs.Days)
        self.force: Manifest = {}
        self.applied = 0  # the highest sequence that is in `force`
        self.alone = threading.RLock()

    def renew(self, lake: Lake) -> None:
        """Reads the days that are new or changed, and puts into force what they name. The caller is alone."""
        files = lake.partitions(runs.Days)
        new = [file for day, file in files.items() if self.files.get(day) != file]
        if not new and len(files) == len(self.files):
            return
        changed = {file.partition for file in new} | (self.files.keys() - files.keys())
        read = lake.read_files(runs.Days, new)
        kept = self.rows.filter(~pl.col("date").is_in(list(changed)))
        if changed & self.files.keys() and not _goes_on(self.rows, read, changed):
            kept, read, self.force, self.applied = contracts.empty(runs.Days), lake.read(runs.Days), {}, 0
        self.rows = canonical(pl.concat([kept, read]), runs.Days)
        _put_in_force(self.force, self.rows.filter(pl.col("sequence") > self.applied))
        self.files, self.applied = files, int(self.rows["sequence"].max() or 0)  # type: ignore[arg-type]


@cache
def _known(root: Path) -> _Known:
    return _Known()


def _goes_on(before: pl.DataFrame, after: pl.DataFrame, changed: Collection[date]) -> bool:
    """Whether what changed of days was only added to, or said again by the same run: then nothing is taken back."""
    keys = ["date", "run_id"]
    return before.filter(pl.col("date").is_in(list(changed))).join(after, on=keys, how="anti").is_empty()


def _put_in_force(force: Manifest, rows: pl.DataFrame) -> None:
    """Lets rows of runs.days take effect, in order of sequence; an entry of 0 rows puts out of force."""
    entries = (
        rows.sort("sequence")
        .select(pl.col("tables").explode(empty_as_null=False))
        .unnest("tables")
        .unique(["table", "partition"], keep="last", maintain_order=True)
    )
    for entry in entries.iter_rows(named=True):
        files = force.setdefault(entry["table"], {})
        if entry["rows"]:
            files[entry["partition"]] = PartitionFile(**entry)
        else:
            files.pop(entry["partition"], None)


def recorded(lake: Lake) -> pl.DataFrame:
    """All rows of runs.days, in canonical order; a process reads each file once."""
    known = _known(lake.root)
    with known.alone:
        known.renew(lake)
        return known.rows


def standing(lake: Lake) -> pl.DataFrame:
    """The standing row of each day: runs.days, one row per date, by date."""
    return recorded(lake).sort("sequence").unique("date", keep="last", maintain_order=True).sort("date")


def stand(lake: Lake, now: datetime) -> frozenset[date]:
    """The days that stand, but for those a clock set ahead has noted as closed before they came: they are to be run."""
    to_come = (pl.col("status").cast(pl.String) == "no_trade") & (pl.col("as_of") > now)
    return frozenset(standing(lake).filter(~to_come)["date"].to_list())


def manifested(lake: Lake, table: type[Table]) -> dict[date, PartitionFile]:
    """Day → the file of `table` that the manifest has in force, by day."""
    return manifest(lake).get(table.table_name(), {})


def manifest(lake: Lake, version: int | None = None) -> Manifest:
    """Table name → day → file, for all tables, by day; as of a version of runs.days (default: the latest).

    runs.days itself is in it with every file in force at that version: its commit is what makes a day.
    """
    if version is not None:
        force: Manifest = {}
        _put_in_force(force, lake.read(runs.Days, version=version))
        return _by_table(force, lake.partitions(runs.Days, version))
    known = _known(lake.root)
    with known.alone:
        known.renew(lake)
        return _by_table(known.force, known.files)


def _by_table(force: Manifest, days: Mapping[date, PartitionFile]) -> Manifest:
    found = {table: dict(sorted(files.items())) for table, files in sorted(force.items()) if files}
    return {runs.Days.table_name(): dict(days), **found}


Commit = Callable[[pl.DataFrame, Provenance], list[date]]
"""Commits rows of runs.days, as `commit_days` does; returns the days committed, by date."""


@contextmanager
def alone(lake: Lake) -> Iterator[Commit]:
    """Nobody else commits days within: what is read of the manifest there is true still when `Commit` is called."""
    with exclusive(lake.root / "_locks" / "days.lock"):
        yield partial(_commit, lake)


def commit_days(lake: Lake, rows: pl.DataFrame, provenance: Provenance) -> list[date]:
    """Commit rows of runs.days (all columns but `sequence`), in one transaction; returns the days committed, by date.

    A row that says what the standing row of its day says, and puts in force only what is in force already, is left
    out: run, clock times, Delta versions and other provenance are not compared. One noted before its day came, by a
    clock set ahead, gives way to the same. A run that commits a day again replaces its own row and keeps what that row
    had put in force, unless the new one names it.
    """
    with alone(lake) as commit:
        return commit(rows, provenance)


def _commit(lake: Lake, rows: pl.DataFrame, provenance: Provenance) -> list[date]:
    known = recorded(lake)
    last = {row["date"]: row for row in standing(lake).to_dicts()}
    force = manifest(lake)
    new = [
        row
        for row in rows.sort("date").to_dicts()
        if row["date"] not in last
        or _said(row) != _said(last[row["date"]])
        or _came_early(last[row["date"]], row)
        or not all(is_in_force(file, force) for file in row["tables"])
    ]
    if not new:
        return []
    days = [row["date"] for row in new]
    before = known.filter(pl.col("date").is_in(days))
    first = int(known.get_column("sequence").max() or 0) + 1  # type: ignore[arg-type]
    mine = {(row["date"], row["run_id"]): row for row in before.to_dicts()}
    frame = pl.DataFrame(
        [_with_own(row, mine, force) | {"sequence": first + number} for number, row in enumerate(new)],
        schema=known.schema,
    )
    kept = before.join(frame, on=["date", "run_id"], how="anti")
    lake.commit(runs.Days, pl.concat([kept, frame]), days, provenance)
    marks.note(lake)
    return days


def _with_own(
    row: Mapping[str, Any], mine: Mapping[tuple[date, str], Mapping[str, Any]], force: Manifest
) -> dict[str, Any]:
    """The row, with what an earlier row of the same run and day put in force, still is, and this one does not name."""
    own = mine.get((row["date"], row["run_id"]))
    named = {(file["table"], file["partition"]) for file in row["tables"]}
    kept = [file for file in own["tables"] if (file["table"], file["partition"]) not in named] if own else []
    return {**row, "tables": [*(file for file in kept if is_in_force(file, force)), *row["tables"]]}


def _came_early(standing: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    """Whether what stands was noted by a clock set ahead, before the day came: such a row does not count (`stand`)."""
    return bool(standing["status"] == "no_trade" and standing["as_of"] > row["as_of"])


def _said(row: Mapping[str, Any]) -> dict[str, Any]:
    """What a row says, without provenance: no run, no versions, inputs in one order."""
    said = {name: row[name] for name in runs.Days.hashed() if name not in ("run_id", "tables", "inputs")}
    return said | {"inputs": _without_versions(row["inputs"])}


def is_in_force(file: Mapping[str, Any], force: Manifest) -> bool:
    """Whether the manifest already has a file in force; for an entry of 0 rows, whether it has none."""
    known = force.get(file["table"], {}).get(file["partition"])
    return known is None if file["rows"] == 0 else known is not None and known.hash == file["hash"]


def _without_versions(entries: Sequence[Mapping[str, Any]]) -> list[tuple[str, ...]]:
    return sorted(tuple(str(v) for k, v in entry.items() if k != "version") for entry in entries)
