"""The whole store as lines of JSON, and a store made of them: from SQLite or PostgreSQL into either.

Here: reading one state, and loading into an empty database. Not here: what an event means, files.

Rows are never changed, but audit rows go once an event lets them expire: what is read after the moment it is to be of
may lack rows, and not say why. So the latest event and all rows are read in one transaction.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance.database import Database, known_revisions
from pricing_assets.governance.schema import AUDIT, EVENTS, TEXTS

_BATCH = 500
_NAMES = (TEXTS.name, EVENTS.name, AUDIT.name)


@contextmanager
def reading(database: Database) -> Iterator[tuple[int, Iterator[str]]]:
    """The number of the latest event, 0 where there is none, and the lines of the store as of then.

    They can be read until the block ends, by when writers, whom it does not keep waiting, may have gone on.
    """
    with database.snapshot() as connection:
        last = connection.execute(sa.select(sa.func.max(EVENTS.c.seq))).scalar()
        yield int(last or 0), _lines(connection, database.revision)


def _lines(connection: sa.Connection, revision: str | None) -> Iterator[str]:
    """A line for the revision, then one for each row."""
    yield json.dumps({"revision": revision})
    for table in (TEXTS, EVENTS, AUDIT):  # what is referred to first
        rows = sa.select(table).order_by(*table.primary_key.columns)
        for row in connection.execution_options(yield_per=_BATCH).execute(rows).mappings():
            yield json.dumps({"table": table.name, "row": dict(row)}, sort_keys=True)


def load(url: str, dumped: Iterable[str]) -> int:
    """Fills an empty store, wholly or not at all, and brings it to this version's schema; the number of events.

    A store that holds exactly these rows is left as it is: an earlier call got that far. Raises PricingError where it
    holds others, or a newer version dumped it.
    """
    rows = iter(dumped)
    revision = _revision(next(rows, ""))
    database = Database(url, revision)
    try:
        with database.writing() as connection:
            tables = sa.MetaData()
            tables.reflect(connection, only=_NAMES)
            events = _fill(connection, tables, rows, database.shown)
    finally:
        database.close()
    Database(url).close()
    return events


def _revision(line: str) -> str:
    try:
        revision = str(json.loads(line)["revision"])
    except (ValueError, KeyError, TypeError) as fault:
        what = f"governance dump: its first line names no revision ({fault})"
        raise PricingError(what, "take another backup") from fault
    if revision not in known_revisions():
        raise PricingError(
            f"governance dump: its schema is revision {revision}, this version knows up to {known_revisions()[-1]}",
            "a newer version of pricing-assets wrote it: upgrade, then restore",
        )
    return revision


def _fill(connection: sa.Connection, tables: sa.MetaData, rows: Iterator[str], shown: str) -> int:
    held = {
        name: connection.execute(sa.select(sa.func.count()).select_from(tables.tables[name])).scalar()
        for name in _NAMES
    }
    if any(held.values()):
        return _compare(connection, tables, rows, shown)
    batch: list[dict[str, Any]] = []
    number, of = 0, ""
    for name, row in map(_parsed, rows):
        if batch and (name != of or len(batch) == _BATCH):
            connection.execute(tables.tables[of].insert(), batch)
            batch = []
        batch.append(row)
        of, number = name, number + (name == EVENTS.name)
    if batch:
        connection.execute(tables.tables[of].insert(), batch)
    if connection.dialect.name == "postgresql":
        for name in (EVENTS.name, AUDIT.name):  # rows that bring their numbers do not move what gives out new ones
            connection.execute(
                sa.text(
                    f"SELECT setval(pg_get_serial_sequence('{name}', 'seq'), max(seq)) FROM {name} HAVING max(seq) > 0"
                )
            )
    return number


def _compare(connection: sa.Connection, tables: sa.MetaData, rows: Iterator[str], shown: str) -> int:
    wanted: dict[str, list[Mapping[str, Any]]] = {name: [] for name in _NAMES}
    for name, row in map(_parsed, rows):
        wanted[name].append(row)
    for name, expected in wanted.items():
        table = tables.tables[name]
        found = connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings()
        if [dict(row) for row in found] != expected:
            held = connection.execute(sa.select(sa.func.count()).select_from(tables.tables[EVENTS.name])).scalar()
            raise _filled(shown, int(held or 0))
    return len(wanted[EVENTS.name])


def _parsed(line: str) -> tuple[str, dict[str, Any]]:
    said = json.loads(line)
    return said["table"], said["row"]


def _filled(shown: str, events: int) -> PricingError:
    return PricingError(
        f"governance store {shown}: is not empty, it holds {events:,} events",
        "name an empty database in PRICING_GOVERNANCE_URL, or none for SQLite under the home",
    )
