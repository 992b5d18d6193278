"""Where prices stand: how many in which state, and what is not as it should be.

Here: counts and lists for people. Not here: printing them (shell/), when they are a fault (watch/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.publishing.facts import Standing
from pricing_assets.publishing.outbox import KEY, OPEN, latest
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import CHARGED_MISMATCHES, Publications, Reconciliations
from pricing_assets.tables.raw import Prices

WRONG = ["mismatched", "refused", "stopped", "failed", "expired"]
"""States that need a person to look."""

APPROVED = "approved"
"""An entry of the price book about which nothing was done yet."""

UNSENT = [APPROVED, *OPEN]


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


def last_prices(lake: Lake, days: Sequence[date], now: datetime) -> pl.DataFrame:
    """date, sku, market, begun, effective_from, state: of each SKU-market the last price of the days that has `begun`,
    and the last of those to come.

    A price that takes effect later has begun once something was done about it; until then customers pay the one before.
    """
    begun = (pl.col("effective_from") <= now) | ~pl.col("state").is_in(UNSENT)
    rows = _prices(lake, days).with_columns(begun=begun).sort("effective_from", "entry_no")
    last = rows.unique(["sku", "market", "begun"], keep="last", maintain_order=True)
    names = ["date", "sku", "market", "begun", "effective_from", "state"]
    return last.select(names).sort("market", "sku", "begun")


def charged_otherwise(lake: Lake, days: Sequence[date]) -> dict[str, int]:
    """Kind of mismatch → how many prices, of the last of the days that prices were received of."""
    received = [day for day in lake.partitions(Prices) if day in set(days)]
    rows = lake.read(Reconciliations, max(received), max(received)) if received else Reconciliations.create_empty()
    kinds = rows.select(pl.col("kind").cast(pl.String)).filter(pl.col("kind").is_in(CHARGED_MISMATCHES))
    return dict(kinds.group_by("kind").len().sort("kind").iter_rows())


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
