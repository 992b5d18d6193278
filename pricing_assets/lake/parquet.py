"""One partition as a Parquet file: its place, its writing, its statistics for Delta, its reading.

Here: rows ⇄ `<table>/<partition>=<day>/<content hash>.parquet`. Not here: which files are in force.

The partition column is in the folder's name, not in the file; enums are stored as text, so any reader can open them.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import polars as pl
import polars.selectors as cs

from pricing_assets.errors import PricingError
from pricing_assets.lake.contracts import dtypes
from pricing_assets.lake.entries import PartitionFile
from pricing_assets.lake.files import storage_faults, sync, write_durably
from pricing_assets.tables.base import Table

_MAGIC = b"PAR1"


@dataclass(frozen=True)
class Rows:
    """The rows of one day in canonical order, and the file they become."""

    file: PartitionFile
    rows: pl.DataFrame


def relative(table: type[Table], file: PartitionFile) -> str:
    """Path of a file below its table's folder; what it holds is in its name."""
    return f"{table.partition()}={file.partition.isoformat()}/{file.hash}.parquet"


def write(folder: Path, table: type[Table], rows: Rows) -> None:
    """Write a day's file durably. A whole file of that name has this content already: it is only made durable.

    The caller holds the table's lock: what is half-written beside it was left by a process that died.
    """
    path = folder / relative(table, rows.file)
    with storage_faults(path):
        for abandoned in path.parent.glob("*.tmp"):
            abandoned.unlink(missing_ok=True)
    if _is_whole(path, rows.file.rows):
        with storage_faults(path):
            sync(path)
            sync(path.parent)
        return
    buffer = io.BytesIO()
    rows.rows.drop(table.partition()).with_columns(cs.enum().cast(pl.String)).write_parquet(buffer)
    write_durably(path, buffer.getbuffer())


def ends_whole(path: Path) -> bool:
    """Whether a file is there and ends as one does; of one cut short while it was copied this is False."""
    try:
        with path.open("rb") as file:
            file.seek(-len(_MAGIC), io.SEEK_END)
            return file.read() == _MAGIC
    except OSError:
        return False


def _is_whole(path: Path, rows: int) -> bool:
    try:
        return ends_whole(path) and bool(
            pl.scan_parquet(path, hive_partitioning=False).select(pl.len()).collect().item() == rows
        )
    except (OSError, pl.exceptions.PolarsError):
        return False


def stats(rows: pl.DataFrame) -> Mapping[str, Any]:
    """Delta statistics: the row count, and bounds of known_at where it has one, widened to whole milliseconds."""
    found: dict[str, Any] = {"numRecords": rows.height, "minValues": {}, "maxValues": {}, "nullCount": {}}
    if "known_at" in rows.columns:
        known = rows.get_column("known_at").dt.truncate("1ms")
        found["minValues"]["known_at"] = _milliseconds(cast(datetime, known.min()))
        found["maxValues"]["known_at"] = _milliseconds(cast(datetime, known.dt.offset_by("1ms").max()))
        found["nullCount"]["known_at"] = 0
    return found


def _milliseconds(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def read(
    folder: Path,
    table: type[Table],
    files: Sequence[PartitionFile],
    columns: Sequence[str],
    where: pl.Expr | None = None,
) -> pl.DataFrame:
    """The rows of files in the order given, typed as the table's class; columns a file lacks are null.

    `where` chooses rows by their stored columns: groups of rows that cannot hold any are not read.
    """
    types = dtypes(table)
    partition = table.partition()
    stored = {n: pl.String() if isinstance(t, pl.Enum) else t for n, t in types.items() if n != partition}
    try:
        return (
            pl.scan_parquet(
                [folder / relative(table, file) for file in files],
                schema=stored,
                hive_partitioning=True,
                hive_schema={partition: pl.Date},
                missing_columns="insert",
                extra_columns="ignore",
                glob=False,
            )
            .filter(pl.lit(True) if where is None else where)
            .select(pl.col(name).cast(types[name]) for name in columns)
            .collect()
        )
    except (OSError, pl.exceptions.PolarsError) as fault:
        broken = next((path for file in files if not ends_whole(path := folder / relative(table, file))), None)
        which = f": {broken} is missing or cut short" if broken else ""
        raise PricingError(
            f"{table.table_name()}: its files cannot be read{which} ({fault})",
            "`pricing doctor` says what is lacking and what brings it back; if nothing, use the release that wrote it",
        ) from fault
