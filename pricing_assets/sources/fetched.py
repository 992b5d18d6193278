"""Rows as a database driver hands them over, made into columns of stable types.

Here: which Python values become which column, chunk by chunk. Not here: running the SQL (database), what a value must
hold (contracts).

Whole numbers, floats, truths, dates and time stamps keep their type; exact decimals and whatever else stay text, letter
for letter, so that no amount passes through a binary float on its way. A column that mixes kinds is text: the contract
then names the rows that do not fit.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, NamedTuple
from uuid import UUID

import polars as pl

TEXT, ZONED = "VARCHAR", "TIMESTAMP WITH TIME ZONE"
_NULL = "NULL"
_KINDS: dict[type, str] = {
    type(None): _NULL,
    bool: "BOOLEAN",
    int: "BIGINT",
    float: "DOUBLE",
    Decimal: "DECIMAL",
    str: TEXT,
    UUID: TEXT,
    dict: TEXT,
    date: "DATE",
    datetime: "TIMESTAMP",
    bytes: "BLOB",
    memoryview: "BLOB",
}
_TYPED: dict[str, pl.DataType] = {
    "BOOLEAN": pl.Boolean(),
    "BIGINT": pl.Int64(),
    "DOUBLE": pl.Float64(),
    "DATE": pl.Date(),
    "TIMESTAMP": pl.Datetime("us"),
    ZONED: pl.Datetime("us", "UTC"),
}
_BIGGEST = 2**63 - 1


class Fetched(NamedTuple):
    """A result: its column names as given, its rows, and column → DuckDB type."""

    names: list[str]
    frame: pl.DataFrame
    types: dict[str, str]


class Column:
    """The values of one column, added chunk by chunk; `instants` says that time stamps without a zone are in UTC."""

    def __init__(self, instants: bool = False) -> None:
        self._instants = instants
        self._parts: list[tuple[str, pl.Series]] = []

    def add(self, values: Sequence[Any]) -> None:
        """Take a chunk of values as the driver gave them."""
        found = set(map(type, values))
        if found == {str} or found == {str, type(None)}:  # by far the most
            self._parts.append((TEXT, pl.Series(values, dtype=pl.String)))
            return
        if datetime in found and self._zoned(values):
            values = [None if value is None else _utc(value) for value in values]
            self._parts.append((ZONED, pl.Series(values, dtype=_TYPED[ZONED])))
            return
        kind = _joined(_KINDS.get(each, each.__name__.upper()) for each in found)
        if kind == "BIGINT" and any(value is not None and abs(value) > _BIGGEST for value in values):
            kind = "DECIMAL"
        self._parts.append((kind, _series(values, kind)))

    def _zoned(self, values: Sequence[Any]) -> bool:
        stamps = [value for value in values if value is not None]
        return all(isinstance(value, datetime) and (self._instants or value.tzinfo) for value in stamps)

    def whole(self) -> tuple[str, pl.Series]:
        """DuckDB type and values of all chunks."""
        kind = _joined(kind for kind, _ in self._parts)
        parts = [part if found == kind else _series(part.to_list(), kind) for found, part in self._parts]
        return kind, pl.concat(parts) if parts else _series([], kind)


def fetched(names: list[str], columns: Sequence[Column]) -> Fetched:
    """The columns under their names; a name given twice is numbered in the frame and told by `names`."""
    wholes = [column.whole() for column in columns]
    unique = [name if name not in names[:number] else f"{name} {number}" for number, name in enumerate(names)]
    frame = pl.DataFrame([series.alias(name) for name, (_, series) in zip(unique, wholes, strict=True)])
    return Fetched(names, frame, {name: kind for name, (kind, _) in zip(unique, wholes, strict=True)})


def _joined(kinds: Iterable[str]) -> str:
    """One kind for values of several: numbers stay numbers, what no column can hold stays that, the rest is text."""
    found = set(kinds) - {_NULL}
    if len(found) <= 1:
        return found.pop() if found else _NULL
    if found == {"BIGINT", "DOUBLE"}:
        return "DOUBLE"
    if found == {"BIGINT", "DECIMAL"}:
        return "DECIMAL"
    unfit = sorted(found - set(_KINDS.values()) - {ZONED} | found & {"BLOB"})
    return unfit[0] if unfit else TEXT


def _series(values: Sequence[Any], kind: str) -> pl.Series:
    if kind == "DOUBLE":
        values = [None if value is None else float(value) for value in values]
    if kind in _TYPED:
        return pl.Series(values, dtype=_TYPED[kind])
    return pl.Series([None if value is None else _text(value) for value in values], dtype=pl.String)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Decimal):
        return f"{value:f}" if value.is_finite() else str(value)
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _utc(value: datetime) -> datetime:
    return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
