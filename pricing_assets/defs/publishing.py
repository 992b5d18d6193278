"""The publishing station: at the cut-off decided prices go out; daily they are compared with what is charged.

A job of its own: the day's prices are decided at 02:00 and handed over at the cut-off.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, executions, plots
from pricing_assets.defs.partitions import DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.publishing import Publications, Reconciliations
from pricing_assets.tables.raw import Prices

JOB, CHARGED = "publish", "charged_as_sent"
BACKFILL = dg.BackfillPolicy.single_run()


@dg.multi_asset(
    name="publications",
    specs=[catalog.spec(Publications, deps=[PriceBook, PriceDecisions, Strategies, Prices])],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def publications(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """What is due goes out through its market's connector; what came back is read."""
    from pricing_assets import publishing
    from pricing_assets.pricing import approved, queue

    days, settings = days_of(context), platform.settings
    source, by, now = platform.source, platform.provenance(context), platform.now()
    answerable = [] if source.historical else [source.last_ended(now)]
    with platform.at_work(context, answerable):
        for day in answerable:  # what people approved since the day's run goes into its book before the cut-off
            given = queue.answers(platform.store.desk.reviews())
            approved.commit_answers(platform.lake, day, given, by, now)
        done = publishing.publish(platform.lake, source, settings, days, by, clock=platform.now)
    for fault in done.faults:
        context.log.warning(fault)
    return catalog.result(context, Publications, done.recorded, days, _seen(done.recorded, done.faults))


@dg.multi_asset(
    name="reconciliations",
    specs=[catalog.spec(Reconciliations, deps=[Publications, Prices])],
    check_specs=[
        dg.AssetCheckSpec(
            CHARGED, asset=catalog.key(Reconciliations), description="Every price sent is the one charged."
        )
    ],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def reconciliations(context: dg.AssetExecutionContext, platform: Platform) -> Iterator[dg.MaterializeResult[None]]:
    """Every price sent against the one charged; every mismatch a row, and a warning."""
    from pricing_assets import publishing

    days = days_of(context)
    ends = [platform.source.end_of(day) for day in days]
    with platform.at_work(context, []):
        found = publishing.reconcile(platform.lake, days, ends, platform.provenance(context))
    result = catalog.result(context, Reconciliations, found, days, _wrong(found))
    yield result._replace(check_results=[_check(found)])


def _seen(recorded: pl.DataFrame, faults: list[str]) -> dict[str, Any]:
    """What a person looks at first: how many prices came to which state, and what went wrong."""
    counts = recorded.group_by("effective_from", "market", pl.col("state").cast(pl.String)).len("prices")
    named = pl.DataFrame({"fault": faults[:100]}, schema={"fault": pl.String})
    return {
        "states": catalog.table_value(counts.sort("effective_from", "market", "state").tail(100)),
        "faults": catalog.table_value(named),
        "prices by state": plots.prices_by_state(recorded),
    }


def _wrong(found: pl.DataFrame) -> dict[str, Any]:
    names = ["date", "sku", "market", "kind", "sent_price", "other_price", "message"]
    return {
        "mismatches": catalog.table_value(found.select(names).tail(100)),
        "mismatches by day": plots.mismatches_by_day(found),
    }


def _check(found: pl.DataFrame) -> dg.AssetCheckResult:
    kinds = found.group_by(pl.col("kind").cast(pl.String)).len("rows").sort("kind")
    return dg.AssetCheckResult(
        asset_key=catalog.key(Reconciliations),
        check_name=CHARGED,
        passed=not found.height,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={"mismatches": found.height, "by kind": catalog.table_value(kinds)},
    )


publish = dg.define_asset_job(
    JOB,
    selection=dg.AssetSelection.groups("publishing"),
    partitions_def=DAILY,
    description="Prices out: price book → publications → reconciliations.",
)


@dg.schedule(
    cron_schedule=f"{SOURCE.publish_at.minute} {SOURCE.publish_at.hour} * * *",
    job=publish,
    execution_timezone=SOURCE.time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At the cut-off the day's prices are handed over and compared with what is charged.",
)
def at_cut_off(context: dg.ScheduleEvaluationContext, platform: Platform) -> dg.RunRequest | dg.SkipReason:
    """Requests a pass for the day that ended."""
    day = SOURCE.last_ended(context.scheduled_execution_time)
    if reason := _never(platform, day):
        return dg.SkipReason(reason)
    return dg.RunRequest(run_key=f"publish {day}", partition_key=day.isoformat())


@dg.sensor(
    job=publish,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Makes another pass while prices are due, unanswered or not live, or an answer or a receipt waits.",
)
def unsettled(context: dg.SensorEvaluationContext, platform: Platform) -> dg.RunRequest | dg.SkipReason:
    """Requests a pass where one is needed and none is at work."""
    from pricing_assets import publishing
    from pricing_assets.pricing import approved, queue

    now = platform.now()
    day = platform.source.last_ended(now)
    if reason := _never(platform, day):
        return dg.SkipReason(reason)
    if context.instance.get_runs_count(dg.RunsFilter(job_name=JOB, statuses=executions.IN_FLIGHT)):
        return dg.SkipReason("a pass is at work")
    answers = approved.waiting(platform.lake, day, queue.answers(platform.store.desk.reviews()), now)
    needed = answers.height or publishing.waiting(platform.lake, platform.source, platform.settings, now)
    return dg.RunRequest(partition_key=day.isoformat()) if needed else dg.SkipReason("nothing waits")


def _never(platform: Platform, day: date) -> str | None:
    """Why nothing goes out by itself: the shop is history, publishes nothing, or has not begun."""
    source = platform.source
    if source.historical:
        return f"{source.name} is history: `pricing publish` plays it"
    if not source.publish.enabled:
        return f"{source.name} says publish: false"
    return f"{source.name} begins on {source.first_day}" if day < source.first_day else None
