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
    union = pl.concat([known, added])
    earliest = max(source.end_of(last_day), found_at or source.end_of(last_day))
    return pl.concat([union, _corrections(table, union, received, earliest)]).sort(table.order())


def _corrections(table: type[Table], union: pl.DataFrame, received: pl.DataFrame, earliest: datetime) -> pl.DataFrame:
    """Per key the latest row received, where the latest of `union` says something else."""
    key = [name for name in table.primary_key() if name != KNOWN_AT]
    values = [name for name in table.column_names() if name not in table.primary_key()]
    said = received.sort(KNOWN_AT).unique(key, keep="last", maintain_order=True)
    stands = union.sort(KNOWN_AT).unique(key, keep="last", maintain_order=True)
    pairs = said.join(stands, on=key, how="inner", suffix="_known")
    differs = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_known")) for name in values)
    found = pl.max_horizontal(
        pl.lit(earliest, dtype=pl.Datetime("us", "UTC")),
        pl.col(f"{KNOWN_AT}_known") + timedelta(microseconds=1),
    )
    return pairs.filter(differs).with_columns(found.alias(KNOWN_AT)).select(table.column_names())
