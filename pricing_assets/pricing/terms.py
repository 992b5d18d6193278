"""What each day is decided on: the moment it is judged by, what counts on it of strategies, overrides and forecasts.

Here: from what the lake and the governance store hold to the terms of each day. Not here: deciding (decision), the hash
over the terms (basis).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from pricing_assets import anomalies, experiments
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake.hashing import content_hash
from pricing_assets.pricing import interventions, reviews
from pricing_assets.pricing.basis import Terms
from pricing_assets.pricing.interventions import Interventions
from pricing_assets.pricing.outlook import Outlook
from pricing_assets.strategies import Strategy
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Overrides
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.runs import Checks


@dataclass(frozen=True)
class Timing:
    """When each day is judged and takes effect, and the settings its decisions depend on."""

    as_of: Mapping[date, datetime]
    effective_from: Mapping[date, datetime]
    settings: Mapping[str, Any]

    def late(self, day: date) -> bool:
        """Whether the cut-off has passed at the moment the day is judged by."""
        return self.as_of[day] > self.effective_from[day]


class Active(NamedTuple):
    """A strategy in force, and on whose word."""

    strategy: Strategy
    version: int
    activated_by: str


class People(NamedTuple):
    """All that people decided, whatever day it counts on, or None: overrides not ended, answers not withdrawn, and
    autonomy tightened; the columns of their tables in decisions but date."""

    overrides: pl.DataFrame | None = None
    reviews: pl.DataFrame | None = None
    autonomy: pl.DataFrame | None = None


NOBODY = People()


def before_strategies(lake: Lake, snapshot: pl.DataFrame, people: People) -> Interventions:
    """What goes before the strategies on the days of a snapshot, which has the columns anomalies.COLUMNS.

    Raises PricingError where the anomalies in the lake are not those of the snapshot: a severe one must hold the price
    whatever was launched, and people must see the ones that did.
    """
    days = snapshot["date"].unique().sort().to_list()
    found = anomalies.anomalies(snapshot)
    files = lake.partitions(PriceAnomalies)
    recorded = {day: files[day].hash for day in days if day in files}
    hashes = {day: content_hash(rows, PriceAnomalies) for (day,), rows in found.group_by("date")}
    if outdated := [day for day in days if recorded.get(day) != hashes.get(day)]:
        raise PricingError(
            f"anomalies.price_anomalies: those of {', '.join(map(str, outdated[:3]))} are not of the present snapshot",
            "materialise anomalies.price_anomalies for these days first, or run `pricing run --date D`",
        )
    overrides = Overrides.create_empty().drop("date") if people.overrides is None else people.overrides
    answers = reviews.no_answers() if people.reviews is None else people.reviews
    limits = reviews.nothing_tightened() if people.autonomy is None else people.autonomy
    return Interventions(
        interventions.in_force(overrides, days),
        interventions.severe(found),
        reviews.in_force(lake, answers, days),
        reviews.tightened(limits, days),
        interventions.odd(found),
    )


def in_force(strategies: Iterable[Strategy], day: date) -> list[Strategy]:
    """The strategies active on the day the prices of `day` take effect."""
    effective = day + timedelta(days=1)
    return [
        strategy
        for strategy in strategies
        if (strategy.active_from or effective) <= effective <= (strategy.active_until or effective)
    ]


def day_terms(
    lake: Lake,
    days: Sequence[date],
    timing: Timing,
    strategies: Sequence[Strategy],
    judged: Mapping[date, PartitionFile],
    *,
    before: Interventions,
    known: Outlook,
) -> list[Terms]:
    """What each day is decided on: snapshot, anomalies, forecasts, verdicts, strategies, overrides, the settings."""
    snapshots = lake.partitions(FeatureSnapshots)
    verdicts: dict[date, dict[str, bool]] = {day: {} for day in days}
    for row in lake.read_files(Checks, list(judged.values())).iter_rows(named=True):
        verdicts[row["date"]][f"{row['table']} {row['check']}"] = row["passed"]
    return [
        Terms(
            day=day,
            late=timing.late(day),
            effective_from=timing.effective_from[day],
            inputs=({FeatureSnapshots.table_name(): snapshots[day].hash} if day in snapshots else {})
            | interventions.anomaly_terms(before.severe.filter(pl.col("date") == day))
            | dict(known.inputs.get(day, {})),
            strategies=[strategy.hash for strategy in in_force(strategies, day)],
            verdicts=verdicts[day],
            settings=experiments.settings_of(timing.settings, in_force(strategies, day)),
            overrides=interventions.override_terms(before.overrides.filter(pl.col("date") == day)),
            models=known.models.get(day, []),
            reviews=reviews.terms(before.reviews.filter(pl.col("date") == day), "review_id"),
            autonomy=reviews.terms(before.autonomy.filter(pl.col("date") == day), "autonomy_id"),
        )
        for day in days
    ]


def strategy_rows(active: Sequence[Active], days: Sequence[date]) -> pl.DataFrame:
    """Rows of governance.strategies: those in force, day by day, with their whole text."""
    by_hash = {each.strategy.hash: each for each in active}
    rows = [
        {
            "date": day,
            "name": strategy.name,
            "version": by_hash[strategy.hash].version,
            "hash": strategy.hash,
            "priority": strategy.priority,
            "text": strategy.text,
            "activated_by": by_hash[strategy.hash].activated_by,
        }
        for day in days
        for strategy in in_force((each.strategy for each in active), day)
    ]
    return pl.DataFrame(rows, schema=Strategies.create_empty().schema).sort("date", "name")
