"""What a snapshot reads from the lake: each raw table's window, at which version, and the identity of what a day saw.

Here: the windows, and their hashes day by day. Not here: what is computed from them (snapshot), which rows a day may
see (visibility).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any, NamedTuple

import polars as pl

from pricing_assets.features.calendar import Calendar
from pricing_assets.features.snapshot import COLUMNS, LOOKBACK, snapshot
from pricing_assets.features.visibility import visible
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake.hashing import combine, content_hash
from pricing_assets.tables import RAW, Table

ABSENT = -1  # the version of a table that does not exist


class Inputs(NamedTuple):
    """Rows of each raw table that exists, and for each day the windows it sees.

    `windows` maps a day to entries {table, first, last, version, hash}, one per raw table, in order of table.
    """

    frames: dict[str, pl.DataFrame]
    windows: dict[date, list[dict[str, Any]]]


def read(lake: Lake, days: Sequence[date], calendar: Calendar, versions: Mapping[str, int] | None = None) -> Inputs:
    """Reads the windows of `days` at the given Delta versions, or at the newest ones."""
    frames: dict[str, pl.DataFrame] = {}
    windows: dict[date, list[dict[str, Any]]] = {day: [] for day in days}
    for table in RAW:
        name = table.table_name()
        version = lake.version(table) if versions is None else versions.get(name, ABSENT)
        hashes = dict.fromkeys(days, combine())
        if version != ABSENT:
            first = min(days) - timedelta(days=LOOKBACK[name] - 1)
            frames[name] = lake.read(table, first, max(days), version=version, columns=list(COLUMNS[name]))
            files = {day: file for day, file in lake.partitions(table, version).items() if first <= day <= max(days)}
            mixed = {
                day: _Mixed(table, lake.read_files(table, [files[day]]))
                for day in _mixed(table, frames[name], calendar)
            }
            hashes = {day: _window_hash(table, files, mixed, day, calendar) for day in days}
        for day in days:
            start = day - timedelta(days=LOOKBACK[name] - 1)
            entry = {"table": name, "first": start, "last": day, "version": version, "hash": hashes[day]}
            windows[day].append(entry)
    return Inputs(frames, windows)


def snapshot_of(inputs: Inputs, days: Sequence[date], calendar: Calendar) -> pl.DataFrame:
    """The feature rows of `days`, each with the identity of what its day saw: rows of features.feature_snapshots."""
    seen = {
        "date": list(days),
        "inputs_hash": [inputs_hash(inputs.windows[day]) for day in days],
        "inputs": [as_json(inputs.windows[day]) for day in days],
    }
    identities = pl.DataFrame(seen, schema={"date": pl.Date, "inputs_hash": pl.String, "inputs": pl.String})
    rows = snapshot(inputs.frames, days, calendar).drop("inputs_hash", "inputs")
    return rows.join(identities, on="date", how="left", maintain_order="left")


def inputs_hash(entries: Sequence[Mapping[str, Any]]) -> str:
    """Identity of all a day saw: hash over table and window hash, Delta versions left out."""
    return combine(*(text for entry in entries for text in (entry["table"], entry["hash"])))


def as_json(entries: Sequence[Mapping[str, Any]]) -> str:
    """The entries of one day as text, days in ISO form."""
    return json.dumps(entries, default=date.isoformat, sort_keys=True, separators=(",", ":"))


class _Mixed:
    """A partition with late or corrected rows: what its later days see changes only when one of them becomes known."""

    def __init__(self, table: type[Table], rows: pl.DataFrame) -> None:
        self._table, self._rows = table, rows
        self._hashes: dict[int, str] = {}

    def seen_by(self, day: date, calendar: Calendar) -> str:
        """Hash of the rows a day sees, the partition's own or a later one; empty where it sees none."""
        known = int((self._rows["known_at"] < calendar.cutoff(day)).sum())
        if known not in self._hashes:
            seen = visible(self._rows, self._table, day, calendar)
            self._hashes[known] = content_hash(seen, self._table) if seen.height else ""
        return self._hashes[known]


def _window_hash(
    table: type[Table],
    files: Mapping[date, PartitionFile],
    mixed: Mapping[date, _Mixed],
    day: date,
    calendar: Calendar,
) -> str:
    """Hash over the partitions of a day's window, each as that day could see it.

    A partition without late or corrected rows is seen whole by every later day: its file's hash serves. The few
    `mixed` ones are hashed as the day sees them.
    """
    start = day - timedelta(days=LOOKBACK[table.table_name()] - 1)
    texts = []
    for part in sorted(part for part in files if start <= part <= day):
        digest = files[part].hash
        if part in mixed:
            digest = mixed[part].seen_by(day, calendar)
        texts += [part.isoformat(), digest] if digest else []
    return combine(*texts)


def _mixed(table: type[Table], frame: pl.DataFrame, calendar: Calendar) -> list[date]:
    """Partitions with a row known only after its own day's cut-off, or with a row corrected by another."""
    if "known_at" not in table.columns():
        return []
    column = table.partition()
    key = [name for name in table.order() if name != "known_at"]
    cutoffs = {day: calendar.cutoff(day) for day in frame[column].unique().to_list()}
    cutoff = pl.col(column).replace_strict(cutoffs, return_dtype=pl.Datetime("us", "UTC"))
    late = frame.filter(pl.col("known_at") >= cutoff) if cutoffs else frame
    # rows of one key differ in known_at, so a day that was known at one instant holds no correction
    instants = frame.group_by(column).agg(pl.col("known_at").n_unique())
    several = frame.filter(pl.col(column).is_in(instants.filter(pl.col("known_at") > 1)[column].implode()))
    corrected = several.filter(pl.struct(key).is_duplicated())
    return sorted({*late[column].to_list(), *corrected[column].to_list()})
