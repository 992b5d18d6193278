"""The canonical encoding of columns, and its SHA-256.

Here: a column's values as bytes that are the same on every machine, release and thread count. Not here: rows, tables.

    digest  = SHA-256(column); for texts and labels what recurs is written once (a null is a value among others):
      text    SHA-256(repeats · SHA-256(column of the texts that do not repeat the one before)), where
              repeats = one byte 0 where none does; else one byte 1 and one byte per row, 1 where it does
      label   SHA-256(u32 per row · SHA-256(column of the distinct labels by first appearance, as text)), where
              u32 = the place of the row's label among them; labels are enums and categoricals
    column  = text(kind) · u64 rows · nulls · values
    text(t) = u64 number of UTF-8 bytes · the bytes
    nulls   = one byte 0 where no value is null; else one byte 1 and one byte per row, 1 where null
    values  = by kind, little-endian, a null encoded as zero or as nothing:
      bool                  one byte
      int                   i64, whatever the width
      float                 IEEE f64; −0.0 as 0.0, every NaN as 0x7ff8000000000000
      date                  i32 days since 1970-01-01
      datetime[unit,zone]   i64 units (ms, us or ns) since 1970-01-01 UTC; nothing after the comma without a zone
      decimal[scale]        i64 where the column's precision is 18 at most, else i128
      text                  i64 byte length per row, then all UTF-8 bytes; labels inside lists and structs are text
      list                  i64 length per row, then column(items)
      struct                u64 fields, then per field text(name) · column(values)
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl

_BATCH = 1 << 16  # rows encoded together: bounds memory, leaves the digests as they are
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


def text(text: str) -> bytes:
    """A text with its length before it."""
    encoded = text.encode()
    return struct.pack("<Q", len(encoded)) + encoded


def digests(column: pl.Series, ranges: Sequence[Range]) -> list[bytes]:
    """The digest of each range of a column; ranges ascend. Raises TypeError for a dtype that has no encoding."""
    match column.dtype:
        case pl.String():
            return _of_texts(column, ranges)
        case pl.Enum() | pl.Categorical():
            return [_of_labels(column.slice(start, end - start)) for start, end in ranges]
    return _plain(column, ranges)


def _of_texts(column: pl.Series, ranges: Sequence[Range]) -> list[bytes]:
    """Digests of texts: neighbours are often alike, and comparing them costs less than hashing them."""
    repeats = column.eq_missing(column.shift()).to_numpy().view(np.uint8).copy()
    repeats[[start for start, end in ranges if start < end]] = 0
    kept = np.concatenate([[0], np.cumsum(repeats ^ 1)])
    written = column.filter(pl.Series(repeats == 0)) if repeats.any() else column
    found = []
    inner = _plain(written, [(int(kept[start]), int(kept[end])) for start, end in ranges])
    for (start, end), digest in zip(ranges, inner, strict=True):
        mine = repeats[start:end]
        found.append(hashlib.sha256((b"\x01" + mine.tobytes() if mine.any() else b"\x00") + digest).digest())
    return found


def _of_labels(column: pl.Series) -> bytes:
    distinct = column.unique(maintain_order=True)
    codes, known = (each.to_physical().cast(pl.UInt32) for each in (column, distinct))
    null = int(np.max(known.drop_nulls().to_numpy(), initial=0)) + 1
    places = np.zeros(null + 1, dtype="<u4")
    places[known.fill_null(null).to_numpy()] = np.arange(known.len(), dtype="<u4")
    digest = hashlib.sha256(places[codes.fill_null(null).to_numpy()].data)
    digest.update(_plain(distinct.cast(pl.String), [(0, distinct.len())])[0])
    return digest.digest()


def _plain(column: pl.Series, ranges: Sequence[Range]) -> list[bytes]:
    """The digest of each range of a column. Neighbouring small ranges are encoded together: a day may be a few rows."""
    found: list[bytes] = []
    group: list[Range] = []
    for number, span in enumerate(ranges):
        group.append(span)
        if number == len(ranges) - 1 or ranges[number + 1][1] - group[0][0] > _BATCH:
            first, last = group[0][0], group[-1][1]
            if last - first > _BATCH and len(group) == 1:
                found.append(_streamed(column.slice(first, last - first)))
                group = []
                continue
            encoded = _encode(column.slice(first, last - first))
            found.extend(_digest(encoded, start - first, end - first) for start, end in group)
            group = []
    return found


def _streamed(column: pl.Series) -> bytes:
    """The digest of a long column, encoded batch by batch; no batch is longer than the processor's cache likes."""
    kind = _kind(column.dtype)
    if kind in ("list", "struct"):
        return _digest(_encode(column), 0, column.len())
    batches = [column.slice(start, _BATCH) for start in range(0, column.len(), _BATCH)]
    digest = hashlib.sha256(text(kind) + struct.pack("<Q", column.len()))
    digest.update(b"\x01" if column.null_count() else b"\x00")
    if column.null_count():
        for batch in batches:
            digest.update(batch.is_null().to_numpy().view(np.uint8).data)
    if kind == "text":
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
        yield text(self.kind) + struct.pack("<Q", end - start)
        nulls = None if self.nulls is None else self.nulls[start:end]
        yield b"\x00" if nulls is None or not nulls.any() else b"\x01" + nulls.tobytes()
        if self.lengths is not None:
            yield self.lengths[start:end]
            start, end = int(self.ends[start]), int(self.ends[end])
        if self.kind == "struct":
            yield struct.pack("<Q", len(self.inner))
        for name, values in self.inner:
            yield b"" if name is None else text(name)
            yield from values.parts(start, end)
        yield self.values[start:end]


def _encode(column: pl.Series) -> _Encoded:
    kind = _kind(column.dtype)
    nulls = column.is_null().to_numpy().view(np.uint8) if column.null_count() else None
    match kind:
        case "text":
            texts = column.cast(pl.String)
            return _Encoded(kind, nulls, _lengths(texts), _joined(texts))
        case "list":
            items = column.list.len().cast(pl.Int64).fill_null(0)
            inner = _encode(column.filter(items > 0).explode())
            return _Encoded(kind, nulls, items.to_numpy().astype("<i8", copy=False), b"", ((None, inner),))
        case "struct":
            return _Encoded(kind, nulls, None, b"", tuple(_fields(column)))
    return _Encoded(kind, nulls, None, np.ascontiguousarray(_fixed_width(column)))


def _lengths(texts: pl.Series) -> Array:
    return texts.str.len_bytes().cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)


def _joined(texts: pl.Series) -> bytes:
    joined: bytes = texts.str.join("", ignore_nulls=True).cast(pl.Binary).item()
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
    """One i64 per value, or two i64 words, low word first: a little-endian i128."""
    unscaled = column.to_physical()
    if (column.dtype.precision or 38) <= _LONGEST_I64_DECIMAL:  # type: ignore[attr-defined]
        return unscaled.cast(pl.Int64).fill_null(0).to_numpy().astype("<i8", copy=False)
    words = (value.to_bytes(16, "little", signed=True) for value in unscaled.fill_null(0).to_list())
    return np.frombuffer(b"".join(words), dtype="<i8").reshape(-1, 2)
