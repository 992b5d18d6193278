"""Reconciliation: the price sent and in force on a day against the price really charged that day.

Here: the comparison, and keeping what it finds. Not here: sending (passes), acknowledgements (judging).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.publishing.outbox import IN_FORCE, latest
from pricing_assets.tables.publishing import CHARGED_MISMATCHES, Publications, Reconciliations
from pricing_assets.tables.raw import Prices, Promotions

LOOKBACK = 7
"""Days a price sent is followed up: after that, only a change that we did not send is one."""

_PAIR = ["sku", "market"]


def reconcile(lake: Lake, days: Sequence[date], ends: Sequence[datetime], provenance: Provenance) -> pl.DataFrame:
    """Compares each day, replaces what was found of it before, and returns all that stands of these days.

    `ends` are the moments the days end. A day without prices received is left alone.
    """
    with lake.alone("publishing"):
        for day, end in zip(days, ends, strict=True):
            _reconcile_day(lake, day, end, provenance)
    if not days:
        return Reconciliations.create_empty()
    return lake.read(Reconciliations, min(days), max(days)).filter(pl.col("date").is_in(list(days)))


def _reconcile_day(lake: Lake, day: date, end: datetime, provenance: Provenance) -> None:
    charged, before = _charged(lake, day), _charged(lake, day - timedelta(days=1))
    if not charged.height:
        return
    found = mismatches(_in_force(lake, day, end), charged, before, _planned(lake, day))
    known = lake.read(Reconciliations, day, day)
    others = known.filter(~pl.col("kind").cast(pl.String).is_in(CHARGED_MISMATCHES))
    rows = Reconciliations.cast(found.with_columns(date=pl.lit(day)).select(known.columns))
    lake.commit(Reconciliations, pl.concat([others, rows]), [day], provenance)


def keep(lake: Lake, day: date, strays: pl.DataFrame, provenance: Provenance) -> None:
    """Adds acknowledgements of nothing that was sent to a day's mismatches; one found before is found once."""
    names = Reconciliations.create_empty().columns
    absent = [pl.lit(None).alias(name) for name in names if name not in strays.columns and name != "date"]
    rows = strays.with_columns(*absent, date=pl.lit(day), market=pl.col("market").replace("", "unknown"))
    known = lake.read(Reconciliations, day, day)
    both = pl.concat([known, Reconciliations.cast(rows.select(names))])
    lake.commit(Reconciliations, both.unique(Reconciliations.primary_key(), keep="first"), [day], provenance)


def mismatches(sent: pl.DataFrame, charged: pl.DataFrame, before: pl.DataFrame, planned: pl.DataFrame) -> pl.DataFrame:
    """Every price sent that is not the one charged, and every change of a price that was not sent.

    `sent` is in force: sku, market, price, currency, effective_from, decision_id. `charged` are posted prices of the
    day, `before` of the day before: sku, market, price, currency. `planned` are promotions of the day: sku, market,
    planned_price; a price as planned is no mismatch. Changes count only in markets something was sent to.
    """
    rows = sent.rename({"price": "sent_price"}).join(
        charged.select(*_PAIR, other_price="price", other_currency="currency"), on=_PAIR, how="full", coalesce=True
    )
    rows = rows.join(before.select(*_PAIR, former="price"), on=_PAIR, how="left").join(planned, on=_PAIR, how="left")
    was_sent, paid, sent_at = pl.col("sent_price").is_not_null(), pl.col("other_price"), pl.col("sent_price")
    promoted = (pl.col("planned_price") == paid).fill_null(False)
    published = pl.col("market").is_in(sent["market"].unique().to_list())
    cases = [
        (was_sent & paid.is_null(), "no_price", pl.format("sent was {}, no price is known", sent_at)),
        (
            was_sent & (pl.col("currency") != pl.col("other_currency")),
            "other_currency",
            pl.format("sent was {} {}, charged is {} {}", sent_at, "currency", paid, "other_currency"),
        ),
        (
            was_sent & (sent_at != paid) & (paid == pl.col("former")) & ~promoted,
            "not_charged",
            pl.format("sent was {}, charged is {} as the day before", sent_at, paid),
        ),
        (
            was_sent & (sent_at != paid) & ~promoted,
            "other_price",
            pl.format("sent was {}, charged is {}", sent_at, paid),
        ),
        (
            ~was_sent & published & (paid != pl.col("former")) & ~promoted,
            "charged_unsent",
            pl.format("charged is {}, the day before it was {}; nothing was sent", paid, "former"),
        ),
    ]
    kind = pl.coalesce(*(pl.when(holds).then(pl.lit(name)) for holds, name, _ in cases), pl.lit(None, dtype=pl.String))
    said = pl.coalesce(*(pl.when(holds).then(words) for holds, _, words in cases))
    found = rows.with_columns(kind=kind, message=said, currency=pl.coalesce("currency", "other_currency"))
    names = ["kind", "sent_price", "other_price", "currency", "effective_from", "decision_id", "message"]
    return found.filter(pl.col("kind").is_not_null()).select(*_PAIR, *names).sort(*_PAIR)


def _in_force(lake: Lake, day: date, end: datetime) -> pl.DataFrame:
    """The price in force of each SKU and market on a day, of those sent lately."""
    files = [file for file in lake.files(Publications) if day - timedelta(days=LOOKBACK + 1) <= file.partition <= day]
    rows = latest(lake.read_files(Publications, files))
    out = rows.filter(pl.col("state").cast(pl.String).is_in(IN_FORCE) & (pl.col("effective_from") < end))
    recent = out.filter(pl.col("effective_from") >= end - timedelta(days=LOOKBACK))
    newest = recent.sort("effective_from", "entry_no").unique(_PAIR, keep="last", maintain_order=True)
    return newest.select(*_PAIR, "price", "currency", "effective_from", "decision_id")


def _charged(lake: Lake, day: date) -> pl.DataFrame:
    """The prices charged on a day as known now. An average of what was paid is no price that was charged."""
    rows = lake.read(Prices, day, day).filter((pl.col("price_type") == "current") & (pl.col("price_kind") == "posted"))
    newest = rows.sort("known_at").unique(_PAIR, keep="last", maintain_order=True)
    return newest.select(*_PAIR, "price", "currency").sort(*_PAIR)


def _planned(lake: Lake, day: date) -> pl.DataFrame:
    """What promotions planned for a day, as known last before it."""
    rows = lake.read(Promotions, day - timedelta(days=60), day).filter(target_date=day)
    newest = rows.sort("known_on").unique(_PAIR, keep="last", maintain_order=True)
    return newest.select(*_PAIR, "planned_price")
