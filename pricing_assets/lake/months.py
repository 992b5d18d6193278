"""Months: the small files of a closed month of a table again as one, for analysts.

Here: which files a month may stand for, and writing it. Not here: the views over them (warehouse.py).

A query opens every file of a table it reads; a thousand days are a thousand files, and half a second. So a month that
is over is written once more as one file, beside the days: nothing a manifest or a reader needs is rewritten. Its name
says which files it stands for; where one of them changes, by a late row say, another month is written. Months of large
days stay as they are, for there the opening is nothing. What is lost of `_months` is written again.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from hashlib import sha256
from itertools import groupby
from pathlib import Path

import polars as pl
import polars.selectors as cs

from pricing_assets.lake.entries import PartitionFile
from pricing_assets.lake.files import make_folder, write_durably
from pricing_assets.lake.store import Lake
from pricing_assets.tables.base import Table

FOLDER = "_months"
SMALL = 8_000_000  # bytes of a month's files; larger ones are read faster than they are written again
_FEWEST = 3  # files worth one


@dataclass(frozen=True)
class Files:
    """What a view reads: files of whole months, and of single days."""

    months: Sequence[Path]
    days: Sequence[Path]


def files(lake: Lake, table: type[Table], force: Sequence[PartitionFile], *, write: bool) -> Files:
    """The files that hold what `force` does, in order of days; months that are not written yet are, if `write`.

    The last month of all is open: its days change. Raises PricingError where a file is gone or the disk refuses.
    """
    months: list[Path] = []
    days: list[Path] = []
    last = max((_month(file.partition) for file in force), default="")
    for month, group in groupby(sorted(force, key=_place), key=lambda file: _month(file.partition)):
        parts = list(group)
        whole = None if month == last else _whole(lake, table, month, parts, write=write)
        if whole:
            months.append(whole)
        else:
            days.extend(lake.path(table, file) for file in parts)
    return Files(months, days)


def _whole(lake: Lake, table: type[Table], month: str, parts: Sequence[PartitionFile], *, write: bool) -> Path | None:
    """The month's one file; None where it is not worth one, or not written."""
    if len(parts) < _FEWEST:
        return None
    path = lake.root / FOLDER / table.table_name() / f"{month}-{_digest(table, parts)}.parquet"
    if not path.exists():
        if not write or sum(lake.path(table, file).stat().st_size for file in parts) > SMALL:
            return None
        buffer = io.BytesIO()
        lake.read_files(table, parts).with_columns(cs.enum().cast(pl.String)).write_parquet(buffer)
        make_folder(path.parent)
        write_durably(path, buffer.getbuffer())
    return path


def _digest(table: type[Table], parts: Sequence[PartitionFile]) -> str:
    """Of the files and the columns: a release that adds one writes its months anew."""
    told = "\n".join([*table.columns(), *(f"{file.partition} {file.hash}" for file in parts)])
    return sha256(told.encode()).hexdigest()[:24]


def _month(day: date) -> str:
    return f"{day:%Y-%m}"


def _place(file: PartitionFile) -> tuple[date, str]:
    return file.partition, file.hash
