"""The monitoring station: does each model in force still know the market, and who must be asked if not."""

import json
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.demand import load
from pricing_assets.demand.forecasts import NAMES
from pricing_assets.errors import PricingError
from pricing_assets.tables import raw
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.monitoring import DriftMetrics
from pricing_assets.tables.runs import Days

if TYPE_CHECKING:
    from pricing_assets.governance import Gate
    from pricing_assets.governance.gate import Opened
    from pricing_assets.monitoring.inputs import Watched

MOST_PICTURES = 6


@dg.multi_asset(
    name="drift_metrics",
    specs=[catalog.spec(DriftMetrics, deps=[FeatureSnapshots, DemandForecasts, Elasticities, Days])],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
    op_tags={"dagster/priority": "1"},  # before the marts, so that analysts have the day's evidence and events
)
def drift_metrics(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """Every model in force judged on each day; opens one event per metric, segment and champion, for a person."""
    from pricing_assets import monitoring
    from pricing_assets.models import retraining

    lake = platform.lake
    with platform.at_work(context, days_of(context)), TemporaryDirectory() as folder:
        days = verdicts.open_days(context, lake, days_of(context))
        retraining.end_lapsed(platform.bench)  # also where no sensor runs
        notes, watched = in_force(platform, Path(folder))
        plan = monitoring.Plan(restarts=_restarts(platform.gate, watched))
        made = [monitoring.metrics_of(lake, days, platform.calendar, each, plan) for each in watched]
        found = pl.concat([DriftMetrics.create_empty(), *map(DriftMetrics.cast, made)]).sort(DriftMetrics.order())
        platform.commit(context, DriftMetrics, found, days)
        opened = _asked(platform, watched, found, max(days))
    return catalog.result(context, DriftMetrics, found, days, _seen(found, opened, notes))


def in_force(platform: Platform, folder: Path) -> tuple[dict[str, str], list["Watched"]]:
    """The champions, and of each model without one why nothing watches it."""
    from pricing_assets import models, monitoring
    from pricing_assets.models import training

    notes, watched = {}, []
    for frequency, name in NAMES.items():
        try:
            serving = models.champion_in_force(platform.gate, platform.registry, name, folder)
            trained_until = load(serving.folder).trained_until
            folds = training.folds_of(serving.folder) if frequency == "D" else None
        except PricingError as fault:
            notes[name] = fault.what
        else:
            watched.append(monitoring.Watched(name, serving.version, trained_until, folds))
    return notes, watched


def _restarts(gate: "Gate", watched: Sequence["Watched"]) -> dict[tuple[str, str], date]:
    """Metric and segment → the business day of its event that was rejected or ended without a new champion: its chart
    starts anew after it. Not the day of the answer: days run again later lie long before that."""
    from pricing_assets import monitoring

    champions = {(each.model, each.version) for each in watched}
    found: dict[tuple[str, str], date] = {}
    for event in gate.events():
        rejected = event.answered.at if event.answered and not event.answered.approved else None
        over = event.outcome.at if event.outcome else rejected
        if over and (event.drift.model, event.drift.champion) in champions:
            key = event.drift.metric, event.drift.segment
            day = monitoring.day_of(event.drift.evidence) or over.date()
            found[key] = max(day, found.get(key, day))
    return found


def _asked(platform: Platform, watched: Sequence["Watched"], found: pl.DataFrame, day: date) -> list["Opened"]:
    """The events opened, or standing, for what drifted; for a model never trained, once there is enough to train on."""
    from pricing_assets import models, monitoring
    from pricing_assets.models import training

    gate, lasting = platform.gate, platform.approval_time
    opened = []
    for each in watched:
        events = monitoring.events_to_open(found, each.champion(monitoring.Plan()))
        opened += models.ask(gate, each.model, each.version, events, lasting)
    first = min(platform.lake.partitions(raw.Sales), default=day)
    for frequency, name in NAMES.items():
        enough = day - first + timedelta(days=1) >= timedelta(days=training.least_history(frequency))
        started = models.ask_first_start(gate, name, lasting) if enough else None
        opened += [started] if started else []
    return opened


def _seen(found: pl.DataFrame, opened: Sequence["Opened"], notes: dict[str, str]) -> dict[str, Any]:
    """What a person looks at first: what drifted, with its picture, and which events wait for an answer."""
    drifted = found.filter("drifted").sort("date")
    names = ["date", "metric", "segment", "value", "threshold", "shifted_since", "model_version", "explanation"]
    events = [(each.event.id, each.new, str(each.event.drift), each.event.reason) for each in opened]
    schema = {"event": pl.String, "new": pl.Boolean, "about": pl.String, "why": pl.String}
    return {
        "judged": found.filter(pl.col("value").is_not_null()).height,
        "not judged": found.filter(pl.col("value").is_null()).height,
        "drifted": catalog.table_value(drifted.select(names).tail(20)),
        "events": catalog.table_value(pl.DataFrame(events, schema=schema, orient="row")),
        **({"not watched": notes} if notes else {}),
        **_pictures(drifted),
    }


def _pictures(drifted: pl.DataFrame) -> dict[str, dg.MarkdownMetadataValue]:
    """The evidence of what drifted last, drawn; the age of a model has no picture."""
    from pricing_assets import monitoring

    last = drifted.filter(pl.col("metric") != monitoring.RETRAINING_DUE)
    last = last.unique(["metric", "segment"], keep="last", maintain_order=True).tail(MOST_PICTURES)
    return {
        f"{row['metric']} of {row['segment']}": plots.embedded(
            monitoring.draw(json.loads(row["evidence"])), row["explanation"]
        )
        for row in last.iter_rows(named=True)
    }
