"""What a Delta log says: one entry per transaction, read off its JSON, and many of them again from one digest.

Here: entries, their parsing, and the digest, a file that says what the first entries of a log said. Not here: which
files are in force (log.py), how a transaction is put on disk (transactions.py).

A digest spares a process opening every entry of years. It is trusted only while the last entry it holds is the very
file it was read from, so a lake that was copied or restored is read anew. Losing it costs nothing else.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from pricing_assets.errors import PricingError
from pricing_assets.lake.files import make_folder, write_durably

Stamp = tuple[int, int, int]
"""What tells a file from another of its name: inode, nanoseconds of its last change, bytes."""

_NAME = re.compile(r"(\d{20})\.json")
FOREIGN = "other programs may read the lake and must not write to it"
_KEPT_INFO = ("timestamp", "run_id", "code_version")
PROTOCOL: Mapping[str, int] = {"minReaderVersion": 1, "minWriterVersion": 2}
"""What the platform asks of who reads and writes its tables; of more it knows nothing."""


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
    info: Mapping[str, Any]
    added: Mapping[str, PartitionFile]
    removed: frozenset[str]
    fields: Mapping[str, str] | None  # column → Delta type as JSON

    @property
    def committed_ms(self) -> int:
        """When it was committed, in milliseconds since 1970."""
        return int(self.info["timestamp"])


def place(log: Path, version: int) -> Path:
    """The file of an entry in a log folder."""
    return log / f"{version:020}.json"


def versions(log: Path) -> set[int]:
    """The versions whose entries are in a log folder; none where there is no folder."""
    if not log.is_dir():
        return set()
    return {int(found[1]) for found in map(_NAME.fullmatch, (path.name for path in log.iterdir())) if found}


def stamp(path: Path) -> Stamp | None:
    """What a file is at the moment; None where there is none."""
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return stat.st_ino, stat.st_mtime_ns, stat.st_size


def read(table: str, log: Path, version: int) -> Entry:
    """One entry of the table's log. Raises PricingError where it is missing, damaged, or says what is not read here."""
    path = place(log, version)
    try:
        actions = [json.loads(line) for line in path.read_text().splitlines() if line.strip()]
        return _parsed(table, version, actions)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as fault:
        raise PricingError(
            f"{table}: the log entry {path} is missing or damaged ({fault})",
            "restore it from a backup; if it is the latest entry and was never finished, delete it",
        ) from fault


def _parsed(table: str, version: int, actions: Sequence[Mapping[str, Any]]) -> Entry:
    added, removed = {}, set()
    info: Mapping[str, Any] = {}
    fields: dict[str, str] | None = None
    for action in actions:
        if add := action.get("add"):
            added[add["path"]] = _file(table, version, add)
        elif remove := action.get("remove"):
            removed.add(remove["path"])
        elif protocol := action.get("protocol"):
            if any(protocol[name] > known for name, known in PROTOCOL.items()):
                raise _foreign(table, version, f"asks of readers and writers what they do not do here ({protocol})")
        elif metadata := action.get("metaData"):
            declared = json.loads(metadata["schemaString"])["fields"]
            fields = {item["name"]: json.dumps(item["type"]) for item in declared}
        elif commit := action.get("commitInfo"):
            info = {name: commit[name] for name in _KEPT_INFO if name in commit}
    if "timestamp" not in info:
        raise ValueError("no commitInfo")
    return Entry(version, info, added, frozenset(removed), fields)


def _file(table: str, version: int, add: Mapping[str, Any]) -> PartitionFile:
    """The file an action adds. Raises PricingError where it is not as this platform writes them."""
    days, stats = list(add["partitionValues"].values()), json.loads(add.get("stats") or "{}")
    if add.get("deletionVector") or days in ([], [None]) or "numRecords" not in stats:
        raise _foreign(table, version, f"adds {add['path']} with deleted rows, or without its day or number of rows")
    return PartitionFile(table, date.fromisoformat(days[0]), version, Path(add["path"]).stem, stats["numRecords"])


def _foreign(table: str, version: int, what: str) -> PricingError:
    return PricingError(f"{table}: version {version} {what}: another program wrote it", f"restore a backup; {FOREIGN}")


def digested(path: Path, table: str, log: Path) -> list[Entry]:
    """The entries a digest holds, oldest first; none where it is missing, damaged, or of another log."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        if tuple(told["stamp"]) != stamp(place(log, len(told["entries"]) - 1)):
            return []
        return [_undigested(table, version, each) for version, each in enumerate(told["entries"])]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return []


def digest(path: Path, log: Path, entries: Sequence[Entry]) -> None:
    """Writes what the entries said to `path`; where the disk refuses, the old digest stays and nothing is lost."""
    told = {
        "stamp": stamp(place(log, len(entries) - 1)),
        "entries": [
            (
                dict(each.info),
                [(name, str(file.partition), file.rows) for name, file in each.added.items()],
                sorted(each.removed),
                each.fields if each.fields is None else dict(each.fields),
            )
            for each in entries
        ],
    }
    with suppress(PricingError):
        make_folder(path.parent)
        write_durably(path, json.dumps(told, separators=(",", ":")).encode())


def _undigested(table: str, version: int, told: Sequence[Any]) -> Entry:
    info, added, removed, fields = told
    files = {
        name: PartitionFile(table, date.fromisoformat(day), version, Path(name).stem, rows) for name, day, rows in added
    }
    return Entry(version, info, files, frozenset(removed), fields)
