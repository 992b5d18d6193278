"""The review queue: which prices are put to people, the largest impact first, and which of them blind.

Here: the queue as it follows from standing decisions and the answers given so far, and answers as runs read them. Not
here: answering (governance/), what a run makes of an answer (reviews).

In the queue is a decision of the newest decided day of its SKU and market whose action is review, until it is answered
or expires. Beside them stand, told apart by nothing, 3 % of the prices that autonomy published, drawn by the hash of
their decision: the blind audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import autonomy, learned
from pricing_assets.strategies import Autonomy, Strategy, parse
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import Autonomy as Limits
from pricing_assets.tables.decisions import PriceDecisions, Reviews
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.governance import Strategies

if TYPE_CHECKING:
    from pricing_assets.governance import Review, Tightening

AUDITED = 0.03
"""Share of the prices published by autonomy that are put to a person."""
DEFAULT_DAYS = Autonomy("manual").expires_days
_KEY = ["sku", "market"]
_ANSWERED = ["decision_id", "date", *_KEY, "price"]
_DRAWN = round(AUDITED * 16**8)
_DECISION = [
    *("date", "sku", "market", "decision_id", "basis", "current_price", "final_price", "currency", "action"),
    *("confidence", "expected_units", "expected_gain", "strategy_hash", "reason"),
]
_HELD: dict[str, Any] = {
    **dict.fromkeys(("sku", "market", "currency"), pl.String),
    "current_price": pl.Decimal(18, 4),
    "reason": pl.String,
}
QUEUE: dict[str, Any] = {
    **dict.fromkeys(("decision_id", "sku", "market", "category", "currency", "mode"), pl.String),
    **dict.fromkeys(("date", "expires"), pl.Date),
    **dict.fromkeys(("current_price", "price"), pl.Decimal(18, 4)),
    **dict.fromkeys(("confidence", "threshold", "impact"), pl.Float64),
    **{"audit": pl.Boolean, "days": pl.Int64},
}


def queue(lake: Lake, given: Iterable[Review], today: date) -> pl.DataFrame:
    """What is open on an effective day, by impact: QUEUE; `days` is how long an answer binds.

    Impact is what the category is expected to earn more, else the units expected times the change of price.
    """
    answered = _answered(given)
    found = [pl.DataFrame(schema=QUEUE)]
    later = pl.DataFrame(schema=dict.fromkeys(_KEY, pl.String))  # of the SKUs decided on a newer day
    for day in _decided(lake, today):
        waits, decided = _of_day(lake, day)
        found.append(waits.filter(pl.col("expires") >= today).join(later, on=_KEY, how="anti").select(*QUEUE))
        found.append(audited(lake, day).filter(pl.col("expires") >= today).select(*QUEUE))
        later = pl.concat([later, decided]).unique()
    waiting = pl.concat(found).join(answered, on="decision_id", how="anti")
    # decided anew the same day, at the price that is answered already
    waiting = waiting.join(answered.drop("decision_id"), on=["date", *_KEY, "price"], how="anti")
    return waiting.sort("impact", "sku", "market", descending=[True, False, False], nulls_last=True)


def _answered(given: Iterable[Review]) -> pl.DataFrame:
    asked = [each.proposal for each in given if each.withdrawn_by is None]
    rows = [(each.decision_id, each.day, each.sku, each.market, each.price) for each in asked]
    types = {name: QUEUE[name] for name in _ANSWERED}
    return pl.DataFrame(rows, schema=types, orient="row")


def _decided(lake: Lake, today: date) -> list[date]:
    """The days, newest first, whose decisions may still be open on an effective day."""
    rows = manifests.standing(lake).filter(pl.col("status").cast(pl.String) == "priced")
    days: list[date] = rows["date"].to_list()
    oldest = today - timedelta(days=_longest(lake, days) + 1)
    return [day for day in reversed(days) if day >= oldest]


def _longest(lake: Lake, days: Sequence[date]) -> int:
    """For how many days the strategies of the last days let a price wait at most."""
    files = manifests.manifested(lake, Strategies)
    texts = lake.read_files(Strategies, [files[day] for day in days[-31:] if day in files], ["text"])
    known = [autonomy.autonomy_of(parse(text, "recorded")) for text in texts["text"].unique().sort()]
    return max((each.expires_days for each in known if each), default=DEFAULT_DAYS)


def _of_day(lake: Lake, day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What of a day is for review, as QUEUE; and SKU and market of all that was decided."""
    rows = _standing(lake, day)
    waits = rows.filter(pl.col("action").cast(pl.String) == "review")
    return _asked(lake, day, waits, audit=False), rows.select(_KEY)


def held(lake: Lake, today: date) -> pl.DataFrame:
    """sku, market, currency, current_price, reason: what the newest day holds because a model cannot judge it.

    Something is missing or contradicts itself, so there is no price to approve; a person should see it all the same.
    """
    found = [pl.DataFrame(schema=_HELD)]
    for day in _decided(lake, today)[:1]:
        rows = _standing(lake, day).filter(pl.col("action").cast(pl.String) == "hold")
        rows = rows.with_columns(pl.col("reason", "strategy_hash").cast(pl.String))
        for text_hash, strategy in strategies_of(lake, day).items():
            if strategy.ml:
                mine = rows.filter((pl.col("strategy_hash") == text_hash) & learned.to_be_seen(strategy.ml))
                found.append(mine.select(*_HELD))
    return pl.concat(found).sort("reason", *_KEY)


def audited(lake: Lake, day: date) -> pl.DataFrame:
    """The prices of a day that autonomy published and the audit drew, as QUEUE."""
    drawn = pl.col("decision_id").str.head(8).str.to_integer(base=16) < _DRAWN
    rows = _standing(lake, day).filter((pl.col("action").cast(pl.String) == "publish") & drawn)
    approved = _day(lake, Reviews, day).filter(pl.col("price").is_not_null())
    rows = rows.join(approved, left_on=[*_KEY, "final_price"], right_on=[*_KEY, "price"], how="anti")
    return _asked(lake, day, rows, audit=True).filter(pl.col("mode").is_not_null())


def _standing(lake: Lake, day: date) -> pl.DataFrame:
    basis = manifests.standing(lake).filter(pl.col("date") == day)["basis"].item()
    return _day(lake, PriceDecisions, day, _DECISION).filter(pl.col("basis") == basis)


def _day(lake: Lake, table: type[Table], day: date, columns: Sequence[str] | None = None) -> pl.DataFrame:
    file = manifests.manifested(lake, table).get(day)
    return lake.read_files(table, [file] if file else [], columns)


def _asked(lake: Lake, day: date, rows: pl.DataFrame, *, audit: bool) -> pl.DataFrame:
    """Decisions with what a person is asked about them: category, mode and threshold in force, impact, until when."""
    if rows.is_empty():
        return pl.DataFrame(schema=QUEUE)
    categories = _day(lake, FeatureSnapshots, day, [*_KEY, "category"])
    rows = rows.join(categories, on=_KEY, how="left", maintain_order="left")
    limits = _day(lake, Limits, day)
    by_hash = strategies_of(lake, day)
    parts = [
        _with_terms(part, by_hash.get(name), limits)
        for (name,), part in rows.group_by("strategy_hash", maintain_order=True)
    ]
    effective = day + timedelta(days=1)
    moved = (pl.col("final_price") - pl.col("current_price")).cast(pl.Float64).abs()
    return pl.concat(parts).select(
        *("decision_id", "sku", "market", "category", "currency", "mode", "date"),
        (pl.lit(effective) + pl.duration(days="days")).cast(pl.Date).alias("expires"),
        *("current_price", pl.col("final_price").alias("price"), "confidence", "threshold"),
        pl.coalesce(pl.col("expected_gain").cast(pl.Float64).abs(), pl.col("expected_units") * moved, moved).alias(
            "impact"
        ),
        pl.lit(audit).alias("audit"),
        "days",
    )


def _with_terms(rows: pl.DataFrame, strategy: Strategy | None, limits: pl.DataFrame) -> pl.DataFrame:
    own = autonomy.autonomy_of(strategy) if strategy else None
    days = own.expires_days if own else DEFAULT_DAYS
    return autonomy.in_force(rows, own, limits).with_columns(days=pl.lit(days, dtype=pl.Int64))


def strategies_of(lake: Lake, day: date) -> dict[str, Strategy]:
    """The strategies a day was decided by, by the hash of their text."""
    texts = _day(lake, Strategies, day, ["hash", "text"])
    return {text_hash: parse(text, "recorded") for text_hash, text in texts.iter_rows()}


def answers(given: Iterable[Review]) -> pl.DataFrame:
    """Answers that runs obey, as decisions.reviews but for its date: the day says which count.

    Those taken back do not; nor does the approval of an audited price, which is out already.
    """
    counts = [each for each in given if each.withdrawn_by is None and not (each.proposal.audit and not each.refused)]
    rows = [
        {
            "review_id": each.id,
            "decision_id": each.proposal.decision_id,
            "decided_on": each.proposal.day,
            "sku": each.proposal.sku,
            "market": each.proposal.market,
            "answer": each.answer,
            "price": each.price,
            "refused_price": each.refused,
            "currency": each.proposal.currency,
            "answered_at": each.at,
            "expires": each.proposal.binds_until,
        }
        for each in counts
    ]
    return pl.DataFrame(rows, schema=Reviews.create_empty().drop("date").schema)


def limits(words: Iterable[Tightening]) -> pl.DataFrame:
    """What governance tightens, as decisions.autonomy but for its date."""
    rows = [
        {
            "autonomy_id": f"AU-{each.since:06}",
            "category": each.scope.category,
            "market": each.scope.market,
            "mode": each.limits.mode,
            "threshold": each.limits.threshold,
        }
        for each in words
        if any(limit is not None for limit in each.limits)
    ]
    return pl.DataFrame(rows, schema=Limits.create_empty().drop("date").schema)
