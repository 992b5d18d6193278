"""Prices a person answered between a day's run and its cut-off: they go into the price book of that day.

Here: which entries the answers since the run add, and their commit through a row of runs.days of their own. Not here:
sending them (publishing/), answers that later runs obey (reviews).

An approved or amended price is entered once, so that taking it back by a rollback stays. A price refused in the audit,
and one whose approval was withdrawn, is taken back by entering the current price again. After the cut-off nothing is
entered. Killed anywhere and called again, it ends in the same book.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import law as laws
from pricing_assets.pricing import reviews
from pricing_assets.pricing.entries import enter
from pricing_assets.pricing.law import Law
from pricing_assets.pricing.queue import strategies_of
from pricing_assets.tables import Table, money
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots

ANSWER = "RV-"
"""How the id of an answer begins."""
_KEY = ["sku", "market"]
_WANTED = [*_KEY, "price", "currency", "review_id", "decision_id"]
_UTC = pl.Datetime("us", "UTC")


def commit_answers(lake: Lake, day: date, given: pl.DataFrame, provenance: Provenance, now: datetime) -> pl.DataFrame:
    """Enters what people answered about a day since its run; returns the entries added, none where nothing is new.

    `given` are answers as of queue.answers; `now` is the moment the day is judged by. The caller holds the day.
    """
    new = waiting(lake, day, given, now)
    if new.height:
        enter(lake, day, new, provenance, now)
    return new


def waiting(lake: Lake, day: date, given: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The entries that answers would add to the book of a day; none once its prices took effect."""
    standing = manifests.standing(lake).filter(pl.col("date") == day).to_dicts()
    if not standing or standing[0]["status"] != "priced" or now >= standing[0]["effective_from"]:
        return PriceBook.create_empty()
    return entries(lake, standing[0], given, now)


def entries(lake: Lake, row: Mapping[str, Any], given: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The entries that answers about a day add to its book; `row` is the day's of runs.days."""
    day, effective = row["date"], row["effective_from"]
    decisions = _day(lake, PriceDecisions, day).filter(pl.col("basis") == row["basis"])
    decisions = decisions.with_columns(pl.col("action").cast(pl.String))
    book = _day(lake, PriceBook, day).filter(pl.col("effective_from") == effective).sort("entry_no")
    last = book.group_by(_KEY, maintain_order=True).last()
    mine = given.filter(pl.col("decided_on") == day)
    wanted = pl.concat([_answered(lake, day, decisions, mine, book), _taken_back(decisions, mine, last)])
    before = last.select(*_KEY, "entry_no", supersedes="decision_id", standing="price")
    changed = wanted.join(before, on=_KEY, how="left").filter(pl.col("price").ne_missing(pl.col("standing")))
    return PriceBook.cast(
        changed.select(
            pl.lit(day).alias("date"),
            *_KEY,
            pl.lit(effective).cast(_UTC).alias("effective_from"),
            (pl.col("entry_no").fill_null(0) + 1).alias("entry_no"),
            *("price", "currency", "decision_id", "review_id", "supersedes"),
            pl.lit(now).cast(_UTC).alias("recorded_at"),
        ).sort(_KEY)
    )


def _answered(lake: Lake, day: date, decisions: pl.DataFrame, given: pl.DataFrame, book: pl.DataFrame) -> pl.DataFrame:
    """Prices approved since the run and entered by no entry yet, but for those below a floor."""
    approved = given.filter(pl.col("price").is_not_null()).sort(reviews.RECORDED)
    approved = approved.unique(_KEY, keep="last", maintain_order=True)
    approved = approved.join(book.select("review_id"), on="review_id", how="anti")
    asked = decisions.filter(pl.col("action").is_in(["review", "publish"]))
    found = asked.join(approved.select(*_KEY, "currency", "price", "review_id"), on=[*_KEY, "currency"])
    return found.filter(broken_at(lake, day, found).is_null()).select(_WANTED)


def broken_at(lake: Lake, day: date, rows: pl.DataFrame) -> pl.Series:
    """Which floors prices lie below on a day, in words; `rows` have sku, market, currency, price and strategy_hash."""
    file = manifests.manifested(lake, FeatureSnapshots)[day]
    law = _law(lake, day)
    amounts = ["cost", "map_price", "list_price", "current_price", "competitor_min", "competitor_max"]
    amounts += [name for name in laws.READ if law and name not in amounts]
    seen = lake.read_files(FeatureSnapshots, [file], [*_KEY, *amounts])
    kept = rows.select(*_KEY, "currency", "price", "strategy_hash").with_row_index("at")
    frame = kept.join(seen, on=_KEY, how="left", maintain_order="left")
    frame = frame.with_columns(scale=money.scale(pl.col("currency")))
    frame = frame.with_columns(price=money.to_minor(pl.col("price"), pl.col("scale")))
    by_hash = strategies_of(lake, day)
    found = [pl.DataFrame(schema={"at": pl.UInt32, "broken": pl.String})]
    for (name,), part in frame.group_by("strategy_hash", maintain_order=True):
        strategy = by_hash.get(str(name))
        words = reviews.broken(part, strategy.constraints if strategy else None, law)
        found.append(part.select("at").with_columns(words.alias("broken")))
    return pl.concat(found).sort("at")["broken"]


def _law(lake: Lake, day: date) -> Law:
    """The law the day was decided under."""
    settings = manifests.standing(lake).filter(pl.col("date") == day)["settings"].item()
    law: Law = json.loads(settings).get("law", {})
    return law


def _taken_back(decisions: pl.DataFrame, given: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """What stands instead of an approval in the book that was withdrawn, and of a published price refused since.

    The entry is on the word of the answer it undoes, or obeys. Of other people's words (a rollback) none is touched.
    """
    withdrawn = last.filter(pl.col("review_id").str.starts_with(ANSWER)).join(given, on="review_id", how="anti")
    refusals = given.filter(pl.col("price").is_null()).select(*_KEY, "refused_price", "review_id")
    published = last.filter(pl.col("review_id").is_null()).drop("review_id")
    refused = published.join(refusals, left_on=[*_KEY, "price"], right_on=[*_KEY, "refused_price"])
    parts = [(withdrawn, False), (refused, True)]
    back = pl.concat([part.select(*_KEY, "review_id").with_columns(refused=pl.lit(by)) for part, by in parts])
    price = pl.when((pl.col("action") == "publish") & ~pl.col("refused")).then("final_price").otherwise("current_price")
    return decisions.join(back, on=_KEY).with_columns(price=price).select(_WANTED)


def _day(lake: Lake, table: type[Table], day: date) -> pl.DataFrame:
    file = manifests.manifested(lake, table).get(day)
    return lake.read_files(table, [file] if file else [])
