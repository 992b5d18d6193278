"""The price book: what goes out, append-only.

Here: which entries a day's decisions add to the entries already there. Not here: sending them anywhere (publishing/).
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from pricing_assets.lake.hashing import canonical
from pricing_assets.tables.decisions import PriceBook

READ = ("date", "sku", "market", "action", "final_price", "currency", "decision_id")
"""The columns of a decision that the book looks at."""

_APPROVED = {"date": pl.Date, "sku": pl.String, "market": pl.String, "review_id": pl.String}
_KEY = ["date", "sku", "market", "effective_from"]


def book(
    decisions: pl.DataFrame,
    days: pl.DataFrame,
    known: pl.DataFrame,
    recorded_at: datetime,
    approved: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """All entries of the days: those known, and those the standing decisions add.

    `decisions` are the standing rows of decisions.price_decisions; `days` has date, effective_from and late; `known`
    are the entries of these days so far; `approved` has date, sku, market and review_id of what a person approved. A
    late day adds nothing: it only recommends. A published decision adds an entry unless its decision and price already
    stand there, or a person's word on that decision does: an approval, an amended price, a rollback. A decision to keep
    the current price adds none, except where it takes back a price already in the book: then the current price is
    entered again.
    """
    answers = pl.DataFrame(schema=_APPROVED) if approved is None else approved
    standing = known.sort("entry_no").group_by(_KEY, maintain_order=True).last()
    wanted = (
        decisions.select(READ)
        .join(
            days.filter(~pl.col("late")).select("date", "effective_from"), on="date", how="inner", maintain_order="left"
        )
        .join(
            standing.select(*_KEY, "entry_no", by="review_id", before="decision_id", standing_price="price"),
            on=_KEY,
            how="left",
            maintain_order="left",
        )
        .join(answers, on=["date", "sku", "market"], how="left", maintain_order="left")
    )
    publishes = pl.col("action") == "publish"
    takes_back = (
        (pl.col("action") == "hold")
        & pl.col("before").is_not_null()
        & (pl.col("standing_price") != pl.col("final_price"))
    )
    differs = pl.col("decision_id").ne_missing(pl.col("before")) | (
        (pl.col("standing_price") != pl.col("final_price")) & pl.col("by").is_null()
    )
    new = wanted.filter((publishes | takes_back) & differs.fill_null(True)).select(
        *_KEY,
        (pl.col("entry_no").fill_null(0) + 1).alias("entry_no"),
        pl.col("final_price").alias("price"),
        "currency",
        "decision_id",
        "review_id",
        pl.col("before").alias("supersedes"),
        pl.lit(recorded_at).cast(pl.Datetime("us", "UTC")).alias("recorded_at"),
    )
    return canonical(PriceBook.cast(pl.concat([known, PriceBook.cast(new)])), PriceBook)
