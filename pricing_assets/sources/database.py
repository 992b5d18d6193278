"""A source's database: read in one transaction that sees one state, tried again where the connection is lost.

Here: opening it, running one SELECT into columns, and saying what went wrong. Not here: what differs between kinds of
database (engines), which rows are asked for (database_reader).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.sources.engines import Kind, kind_of, masked, parsed, shown
from pricing_assets.sources.fetched import Column, Fetched, fetched
from pricing_assets.sources.source import Source

if TYPE_CHECKING:
    import sqlalchemy as sa

DELAYS = (0.5, 1.5, 4.0)
CHUNK_ROWS = 20_000
_MYSQL_TIMESTAMP = 7

T = TypeVar("T")


class _Lost(Exception):
    """The connection is gone or could not be had; another attempt may do better."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


class Snapshot:
    """One state of a database, for as long as it is open."""

    def __init__(self, connection: sa.Connection, database: _Database) -> None:
        self._connection = connection
        self._database = database
        self.mysql = database.mysql

    def fetch(self, file: str, sql: str, parameters: Mapping[str, str]) -> Fetched:
        """The rows of one SELECT; `file` is named where the database refuses it."""
        import sqlalchemy as sa

        with self._database.mendable(file), self._connection.begin_nested():
            statement = sa.text(sql).execution_options(stream_results=True)
            result = self._connection.execute(statement, parameters)
            if not result.returns_rows:
                what = f"{file}: the database ran it and gave nothing back"
                raise PricingError(what, "a source is only read: write one SELECT")
            names = list(result.keys())
            described = result.cursor.description if result.cursor else []
            columns = [Column(self.mysql and each[1] == _MYSQL_TIMESTAMP) for each in described]
            for rows in result.partitions(CHUNK_ROWS):
                for column, values in zip(columns, zip(*rows, strict=True), strict=True):
                    column.add(values)
            return fetched(names, columns)


def in_one_snapshot(source: Source, action: Callable[[Snapshot], T], delays: tuple[float, ...] | None = None) -> T:
    """What `action` makes of one state of the source's database.

    Where the connection is lost on the way, the whole action is tried again on a new state after each of `delays`
    (default DELAYS, seconds); so what it read never mixes two states. Raises PricingError naming the database, never
    its password, where it cannot be read.
    """
    database = _Database(source)
    waits = DELAYS if delays is None else delays
    for wait in (*waits, None):
        try:
            with database.snapshot() as snapshot:
                return action(snapshot)
        except _Lost as lost:
            if wait is None:
                tried = f"; {counted(len(waits) + 1, 'attempt')}"
                raise PricingError(f"database {database.shown}: {lost}{tried}", lost.remedy) from lost.__cause__
            time.sleep(wait)
    raise AssertionError("the last attempt returns or raises")


def reach(source: Source) -> str:
    """The source's database as a person names it, once it has answered. Raises PricingError where it does not."""
    in_one_snapshot(source, lambda snapshot: snapshot.fetch("database", "SELECT 1 AS one", {}), delays=())
    return _Database(source).shown


class _Database:
    """How to connect to the database of a source."""

    def __init__(self, source: Source) -> None:
        self._url = parsed(source.database or "")
        self._kind: Kind = kind_of(self._url)
        self._seconds = source.limits.query_seconds
        self.shown = shown(self._url)
        self.mysql = self._kind.name == "MySQL"

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A connection inside its transaction; nothing of it is left afterwards."""
        engine = self._engine()
        with self.mendable():
            connection = engine.connect()
        try:
            with self.mendable():
                self._kind.begin(connection, self._seconds)
            yield Snapshot(connection, self)
        finally:
            connection.close()

    def _engine(self) -> sa.Engine:
        try:
            return self._kind.engine(self._url, self._seconds)
        except ModuleNotFoundError as error:
            raise PricingError(
                f"database {self.shown}: the driver {error.name} is not installed", f"pip install {error.name}"
            ) from error

    @contextmanager
    def mendable(self, file: str | None = None) -> Iterator[None]:
        """Says a driver's error so that a person can mend it; _Lost where another attempt may help."""
        from sqlalchemy.exc import DBAPIError, SQLAlchemyError

        try:
            yield
        except DBAPIError as error:
            cause = error.orig or error
            message = self._said(cause)
            trouble = self._kind.trouble(cause, message)
            if trouble.passing or error.connection_invalidated:
                raise _Lost(message, trouble.remedy) from error
            where = f"{file}: database {self.shown} says" if file else f"database {self.shown}"
            raise PricingError(f"{where}: {message}", trouble.remedy) from error
        except SQLAlchemyError as error:
            where = f"{file}: " if file else ""
            remedy = "mend the SQL; `pricing source check DIR` tries it"
            raise PricingError(f"{where}database {self.shown}: {self._said(error)}", remedy) from error

    def _said(self, error: BaseException) -> str:
        """What the driver says on its first line, and the place in the SQL where it names one; without any password."""
        said = error.args[-1] if error.args else error
        line, *more = str(said).strip().splitlines() or [type(error).__name__]
        place = re.match(r"LINE \d+: *(.*)", more[0]) if more else None
        line = f"{line} ({place[1]})" if place else line
        return masked(line, self._url)
