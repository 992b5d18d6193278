"""Receiving: the rows of a window, each either accepted or in quarantine with the rule it broke.

Here: the way of a row from the SELECT to one of the two frames, and the counts. Not here: the rules (contracts), the
reading (reading), the verdict on a whole day (judging).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import polars as pl

from pricing_assets.sources import coercion
from pricing_assets.sources.contracts import (
    OWN_REASON,
    REASON,
    RULE,
    Rule,
    Shape,
    duplicates,
    filled,
    first_broken,
    row_rules,
    sentence_of,
    shape_of,
)
from pricing_assets.sources.lines import summed
from pricing_assets.sources.source import Source
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

if TYPE_CHECKING:
    from pricing_assets.sources.reading import Days, Opener, Reader

ROW = "__row"
BELONGS = "__belongs"
ROWS_AT_ONCE = 500_000
UNDATED, FUTURE = "no usable date", "dated in the future"


@dataclass(frozen=True)
class Received:
    """What came in of one table.

    `accepted` has the table's columns and the days of the window only. `quarantined` has the columns of raw.quarantine
    but `run_id`; `counts` has date, received, accepted, quarantined (Int64, in rows as the SELECT yields them, so in
    lines for sales). Strays, the rows without a usable date or dated in the future, belong to the source's first day:
    `undated` is how many there are, and where that day lies outside the window `quarantined` and `counts` hold of it
    the strays alone. `total` is how many rows the SELECT yields in all, whatever the window; where rows were read and
    all have a usable date, no verdict needs it and it is the rows read.
    """

    table: type[Table]
    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    counts: pl.DataFrame
    undated: int = 0
    total: int = 0


def receive(
    source: Source, table: type[Table], first: date, last: date, as_of_day: date, *, opener: Opener | None = None
) -> Received:
    """Read a table's rows dated in [first, last] and hold each against its contract.

    Rows without a usable date, and those dated after the last day a row may have (the source's last day if it is
    historical, else `as_of_day`), are received with every window. A table without a SQL file yields nothing.
    `opener` is that of a reading of several tables at one moment. Raises PricingError, naming file and column, where
    the SQL, its columns, the database or a file it reads is at fault.
    """
    first = max(first, source.first_day)
    if table not in source.tables or first > last:
        return nothing(table)
    from pricing_assets.sources.reading import Days, at_one_moment

    if opener is None:
        return at_one_moment(source, lambda opened: receive(source, table, first, last, as_of_day, opener=opened))
    latest = source.last_admissible(as_of_day)
    reader = opener(first, last, latest)
    shape = shape_of(table, reader.columns(table), source)
    days = Days(shape.day, first, last, latest)
    received = _sort_out(source, shape, _read(reader, shape, days, source.first_day), days)
    total = int(received.counts["received"].sum())
    if received.undated or not total:
        everything = opener(source.first_day, latest, latest)  # a SELECT may restrict itself to a window
        total, _, _ = everything.span(table, shape.day)
    return replace(received, total=total)


def is_stray() -> pl.Expr:
    """Whether a row of raw.quarantine has no usable date, or one in the future, by its column `rule`."""
    return pl.any_horizontal(pl.col("rule").str.starts_with(mark) for mark in (UNDATED, FUTURE))


def numbered(quarantined: pl.DataFrame) -> pl.DataFrame:
    """Rows of raw.quarantine of one table with their column `row`: counted per day in the order of their records."""
    number = (pl.int_range(pl.len()).over("received_on") + 1).cast(pl.Int64)
    return quarantined.sort("received_on", "record", "rule").with_columns(number.alias("row"))


def _read(reader: Reader, shape: Shape, days: Days, first_day: date) -> pl.DataFrame:
    """Rows as received, numbered, with the day they belong to; RULE says which are strays."""
    from pricing_assets.sources.reading import DAY

    frame = reader.read(shape.table, shape.temporal, days)
    undated, future = pl.col(DAY).is_null(), pl.col(DAY) > days.admissible
    day = pl.col(shape.day)
    rule = (
        pl.when(undated)
        .then(sentence_of(f"{UNDATED}: {shape.day}", day, "a day as YYYY-MM-DD"))
        .when(future)
        .then(sentence_of(f"{FUTURE}: {shape.day}", day, f"no day after {days.admissible}"))
    )
    belongs = pl.when(undated | future).then(first_day).otherwise(pl.col(DAY))
    return frame.with_columns(rule.alias(RULE), belongs.alias(BELONGS)).with_row_index(ROW)


def _sort_out(source: Source, shape: Shape, frame: pl.DataFrame, days: Days) -> Received:
    """Each row accepted or in quarantine; some days after the others, for a row is there often while it is judged."""
    parts = [_judged(source, shape, part) for part in _by_days(frame)]
    accepted, quarantined = (pl.concat(each) for each in zip(*parts, strict=True))
    quarantined = numbered(quarantined).select(_quarantine_columns())
    counts = _counts(frame, accepted, quarantined, days)
    undated = int(frame[RULE].is_not_null().sum())
    return Received(shape.table, summed(accepted) if shape.lines else accepted, quarantined, counts, undated)


def _by_days(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Whole days, as many together as have ROWS_AT_ONCE rows; no rule of a row looks beyond its day."""
    if frame.height <= ROWS_AT_ONCE:
        yield frame
        return
    sizes = frame.group_by(BELONGS).len().sort(BELONGS)
    number = (sizes["len"].cum_sum() - 1) // ROWS_AT_ONCE
    for chosen in sizes.with_columns(number.alias("part")).partition_by("part", maintain_order=True):
        yield frame.filter(pl.col(BELONGS).is_in(chosen[BELONGS].implode()))


def _judged(source: Source, shape: Shape, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows accepted, in the contract's columns, and raw.quarantine without `run_id`, not yet numbered."""
    dated = frame.filter(pl.col(RULE).is_null())
    typed = _typed(dated, shape, source)
    unique = duplicates(typed.filter(pl.col(RULE).is_null()).drop(RULE), shape.contract)
    accepted = unique.filter(pl.col(RULE).is_null())
    broken = [part.filter(pl.col(RULE).is_not_null()).select(ROW, RULE) for part in (frame, typed, unique)]
    quarantined = _quarantined(frame.drop(RULE).join(pl.concat(broken), on=ROW, how="inner"), shape)
    return accepted.select(shape.contract.column_names()), quarantined


def _typed(frame: pl.DataFrame, shape: Shape, source: Source) -> pl.DataFrame:
    """ROW, the contract's columns and RULE: the first rule each row breaks by itself."""
    from pricing_assets.sources.reading import TEMPORAL

    rules, values = [], []
    if REASON in shape.types:
        reason = pl.col(REASON).cast(pl.String).str.strip_chars()
        rules.append(Rule(reason.fill_null("") != "", pl.format("{}: {}", pl.lit(OWN_REASON), reason)))
    for name, column in shape.given.items():
        have = frame.schema[name]
        if name == shape.day:
            values.append(pl.col(BELONGS).alias(name))
            continue
        as_read = pl.col(TEMPORAL + name) if name in shape.temporal else None
        value = as_read.cast(column.dtype) if as_read is not None else coercion.converted(name, have, column)
        broken = coercion.given(name, have) & value.is_null()
        rules.append(Rule(broken, sentence_of(name, pl.col(name), coercion.expected(column))))
        values.append(value.alias(name))
    converted = first_broken(frame, rules).select(ROW, RULE, *values)
    failed = converted.filter(pl.col(RULE).is_not_null()).select(ROW, RULE)
    kept = filled(converted.filter(pl.col(RULE).is_null()).drop(RULE), shape.contract, source)
    held = first_broken(kept, row_rules(shape.contract, source))
    return pl.concat([held.select(ROW, RULE, *shape.contract.column_names()), failed], how="diagonal")


def _quarantined(rows: pl.DataFrame, shape: Shape) -> pl.DataFrame:
    """raw.quarantine without `run_id` and `row`."""
    names = list(shape.types)
    plain = rows.select(
        pl.col(name).cast(pl.String) if rows.schema[name].is_decimal() or rows.schema[name].is_temporal() else name
        for name in names
    )
    records = [
        json.dumps({k: _plain(v) for k, v in row.items()}, ensure_ascii=False) for row in plain.iter_rows(named=True)
    ]
    return rows.select(
        pl.col(BELONGS).alias("received_on"),
        pl.lit(shape.table.table_name()).alias("table"),
        pl.Series("record", records, dtype=pl.String),
        pl.col(RULE).alias("rule"),
    )


def _plain(value: object) -> object:
    """A value JSON can hold: NaN and infinities as text, whatever else it does not know as text."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    return value if value is None or isinstance(value, (str, int, float, bool)) else str(value)


def _counts(frame: pl.DataFrame, accepted: pl.DataFrame, quarantined: pl.DataFrame, days: Days) -> pl.DataFrame:
    """Counted in three places independently, so that the balance is a proof and not an identity."""
    every = pl.date_range(days.first, days.last, eager=True).append(frame[BELONGS])
    counts = pl.DataFrame({"date": every.unique().sort()})
    parts = {"received": frame[BELONGS], "accepted": accepted[days.column], "quarantined": quarantined["received_on"]}
    for name, column in parts.items():
        counted = column.alias("date").to_frame().group_by("date").agg(pl.len().cast(pl.Int64).alias(name))
        counts = counts.join(counted, on="date", how="left")
    return counts.with_columns(pl.col(*parts).fill_null(0)).sort("date")


def _quarantine_columns() -> list[str]:
    return [name for name in raw.Quarantine.column_names() if name != "run_id"]


def nothing(table: type[Table]) -> Received:
    """What came in of a table that yields no row."""
    counts = {"date": pl.Date, "received": pl.Int64, "accepted": pl.Int64, "quarantined": pl.Int64}
    quarantined = raw.Quarantine.create_empty().select(_quarantine_columns())
    return Received(table, table.create_empty(), quarantined, pl.DataFrame(schema=counts))
