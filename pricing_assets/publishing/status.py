"""Where prices stand: how many in which state, and what is not as it should be.

Here: counts and lists for people. Not here: printing them (shell/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.publishing.facts import Standing
from pricing_assets.publishing.outbox import KEY, latest
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications, Reconciliations

WRONG = ["mismatched", "refused", "stopped", "failed", "expired"]
"""States that need a person to look."""

APPROVED = "approved"
"""An entry of the price book about which nothing was done yet."""


def _prices(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """Every entry of the price book of the days, with the state it is in."""
    book = Standing.of(lake).rows(PriceBook, days).select(*KEY, "price", "currency")
    files = [file for file in lake.files(Publications) if file.partition in set(days)]
    states = latest(lake.read_files(Publications, files))
    rows = book.join(states.select(*KEY, "state", "connector", "message"), on=KEY, how="left", maintain_order="left")
    return rows.with_columns(pl.col("state").cast(pl.String).fill_null(APPROVED))


def states(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """effective_from, market, state, prices of the entries of the days."""
    counts = _prices(lake, days).group_by("effective_from", "market", "state").len("prices")
    return counts.with_columns(pl.col("prices").cast(pl.Int64)).sort("effective_from", "market", "state")


def mismatched(lake: Lake, days: Sequence[date], charged: Sequence[date]) -> pl.DataFrame:
    """What is not as it should be: prices of the days in a state that needs a person, mismatches of `charged` days.

    day, sku, market, what, sent, other, message; the newest first.
    """
    wrong = _prices(lake, days).filter(pl.col("state").is_in(WRONG))
    ours = wrong.select(
        pl.col("effective_from").dt.date().alias("day"),
        "sku",
        "market",
        pl.col("state").alias("what"),
        pl.col("price").alias("sent"),
        pl.lit(None, dtype=pl.Decimal(18, 4)).alias("other"),
        "message",
    )
    rows = lake.read(Reconciliations, min(charged), max(charged)) if charged else Reconciliations.create_empty()
    theirs = rows.select(
        pl.col("date").alias("day"),
        "sku",
        "market",
        pl.col("kind").cast(pl.String).alias("what"),
        pl.col("sent_price").alias("sent"),
        pl.col("other_price").alias("other"),
        "message",
    )
    return pl.concat([ours, theirs]).sort("day", "market", "sku", "what", descending=[True, False, False, False])
