"""The lake: Delta tables partitioned by day, one Parquet file per table and day in force, named by its content hash.

Here: `Lake`, the one door to commit and read. Not here: which days stand (days.py), what analysts open (warehouse.py).

A commit writes its files durably first and then adds one Delta transaction, so a table is seen before or after a
commit, never between.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise
from pathlib import Path

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import contracts, locks, parquet
from pricing_assets.lake.entries import Entry, PartitionFile
from pricing_assets.lake.files import exclusive, make_folder, write_durably
from pricing_assets.lake.hashing import canonical, combine, content_hashes
from pricing_assets.lake.log import Log
from pricing_assets.lake.types import declared
from pricing_assets.tables import ALL
from pricing_assets.tables.base import Table

_LOGGER = logging.getLogger(__name__)
_WRITERS = 8  # they mostly wait for the disk
_LOG_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "version": pl.Int64,
    "time": pl.Datetime("us", "UTC"),
    "run": pl.String,
    "rows": pl.Int64,
    "days": pl.Int64,
    "hash": pl.String,
}


@dataclass(frozen=True)
class Provenance:
    """Who commits: kept in the Delta log, outside every hash. What rows were made from is said in runs.days."""

    run_id: str
    code_version: str = ""

    def metadata(self) -> dict[str, str]:
        """As Delta commit metadata."""
        return {"run_id": self.run_id, "code_version": self.code_version}


class Lake:
    """The Delta tables under `root`. Table `raw.prices` lives in `root/raw/prices`."""

    def __init__(self, root: Path) -> None:
        self.root = Path(root).absolute()

    @contextmanager
    def alone(self, purpose: str) -> Iterator[None]:
        """Keeps every other process out of the same purpose: what is read inside is not overtaken before it commits.

        Raises PricingError, which names the other one, where it waited in vain.
        """
        with exclusive(self.root / "_locks" / f"{purpose}.lock", locks.WORK):
            yield

    def belongs_to(self, shop: str) -> None:
        """Makes the lake this shop's at its first run. Raises PricingError where it is another's."""
        path = self.root / "_shop"
        with self.alone("shop"):
            if not path.exists():
                write_durably(path, shop.encode())
            known = path.read_text(encoding="utf-8")
        if known != shop:
            raise PricingError(
                f"{self.root.parent} holds the days of {known!r}, this run is for {shop!r}",
                f"give each shop a home of its own (--home or PRICING_HOME); if it was renamed, say so in {path}",
            )

    def folder(self, table: type[Table]) -> Path:
        """Where a table's files are."""
        return self._log(table.table_name()).folder

    def path(self, table: type[Table], file: PartitionFile) -> Path:
        """The Parquet file of a partition."""
        return self.folder(table) / parquet.relative(table, file)

    def commit(
        self, table: type[Table], frame: pl.DataFrame, days: Collection[date], provenance: Provenance
    ) -> list[PartitionFile]:
        """Replace exactly the partitions `days` by the rows of `frame`, in one transaction.

        Rows are validated, sorted and hashed; a day whose content is in force already is left alone (its file is
        written again where the disk has lost it), a day without rows loses its file. Returns the files in force for
        those of `days` that have rows, by day. Raises PricingError where rows break the table's contract or lie outside
        `days`, where the table on disk has another schema, and where the disk refuses; the table is then as before.
        """
        days = frozenset(days)
        content = self._content(table, contracts.checked(frame, table, days))
        with exclusive(self._lock(table)):
            version = self.version(table)
            before = self.files(table, version)
            names = {rows.file.hash for rows in content.values()}
            removed = [file for file in before if file.partition in days and file.hash not in names]
            known = {file.hash for file in before}
            added = [rows for rows in content.values() if rows.file.hash not in known]
            if added or removed:
                self._transact(table, added, removed, provenance, version)
            self._write_lost(table, [rows for rows in content.values() if rows.file.hash in known])
            return [file for file in self.files(table) if file.partition in content]

    def append(self, table: type[Table], frame: pl.DataFrame, provenance: Provenance) -> list[PartitionFile]:
        """Add rows beside those already there, as one more file per day. For tables that only ever grow.

        Keys are checked within `frame` only; a file with the same content is not added twice. Returns its files.
        """
        days = frame.get_column(table.partition()).unique().to_list() if table.partition() in frame.columns else []
        content = self._content(table, contracts.checked(frame, table, days))
        with exclusive(self._lock(table)):
            version = self.version(table)
            before = {file.hash for file in self.files(table, version)}
            if new := [rows for rows in content.values() if rows.file.hash not in before]:
                self._transact(table, new, [], provenance, version)
            hashes = {rows.file.hash for rows in content.values()}
            return [file for file in self.files(table) if file.hash in hashes]

    def merge(self, table: type[Table], days: Collection[date], provenance: Provenance) -> list[date]:
        """Make one file of the several that `append` left for a day, in one transaction; the rows stay the same.

        Returns those of `days` that had several. Readers of the files before are not disturbed: these stay on disk.
        """
        with exclusive(self._lock(table)):
            version = self.version(table)
            files = [file for file in self.files(table, version) if file.partition in frozenset(days)]
            counts = Counter(file.partition for file in files)
            several = [file for file in files if counts[file.partition] > 1]
            if several:
                merged = self._content(table, self.read_files(table, several))
                self._transact(table, merged.values(), several, provenance, version)
            return sorted({file.partition for file in several})

    @contextmanager
    def still(self, table: type[Table]) -> Iterator[Path]:
        """Keeps every commit out of a table; yields its folder. A file in no log entry is then nobody's."""
        with exclusive(self._lock(table)):
            yield self.folder(table)

    def entries(self, table: type[Table]) -> Sequence[Entry]:
        """The transactions of a table, oldest first; none where it does not exist."""
        return self._log(table.table_name()).entries()

    def version(self, table: type[Table]) -> int:
        """The table's latest Delta version, -1 where it does not exist."""
        return self._log(table.table_name()).version()

    def files(self, table: type[Table], version: int | None = None) -> list[PartitionFile]:
        """The files in force at a version (default: the latest), by day; none at version -1.

        A file's `version` is the one that put it in force.
        """
        return list(self._log(table.table_name()).in_force(version).values())

    def fields(self, table: type[Table], version: int | None = None) -> Mapping[str, str]:
        """Column → Delta type as JSON, as of a version (default: the latest); none where there is no table."""
        return self._log(table.table_name()).fields(version)

    def partitions(self, table: type[Table], version: int | None = None) -> dict[date, PartitionFile]:
        """Day → its file in force at a version (default: the latest); empty at version -1."""
        return {file.partition: file for file in self.files(table, version)}

    def read(
        self,
        table: type[Table],
        first: date | None = None,
        last: date | None = None,
        *,
        version: int | None = None,
        columns: list[str] | None = None,
    ) -> pl.DataFrame:
        """Rows of the days `first` to `last` (both included, open where None), by day, then in canonical order.

        Typed and empty where nothing is there; version -1 is a table that does not exist. Nullable columns that
        older files lack are null. Raises PricingError where the lake's schema is not the table's.
        """
        wanted = [
            file
            for file in self.files(table, version)
            if (first is None or file.partition >= first) and (last is None or file.partition <= last)
        ]
        return self.read_files(table, wanted, columns)

    def read_files(
        self,
        table: type[Table],
        files: Iterable[PartitionFile],
        columns: Sequence[str] | None = None,
        *,
        where: pl.Expr | None = None,
    ) -> pl.DataFrame:
        """Rows of given files, by day, then in canonical order. Raises PricingError where a file is gone or differs.

        `where` leaves out rows before they are read; it sees all columns as stored, enums as texts.
        """
        chosen = sorted(files, key=lambda file: (file.partition, file.hash))
        names = list(table.columns()) if columns is None else list(columns)
        if not chosen:
            return contracts.empty(table).select(names)
        self._require_same_schema(table)
        several = len({file.partition for file in chosen}) < len(chosen)
        needed = list(dict.fromkeys([*names, *(table.order() if several else [])]))
        rows = parquet.read(self.folder(table), table, chosen, needed, where)
        return (canonical(rows, table) if several else rows).select(names)

    def log(self, table_name: str) -> pl.DataFrame:
        """The table's transactions, oldest first: version, time (UTC), run, rows and days written, their hash.

        `hash` is the file's where it wrote one day, else one over all of them; null where it wrote none.
        """
        log = self._log(table_name)
        if log.version() < 0:
            known = sorted(table.table_name() for table in ALL)
            if table_name in known:
                raise PricingError(f"{table_name}: nothing was ever committed to it", "`pricing run` commits days")
            raise PricingError(f"{table_name}: no such table", f"tables are {', '.join(known)}")
        return pl.DataFrame([_log_row(entry) for entry in log.entries()], schema=_LOG_SCHEMA, orient="row")

    def _log(self, name: str) -> Log:
        return _opened(self.root, name)

    def _lock(self, table: type[Table]) -> Path:
        return self.root / "_locks" / f"{table.table_name()}.lock"

    def _content(self, table: type[Table], ordered: pl.DataFrame) -> dict[date, parquet.Rows]:
        """Day → its rows, hashed. The rows are in canonical order."""
        dates = ordered.get_column(table.partition())
        starts = [*(dates != dates.shift()).fill_null(True).arg_true().to_list(), ordered.height]
        ranges = list(pairwise(starts))
        content = {}
        for (start, end), digest in zip(ranges, content_hashes(ordered, table, ranges), strict=True):
            file = PartitionFile(table.table_name(), dates[start], -1, digest, end - start)
            content[file.partition] = parquet.Rows(file, ordered.slice(start, end - start))
        return content

    def _transact(
        self,
        table: type[Table],
        added: Iterable[parquet.Rows],
        removed: Iterable[PartitionFile],
        provenance: Provenance,
        version: int,
    ) -> None:
        """Writes files, then the transaction that puts them in force, if the table still is at `version`."""
        log = self._log(table.table_name())
        self._require_same_schema(table)
        new = {parquet.relative(table, rows.file): rows for rows in added}
        for folder in sorted({(log.folder / path).parent for path in new}):
            make_folder(folder)
        make_folder(log.folder / "_delta_log")
        with ThreadPoolExecutor(_WRITERS) as pool:
            list(pool.map(lambda rows: parquet.write(log.folder, table, rows), new.values()))
        if version >= 0 and (missing := [name for name in table.columns() if name not in log.fields(version)]):
            version = log.add_columns(table, missing, version)
        version = log.append(
            table,
            {path: rows.file for path, rows in new.items()},
            {parquet.relative(table, file): file for file in removed},
            {path: parquet.stats(rows.rows) for path, rows in new.items()},
            provenance.metadata(),
            after=version,
        )
        _say(table, version, [rows.file for rows in new.values()], provenance)

    def _write_lost(self, table: type[Table], known: Iterable[parquet.Rows]) -> None:
        """Writes files again that are in force and were lost from the disk: their rows are at hand."""
        for rows in known:
            if not parquet.ends_whole(self.path(table, rows.file)):
                make_folder(self.path(table, rows.file).parent)
                parquet.write(self.folder(table), table, rows)

    def _require_same_schema(self, table: type[Table]) -> None:
        stored = self._log(table.table_name()).fields()
        if not stored:
            return
        columns = table.columns()
        remedy = "this lake was written by another release: use that release, or a fresh PRICING_HOME"
        for name, delta_type in declared(table).items():
            if name not in stored:
                if not columns[name].nullable:
                    what = "is not in the lake and must not be null"
                    raise PricingError(f"{table.table_name()}: column {name} {what}", remedy)
            elif stored[name] != delta_type:
                what = f"is {stored[name]} in the lake, expected {delta_type}"
                raise PricingError(f"{table.table_name()}: column {name} {what}", remedy)


@cache
def _opened(root: Path, name: str) -> Log:
    """The log of a table: one for all lakes of a process at this place, which reads each entry once."""
    schema, _, table = name.partition(".")
    return Log(name, root / schema / table, root / "_digests" / f"{name}.json")


def _say(table: type[Table], version: int, files: Sequence[PartitionFile], provenance: Provenance) -> None:
    """One line of the log for a transaction."""
    hashes = [file.hash for file in files]
    said = {
        "table": table.table_name(),
        "version": version,
        "rows": sum(file.rows for file in files),
        "files": len(files),
        "hash": hashes[0] if len(hashes) == 1 else combine(*hashes) if hashes else None,
        "run_id": provenance.run_id,
    }
    _LOGGER.info("committed", extra=said)


def _log_row(entry: Entry) -> tuple[int, datetime, str | None, int, int, str | None]:
    hashes = [file.hash for file in entry.added.values()]
    return (
        entry.version,
        datetime.fromtimestamp(entry.committed_ms / 1000, UTC),
        entry.info.get("run_id"),
        sum(file.rows for file in entry.added.values()),
        len(entry.added),
        None if not hashes else hashes[0] if len(hashes) == 1 else combine(*hashes),
    )
