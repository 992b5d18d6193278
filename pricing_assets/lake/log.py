"""The Delta log of one table: which files are in force at which version, and how a transaction is added.

Here: replaying the log's entries (all are kept for ever), and saying what a transaction does. Not here: reading an
entry (entries.py), putting one on disk (transactions.py), what is in the files.

What a day costs must not grow with the days before it: a log reads an entry once, probes for the next one instead of
listing the folder, and keeps what is in force at the latest version.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from pricing_assets.errors import PricingError
from pricing_assets.lake import entries as log_entries
from pricing_assets.lake.entries import Entry, PartitionFile, Stamp
from pricing_assets.lake.transactions import write_checkpoint, write_entry
from pricing_assets.lake.types import delta_schema
from pricing_assets.tables.base import Table

_FOR_EVER = "interval 36500 days"
_DIGESTED_EVERY = 50  # entries; reading as many costs a process some milliseconds
_ENGINE = "pricing-assets"
CONFIGURATION: Mapping[str, str] = {
    "delta.logRetentionDuration": _FOR_EVER,
    "delta.deletedFileRetentionDuration": _FOR_EVER,
    "delta.enableExpiredLogCleanup": "false",
    "delta.checkpointInterval": "20",
}


@dataclass
class Log:
    """The log of the table at `folder`. Entries never change, so they are read once; `digest` spares reading most."""

    name: str
    folder: Path
    digest: Path
    _entries: list[Entry] = field(default_factory=list)
    _stamp: Stamp | None = None  # of the last entry read
    _digested: int = 0
    _force: dict[str, PartitionFile] = field(default_factory=dict)
    _applied: int = 0  # entries that made _force
    _alone: threading.RLock = field(default_factory=threading.RLock)  # sensors are evaluated side by side

    def version(self) -> int:
        """The latest version, -1 where the table does not exist."""
        with self._alone:
            if self._is_same_lake():
                latest = len(self._entries) - 1
                while self._place(latest + 1).exists():
                    latest += 1
                return latest
        return max(log_entries.versions(self._path), default=-1)

    def entries(self, version: int | None = None) -> Sequence[Entry]:
        """All transactions up to `version` (default: the latest), oldest first; none where the table is absent."""
        latest = self.version()
        wanted = latest if version is None else version
        if wanted > latest:
            raise PricingError(
                f"{self.name}: has no version {wanted}, its latest is {latest}",
                "restore the lake from a backup, together with what refers to it",
            )
        with self._alone:
            if not self._is_same_lake():
                self._begin_anew()
            if len(self._entries) <= wanted:
                new = [log_entries.read(self.name, self._path, each) for each in range(len(self._entries), wanted + 1)]
                self._entries = [*self._entries, *new]
                self._stamp = log_entries.stamp(self._place(len(self._entries) - 1))
            return self._entries[: wanted + 1] if wanted + 1 < len(self._entries) else self._entries

    def in_force(self, version: int | None = None) -> Mapping[str, PartitionFile]:
        """Path → file, as of a version (default: the latest), by day."""
        with self._alone:
            known = self.entries(version)
            if len(known) < self._applied:
                return _by_day(_applied({}, known))
            if len(known) > self._applied:
                self._force = _by_day(_applied(self._force, known[self._applied :]))
                self._applied = len(known)
            return self._force

    def fields(self, version: int | None = None) -> Mapping[str, str]:
        """Column → Delta type as of a version (default: the latest)."""
        return next((e.fields for e in reversed(self.entries(version)) if e.fields is not None), {})

    def append(
        self,
        table: type[Table],
        added: Mapping[str, PartitionFile],
        removed: Mapping[str, PartitionFile],
        stats: Mapping[str, Mapping[str, Any]],
        metadata: Mapping[str, Any],
        *,
        after: int,
    ) -> int:
        """Commit one transaction, durably, as the version after `after`, which is the one it was decided on.

        Returns its version. The caller holds the table's lock. Raises PricingError where another program, which
        knows nothing of that lock, committed meanwhile.
        """
        now = int(time.time() * 1000)
        partition = table.partition()
        version = after + 1
        operation: dict[str, Any] = {
            "operation": "WRITE" if version else "CREATE TABLE",
            "operationParameters": {"mode": "Append", "partitionBy": json.dumps([partition])},
        }
        actions = [_info(now, operation, metadata), *(() if version else self._created(table, now))]
        for path, file in removed.items():
            actions.append({"remove": self._action(path, file, partition, "deletionTimestamp", now)})
        for path, file in added.items():
            action = self._action(path, file, partition, "modificationTime", now)
            actions.append({"add": action | {"stats": json.dumps(stats[path])}})
        self._write(version, actions)
        return version

    def add_columns(self, table: type[Table], names: Sequence[str], after: int) -> int:
        """Add nullable columns that a newer release of the product brings; as `append`."""
        now, version = int(time.time() * 1000), after + 1
        declared, before = self._declared()
        new = [field for field in _fields(table) if field["name"] in names]
        declared["schemaString"] = json.dumps({"type": "struct", "fields": [*before, *new]})
        operation = {"operation": "ADD COLUMN", "operationParameters": {"fields": json.dumps(new)}}
        self._write(version, [_info(now, operation, {}), {"metaData": declared}])
        return version

    def _created(self, table: type[Table], now: int) -> list[dict[str, Any]]:
        metadata = {
            "id": str(uuid4()),
            "name": self.name,
            "description": " ".join((table.__doc__ or "").split()),
            "format": {"provider": "parquet", "options": {}},
            "schemaString": json.dumps({"type": "struct", "fields": _fields(table)}),
            "partitionColumns": [table.partition()],
            "createdTime": now,
            "configuration": CONFIGURATION,
        }
        return [{"protocol": log_entries.PROTOCOL}, {"metaData": metadata}]

    def _declared(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """The table's metadata in force, and its fields."""
        entry = next(entry for entry in reversed(self.entries()) if entry.fields is not None)
        text = self._place(entry.version).read_text(encoding="utf-8")
        metadata: dict[str, Any] = next(
            action["metaData"] for action in map(json.loads, text.splitlines()) if "metaData" in action
        )
        return metadata, json.loads(metadata["schemaString"])["fields"]

    def _action(self, path: str, file: PartitionFile, partition: str, moment: str, now: int) -> dict[str, Any]:
        values = {partition: file.partition.isoformat()}
        return {"path": path, "partitionValues": values, "size": self._size(path), moment: now, "dataChange": True}

    def _write(self, version: int, actions: Sequence[Mapping[str, Any]]) -> None:
        write_entry(self._path, version, actions)
        if (version + 1) % int(CONFIGURATION["delta.checkpointInterval"]) == 0:
            write_checkpoint(self._path, version)
        known = self.entries()
        if len(known) - self._digested >= _DIGESTED_EVERY:
            log_entries.digest(self.digest, self._path, known)
            self._digested = len(known)

    @property
    def _path(self) -> Path:
        return self.folder / "_delta_log"

    def _place(self, version: int) -> Path:
        return log_entries.place(self._path, version)

    def _is_same_lake(self) -> bool:
        """Whether what was read is still there; another lake may have been restored into this place."""
        return bool(self._entries) and log_entries.stamp(self._place(len(self._entries) - 1)) == self._stamp

    def _begin_anew(self) -> None:
        self._entries = log_entries.digested(self.digest, self.name, self._path)
        self._digested = len(self._entries)
        self._stamp = log_entries.stamp(self._place(self._digested - 1)) if self._entries else None
        self._force, self._applied = {}, 0

    def _size(self, path: str) -> int:
        try:
            return (self.folder / path).stat().st_size
        except FileNotFoundError:
            return 0


def _applied(force: Mapping[str, PartitionFile], entries: Iterable[Entry]) -> dict[str, PartitionFile]:
    """What is in force once the entries are applied to what was."""
    files = dict(force)
    for entry in entries:
        for path in entry.removed:
            files.pop(path, None)
        files.update(entry.added)
    return files


def _by_day(files: Mapping[str, PartitionFile]) -> dict[str, PartitionFile]:
    return dict(sorted(files.items(), key=lambda item: (item[1].partition, item[0])))


def _info(now: int, operation: Mapping[str, Any], metadata: Mapping[str, Any]) -> dict[str, Any]:
    return {"commitInfo": {"timestamp": now, **operation, "engineInfo": _ENGINE, **metadata}}


def _fields(table: type[Table]) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = json.loads(delta_schema(table).to_json())["fields"]
    return fields
