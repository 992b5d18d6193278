"""Deciding a range of days from what the lake holds, and committing them.

Here: how new decisions join those already there, and the order of commits. Not here: the terms of each day (terms), the
decision itself (decision), the manifest row (manifest).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl

from pricing_assets import anomalies, features
from pricing_assets.errors import PricingError
from pricing_assets.experiments import Design
from pricing_assets.lake import Lake, PartitionFile, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import interventions, manifest, reviews
from pricing_assets.pricing.basis import Terms, settled
from pricing_assets.pricing.book import book
from pricing_assets.pricing.decision import columns, decide
from pricing_assets.pricing.grounds import sentences
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.outlook import outlook_of
from pricing_assets.pricing.terms import NOBODY, Active, People, Timing, before_strategies, day_terms, strategy_rows
from pricing_assets.tables import RAW, Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import (
    Autonomy,
    DemandDrivers,
    LinkedGoals,
    Overrides,
    PriceBook,
    PriceDecisions,
    PriceSentences,
    PriceSteps,
    Reviews,
)
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import Accuracy, DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.raw import Listings, Quarantine
from pricing_assets.tables.runs import Checks, Days


class Batch(NamedTuple):
    """What a run decided: the standing rows of its days, and the terms they were decided on.

    `read` are the files of earlier stations it rests on, by table and day: a run of other days may judge the source's
    first day again meanwhile, and one that lost these days may go on. `drivers` are asked of the models that made the
    forecasts, after all is decided (drivers.with_drivers).
    """

    days: list[date]
    terms: list[Terms]
    timing: Timing
    calendar: pl.DataFrame
    strategies: pl.DataFrame
    before: Interventions
    decisions: pl.DataFrame
    steps: pl.DataFrame
    goals: pl.DataFrame
    sentences: pl.DataFrame
    drivers: pl.DataFrame
    inputs: dict[date, list[dict[str, Any]]]
    read: manifest.Heads


class Committed(NamedTuple):
    """What a batch left in the lake: the days that changed (none from equal inputs), their book, their manifest."""

    changed: list[date]
    book: pl.DataFrame
    rows: pl.DataFrame


def decide_days(
    lake: Lake,
    days: Sequence[date],
    timing: Timing,
    active: Sequence[Active],
    people: People = NOBODY,
) -> Batch:
    """Decides every listed SKU of `days` from the snapshots, verdicts, anomalies and forecasts in the lake.

    `people` is all that they decided, whatever day it counts on. Raises PricingError where a day traded but has no
    snapshot or no forecasts, the anomalies in the lake are not those of its snapshot, or a verdict failed; and where
    another run put other rows in their place meanwhile.
    """
    rests_on = _heads(lake, days)
    strategies, law = [each.strategy for each in active], timing.settings.get("law", {})
    names = dict.fromkeys([*columns(strategies, law), *anomalies.COLUMNS, "inputs"])
    snapshot = _snapshot(lake, days, timing, list(names))
    seen = snapshot.group_by("date").agg(pl.col("inputs").first()).sort("date")
    with ThreadPoolExecutor(1) as pool:
        priced = any(each.ml for each in strategies)
        reading = pool.submit(outlook_of, lake, seen["date"].to_list(), learned=priced)
        before = before_strategies(lake, snapshot, people)
        known = reading.result()
    judged = rests_on[Checks.table_name()]
    terms = day_terms(lake, days, timing, strategies, judged, before=before, known=known)
    _refuse_failed(terms)
    calendar = _calendar(lake, terms)
    design = Design.of(timing.settings)
    decided = decide(snapshot, strategies, calendar.drop("effective_from"), before, known, law=law, design=design)
    _refuse_moved(rests_on, _heads(lake, days))
    return Batch(
        days=list(days),
        terms=terms,
        timing=timing,
        calendar=calendar,
        strategies=strategy_rows(active, seen["date"].to_list()),
        before=before,
        decisions=decided.decisions,
        steps=decided.steps,
        goals=decided.goals,
        sentences=sentences(decided.decisions, strategies, known, before),
        drivers=DemandDrivers.create_empty(),
        inputs={day: manifest.windows(text) for day, text in seen.iter_rows()},
        read=rests_on,
    )


def _heads(lake: Lake, days: Sequence[date]) -> dict[str, dict[date, PartitionFile]]:
    """Table → day → the file an earlier station left of it."""
    wanted = set(days)
    return {
        table.table_name(): {day: file for day, file in lake.partitions(table).items() if day in wanted}
        for table in _READ
    }


def _refuse_moved(before: manifest.Heads, after: manifest.Heads) -> None:
    for table, files in before.items():
        moved = [day for day in sorted({*files, *after[table]}) if files.get(day) != after[table].get(day)]
        if moved and table != Checks.table_name():  # the first day's verdicts are judged again by others, and pinned
            raise PricingError(
                f"{moved[0]}: another run wrote {table} while this one decided the day",
                "nothing of it stands; run the day again",
            )


def _calendar(lake: Lake, terms: Sequence[Terms]) -> pl.DataFrame:
    """date, basis, late, effective_from of each day; what a standing day was made from and when stays."""
    days = [each.day for each in terms]
    standing = {row["date"]: row for row in manifests.standing(lake).filter(pl.col("date").is_in(days)).to_dicts()}
    rows = [(each.day, *settled(each, standing.get(each.day)), each.effective_from) for each in terms]
    schema: dict[str, Any] = {
        "date": pl.Date,
        "basis": pl.String,
        "late": pl.Boolean,
        "effective_from": pl.Datetime("us", "UTC"),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _refuse_failed(terms: Sequence[Terms]) -> None:
    """Days with a failed verdict stop before; a run of a neighbouring day may have judged one again since."""
    if failed := [each.day for each in terms if not all(each.verdicts.values())]:
        raise PricingError(
            f"{', '.join(map(str, failed[:3]))}: a check failed while the run was at work",
            "see `pricing checks`, then run again",
        )


def _snapshot(lake: Lake, days: Sequence[date], timing: Timing, names: Sequence[str]) -> pl.DataFrame:
    """The snapshots of the days, of which only the named columns; a day that saw SKUs on sale must have one."""
    snapshots = lake.partitions(FeatureSnapshots)
    listed = lake.partitions(Listings)

    def on_sale(day: date) -> bool:
        rows = lake.read_files(Listings, [listed[day]])
        return features.listed(rows, day, features.Calendar(timing.settings["time_zone"])).height > 0

    if missing := [day for day in days if day in listed and day not in snapshots and on_sale(day)]:
        raise PricingError(
            f"features.feature_snapshots: no snapshot for {', '.join(map(str, missing[:3]))}, but SKUs were on sale",
            "materialise features.feature_snapshots for these days first, or run `pricing run --date D`",
        )
    files = [snapshots[day] for day in days if day in listed and day in snapshots]
    return lake.read_files(FeatureSnapshots, files, names)


def commit_days(
    lake: Lake,
    batch: Batch,
    provenance: Provenance,
    now: datetime,
    held: AbstractContextManager[None] | None = None,
) -> Committed:
    """Commits a batch, the manifest rows last: before that commit no reader sees any of it.

    `held` is entered for that last commit alone: it raises PricingError where the run no longer holds its days.
    """

    def commit(table: type[Table], rows: Callable[[], pl.DataFrame]) -> tuple[pl.DataFrame, list[PartitionFile]]:
        frame = rows()
        return frame, lake.commit(table, frame, batch.days, provenance)

    frames = _frames(lake, batch, now)
    # side by side: checking, sorting and fsync of one table leave processors idle
    with ThreadPoolExecutor(len(frames)) as pool:
        committed = {table: pool.submit(commit, table, rows) for table, rows in frames}
    found = {table: future.result() for table, future in committed.items()}
    with held or nullcontext(), manifests.alone(lake) as commit_rows:
        written = {table.table_name(): files for table, (_, files) in found.items()}
        rows = _manifest_rows(lake, batch, written, provenance, now)
        return Committed(commit_rows(rows, provenance), found[PriceBook][0], rows)


def _frames(lake: Lake, batch: Batch, now: datetime) -> list[tuple[type[Table], Callable[[], pl.DataFrame]]]:
    """The tables of a batch, and how the rows of each are put together."""
    days, known = batch.days, manifests.manifest(lake)

    def joined(table: type[Table], new: pl.DataFrame) -> pl.DataFrame:
        return _joined(_known(lake, table, days, known), new, table)

    def entries() -> pl.DataFrame:
        # a price under a severe anomaly goes nowhere, not even to take back the price that stands
        out = batch.decisions.join(
            interventions.suspect(batch.decisions, batch.before), on=["date", "sku", "market"], how="anti"
        )
        approved = reviews.entered(out, batch.before.reviews)
        return book(out, batch.calendar, _known(lake, PriceBook, days, known), now, approved)

    frames: list[tuple[type[Table], Callable[[], pl.DataFrame]]] = [
        (PriceSteps, lambda: joined(PriceSteps, batch.steps)),
        (LinkedGoals, lambda: batch.goals),
        (PriceDecisions, lambda: joined(PriceDecisions, batch.decisions)),
        (PriceBook, entries),
        (Strategies, lambda: batch.strategies),
        (Overrides, lambda: batch.before.overrides),
        (Reviews, lambda: batch.before.reviews),
        (Autonomy, lambda: batch.before.autonomy),
    ]
    # few strategies have a model: where none does, and none did, there is nothing to write
    if batch.sentences.height or not lake.partitions(PriceSentences).keys().isdisjoint(days):
        frames.append((PriceSentences, lambda: joined(PriceSentences, batch.sentences)))
    if batch.drivers.height or not lake.partitions(DemandDrivers).keys().isdisjoint(days):
        frames.append((DemandDrivers, lambda: joined(DemandDrivers, batch.drivers)))
    return frames


def _known(lake: Lake, table: type[Table], days: Sequence[date], known: manifests.Manifest) -> pl.DataFrame:
    """Rows of the days that a manifest put in force; what a killed run left behind is not among them."""
    files = known.get(table.table_name(), {})
    return lake.read_files(table, [files[day] for day in days if day in files])


def _joined(known: pl.DataFrame, new: pl.DataFrame, table: type[Table]) -> pl.DataFrame:
    """New rows beside the known ones they do not repeat: a superseded decision is kept."""
    if not known.height:
        return new
    kept = known.join(new.select(pl.col("decision_id").unique()), on="decision_id", how="anti")
    return pl.concat([kept, new]).sort(table.order())


_RECEIVED: tuple[type[Table], ...] = (*RAW, Quarantine, Checks)
_DERIVED: tuple[type[Table], ...] = (FeatureSnapshots, PriceAnomalies, DemandForecasts, Elasticities, Accuracy)
_READ: tuple[type[Table], ...] = (Checks, *_DERIVED)
_DECIDED: tuple[type[Table], ...] = (
    *_DERIVED,
    Strategies,
    Overrides,
    Reviews,
    Autonomy,
    PriceDecisions,
    PriceSteps,
    LinkedGoals,
    PriceSentences,
    DemandDrivers,
    PriceBook,
)


def _manifest_rows(
    lake: Lake,
    batch: Batch,
    written: Mapping[str, Sequence[PartitionFile]],
    provenance: Provenance,
    now: datetime,
) -> pl.DataFrame:
    """One row of runs.days per day of the batch, without its sequence. It names the files the batch has read, and those
    it has `written`: a run that lost these days may have put others at the head of a table since.
    """
    known = manifests.manifest(lake)
    head = {table.table_name(): lake.partitions(table) for table in (*_RECEIVED, *_DECIDED)}
    head |= {name: {file.partition: file for file in files} for name, files in written.items()}
    for name, files in batch.read.items():
        others = {day: file for day, file in head[name].items() if day not in set(batch.days)}
        head[name] = others | dict(files)
    quarantined = dict(
        lake.read(Quarantine, min(batch.days), max(batch.days)).group_by("received_on").len().iter_rows()
    )
    decisions, steps = _by_day(batch.decisions), _by_day(batch.steps)
    rows = []
    for terms, (_, basis, late, _) in zip(batch.terms, batch.calendar.iter_rows(), strict=True):
        day, decided = terms.day, manifest.without_trade(terms)
        if day in decisions:
            outcome = decisions[day], steps.get(day, batch.steps.clear())
            decided = manifest.outcome(terms, (basis, late), outcome, head)
        mine = _answers_for(day, batch.days)
        rows.append(
            decided
            | manifest.provenance_columns(provenance, batch.timing.as_of[day], now)
            | {
                "quarantined": quarantined.get(day, 0),
                "tables": manifest.in_force(day, mine(head), mine(known)),
                "inputs": [*batch.inputs.get(day, []), *manifest.day_inputs(day, head)],
            }
        )
    return pl.DataFrame(rows, schema={k: v for k, v in Days.create_empty().schema.items() if k != "sequence"})


def _by_day(frame: pl.DataFrame) -> dict[date, pl.DataFrame]:
    """Day → its rows of a frame that is sorted by day."""
    lengths = frame.get_column("date").rle().struct.unnest()
    starts = lengths["len"].cum_sum() - lengths["len"]
    return {
        day: frame.slice(start, length)
        for day, start, length in zip(lengths["value"], starts, lengths["len"], strict=True)
    }


def _answers_for(day: date, days: Sequence[date]) -> Callable[[manifest.Heads], manifest.Heads]:
    """The partitions a day's row answers for: its own, and for the first day of a batch also received ones of earlier
    days: history read for the first time, and late rows. Later days are for their own runs to put in force.
    """
    received = {table.table_name() for table in _RECEIVED} if day == days[0] else set()
    own = {table.table_name() for table in (*_RECEIVED, *_DECIDED)}

    def mine(files: manifest.Heads) -> manifest.Heads:
        return {
            table: {part: file for part, file in parts.items() if part == day or (table in received and part < day)}
            for table, parts in files.items()
            if table in own
        }

    return mine
