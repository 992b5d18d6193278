"""The Delta log of one table: which files are in force at which version, and how a transaction is added.

Here: replaying the log's JSON entries (all are kept for ever), and writing one transaction through delta-rs.
Not here: what is in the files.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
from deltalake import DeltaTable, Field, Schema
from deltalake.exceptions import DeltaError
from deltalake.schema import ArrayType, PrimitiveType, StructType
from deltalake.transaction import (
    AddAction,
    CommitProperties,
    RemoveAction,
    create_table_with_add_actions,
)

from pricing_assets.errors import PricingError
from pricing_assets.lake.contracts import dtypes
from pricing_assets.lake.files import storage_faults, sync
from pricing_assets.tables.base import Table

_ENTRY = re.compile(r"(\d{20})\.json")
_FOR_EVER = "interval 36500 days"
CONFIGURATION: Mapping[str, str | None] = {
    "delta.logRetentionDuration": _FOR_EVER,
    "delta.deletedFileRetentionDuration": _FOR_EVER,
    "delta.enableExpiredLogCleanup": "false",
    "delta.checkpointInterval": "20",
}


@dataclass(frozen=True)
class PartitionFile:
    """One file in force: the rows of one table and day. `hash` is its content hash and its name."""

    table: str
    partition: date
    version: int
    hash: str
    rows: int


@dataclass(frozen=True)
class Entry:
    """One transaction: when, by whom, what it added and removed (paths relative to the table), its schema if new."""

    version: int
    committed_ms: int
    info: Mapping[str, Any]
    added: Mapping[str, PartitionFile]
    removed: frozenset[str]
    fields: Mapping[str, str] | None  # column → Delta type as JSON


@dataclass
class Log:
    """The log of the table at `folder`. Entries never change, so they are read once."""

    name: str
    folder: Path
    _entries: list[Entry] = field(default_factory=list)
    _stamp: tuple[int, int, int] | None = None

    def version(self) -> int:
        """The latest version, -1 where the table does not exist."""
        try:
            found = [int(m[1]) for m in (_ENTRY.fullmatch(path.name) for path in self._path.iterdir()) if m]
        except FileNotFoundError:
            return -1
        return max(found, default=-1)

    def entries(self, version: int | None = None) -> list[Entry]:
        """All transactions up to `version` (default: the latest), oldest first; none where the table is absent."""
        latest = self.version()
        wanted = latest if version is None else version
        if wanted > latest:
            raise PricingError(
                f"{self.name}: has no version {wanted}, its latest is {latest}",
                "restore the lake from a backup, together with what refers to it",
            )
        known = self._entries
        if known and (len(known) > latest + 1 or self._stamp_of(len(known) - 1) != self._stamp):
            known = []  # another lake was restored into this place
        if len(known) <= wanted:
            known = [*known, *(self._entry(number) for number in range(len(known), wanted + 1))]
            self._entries, self._stamp = known, self._stamp_of(len(known) - 1)
        return known[: wanted + 1]

    def in_force(self, version: int | None = None) -> dict[str, PartitionFile]:
        """Path → file, as of a version (default: the latest), by day."""
        files: dict[str, PartitionFile] = {}
        for entry in self.entries(version):
            for path in entry.removed:
                files.pop(path, None)
            files.update(entry.added)
        return dict(sorted(files.items(), key=lambda item: (item[1].partition, item[0])))

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
    ) -> int:
        """Commit one transaction, fsync it, and return its version. The caller holds the table's lock."""
        now = int(time.time() * 1000)
        partition = table.partition()
        actions: list[AddAction | RemoveAction] = [
            RemoveAction(path, True, now, self._size(path), {partition: file.partition.isoformat()})
            for path, file in removed.items()
        ]
        adds = [
            AddAction(
                path, self._size(path), {partition: file.partition.isoformat()}, now, True, json.dumps(stats[path])
            )
            for path, file in added.items()
        ]
        with storage_faults(self.folder):
            try:
                self._commit(table, actions, adds, CommitProperties(custom_metadata=dict(metadata)))
            except DeltaError as fault:
                raise OSError(str(fault)) from fault
            for path in sorted(self._path.iterdir()):
                if path.stat().st_mtime * 1000 >= now - 1000:
                    sync(path)
            sync(self._path)
        return self.version()

    def add_columns(self, table: type[Table], names: Sequence[str]) -> None:
        """Add nullable columns that a newer release of the product brings. The caller holds the table's lock."""
        with storage_faults(self.folder):
            DeltaTable(self.folder).alter.add_columns([f for f in delta_schema(table).fields if f.name in names])

    def _commit(
        self,
        table: type[Table],
        removes: list[AddAction | RemoveAction],
        adds: list[AddAction],
        properties: CommitProperties,
    ) -> None:
        partition = [table.partition()]
        if self.version() < 0:
            create_table_with_add_actions(
                str(self.folder),
                delta_schema(table),
                adds,
                partition_by=partition,
                name=self.name,
                description=" ".join((table.__doc__ or "").split()),
                configuration=CONFIGURATION,
                commit_properties=properties,
            )
        else:
            delta = DeltaTable(self.folder)
            delta.create_write_transaction(
                [*removes, *adds], "append", delta.schema(), partition, commit_properties=properties
            )

    @property
    def _path(self) -> Path:
        return self.folder / "_delta_log"

    def _size(self, path: str) -> int:
        try:
            return (self.folder / path).stat().st_size
        except FileNotFoundError:
            return 0

    def _stamp_of(self, version: int) -> tuple[int, int, int] | None:
        try:
            stat = (self._path / f"{version:020}.json").stat()
        except FileNotFoundError:
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _entry(self, version: int) -> Entry:
        path = self._path / f"{version:020}.json"
        try:
            actions = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
            return _parse(self.name, version, actions)
        except (OSError, ValueError, KeyError, IndexError) as fault:
            raise PricingError(
                f"{self.name}: the log entry {path} is missing or damaged ({fault})",
                "restore it from a backup; if it is the latest entry and was never finished, delete it",
            ) from fault


def _parse(table: str, version: int, actions: Sequence[Mapping[str, Any]]) -> Entry:
    added, removed = {}, set()
    info: Mapping[str, Any] = {}
    fields: dict[str, str] | None = None
    for action in actions:
        if add := action.get("add"):
            path = add["path"]
            day = date.fromisoformat(next(iter(add["partitionValues"].values())))
            rows = json.loads(add["stats"])["numRecords"]
            added[path] = PartitionFile(table, day, version, Path(path).stem, rows)
        elif remove := action.get("remove"):
            removed.add(remove["path"])
        elif metadata := action.get("metaData"):
            declared = json.loads(metadata["schemaString"])["fields"]
            fields = {item["name"]: json.dumps(item["type"]) for item in declared}
        elif commit := action.get("commitInfo"):
            info = commit
    if not info:
        raise ValueError("no commitInfo")
    return Entry(version, int(info["timestamp"]), info, added, frozenset(removed), fields)


def delta_schema(table: type[Table]) -> Schema:
    """The table's columns in Delta types, descriptions as comments. All nullable: the class judges, not the format."""
    columns = table.columns()
    return Schema(
        [
            Field(name, delta_type(dtype), nullable=True, metadata={"comment": columns[name].description or ""})
            for name, dtype in dtypes(table).items()
        ]
    )


def delta_type(dtype: pl.DataType) -> PrimitiveType | ArrayType | StructType:
    """The Delta type a dtype is stored as; enums are text. Raises TypeError for a dtype no table uses."""
    match dtype:
        case pl.List(inner=inner):
            return ArrayType(delta_type(inner), contains_null=True)  # type: ignore[arg-type]
        case pl.Struct(fields=fields):
            return StructType([Field(f.name, delta_type(f.dtype), nullable=True) for f in fields])  # type: ignore[arg-type]
        case pl.Decimal(precision=precision, scale=scale):
            return PrimitiveType(f"decimal({precision},{scale})")
        case pl.String() | pl.Enum() | pl.Categorical():
            return PrimitiveType("string")
        case pl.Datetime():
            return PrimitiveType("timestamp")
    names: dict[Any, str] = {pl.Int64: "long", pl.Float64: "double", pl.Boolean: "boolean", pl.Date: "date"}
    if dtype not in names:
        raise TypeError(f"no Delta type for {dtype}")
    return PrimitiveType(names[dtype])
