"""What an acknowledgement means: whether a receiver took the price that was sent, and which it never was sent.

Here: answers against the outbox, as frames. Not here: reading acknowledgements (connectors), recording (passes).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import polars as pl

from pricing_assets.publishing.outbox import OUT

_PRICE = r"^\d{1,14}(\.\d{1,4})?$"
_WORST = {"mismatched": 0, "refused": 1, "acknowledged": 2}


class Judged(NamedTuple):
    """`verdicts`: rows of the outbox with what they now are (`now`) and why (`said`), where that is news.

    `strays`: sku, market, kind, price, currency, message of answers about nothing that was sent.
    """

    verdicts: pl.DataFrame
    strays: pl.DataFrame


def judge(latest: pl.DataFrame, answers: pl.DataFrame, markets: Collection[str], origin: str) -> Judged:
    """Answers (connectors.ANSWER) against the newest price sent of each SKU and market.

    An acknowledged price that is acknowledged again is no news. Where a price is answered more than once, the worst
    answer counts.
    """
    newest = latest.filter(pl.col("state").cast(pl.String).is_in(OUT)).sort("effective_from", "entry_no")
    newest = newest.unique(["sku", "market"], keep="last", maintain_order=True)
    told = answers.with_columns(
        told=pl.when(pl.col("price").str.contains(_PRICE)).then("price").cast(pl.Decimal(18, 4), strict=False),
        said_price="price",
        status=pl.col("status").str.to_lowercase(),
    ).drop("price")
    known = told.join(newest, on=["sku", "market"], how="inner")
    other = pl.col("told").is_null() | (pl.col("told") != pl.col("price"))
    strange = ~pl.col("status").is_in(["accepted", "rejected"])
    now = (
        pl.when(other | strange)
        .then(pl.lit("mismatched"))
        .when(pl.col("status") == "rejected")
        .then(pl.lit("refused"))
        .otherwise(pl.lit("acknowledged"))
    )
    sent = pl.col("price").cast(pl.String)
    said = (
        pl.when(other)
        .then(pl.format("{} says {}, sent was {}", pl.lit(origin), "said_price", sent))
        .when(strange)
        .then(pl.format("{} says {}, expected accepted or rejected", pl.lit(origin), "status"))
        .when(pl.col("status") == "rejected")
        .then(pl.format("{} rejects it: {}", pl.lit(origin), pl.col("reason").fill_null("no reason given")))
        .otherwise(pl.lit(origin))
    )
    judged = known.with_columns(now=now, said=said).sort(pl.col("now").replace_strict(_WORST), "said")
    judged = judged.unique(["sku", "market"], keep="first", maintain_order=True)
    state = pl.col("state").cast(pl.String)
    taken = (pl.col("now") == "acknowledged") & state.is_in(["acknowledged", "live"])
    repeated = (pl.col("now") == state) & pl.col("message").eq_missing(pl.col("said"))
    verdicts = judged.filter(~(taken | repeated)).sort("date", "sku", "market")
    return Judged(verdicts, _strays(told.join(newest, on=["sku", "market"], how="anti"), markets, origin))


def _strays(unknown: pl.DataFrame, markets: Collection[str], origin: str) -> pl.DataFrame:
    foreign = ~pl.col("market").is_in(list(markets))
    words = (
        pl.when(foreign)
        .then(pl.format("{} names market {}, which there is not", pl.lit(origin), "market"))
        .otherwise(pl.format("{} acknowledges {}, which was not sent lately", pl.lit(origin), "said_price"))
    )
    return unknown.select(
        "sku",
        "market",
        kind=pl.when(foreign).then(pl.lit("unknown_market")).otherwise(pl.lit("acknowledged_unsent")),
        other_price="told",
        message=words,
    ).sort(pl.all())
