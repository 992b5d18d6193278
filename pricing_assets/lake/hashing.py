"""Content hashes: the identity of a set of rows, the same on every machine, release and thread count.

Here: the canonical encoding of rows and its SHA-256. Not here: what is hashed when, or where hashes are kept.

The encoding works column by column on buffers; Polars' own hashes and IPC bytes change between releases, so none is
used. Rows are first sorted by `table.order()` (rows that share a key: by all hashed columns). Then

    content   = SHA-256("pricing-assets rows 1\\n" · u64 rows · for each hashed column: text(name) · digest(column))
    column    = text(kind) · u64 rows · nulls · values
    text(t)   = u64 number of UTF-8 bytes · the bytes
    nulls     = one byte 0 where no value is null; else one byte 1 and one byte per row, 1 where null
    values    = by kind, little-endian, a null encoded as zero or as nothing:
      bool                  one byte
      int                   i64, whatever the width
      float                 IEEE f64; −0.0 as 0.0, every NaN as 0x7ff8000000000000
      date                  i32 days since 1970-01-01
      datetime[unit, zone]  i64 units since 1970-01-01 UTC
      decimal[scale]        i128
      text                  i64 byte length per row, then all UTF-8 bytes; enums are text
      list                  i64 length per row, then column(items)
      struct                u64 fields, then per field text(name) · column(values)
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import polars as pl

from pricing_assets.tables.base import Table

_MAGIC = b"pricing-assets rows 1\n"
_BATCH = 1 << 18  # rows per buffer: bounds memory, leaves the digest as it is
_PARALLEL_FROM = 50_000  # rows from which threads pay for themselves
_INTEGERS = (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32)
_LONGEST_I64_DECIMAL = 18


def content_hash(frame: pl.DataFrame, table: type[Table]) -> str:
    """SHA-256 of a row set, 64 hex digits; the order and chunking of `frame`'s rows do not matter.

    Only the table's `hashed()` columns count. Raises polars' ColumnNotFoundError where one is missing and TypeError
    for a dtype that has no encoding.
    """
    columns = table.hashed()
    rows = canonical(frame, table).select(columns)
    workers = min(len(columns), os.cpu_count() or 1) if rows.height >= _PARALLEL_FROM else 1
    if workers > 1:
        with ThreadPoolExecutor(workers) as pool:
            digests = list(pool.map(_digest, rows.iter_columns()))
    else:
        digests = [_digest(column) for column in rows.iter_columns()]
    whole = hashlib.sha256(_MAGIC + struct.pack("<Q", rows.height))
    for name, digest in zip(columns, digests, strict=True):
        whole.update(_text(name) + digest)
    return whole.hexdigest()


def combine(*parts: str) -> str:
    """SHA-256 of several texts, each prefixed by its length, so that moving a boundary changes the hash."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(_text(part))
    return whole.hexdigest()


def canonical(frame: pl.DataFrame, table: type[Table]) -> pl.DataFrame:
    """The rows in canonical order: as they are where already so, else sorted."""
    keys = [table.partition(), *(name for name in table.order() if name != table.partition())]
    if _strictly_ascending(frame, keys):
        return frame
    ordered = frame.sort(keys)
    if _strictly_ascending(ordered, keys):
        return ordered
    return ordered.sort([*keys, *(name for name in table.hashed() if name not in keys)])


def _strictly_ascending(frame: pl.DataFrame, keys: Sequence[str]) -> bool:
    """Whether each row's key is above the key of the row before; False where a key is null."""
    if frame.height < 2:
        return True
    above = pl.repeat(False, frame.height - 1, eager=True, dtype=pl.Boolean)
    for key in reversed(keys):
        column = frame.get_column(key)
        before, after = column.head(-1), column.slice(1)
        above = (after > before) | ((after == before) & above)
    return bool(above.fill_null(False).all())


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _digest(column: pl.Series) -> bytes:
    digest = hashlib.sha256()
    for buffer in _encode(column):
        digest.update(buffer)
    return digest.digest()


def _encode(column: pl.Series) -> Iterator[Any]:
    yield _text(_kind(column.dtype)) + struct.pack("<Q", column.len())
    if column.null_count():
        yield b"\x01"
        yield np.ascontiguousarray(column.is_null().to_numpy()).view(np.uint8)
    else:
        yield b"\x00"
    if isinstance(column.dtype, pl.List):
        yield from _encode_list(column)
    elif isinstance(column.dtype, pl.Struct):
        yield from _encode_struct(column)
    elif _kind(column.dtype) == "text":
        yield from _encode_text(column)
    else:
        for start in range(0, column.len(), _BATCH):
            yield np.ascontiguousarray(_fixed_width(column.slice(start, _BATCH)))


def _kind(dtype: pl.DataType) -> str:
    match dtype:
        case pl.Boolean():
            return "bool"
        case pl.Float32() | pl.Float64():
            return "float"
        case pl.Date():
            return "date"
        case pl.Datetime():
            return f"datetime[{dtype.time_unit},{dtype.time_zone or ''}]"
        case pl.Decimal():
            return f"decimal[{dtype.scale}]"
        case pl.String() | pl.Enum() | pl.Categorical():
            return "text"
        case pl.List():
            return "list"
        case pl.Struct():
            return "struct"
        case _ if dtype in _INTEGERS:
            return "int"
    raise TypeError(f"no canonical encoding for a column of dtype {dtype}")


def _fixed_width(column: pl.Series) -> np.ndarray[Any, Any]:
    match column.dtype:
        case pl.Boolean():
            return column.fill_null(False).cast(pl.UInt8).to_numpy()
        case pl.Float32() | pl.Float64():
            values: np.ndarray[Any, Any] = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0  # −0.0 becomes 0.0
            values[np.isnan(values)] = np.nan  # one bit pattern of many
            return values.astype("<f8", copy=False)
        case pl.Date():
            return column.to_physical().fill_null(0).to_numpy().astype("<i4", copy=False)
        case pl.Decimal():
            return _decimal(column)
        case pl.Datetime():
            return column.to_physical().fill_null(0).to_numpy().astype("<i8", copy=False)
        case _:
            return column.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)


def _decimal(column: pl.Series) -> np.ndarray[Any, Any]:
    """Two i64 words per value, low word first: a little-endian i128."""
    unscaled = column.to_physical()
    if (column.dtype.precision or 38) <= _LONGEST_I64_DECIMAL:  # type: ignore[attr-defined]
        low = unscaled.cast(pl.Int64).fill_null(0).to_numpy()
        return np.stack([low, low >> 63], axis=1).astype("<i8", copy=False)
    whole = b"".join(value.to_bytes(16, "little", signed=True) for value in unscaled.fill_null(0).to_list())
    return np.frombuffer(whole, dtype=np.uint8)


def _encode_text(column: pl.Series) -> Iterator[Any]:
    batches = [column.slice(start, _BATCH).cast(pl.String) for start in range(0, column.len(), _BATCH)]
    for batch in batches:
        yield batch.str.len_bytes().cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)
    for batch in batches:
        yield batch.str.join("", ignore_nulls=True).item().encode()


def _encode_list(column: pl.Series) -> Iterator[Any]:
    lengths = column.list.len().cast(pl.Int64).fill_null(0)
    yield lengths.to_numpy().astype("<i8", copy=False)
    yield from _encode(column.filter(lengths > 0).explode())


def _encode_struct(column: pl.Series) -> Iterator[Any]:
    fields = column.dtype.fields  # type: ignore[attr-defined]
    yield struct.pack("<Q", len(fields))
    present = column.is_not_null()
    for field in fields:
        values = column.struct.field(field.name)
        hidden = pl.Series(field.name, [None], dtype=field.dtype).new_from_index(0, column.len())
        yield _text(field.name)
        yield from _encode(values if present.all() else values.zip_with(present, hidden))
