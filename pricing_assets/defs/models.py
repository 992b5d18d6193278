"""Retraining: from an approved drift event to a new champion, a step each, resumed where it stopped.

Here: the job and what is seen of it. Not here: the steps (models/retraining), training (models/training), who starts
it (approvals.py, `pricing models retrain`).

A step reads the ledger again and rests on nothing that was handed to it: a run started with a forged event, or without
an approval, is refused by the gate.
"""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from pricing_assets import __version__
from pricing_assets.defs import catalog, plots
from pricing_assets.defs.forecasts import ASKED
from pricing_assets.defs.partitions import RETRY, SOURCE
from pricing_assets.defs.resources import Platform
from pricing_assets.errors import PricingError
from pricing_assets.tables.models import Versions
from pricing_assets.tables.monitoring import DriftMetrics
from pricing_assets.tables.runs import Days
from pricing_assets.watch import journal

if TYPE_CHECKING:
    from pricing_assets.governance import DriftEvent
    from pricing_assets.models import Fetched, TrainingRecord, Validation
    from pricing_assets.models.inputs import Data

RETRAINING = "retraining"
RESUMES = "pricing/resumes"
"""Run tag: the root run whose claim a run goes on with, where Dagster does not know it as a retry: after the process of
`pricing models retrain` died, and once a second person answered."""
VERSIONS = dg.AssetSpec(
    catalog.key(Versions),
    deps=[catalog.key(each) for each in (*(table for table in ASKED if table in SOURCE.tables), Days, DriftMetrics)],
    description=inspect.getdoc(Versions),
    group_name="models",
    kinds={"mlflow"},
    owners=catalog.OWNERS,
    metadata={"dagster/column_schema": catalog.columns(Versions)},
)


class Approved(dg.Config):
    """The drift event somebody approved, e.g. drift-12."""

    event: str


@dg.op(retry_policy=RETRY, description="Takes the approval for this run, for good; refused without a live one.")
def claimed(context: dg.OpExecutionContext, platform: Platform, config: Approved) -> str:
    """The event."""
    from pricing_assets.models import retraining

    with _at_work(context, platform, config.event):
        return retraining.claim(platform.bench, config.event, root_of(context)).id


@dg.op(retry_policy=RETRY, description="Trains on the last day that stands and registers the challenger in MLflow.")
def challenger(context: dg.OpExecutionContext, platform: Platform, event: str) -> str:
    """The event again; nothing is left to do where it is over."""
    from pricing_assets.models import retraining, training

    def train(drift: "DriftEvent", folder: Path) -> "TrainingRecord":
        data = data_of(platform, drift.drift.model)
        return training.train(data, folder, __version__, first=drift.drift.champion is None)

    with _at_work(context, platform, event) as known:
        if not known.outcome:
            made = retraining.challenger(platform.bench, event, root_of(context), train)
            figures = {name: dg.MetadataValue.float(value) for name, value in made.metrics.items()}
            context.add_output_metadata({"version": made.label, "rows": made.rows or 0, **figures})
    return event


@dg.op(retry_policy=RETRY, description="Scores challenger and champion on the same folds and keeps the report.")
def validated(context: dg.OpExecutionContext, platform: Platform, event: str) -> str:
    """The event again."""
    from pricing_assets.models import pictures, retraining, training

    def validate(made: "Fetched", champion: "Fetched | None") -> "Validation":
        until = training.trained_until(made)
        return training.validate(data_of(platform, made.version.model, until), made, champion)

    with _at_work(context, platform, event) as known:
        if not known.outcome:
            report = retraining.validated(platform.bench, event, root_of(context), validate)
            picture = plots.embedded(pictures.of_report(report), f"{report.challenger.name}: WAPE by segment")
            context.add_output_metadata({"report": catalog.table_value(report.rows()), "picture": picture})
    return event


@dg.op(retry_policy=RETRY, description="Decides again by the report on record, and moves the alias where it passed.")
def promoted(context: dg.OpExecutionContext, platform: Platform, event: str) -> None:
    """What came of it is an event of the asset models/versions, with the report it was decided by."""
    from pricing_assets.models import retraining

    with _at_work(context, platform, event) as known:
        if not known.outcome:
            retraining.promote(platform.bench, event, root_of(context))
        metadata = _seen(platform, event)
    context.log_event(dg.AssetMaterialization(VERSIONS.key, metadata=metadata))


@dg.job(name=RETRAINING, description="Approved drift event → challenger → report → champion, where the report passes.")
def retraining_job() -> None:
    """The whole way."""
    promoted(validated(challenger(claimed())))


def config_of(event: str) -> dict[str, Any]:
    """The run config of a retraining for an event."""
    return {"ops": {claimed.name: {"config": {"event": event}}}}


def root_of(context: dg.OpExecutionContext) -> str:
    """The run that claims: of a retry, the first one it goes on for."""
    return context.run.tags.get(RESUMES) or context.run.root_run_id or context.run_id


def data_of(platform: Platform, model: str, day: date | None = None) -> "Data":
    """What a training looks at: the lake up to a day, by default the last one that stands."""
    from pricing_assets.models import inputs

    return inputs.data_of(platform.lake, platform.calendar, model, platform.settings.home / "seasons", day)


def _seen(platform: Platform, event: str) -> dict[str, Any]:
    """What came of an event, as a person wants to see it in the history of models/versions."""
    from pricing_assets.models import pictures, retraining

    known = platform.gate.event(event)
    seen: dict[str, Any] = {"event": known.id, "model": known.drift.model, "why": known.reason}
    if known.outcome:
        seen |= {"outcome": known.outcome.result, "reasons": "; ".join(known.outcome.reasons)}
    else:
        seen["waits for"] = f"{known.promotion_needs}: `pricing drift approve {known.id}`"
    if known.validated:
        report = retraining.report_on_record(platform.bench, known)
        seen |= {"version": known.validated.version, "artifact hash": known.validated.artifact_hash}
        seen["report"] = catalog.table_value(report.rows())
        seen["picture"] = plots.embedded(pictures.of_report(report), f"{report.challenger.name}: WAPE by segment")
    return seen


@contextmanager
def _at_work(context: dg.OpExecutionContext, platform: Platform, event: str) -> Iterator["DriftEvent"]:
    """One run at a time works for an event. A PricingError ends the step without retries, but for a registry that is
    down: that may mend."""
    from pricing_assets.models import ModelUnavailable

    try:
        with journal.station(platform.settings, run_id=context.run_id, station=context.op.name, drift_event=event):
            known = platform.gate.event(event)
            with platform.lake.alone(f"retraining-{known.id}"):
                yield platform.gate.event(event)
    except PricingError as fault:
        unreachable = isinstance(fault, ModelUnavailable) and fault.cause == "unreachable"
        metadata = {"what": fault.what, "remedy": fault.remedy}
        raise dg.Failure(str(fault), metadata=metadata, allow_retries=unreachable) from fault
