"""The reader of a source in a database: its SQL runs there, and the rows go the way files go.

Here: one SELECT per table with the window as parameters, once per reading. Not here: connections (database), what
becomes of dates and days (reading): both kinds of source share that.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.sources.database import Snapshot
from pricing_assets.sources.fetched import Fetched
from pricing_assets.sources.reading import Days, Frames, read_text
from pricing_assets.sources.source import Source, sql_name
from pricing_assets.sources.statement import one_select
from pricing_assets.tables.base import Table


class DatabaseReader:
    """Tables of one state of a database. `latest` is the last day a row may be dated; `frames` may serve others too."""

    def __init__(
        self, source: Source, snapshot: Snapshot, first: date, last: date, latest: date, *, frames: Frames
    ) -> None:
        self._source = source
        self._snapshot = snapshot
        self._parameters = {"first_day": str(first), "last_day": str(last), "latest_day": str(latest)}
        self._frames = frames
        self._fetched: dict[type[Table], Fetched] = {}

    def columns(self, table: type[Table]) -> dict[str, str]:
        """See Reader. The rows come with it, for a database says the types of its values only then."""
        found = self._rows(table)
        if twice := sorted({name for name in found.names if found.names.count(name) > 1}):
            raise PricingError(f"{sql_name(table)}: column {', '.join(twice)} is selected twice", "name it once")
        return found.types

    def read(self, table: type[Table], temporal: dict[str, str], days: Days) -> pl.DataFrame:
        """See Reader."""
        return self._frames.of_days(self._rows(table).frame, temporal, days)

    def span(self, table: type[Table], column: str) -> tuple[int, date | None, date | None]:
        """See Reader. The database counts per day; its rows stay there."""
        day = '"' + column.replace('"', '""') + '"'
        counts = f'SELECT {day} AS {day}, COUNT(*) AS "rows" FROM (\n{self._select(table)}\n) AS found GROUP BY {day}'
        found = self._snapshot.fetch(sql_name(table), counts, self._parameters).frame
        first, last = self._frames.span(found, column)
        return int(found["rows"].sum()), first, last

    def _rows(self, table: type[Table]) -> Fetched:
        if table not in self._fetched:
            self._fetched[table] = self._snapshot.fetch(sql_name(table), self._select(table), self._parameters)
        return self._fetched[table]

    def _select(self, table: type[Table]) -> str:
        text = read_text(self._source.sql_file(table))
        return one_select(text, sql_name(table), mysql=self._snapshot.mysql)
