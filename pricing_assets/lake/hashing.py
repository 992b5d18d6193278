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
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

from pricing_assets.tables.base import Table

_MAGIC = b"pricing-assets rows 1\n"
_BATCH = 1 << 14  # rows encoded together: bounds memory, leaves the digests as they are
_PARALLEL_FROM = 50_000  # rows from which threads pay for themselves
_LONGEST_I64_DECIMAL = 18
_KINDS: dict[str, tuple[type[pl.DataType], ...]] = {
    "bool": (pl.Boolean,),
    "int": (pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32),
    "float": (pl.Float32, pl.Float64),
    "date": (pl.Date,),
    "text": (pl.String, pl.Enum, pl.Categorical),
    "list": (pl.List,),
    "struct": (pl.Struct,),
}

Array = np.ndarray[Any, Any]
Range = tuple[int, int]  # rows from the first to before the second


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
        found = pool.map(lambda column: _digests(column, ranges), frame.iter_columns())
        digests = dict(zip(columns, found, strict=True))
    hashes = []
    for number, (start, end) in enumerate(ranges):
        whole = hashlib.sha256(_MAGIC + struct.pack("<Q", end - start))
        for name in columns:
            whole.update(_text(name) + digests[name][number])
        hashes.append(whole.hexdigest())
    return hashes


def combine(*parts: str) -> str:
    """SHA-256 of several texts, each prefixed by its length, so that moving a boundary changes the hash."""
    whole = hashlib.sha256()
    for part in parts:
        whole.update(_text(part))
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
    above = pl.repeat(False, frame.height - 1, eager=True, dtype=pl.Boolean)
    for key in reversed(keys):
        column = frame.get_column(key)
        before, after = column.head(-1), column.slice(1)
        above = (after > before) | ((after == before) & above)
    return bool(above.fill_null(False).all())


def _text(text: str) -> bytes:
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def _digests(column: pl.Series, ranges: Sequence[Range]) -> list[bytes]:
    """The digest of each range of a column. Neighbouring small ranges are encoded together: a day may be a few rows."""
    digests: list[bytes] = []
    group: list[Range] = []
    for number, span in enumerate(ranges):
        group.append(span)
        if number == len(ranges) - 1 or ranges[number + 1][1] - group[0][0] > _BATCH:
            first, last = group[0][0], group[-1][1]
            if last - first > _BATCH and len(group) == 1:
                digests.append(_streamed(column.slice(first, last - first)))
                group = []
                continue
            encoded = _encode(column.slice(first, last - first))
            digests.extend(_digest(encoded, start - first, end - first) for start, end in group)
            group = []
    return digests


def _streamed(column: pl.Series) -> bytes:
    """The digest of a long column, encoded batch by batch; no batch is longer than the processor's cache likes."""
    kind = _kind(column.dtype)
    if kind in ("list", "struct"):
        return _digest(_encode(column), 0, column.len())
    batches = [column.slice(start, _BATCH) for start in range(0, column.len(), _BATCH)]
    digest = hashlib.sha256(_text(kind) + struct.pack("<Q", column.len()))
    digest.update(b"\x01" if column.null_count() else b"\x00")
    if column.null_count():
        for batch in batches:
            digest.update(batch.is_null().to_numpy().view(np.uint8).data)
    if kind == "text":
        batches = [batch.cast(pl.String) for batch in batches]
        for batch in batches:
            digest.update(_lengths(batch).data)
    for batch in batches:
        digest.update(_joined(batch) if kind == "text" else np.ascontiguousarray(_fixed_width(batch)).data)
    return digest.digest()


def _digest(encoded: _Encoded, start: int, end: int) -> bytes:
    digest = hashlib.sha256()
    for part in encoded.parts(start, end):
        digest.update(part)
    return digest.digest()


@dataclass(frozen=True)
class _Encoded:
    """A column's buffers, from which the encoding of any range of its rows is cut."""

    kind: str
    nulls: Array | None  # one byte per row, None where no value is null
    lengths: Array | None  # i64 per row: bytes of a text, items of a list
    values: Array | bytes  # one entry per row, or per unit of length
    inner: tuple[tuple[str | None, _Encoded], ...] = ()  # items of a list; named fields of a struct

    @cached_property
    def ends(self) -> Array:
        """Where each row's units begin, and the last one's end."""
        return np.concatenate([[0], np.cumsum(self.lengths if self.lengths is not None else [])])

    def parts(self, start: int, end: int) -> Iterator[Any]:
        """Byte strings whose concatenation is the canonical encoding of rows `start` to `end`."""
        yield _text(self.kind) + struct.pack("<Q", end - start)
        nulls = None if self.nulls is None else self.nulls[start:end]
        yield b"\x00" if nulls is None or not nulls.any() else b"\x01" + nulls.tobytes()
        if self.lengths is not None:
            yield self.lengths[start:end]
            start, end = int(self.ends[start]), int(self.ends[end])
        if self.kind == "struct":
            yield struct.pack("<Q", len(self.inner))
        for name, values in self.inner:
            yield b"" if name is None else _text(name)
            yield from values.parts(start, end)
        yield self.values[start:end]


def _encode(column: pl.Series) -> _Encoded:
    kind = _kind(column.dtype)
    nulls = column.is_null().to_numpy().view(np.uint8) if column.null_count() else None
    match kind:
        case "text":
            text = column.cast(pl.String)
            return _Encoded(kind, nulls, _lengths(text), _joined(text))
        case "list":
            items = column.list.len().cast(pl.Int64).fill_null(0)
            inner = _encode(column.filter(items > 0).explode())
            return _Encoded(kind, nulls, items.to_numpy().astype("<i8", copy=False), b"", ((None, inner),))
        case "struct":
            return _Encoded(kind, nulls, None, b"", tuple(_fields(column)))
    return _Encoded(kind, nulls, None, np.ascontiguousarray(_fixed_width(column)))


def _lengths(text: pl.Series) -> Array:
    return text.str.len_bytes().cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)


def _joined(text: pl.Series) -> bytes:
    joined: bytes = text.str.join("", ignore_nulls=True).cast(pl.Binary).item()
    return joined


def _fields(column: pl.Series) -> Iterator[tuple[str, _Encoded]]:
    """Fields of a struct; what a null struct hides is null."""
    present = column.is_not_null()
    for field in column.dtype.fields:  # type: ignore[attr-defined]
        hidden = pl.Series(field.name, [None], dtype=field.dtype).new_from_index(0, column.len())
        yield field.name, _encode(column.struct.field(field.name).zip_with(present, hidden))


def _kind(dtype: pl.DataType) -> str:
    if isinstance(dtype, pl.Datetime):
        return f"datetime[{dtype.time_unit},{dtype.time_zone or ''}]"
    if isinstance(dtype, pl.Decimal):
        return f"decimal[{dtype.scale}]"
    for kind, dtypes in _KINDS.items():
        if isinstance(dtype, dtypes):
            return kind
    raise TypeError(f"no canonical encoding for a column of dtype {dtype}")


def _fixed_width(column: pl.Series) -> Array:
    match column.dtype:
        case pl.Boolean():
            return column.fill_null(False).cast(pl.UInt8).to_numpy()
        case pl.Float32() | pl.Float64():
            values: Array = column.cast(pl.Float64).fill_null(0.0).to_numpy() + 0.0  # −0.0 becomes 0.0
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


def _decimal(column: pl.Series) -> Array:
    """Two i64 words per value, low word first: a little-endian i128."""
    unscaled = column.to_physical()
    if (column.dtype.precision or 38) <= _LONGEST_I64_DECIMAL:  # type: ignore[attr-defined]
        low = unscaled.cast(pl.Int64).fill_null(0).to_numpy()
        return np.stack([low, low >> 63], axis=1).astype("<i8", copy=False)
    words = (value.to_bytes(16, "little", signed=True) for value in unscaled.fill_null(0).to_list())
    return np.frombuffer(b"".join(words), dtype="<i8").reshape(-1, 2)
