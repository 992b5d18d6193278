"""Numbers in place of texts: SKU-markets counted, and a pair with a date as one whole number.

Here: giving rows of raw tables their numbers, and the rows of some pairs in their order. Not here: which rows (inputs),
what they come to (panels).

A day joins millions of rows, and a backfill the same ones each day. Comparing two texts and a date a row is most of
what that costs; rows in the order of one whole number are joined at a twentieth of it.
"""

from __future__ import annotations

import polars as pl

PAIR = ["sku", "market"]
NUMBER, CELL = "series", "cell"
"""A pair among some, counted from 0 in the order of `unique_id`; and that with a date."""
NUMBERED = ["date", NUMBER, CELL]
_DATES = 1 << 32
"""More than there are dates, so that one that cannot be meant, of the year 2205 say, is no date of another pair."""


def cell(day: str) -> pl.Expr:
    """The cell of rows with `series` and a date, as Int64; null of a pair without a number."""
    return (pl.col(NUMBER).cast(pl.Int64) * _DATES + pl.col(day).to_physical()).alias(CELL)


def numbered(rows: pl.DataFrame, pairs: pl.DataFrame, day: str = "date") -> pl.DataFrame:
    """The rows with the number of their pair among `pairs` (sku, market, series), and their cell.

    Both are null of other pairs.
    """
    found = rows.join(pairs.select(*PAIR, NUMBER), on=PAIR, how="left", maintain_order="left")
    return found.with_columns(cell(day))


def of_pairs(pairs: pl.DataFrame, rows: pl.DataFrame, *columns: str, day: str = "date") -> pl.DataFrame:
    """The rows of the pairs alone, by cell: series, cell, the date named `day` and some columns.

    Rows that are numbered have the numbers of `pairs`.
    """
    if CELL not in rows.columns:
        rows = numbered(rows.select(*PAIR, day, *columns), pairs, day)
    mine = rows.select(NUMBER, CELL, day, *columns).filter(pl.col(NUMBER).is_in(pairs[NUMBER].implode()))
    return mine.sort(CELL, maintain_order=True)
