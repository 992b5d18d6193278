"""The adapter: runs a source's SELECT and hands back its rows with their day.

Here: everything that touches DuckDB and Excel; what rows of a file and rows of a database share. Not here: what a row
must hold, running SQL in a database (database_reader). This module imports DuckDB, so it is itself imported only where
rows are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import cache, partial
from pathlib import Path
from typing import Protocol, TypeVar

import duckdb
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake.arrow import ArrowStream
from pricing_assets.sources.source import Source, sql_name
from pricing_assets.tables.base import Table

DAY = "__day"
TEMPORAL = "__as_"
EARLIEST, LATEST = "1900-01-01", "9999-12-31"

T = TypeVar("T")


@dataclass(frozen=True)
class Days:
    """Which rows to read: dated in [first, last], dated after `admissible`, or without a usable date."""

    column: str
    first: date
    last: date
    admissible: date


class Reader(Protocol):
    """What a kind of source must be able to do."""

    def columns(self, table: type[Table]) -> dict[str, str]:
        """Columns of the table's SELECT → their DuckDB type; reads no row."""
        ...

    def read(self, table: type[Table], temporal: dict[str, str], days: Days) -> pl.DataFrame:
        """The rows of `days` as received, with their day in DAY.

        `temporal` maps columns to DATE or TIMESTAMPTZ: these come as text, and beside them as TEMPORAL + name in
        that type, null where the value is none or lies outside EARLIEST..LATEST.
        """
        ...

    def span(self, table: type[Table], column: str) -> tuple[int, date | None, date | None]:
        """How many rows the SELECT yields in all, and their first and last usable day."""
        ...


class Opener(Protocol):
    """Opens a reader of a source for the window [first, last]; `latest` is the last day a row may be dated."""

    def __call__(self, first: date, last: date, latest: date) -> Reader:
        """See Opener."""
        ...


def at_one_moment(source: Source, action: Callable[[Opener], T]) -> T:
    """What `action` makes of the readers it opens: of a database they all see one state.

    Files are read as they are. Where the connection to a database is lost the action is tried again, from the start.
    Starting DuckDB takes longer than reading a table of a small shop, so tables read for one window share one.
    """
    if source.database is None:
        of_window = cache(partial(FileReader, source))
        return action(lambda first, last, latest: of_window(first, last))
    from pricing_assets.sources.database import Snapshot, in_one_snapshot
    from pricing_assets.sources.database_reader import DatabaseReader

    def of_snapshot(snapshot: Snapshot) -> T:
        frames = Frames(source.time_zone)
        return action(lambda first, last, latest: DatabaseReader(source, snapshot, first, last, latest, frames=frames))

    return in_one_snapshot(source, of_snapshot)


class FileReader:
    """Parquet, CSV and Excel files, read by DuckDB. Relative paths start at the source's folder."""

    def __init__(self, source: Source, first: date, last: date) -> None:
        self._source = source
        self._registered: set[str] = set()
        self._connection = _connected(source.time_zone)
        self._connection.execute(f"SET file_search_path = {_literal(str(source.folder.absolute()))}")
        variables = {name: _literal(value) for name, value in source.variables.items()}
        for name, value in {**variables, "first_day": f"DATE '{first}'", "last_day": f"DATE '{last}'"}.items():
            self._connection.execute(f"SET VARIABLE {name} = {value}")

    def columns(self, table: type[Table]) -> dict[str, str]:
        """See Reader. Raises PricingError where the SQL or one of its files is at fault."""
        query = self._select(table)
        relation = self._attempt(table, lambda: self._connection.sql(query))
        names = list(relation.columns)
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise PricingError(f"{sql_name(table)}: column {', '.join(twice)} is selected twice", "name it once")
        return {name: str(kind) for name, kind in zip(names, relation.types, strict=True)}

    def read(self, table: type[Table], temporal: dict[str, str], days: Days) -> pl.DataFrame:
        """See Reader."""
        query = _of_days(self._select(table), temporal, days)
        return self._attempt(table, lambda: pl.DataFrame(ArrowStream(self._connection.sql(query))))

    def span(self, table: type[Table], column: str) -> tuple[int, date | None, date | None]:
        """See Reader."""
        query = _span(self._select(table), column)
        rows, first, last = self._attempt(table, lambda: self._connection.sql(query).fetchall())[0]
        return rows, first, last

    def _select(self, table: type[Table]) -> str:
        """The one SELECT of a table's file without its semicolon; the Excel sheets it names are at hand afterwards."""
        path = self._source.sql_file(table)
        text = read_text(path)
        statements = self._attempt(table, lambda: self._connection.extract_statements(text))
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            kinds = ", ".join(statement.type.name for statement in statements) or "no statement"
            raise PricingError(f"{path.name}: holds {kinds}; expected exactly one SELECT", "steps before it go in WITH")
        for name, excel in self._source.files.items():
            if name not in self._registered and re.search(rf"\b{name}\b", text):
                sheet = _sheet(name, self._source.folder / excel.path, excel.sheet)
                self._connection.register(name, ArrowStream(sheet))
                self._registered.add(name)
        return re.sub(r";(;|\s|--[^\n]*|/\*.*?\*/)*\Z", "", text, flags=re.DOTALL)

    def _attempt(self, table: type[Table], action: Callable[[], T]) -> T:
        """Do what may fail in DuckDB, and say its failure so that the person who wrote the SQL can mend it."""
        try:
            return action()
        except duckdb.Error as error:
            raise PricingError(f"{sql_name(table)}: DuckDB says: {error}", _remedy(error)) from error


class Frames:
    """Rows that are in memory already, given their day and their time stamps as FileReader gives them."""

    def __init__(self, time_zone: str) -> None:
        self._connection = _connected(time_zone)

    def of_days(self, rows: pl.DataFrame, temporal: dict[str, str], days: Days) -> pl.DataFrame:
        """See Reader.read."""
        self._connection.register("received", ArrowStream(rows))
        return pl.DataFrame(ArrowStream(self._connection.sql(_of_days("FROM received", temporal, days))))

    def span(self, rows: pl.DataFrame, column: str) -> tuple[date | None, date | None]:
        """First and last usable day."""
        self._connection.register("received", ArrowStream(rows))
        found = self._connection.sql(_span("FROM received", column)).fetchall()
        return found[0][1], found[0][2]


def read_text(path: Path) -> str:
    """A file of SQL. Raises PricingError where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PricingError(f"{path}: cannot be read ({error})", "write the file as UTF-8 text") from error


def _connected(time_zone: str) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    connection.execute(f"SET TimeZone = {_literal(time_zone)}")
    return connection


def _of_days(select: str, temporal: dict[str, str], days: Days) -> str:
    """The rows of `days` of a SELECT, as Reader.read says."""
    as_text = ", ".join(f"CAST({_quoted(name)} AS VARCHAR) AS {_quoted(name)}" for name in temporal)
    casts = "".join(
        f", {_usable(name, kind)} AS {_quoted(TEMPORAL + name)}"
        for name, kind in temporal.items()
        if name != days.column
    )
    return f"""
        WITH typed AS (
            SELECT * REPLACE ({as_text}), {_usable(days.column, "DATE")} AS {DAY} {casts}
            FROM ({select}
            ))
        SELECT * FROM typed
        WHERE {DAY} BETWEEN DATE '{days.first}' AND DATE '{days.last}'
           OR {DAY} IS NULL OR {DAY} > DATE '{days.admissible}'"""


def _span(select: str, column: str) -> str:
    """How many rows a SELECT yields, their first and last usable day."""
    day = _usable(column, "DATE")
    return f"SELECT count(*), min({day}), max({day}) FROM ({select}\n)"


def _remedy(error: duckdb.Error) -> str:
    if isinstance(error, duckdb.IOException):
        return "put the file there, or mend its path: relative paths start at the folder of source.yaml"
    if isinstance(error, (duckdb.ConversionException, duckdb.InvalidInputException)):
        return "mend the file or the SQL; where one value does not convert, TRY_CAST or try_strptime spares the rest"
    return "mend the SQL; `pricing source check DIR` tries it"


def _sheet(name: str, path: Path, sheet: str | int) -> pl.DataFrame:
    import fastexcel

    try:
        return pl.DataFrame(fastexcel.read_excel(path).load_sheet(sheet))
    except (fastexcel.FastExcelError, OSError) as error:
        what = f"source.yaml: files.{name}: sheet {sheet!r} of {path} cannot be read: {' '.join(str(error).split())}"
        raise PricingError(what, "mend path and sheet; relative paths start at the folder of source.yaml") from error


def _usable(column: str, kind: str) -> str:
    cast = f"TRY_CAST({_quoted(column)} AS {kind})"
    return f"CASE WHEN {cast} BETWEEN {kind} '{EARLIEST}' AND {kind} '{LATEST}' THEN {cast} END"


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
