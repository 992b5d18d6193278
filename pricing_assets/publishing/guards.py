"""What may not go out after all: each price stopped at the cut-off, with the sentence that says why.

Here: the guards between the price book and the connectors. Not here: recording what they say (passes).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import polars as pl

from pricing_assets.pricing import cutoff
from pricing_assets.publishing import facts
from pricing_assets.publishing.facts import Standing

ROLLBACK = "RB-"
"""How the review of an entry begins that returns to a former price: it was judged when it was made."""


def stopped(
    standing: Standing, due: pl.DataFrame, markets: Collection[str], last: date, as_of: datetime
) -> pl.DataFrame:
    """The rows of `due`, entries of the price book, that must not go out, with `why`.

    A price goes out only as its decision says, or a person's word on it; never from a late day; and only while the law
    of its market and the hard constraints of its strategy hold against the newest costs known at `as_of`, of days up to
    `last`.
    """
    if not due.height:
        return due.with_columns(why=pl.lit(None, dtype=pl.String))
    days = due["date"].unique().sort().to_list()
    rows = due.join(facts.decisions(standing, days), on=["date", "decision_id"], how="left", maintain_order="left")
    costs = facts.newest_costs(standing.lake, days[0], last, as_of)
    rows = rows.join(costs, on=["sku", "market"], how="left", maintain_order="left")
    rows = rows.join(facts.newest_map(standing.lake, days[0], last), on="sku", how="left", maintain_order="left")
    rows = rows.with_columns(cost=pl.coalesce("cost", "decided_cost"))
    broken = cutoff.broken(rows, facts.recorded_strategies(standing, days), facts.law(standing, days))
    by_person = pl.col("review_id").is_not_null()
    returned = pl.col("review_id").str.starts_with(ROLLBACK).fill_null(False)
    action = pl.col("action")
    reasons: list[tuple[pl.Expr, pl.Expr | pl.Series]] = [
        (~pl.col("market").is_in(list(markets)), pl.format("no connector: market {} is not in source.yaml", "market")),
        (action.is_null(), pl.lit("its decision is not in force: a price goes out only as it was decided")),
        ((action == "recommend") & ~by_person, pl.lit("its day was late: a late day only recommends")),
        ((action == "review") & ~by_person, pl.lit("it waits for a review")),
        (
            (pl.col("price") != pl.col("final_price")) & ~by_person,
            pl.format("the price book says {}, its decision {}", "price", "final_price"),
        ),
        (
            pl.col("currency") != pl.col("cost_currency"),
            pl.format("the shop now prices it in {}, not in {}", "cost_currency", "currency"),
        ),
        (broken.is_not_null() & ~returned, broken),
    ]
    said = [pl.when(stops).then(words) for stops, words in reasons]
    return rows.with_columns(why=pl.coalesce(*said)).filter(pl.col("why").is_not_null()).select(*due.columns, "why")
