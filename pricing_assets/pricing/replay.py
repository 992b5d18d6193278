"""Replay: a past day rebuilt from recorded data, and compared hash by hash with what was decided.

Here: rebuilding features from raw, anomalies and decisions from features at the recorded Delta versions, under the
recorded strategies, overrides, answers of people, verdicts and settings, with the units that recorded forecasts and
elasticities expect. Not here: forecasting again (a model is asked once, what it said is kept), printing the outcome
(the shell).

A decision is a pure function of what its day's row in runs.days names; so the same hashes must come out, on any
machine, with any number of threads, in one pass over a year or day by day.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from typing import Any

import polars as pl

from pricing_assets import features
from pricing_assets.anomalies import anomalies
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake import days as manifests
from pricing_assets.lake.contents import altered
from pricing_assets.lake.expiry import expired
from pricing_assets.lake.hashing import content_hash
from pricing_assets.pricing import interventions, reviews
from pricing_assets.pricing.basis import Terms, basis
from pricing_assets.pricing.grounds import sentences
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.outlook import Outlook
from pricing_assets.pricing.recorded import Recorded
from pricing_assets.pricing.terms import in_force
from pricing_assets.strategies import Strategy
from pricing_assets.tables import RAW, Table, by_name
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceDecisions, PriceSentences, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.raw import Listings
from pricing_assets.tables.runs import Checks


@dataclass(frozen=True)
class Replayed:
    """Outcome of one day: `difference` is None where everything came out the same, else what first did not.

    A day whose decisions are no longer kept has status `expired`, and the moment it expired: nothing is compared.
    """

    day: date
    status: str
    rows: int
    hash: str | None
    difference: str | None = None
    expired_at: datetime | None = None


def replay(lake: Lake, days: Sequence[date] | None = None) -> Iterator[Replayed]:
    """Replays the standing days among `days` (all, where None), oldest first.

    Days recorded at the same Delta versions are rebuilt in one pass. A day that does not stand is reported as such.
    """
    standing = manifests.standing(lake).sort("date").to_dicts()
    wanted = [row for row in standing if days is None or row["date"] in set(days)]
    missing = sorted(set(days or []) - {row["date"] for row in wanted})
    yield from (Replayed(day, "missing", 0, None, "the day was never decided") for day in missing)
    for _, rows in groupby(wanted, key=_recorded_at):
        yield from _replay_together(lake, list(rows))


def _recorded_at(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """What neighbouring days must share to be rebuilt in one pass: raw versions, settings, whether they traded."""
    raw = {table.table_name() for table in RAW}
    versions = sorted((entry["table"], entry["version"]) for entry in row["inputs"] if entry["table"] in raw)
    status = row["status"] if row["status"] in ("no_trade", "expired") else None
    return (status, row["settings"], tuple(versions))


def _replay_together(lake: Lake, rows: list[dict[str, Any]]) -> Iterator[Replayed]:
    if rows[0]["status"] == "no_trade":
        yield from (_without_trade(lake, row) for row in rows)
        return
    if rows[0]["status"] == "expired":
        gone = expired(lake, [row["date"] for row in rows])
        yield from (Replayed(day, "expired", 0, None, expired_at=on) for day, on in gone.items())
        return
    days = [row["date"] for row in rows]
    settings = json.loads(rows[0]["settings"])
    calendar = features.Calendar(settings["time_zone"], settings["countries"])
    versions = {entry["table"]: entry["version"] for entry in rows[0]["inputs"]}
    inputs = features.read(lake, days, calendar, versions)
    snapshot = features.snapshot_of(inputs, days, calendar)
    for row in rows:
        part = snapshot.filter(pl.col("date") == row["date"])
        yield _judged(lake, row, part, _first_window(row, inputs.windows[row["date"]]))


def _without_trade(lake: Lake, row: Mapping[str, Any]) -> Replayed:
    """A day without trade has nothing to rebuild: it may have seen nothing on sale, though that may be known since."""
    day, settings = row["date"], json.loads(row["settings"])
    calendar = features.Calendar(settings["time_zone"], settings["countries"])
    own = [file for file in row["tables"] if file["table"] == Listings.table_name() and file["partition"] == day]
    known = [lake.read(Listings, day, day, version=file["version"]) for file in own if file["rows"]]
    seen = sum(features.listed(rows, day, calendar).height for rows in known)
    return Replayed(day, "no_trade", 0, None, f"recorded as no_trade, but {seen} SKUs were listed" if seen else None)


def _first_window(row: Mapping[str, Any], windows: Sequence[Mapping[str, Any]]) -> str | None:
    """The first raw window that no longer hashes to what was recorded."""
    recorded = {entry["table"]: entry["hash"] for entry in row["inputs"]}
    for window in windows:
        if recorded.get(window["table"]) != window["hash"]:
            span = f"{window['first']} to {window['last']}"
            return (
                f"{window['table']} {span} hashes to {window['hash'][:12]}, recorded {recorded[window['table']][:12]}"
            )
    return None


def _judged(lake: Lake, row: Mapping[str, Any], snapshot: pl.DataFrame, window: str | None) -> Replayed:
    """Decides one day again; compares windows, snapshot, anomalies, forecasts, basis, decisions, steps, sentences."""
    day, recorded = row["date"], Recorded(lake, row)
    features_hash = content_hash(snapshot, FeatureSnapshots)
    strategies = recorded.strategies
    flagged = anomalies(snapshot)
    before = recorded.before(flagged)
    known = recorded.outlook(learned=any(each.ml for each in strategies))
    again = basis(_terms(row, features_hash, strategies, recorded.rows(Checks), before, known=known))
    decided = recorded.decide(snapshot, strategies, before, known, again)
    decisions_hash = content_hash(decided.decisions, PriceDecisions)
    compared = [
        ("features.feature_snapshots", features_hash, recorded.inputs[FeatureSnapshots.table_name()]["hash"]),
        ("anomalies.price_anomalies", content_hash(flagged, PriceAnomalies), _recorded_anomalies(recorded.inputs)),
        *((table, ours, recorded.inputs[table]["hash"]) for table, ours in known.inputs[day].items()),
        ("basis", again, row["basis"]),
        ("decisions.price_decisions", decisions_hash, row["decisions_hash"]),
        ("decisions.price_steps", content_hash(decided.steps, PriceSteps), row["steps_hash"]),
        (
            PriceSentences.table_name(),
            content_hash(sentences(decided.decisions, strategies, known, before), PriceSentences),
            content_hash(_recorded_sentences(recorded, decided.decisions), PriceSentences),
        ),
    ]
    unequal = (f"{name} hashes to {ours[:12]}, recorded {was[:12]}" for name, ours, was in compared if ours != was)
    difference = window or next(unequal, None) or _altered(lake, row)
    if difference:
        difference += _first_row(lake, row, snapshot, decided.decisions)
    return Replayed(day, row["status"], decided.decisions.height, decisions_hash, difference)


def _recorded_anomalies(recorded: Mapping[str, Mapping[str, Any]]) -> str:
    """The hash of the day's anomalies as recorded; a day without any has no file, and no entry."""
    entry = recorded.get(PriceAnomalies.table_name())
    return entry["hash"] if entry else content_hash(PriceAnomalies.create_empty(), PriceAnomalies)


def _recorded_sentences(recorded: Recorded, decisions: pl.DataFrame) -> pl.DataFrame:
    """The sentences the day recorded on its standing decisions; a day without a model has none."""
    rows = recorded.made(PriceSentences)
    return rows.join(decisions.select("decision_id"), on="decision_id", how="semi", maintain_order="left")


def _altered(lake: Lake, row: Mapping[str, Any]) -> str | None:
    """The first stored file of the day whose rows no longer hash to its name: somebody edited it in place."""
    for entry in row["tables"]:
        if entry["partition"] == row["date"] and entry["rows"]:
            table, file = by_name(entry["table"]), PartitionFile(**entry)
            if found := altered(lake, table, file):
                return found
    return None


def _terms(
    row: Mapping[str, Any],
    features_hash: str,
    strategies: Sequence[Strategy],
    checks: pl.DataFrame,
    before: Interventions,
    *,
    known: Outlook,
) -> Terms:
    """The terms of the day as recorded, but for the snapshot just rebuilt and what was found in other tables."""
    return Terms(
        day=row["date"],
        late=row["late"],
        effective_from=row["effective_from"],
        inputs={FeatureSnapshots.table_name(): features_hash}
        | interventions.anomaly_terms(before.severe)
        | dict(known.inputs[row["date"]]),
        strategies=[strategy.hash for strategy in in_force(strategies, row["date"])],
        verdicts={f"{each['table']} {each['check']}": each["passed"] for each in checks.iter_rows(named=True)},
        settings=json.loads(row["settings"]),
        overrides=interventions.override_terms(before.overrides),
        models=known.models.get(row["date"], []),
        reviews=reviews.terms(before.reviews, "review_id"),
        autonomy=reviews.terms(before.autonomy, "autonomy_id"),
    )


def _first_row(lake: Lake, row: Mapping[str, Any], snapshot: pl.DataFrame, decisions: pl.DataFrame) -> str:
    """The first cell that differs from the recorded rows, in the snapshot, then in the decisions."""
    files = {file["table"]: file for file in row["tables"] if file["partition"] == row["date"]}
    for table, ours in ((FeatureSnapshots, snapshot), (PriceDecisions, decisions)):
        file = files[table.table_name()]
        theirs = lake.read(by_name(file["table"]), row["date"], row["date"], version=file["version"])
        if table is PriceDecisions:
            theirs = theirs.filter(pl.col("basis") == row["basis"])
        cell = first_difference(table, ours, theirs)
        if cell:
            return f"; first difference in {table.table_name()}: {cell}"
    return ""


def first_difference(table: type[Table], ours: pl.DataFrame, theirs: pl.DataFrame) -> str | None:
    """The first cell in which two row sets of a table differ, by SKU and market; None where none does.

    Columns that hold identities are left out: they differ wherever anything does.
    """
    key = ["sku", "market"]
    columns = [name for name in table.hashed() if name not in (*key, "date", "decision_id", "basis", "inputs_hash")]
    both = ours.select(*key, *columns).join(theirs.select(*key, *columns), on=key, how="full", suffix=":recorded")
    for name in columns:
        unequal = both.filter(pl.col(name).ne_missing(pl.col(f"{name}:recorded"))).sort(*key)
        if unequal.height:
            first = unequal.row(0, named=True)
            where = f"SKU {first['sku'] or first['sku:recorded']}, market {first['market'] or first['market:recorded']}"
            return f"{where}, {name}: {first[name]} replayed, {first[f'{name}:recorded']} recorded"
    return None
