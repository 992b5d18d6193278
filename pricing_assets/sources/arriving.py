"""Arriving: what is newly read joins what is already known; nothing once known is lost.

Here: the append-only union of tables with `known_at`. Not here: reading rows, storing them.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets.sources.source import Source
from pricing_assets.tables.base import Table

KNOWN_AT = "known_at"


def arrive(
    table: type[Table],
    known: pl.DataFrame,
    received: pl.DataFrame,
    source: Source,
    last_day: date,
    *,
    found_at: datetime | None = None,
) -> pl.DataFrame:
    """The rows of a window after a reading: `known` (from the lake) and `received` (accepted now), both the table's.

    Tables without `known_at` are snapshots: the reading replaces them. In the others every known row stays, and a row
    of a new (key, known_at) joins as it is. Where the latest row now read of a key bears a `known_at` already known
    but its values differ from the latest known, the source corrected it in place: the row joins with the end of
    `last_day` (last day of the run) as `known_at`, or one microsecond after the latest known if that is later. A row
    that vanished from the source stays known. `found_at`, where given, is the earliest a correction may
    count as known: a day whose prices are out must not seem to have known what was mended since. Reading the same rows
    again returns `known` unchanged.
    """
    columns = table.column_names()
    received = received.select(columns)
    if KNOWN_AT not in columns:
        return received.sort(table.order())
    known = known.select(columns)
    if known.is_empty():
        return received.sort(table.order())
    identity = table.primary_key()
    added = received.join(known.select(identity), on=identity, how="anti")
    union = pl.concat([known, added]).sort(table.order())
    doubtful = _doubtful(table, union, known, received)
    if doubtful.is_empty():
        return union
    earliest = max(source.end_of(last_day), found_at or source.end_of(last_day))
    several, read = (rows.join(doubtful, on=doubtful.columns, how="semi") for rows in (union, received))
    return pl.concat([union, _corrections(table, several, read, earliest)]).sort(table.order())


def _doubtful(table: type[Table], union: pl.DataFrame, known: pl.DataFrame, received: pl.DataFrame) -> pl.DataFrame:
    """Keys that may need a correction: of several rows, or of one known row that was read with other values.

    `union` is in the table's order, in which the rows of a key follow one another. Few keys of a day are doubtful, and
    only theirs are looked at closely.
    """
    key = [name for name in table.order() if name != KNOWN_AT]
    again = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in key)
    both = received.join(known, on=table.primary_key(), how="inner", suffix="_known")
    return pl.concat([union.filter(again).select(key), both.filter(_differs(table)).select(key)]).unique()


def _differs(table: type[Table]) -> pl.Expr:
    """Whether a row and the one known beside it say something else of the same key."""
    values = [name for name in table.column_names() if name not in table.primary_key()]
    return pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in values)


def _corrections(table: type[Table], union: pl.DataFrame, received: pl.DataFrame, earliest: datetime) -> pl.DataFrame:
    """Per key the latest row received, where the latest of `union` says something else."""
    key = [name for name in table.primary_key() if name != KNOWN_AT]
    said = received.sort(KNOWN_AT).unique(key, keep="last", maintain_order=True)
    stands = union.sort(KNOWN_AT).unique(key, keep="last", maintain_order=True)
    pairs = said.join(stands, on=key, how="inner", suffix="_known")
    found = pl.max_horizontal(
        pl.lit(earliest, dtype=pl.Datetime("us", "UTC")),
        pl.col(f"{KNOWN_AT}_known") + timedelta(microseconds=1),
    )
    return pairs.filter(_differs(table)).with_columns(found.alias(KNOWN_AT)).select(table.column_names())
