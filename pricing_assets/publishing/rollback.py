"""Rollback: the prices of a scope back to what they were before a day's decisions, as new entries of the price book.

Here: which entries return to which price, and what stands in the way. Not here: who may ask and the audit
(governance/), sending the entries (passes).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.pricing import cutoff, enter
from pricing_assets.publishing import facts
from pricing_assets.publishing.facts import Standing
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.features import FeatureSnapshots

_MOMENT = ["sku", "market", "effective_from"]


class Return(NamedTuple):
    """The way back. `entries`: those standing that would return, with `former`, the price they return to; `broken`:
    those whose former price breaks a hard constraint by now, with `why`; `overtaken`: how many a newer price replaced.
    """

    entries: pl.DataFrame
    broken: pl.DataFrame
    overtaken: int


def former_prices(
    lake: Lake, day: date, scope: Mapping[str, str], undone: str | None, *, last: date, as_of: datetime
) -> Return:
    """What a rollback of a day's prices would do.

    `scope` names sku, category, market or nothing, which is everything. Where `undone` names a rollback, its entries
    return to what it replaced. The former price is the one that was charged when the day was decided. Prices are
    judged by what is known at `as_of` of days up to `last`; days after `last` do not count.
    """
    stands = Standing.of(lake)
    book = stands.rows(PriceBook, [day])
    standing = book.sort("entry_no").unique(_MOMENT, keep="last", maintain_order=True)
    if undone:
        mine = standing.filter(review_id=undone)
        before = book.select(*_MOMENT, pl.col("entry_no") + 1, former="price")
        rows = mine.join(before, on=[*_MOMENT, "entry_no"], how="left", maintain_order="left")
    else:
        charged = facts.decisions(stands, [day]).select("decision_id", former="current_price")
        rows = standing.join(charged, on="decision_id", how="left", maintain_order="left")
    rows = _covered(stands, rows, day, scope).filter(pl.col("former") != pl.col("price"))
    newer = [other for other in stands.days(PriceBook) if day < other <= last]
    replaced = stands.rows(PriceBook, newer).select("sku", "market").unique()
    left = rows.join(replaced, on=["sku", "market"], how="anti", maintain_order="left")
    judged = _judged(stands, left, last, as_of)
    broken = judged.filter(pl.col("why").is_not_null())
    return Return(judged.filter(pl.col("why").is_null()).drop("why"), broken, rows.height - left.height)


def _covered(stands: Standing, rows: pl.DataFrame, day: date, scope: Mapping[str, str]) -> pl.DataFrame:
    """The rows a scope is about."""
    snapshot = stands.rows(FeatureSnapshots, [day], ["sku", "market", "category"])
    named = rows.join(snapshot, on=["sku", "market"], how="left", maintain_order="left")
    return (named.filter(**scope) if scope else named).drop("category")


def _judged(stands: Standing, rows: pl.DataFrame, last: date, as_of: datetime) -> pl.DataFrame:
    """The rows with `why` the former price may not be charged again; null where it may."""
    if not rows.height:
        return rows.with_columns(why=pl.lit(None, dtype=pl.String))
    days = rows["date"].unique().sort().to_list()
    decided = facts.decisions(stands, days).select("decision_id", "decided_cost", "strategy_hash")
    costs = facts.newest_costs(stands.lake, days[0], last, as_of)
    known = rows.join(decided, on="decision_id", how="left", maintain_order="left")
    known = known.join(costs, on=["sku", "market"], how="left", maintain_order="left")
    known = known.join(facts.newest_map(stands.lake, days[0], last), on="sku", how="left", maintain_order="left")
    known = known.with_columns(price="former", cost=pl.coalesce("cost", "decided_cost"))
    return rows.with_columns(cutoff.broken(known, facts.recorded_strategies(stands, days), facts.law(stands, days)))


def return_prices(
    lake: Lake, day: date, entries: pl.DataFrame, review_id: str, *, provenance: Provenance, now: datetime
) -> bool:
    """Enters the former prices under the id of the rollback. The caller has claimed the day."""
    new = entries.with_columns(
        pl.col("entry_no") + 1,
        price="former",
        supersedes="decision_id",
        review_id=pl.lit(review_id),
        recorded_at=pl.lit(now).cast(pl.Datetime("us", "UTC")),
    )
    return enter(lake, day, new.select(PriceBook.columns().keys()), provenance, now)
