"""The adapter: runs a source's SELECT and hands back its rows with their day.

Here: everything that touches DuckDB and Excel. Not here: what a row must hold. A source in a database is a second
class with the same two methods, chosen where `open_reader` chooses. This module imports DuckDB, so it is itself
imported only where rows are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
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


def open_reader(source: Source, first: date, last: date) -> Reader:
    """The reader of a source, for the window [first, last]."""
    return FileReader(source, first, last)


class FileReader:
    """Parquet, CSV and Excel files, read by DuckDB. Relative paths start at the source's folder."""

    def __init__(self, source: Source, first: date, last: date) -> None:
        self._source = source
        self._registered: set[str] = set()
        self._connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
        settings = {"file_search_path": str(source.folder.absolute()), "TimeZone": source.time_zone}
        for name, value in settings.items():
            self._connection.execute(f"SET {name} = {_literal(value)}")
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
        as_text = ", ".join(f"CAST({_quoted(name)} AS VARCHAR) AS {_quoted(name)}" for name in temporal)
        casts = "".join(
            f", {_usable(name, kind)} AS {_quoted(TEMPORAL + name)}"
            for name, kind in temporal.items()
            if name != days.column
        )
        query = f"""
            WITH typed AS (
                SELECT * REPLACE ({as_text}), {_usable(days.column, "DATE")} AS {DAY} {casts}
                FROM ({self._select(table)}
                ))
            SELECT * FROM typed
            WHERE {DAY} BETWEEN DATE '{days.first}' AND DATE '{days.last}'
               OR {DAY} IS NULL OR {DAY} > DATE '{days.admissible}'"""
        return self._attempt(table, lambda: pl.DataFrame(ArrowStream(self._connection.sql(query))))

    def span(self, table: type[Table], column: str) -> tuple[int, date | None, date | None]:
        """See Reader."""
        day = _usable(column, "DATE")
        query = f"SELECT count(*), min({day}), max({day}) FROM ({self._select(table)}\n)"
        rows, first, last = self._attempt(table, lambda: self._connection.sql(query).fetchall())[0]
        return rows, first, last

    def _select(self, table: type[Table]) -> str:
        """The one SELECT of a table's file without its semicolon; the Excel sheets it names are at hand afterwards."""
        path = self._source.sql_file(table)
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise PricingError(f"{path}: cannot be read ({error})", "write the file as UTF-8 text") from error
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
