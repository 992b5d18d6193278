"""Prices a person answered between a day's run and its cut-off: they go into the price book of that day.

Here: which entries the answers since the run add, and their commit through a row of runs.days of their own. Not here:
sending them (publishing/), answers that later runs obey (reviews).

An approved or amended price is entered once, so that taking it back by a rollback stays. A price refused in the audit,
and one whose approval was withdrawn, is taken back by entering the current price again. After the cut-off nothing is
entered. Killed anywhere and called again, it ends in the same book.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.lake.hashing import canonical
from pricing_assets.pricing import manifest, reviews
from pricing_assets.pricing.queue import strategies_of
from pricing_assets.tables import Table, money
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.runs import Days

_KEY = ["sku", "market"]


def commit_answers(lake: Lake, day: date, given: pl.DataFrame, provenance: Provenance, now: datetime) -> pl.DataFrame:
    """Enters what people answered about a day since its run; returns the entries added, none where nothing is new.

    `given` are answers as of queue.answers; `now` is the moment the day is judged by. The caller holds the day.
    """
    standing = manifests.standing(lake).filter(pl.col("date") == day).to_dicts()
    if not standing or standing[0]["status"] != "priced" or now >= standing[0]["effective_from"]:
        return PriceBook.create_empty()
    [row] = standing
    known = _day(lake, PriceBook, day)
    new = entries(lake, row, given, known, now)
    if new.height:
        book = canonical(PriceBook.cast(pl.concat([known, new])), PriceBook)
        lake.commit(PriceBook, book, [day], provenance)
        manifests.commit_days(lake, _row(lake, row, provenance, now), provenance)
    return new


def entries(lake: Lake, row: dict[str, Any], given: pl.DataFrame, known: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """The entries that answers about a day add to those `known`; `row` is the day's of runs.days."""
    day, effective = row["date"], row["effective_from"]
    decisions = _day(lake, PriceDecisions, day).filter(pl.col("basis") == row["basis"])
    decisions = decisions.with_columns(pl.col("action").cast(pl.String))
    book = known.filter(pl.col("effective_from") == effective).sort("entry_no")
    last = book.group_by(_KEY, maintain_order=True).last()
    wanted = pl.concat([_answered(lake, day, decisions, given, book), _taken_back(decisions, given, last)])
    wanted = wanted.join(
        last.select(*_KEY, "entry_no", before="decision_id", standing="price"), on=_KEY, how="left"
    ).filter(pl.col("price").ne_missing(pl.col("standing")) | pl.col("review_id").is_not_null())
    return PriceBook.cast(
        wanted.select(
            pl.lit(day).alias("date"),
            *_KEY,
            pl.lit(effective).cast(pl.Datetime("us", "UTC")).alias("effective_from"),
            (pl.col("entry_no").fill_null(0) + 1).alias("entry_no"),
            *("price", "currency", "decision_id", "review_id"),
            pl.col("before").alias("supersedes"),
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("recorded_at"),
        ).sort(_KEY)
    )


def _answered(lake: Lake, day: date, decisions: pl.DataFrame, given: pl.DataFrame, book: pl.DataFrame) -> pl.DataFrame:
    """Prices approved since the run and entered by no entry yet, but for those below a floor."""
    approved = given.filter((pl.col("decided_on") == day) & pl.col("price").is_not_null())
    approved = approved.sort("answered_at", "review_id").unique(_KEY, keep="last", maintain_order=True)
    approved = approved.join(book.select("review_id"), on="review_id", how="anti")
    asked = decisions.filter(pl.col("action").is_in(["review", "publish"])).drop("decision_id")
    found = asked.join(
        approved.select(*_KEY, "currency", "price", "review_id", "decision_id"), on=[*_KEY, "currency"], how="inner"
    )
    found = decisions.select(*_KEY, standing_id="decision_id").join(found, on=_KEY, how="inner")
    admissible = broken_at(lake, day, found).is_null()
    return found.filter(admissible).select(*_KEY, "price", "currency", "review_id", decision_id="standing_id")


def broken_at(lake: Lake, day: date, rows: pl.DataFrame) -> pl.Series:
    """Which floors prices lie below on a day, in words; `rows` have sku, market, currency, price and strategy_hash."""
    file = manifests.manifested(lake, FeatureSnapshots)[day]
    amounts = ["cost", "map_price", "list_price", "current_price", "competitor_min", "competitor_max"]
    seen = lake.read_files(FeatureSnapshots, [file], [*_KEY, *amounts])
    kept = rows.select(*_KEY, "currency", "price", "strategy_hash").with_row_index("at")
    frame = kept.join(seen, on=_KEY, how="left", maintain_order="left")
    frame = frame.with_columns(scale=money.scale(pl.col("currency")))
    frame = frame.with_columns(price=money.to_minor(pl.col("price"), pl.col("scale")))
    by_hash = strategies_of(lake, day)
    found = [pl.DataFrame(schema={"at": pl.UInt32, "broken": pl.String})]
    for (name,), part in frame.group_by("strategy_hash", maintain_order=True):
        strategy = by_hash.get(str(name))
        words = reviews.broken(part, strategy.constraints if strategy else None)
        found.append(part.select("at").with_columns(words.alias("broken")))
    return pl.concat(found).sort("at")["broken"]


def _taken_back(decisions: pl.DataFrame, given: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """What stands instead of an approval in the book that was withdrawn, and of a published price refused since."""
    withdrawn = last.filter(pl.col("review_id").is_not_null()).join(given, on="review_id", how="anti")
    of_day = given.filter(pl.col("price").is_null() & pl.col("decided_on").is_in(last["date"].implode()))
    refused = last.filter(pl.col("review_id").is_null()).join(
        of_day.select(*_KEY, "refused_price"), left_on=[*_KEY, "price"], right_on=[*_KEY, "refused_price"], how="semi"
    )
    back = pl.concat(
        [part.select(_KEY).with_columns(refused=pl.lit(no)) for part, no in ((withdrawn, False), (refused, True))]
    )
    price = pl.when((pl.col("action") == "publish") & ~pl.col("refused")).then("final_price").otherwise("current_price")
    return decisions.join(back, on=_KEY, how="inner").select(
        *_KEY, price.alias("price"), "currency", pl.lit(None, dtype=pl.String).alias("review_id"), "decision_id"
    )


def _day(lake: Lake, table: type[Table], day: date) -> pl.DataFrame:
    file = manifests.manifested(lake, table).get(day)
    return lake.read_files(table, [file] if file else [])


def _row(lake: Lake, row: dict[str, Any], provenance: Provenance, now: datetime) -> pl.DataFrame:
    """The day's row as it stands, with the new price book in force; all else about the day stays."""
    file = vars(lake.partitions(PriceBook)[row["date"]])
    others = [each for each in row["tables"] if (each["table"], each["partition"]) != (file["table"], row["date"])]
    made = row | manifest.provenance_columns(provenance, row["as_of"], now) | {"tables": [*others, file]}
    schema = {name: kind for name, kind in Days.create_empty().schema.items() if name != "sequence"}
    return pl.DataFrame([{name: made[name] for name in schema}], schema=schema)
