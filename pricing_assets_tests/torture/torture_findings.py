"""What must not be found in a home after a kill: something lost, something twice, something torn.

Here: the days of a lake, the prices sent, the models trained. Not here: killing, reading meanwhile.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass, field, fields
from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl
from publishing_receiver import Receiver

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSteps
from pricing_assets.tables.publishing import Publications
from pricing_assets.tables.raw import Listings
from pricing_assets.tables.runs import Executions

_PAIR = ["date", "sku", "market"]
_SENT = ["date", "sku", "market", "effective_from", "entry_no"]


@dataclass
class Findings:
    """Sentences on what is wrong, by kind."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    torn: list[str] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.lost or self.duplicated or self.torn)

    def __str__(self) -> str:
        return "; ".join(f"{each.name}: {said}" for each in fields(self) for said in getattr(self, each.name))

    def add(self, other: Findings) -> None:
        self.lost += other.lost
        self.duplicated += other.duplicated
        self.torn += other.torn


class Wrong(AssertionError):
    """Something was found that must not be."""

    def __init__(self, found: Findings) -> None:
        super().__init__(str(found))
        self.found = found


def require(holds: bool, **said: str) -> None:
    """Raises Wrong with a sentence by its kind (lost, duplicated, torn) where it does not hold."""
    if not holds:
        raise Wrong(Findings(**{kind: [what] for kind, what in said.items()}))


def standing(lake: Lake) -> pl.DataFrame:
    """The standing decisions of all days."""
    rows = lake.read_files(PriceDecisions, manifests.manifested(lake, PriceDecisions).values())
    return rows.join(manifests.standing(lake).select("date", "basis"), on=["date", "basis"], how="semi")


def of_days(lake: Lake) -> Findings:
    """Of days that stand and are kept: one decision per listed pair, explained, booked once; each run recorded once."""
    days = manifests.standing(lake).filter(pl.col("status").cast(pl.String) != "expired")
    rows = {
        table: lake.read_files(table, manifests.manifested(lake, table).values()).join(days, on="date", how="semi")
        for table in (Listings, PriceDecisions, PriceSteps, PriceBook)
    }
    decided, book, steps = standing(lake), rows[PriceBook], rows[PriceSteps]
    listed = rows[Listings].select(_PAIR).unique().join(days.select("date"), on="date", how="semi")
    published = decided.filter(pl.col("action") == "publish").select(*_PAIR, "decision_id")
    booked = book.select(*_PAIR, "decision_id")
    counted = decided.group_by("date").len("found")
    unequal = days.join(counted, on="date", how="left").filter(pl.col("decided") != pl.col("found").fill_null(0))
    last = steps.sort("step_no").group_by("date", "decision_id").last()
    ends = decided.join(last, on=["date", "decision_id"], how="left").filter(pl.col("final_price").is_not_null())
    return Findings(
        lost=[
            *_said("listed, and not decided", listed.join(decided, on=_PAIR, how="anti")),
            *_said("to be published, and not in the book", published.join(booked, on=booked.columns, how="anti")),
        ],
        duplicated=[
            *_said("decided twice", _twice(decided, _PAIR)),
            *_said("booked twice", _twice(book, _PAIR)),
            *_said("recorded twice", _twice(lake.read(Executions), ["run_id"])),
        ],
        torn=[
            *_said("decided, and not listed", decided.select(_PAIR).join(listed, on=_PAIR, how="anti")),
            *_said("in the book, and not to be published", booked.join(published, on=booked.columns, how="anti")),
            *_said("has other decisions than its day says", unequal.select("date", "decided", "found")),
            *_said("a step of no decision", steps.join(decided, on=["date", "decision_id"], how="anti").select(_KEYS)),
            *_said(
                "steps that end elsewhere",
                ends.filter(~pl.col("after").eq_missing(pl.col("final_price"))).select(_PAIR),
            ),
        ],
    )


_KEYS = ["date", "decision_id"]


def of_hashes(found: dict[str, dict[date, str]], expected: dict[str, dict[date, str]], *days: date) -> Findings:
    """Files in force that an undisturbed run has otherwise; of the days named also those that are missing."""
    wanted = {(table, day): said for table, of_day in expected.items() for day, said in of_day.items()}
    there = {(table, day): said for table, of_day in found.items() for day, said in of_day.items()}
    looked_at = there.keys() if not days else {key for key in (*wanted, *there) if key[1] in days}
    lost = [f"{table} of {day}" for table, day in sorted(looked_at) if (table, day) not in there]
    torn = [
        f"{key[0]} of {key[1]} is another" for key in sorted(looked_at & there.keys()) if there[key] != wanted.get(key)
    ]
    return Findings(lost=lost[:5], torn=torn[:5])


def of_prices_sent(home: Path, receiver: Receiver, day: date) -> Findings:
    """Each price of a day's book had one effect where it is sold, and its states are recorded once, up to live."""
    lake = Lake(home / "lake")
    book = lake.read_files(PriceBook, [manifests.manifested(lake, PriceBook)[day]])
    wanted = Counter(
        (row["sku"], row["market"], f"{row['effective_from'].astimezone(UTC):%Y-%m-%d}", float(row["price"]))
        for row in book.to_dicts()
    )
    moments = {moment for _, _, moment, _ in wanted}
    had = Counter(each for each in _effects(home, receiver) if each[2] in moments)
    states = lake.read(Publications, day, day)
    latest = states.sort(*_SENT, "step").unique(_SENT, keep="last")
    ended = latest.filter(pl.col("state").cast(pl.String) == "live").height
    return Findings(
        lost=[f"no effect of {each}" for each in wanted - had]
        + ([f"{ended} of {book.height} prices of {day} are live"] if ended != book.height else []),
        duplicated=[f"an effect too many of {each}" for each in had - wanted]
        + _said("a state recorded twice", _twice(states, [*_SENT, "step"])),
    )


def _effects(home: Path, receiver: Receiver) -> list[tuple[str, str, str, float]]:
    """sku, market, day and price of every effect, by webhook (UK) and by file (DE)."""
    hooked = [
        (sku, "UK", receiver.moments[key][:10], float(price))
        for key, prices in list(receiver.all_effects.items())
        for sku, price in prices
    ]
    files = sorted((home / "outbox" / "DE").glob("*.csv"))
    rows = [row for file in files for row in csv.DictReader(file.open(newline=""))]
    return [*hooked, *((row["sku"], "DE", row["effective_from"][:10], float(row["price"])) for row in rows)]


def of_approval(home: Path, event_id: str) -> Findings:
    """An event was approved once."""
    with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
        kinds = Counter(each.kind for each in store.events() if each.stream == f"approval:{event_id}")
        audited = Counter(row["action"] for row in store.audit() if row["subject"] == f"approval:{event_id}")
    return Findings(
        lost=[f"{event_id} was not approved"] if not kinds["approved"] else [],
        duplicated=[f"{event_id} was {kind} {number} times" for kind, number in kinds.items() if number > 1],
        torn=[f"{event_id}: {kinds} in the ledger, {audited} in the audit"] if kinds != audited else [],
    )


def of_retraining(home: Path, event_id: str) -> Findings:
    """One version and one promotion for an event, by a report that passes; what is in force is what was validated."""
    from pricing_assets.models import Bench, Policy, open_registry, retraining

    found, registry = Findings(), open_registry(None, home)
    with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
        event = store.gate.event(event_id)
        kinds = Counter(each.kind for each in store.events() if each.stream.endswith(event_id))
        promotions = [each for each in store.gate.champion_history() if each.event_id == event_id]
        versions = [each for each in registry.versions(event.drift.model) if each.event_id == event_id]
        champion = store.gate.champion(event.drift.model)
        if event.outcome is None or event.outcome.result != "promoted" or not promotions or not versions:
            found.lost.append(f"{event_id}: {event.outcome}, {len(promotions)} promotions, {len(versions)} versions")
            return found
        if len(promotions) > 1 or len(versions) > 1 or max(kinds.values()) > 1:
            found.duplicated.append(f"{event_id}: {len(promotions)} promotions, versions {versions}, {kinds}")
        try:
            report = retraining.report_on_record(Bench(store.gate, registry, Policy(least_rows=5)), event)
            if report.content_hash != promotions[0].report_hash:
                found.torn.append(f"{event_id}: promoted by another report than is on record")
            with TemporaryDirectory() as folder:
                registry.fetch(versions[0], Path(folder), promotions[0].artifact_hash)
        except PricingError as fault:
            found.torn.append(str(fault))
        pointed = registry.aliases(event.drift.model)
        if champion is None or pointed != {"champion": champion.version} or champion.event_id != event_id:
            found.torn.append(f"{event_id}: {pointed} in MLflow, {champion} in the ledger")
    return found


def open_event(home: Path, metric: str) -> str:
    """A drift event a person may approve."""
    from datetime import timedelta

    with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
        champion = store.gate.champion("demand-daily")
        drift = governance.Drift("demand-daily", champion.version if champion else None, metric, "HOME")
        return store.gate.open(drift, f"it drifts at {datetime.now(UTC):%H:%M}", timedelta(days=3)).event.id


def _twice(rows: pl.DataFrame, key: list[str]) -> pl.DataFrame:
    return rows.group_by(key).len("times").filter(pl.col("times") > 1)


def _said(what: str, rows: pl.DataFrame) -> list[str]:
    """A sentence per row, of five at most."""
    return [f"{what}: {tuple(map(str, row))}" for row in rows.head(5).rows()]


def rows_of(findings: Findings) -> dict[str, Any]:
    """How many of each kind."""
    return {each.name: len(getattr(findings, each.name)) for each in fields(findings)}
