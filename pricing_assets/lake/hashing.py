"""Content hashes: the identity of a set of rows, the same on every machine, release and thread count.

Here: canonical order, and the hash over a row set. Not here: how a column is encoded, where hashes are kept.

The identity of rows is

    SHA-256("pricing-assets rows 2\n" · u64 rows · for each hashed column: text(name) · digest(column))

over rows sorted by `table.order()` (rows that share a key: by all hashed columns); a column's digest is defined in
encoding.py. Polars' own hashes and IPC bytes change between releases, so none is used.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import polars as pl

from pricing_assets.lake.encoding import Range, digests, text
from pricing_assets.tables.base import Table

_MAGIC = b"pricing-assets rows 2\n"
_PARALLEL_FROM = 50_000  # rows from which threads pay for themselves


def content_hash(frame: pl.DataFrame, table: type[Table]) -> str:
    """SHA-256 of a row set, 64 hex digits; the order and chunking of `frame`'s rows do not matter.

    Only the table's `hashed()` columns count. Raises polars' ColumnNotFoundError where one is missing and TypeError
    for a dtype that has no encoding.
    """
    return content_hashes(canonical(frame, table), table, [(0, frame.height)])[0]


def content_hashes(frame: pl.DataFrame, table: type[Table], ranges: Sequence[Range]) -> list[str]:
    """The content hash of each range of rows, in one pass; `frame` is in canonical order, ranges ascend."""
    columns = table.hashed()
    frame = frame.select(columns)
    workers = min(len(columns), os.cpu_count() or 1) if frame.height >= _PARALLEL_FROM else 1
    with ThreadPoolExecutor(workers) as pool:
        found = list(pool.map(lambda column: digests(column, ranges), frame.iter_columns()))
    hashes = []
    for number, (start, end) in enumerate(ranges):
        whole = hashlib.sha256(_MAGIC + struct.pack("<Q", end - start))
        for name, of_ranges in zip(columns, found, strict=True):
            whole.update(text(name) + of_ranges[number])
        hashes.append(whole.hexdigest())
    return hashes


def combine(*parts: str) -> str:
    """SHA-256 of several texts, each prefixed by its length, so that moving a boundary changes the hash."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(text(part))
    return whole.hexdigest()


def canonical(frame: pl.DataFrame, table: type[Table]) -> pl.DataFrame:
    """The rows in canonical order: as they are where already so, else sorted."""
    return ordered(frame, table)[0]


def ordered(frame: pl.DataFrame, table: type[Table]) -> tuple[pl.DataFrame, bool]:
    """The rows in canonical order, and whether every key is there and occurs once."""
    keys = [table.partition(), *(name for name in table.order() if name != table.partition())]
    if _strictly_ascending(frame, keys):
        return frame, _whole(frame, keys)
    rows = frame.sort(keys)
    if _strictly_ascending(rows, keys):
        return rows, _whole(rows, keys)
    return rows.sort([*keys, *(name for name in table.hashed() if name not in keys)]), False


def _whole(frame: pl.DataFrame, keys: Sequence[str]) -> bool:
    return not any(frame.get_column(key).null_count() for key in keys)


def _strictly_ascending(frame: pl.DataFrame, keys: Sequence[str]) -> bool:
    """Whether each row's key is above the key of the row before; False where a key is null."""
    if frame.height < 2:
        return True
    ascending = pl.lit(False)
    for key in reversed(keys):
        before, after = pl.col(key).head(frame.height - 1), pl.col(key).slice(1)
        ascending = (before < after) | ((before == after) & ascending)
    return bool(frame.select(ascending.fill_null(False).all()).item())
