"""What starts by itself: the day at 02:00, missed days, and the record of every execution."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import dagster as dg

from pricing_assets.defs import executions
from pricing_assets.defs.partitions import DAILY, SOURCE
from pricing_assets.defs.resources import Platform

MOST_AT_ONCE = 5  # missed days requested per tick; the rest wait for the next one

daily = dg.define_asset_job(
    "daily",
    selection=dg.AssetSelection.all(),
    partitions_def=DAILY,
    description="The day: raw → features → decisions → runs.days → marts → analytics.duckdb.",
)


@dg.schedule(
    cron_schedule="0 2 * * *",
    job=daily,
    execution_timezone=SOURCE.time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At 02:00 the day that ended is priced.",
)
def at_two(context: dg.ScheduleEvaluationContext, platform: Platform) -> dg.RunRequest | dg.SkipReason:
    """Requests yesterday, unless it stands already or is being worked on."""
    day = _yesterday(context.scheduled_execution_time)
    if SOURCE.historical:
        return dg.SkipReason(f"{SOURCE.name} is history: its last day is {SOURCE.last_day}")
    reason = executions.why_not(context.instance, platform.lake, day)
    return dg.SkipReason(reason) if reason else _request(day, 0)


@dg.sensor(
    job=daily,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests days the schedule missed, oldest first; gives a day up after three failed runs.",
)
def catch_up(context: dg.SensorEvaluationContext, platform: Platform) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Requests every day since the first standing one that neither stands nor is being worked on."""
    executions.fail_dead_runs(context.instance, platform.lake)
    if SOURCE.historical:
        yield dg.SkipReason(f"{SOURCE.name} is history: nothing is ever missed")
        return
    last = _yesterday(platform.now())
    missed = executions.missed_days(context.instance, platform.lake, last)
    for day, attempt in missed[:MOST_AT_ONCE]:
        yield _request(day, attempt)
    if not missed:
        yield dg.SkipReason(f"every day up to {last} stands, is being worked on, or was given up")


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.SUCCESS, default_status=dg.DefaultSensorStatus.RUNNING)
def record_success(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every finished execution in runs.executions."""
    executions.record(context.instance, platform.lake, context.dagster_run.run_id)


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.FAILURE, default_status=dg.DefaultSensorStatus.RUNNING)
def record_failure(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every failed execution in runs.executions, with its first error."""
    executions.record(context.instance, platform.lake, context.dagster_run.run_id)


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.CANCELED, default_status=dg.DefaultSensorStatus.RUNNING)
def record_cancellation(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every canceled execution in runs.executions."""
    executions.record(context.instance, platform.lake, context.dagster_run.run_id)


def _yesterday(moment: datetime) -> date:
    """The business day that ended before the moment, in the shop's time zone."""
    return moment.astimezone(ZoneInfo(SOURCE.time_zone)).date() - timedelta(days=1)


def _request(day: date, attempt: int) -> dg.RunRequest:
    """A run of one day. A run key dedupes for ever, so each attempt has its own."""
    return dg.RunRequest(run_key=f"{day}#{attempt}", partition_key=day.isoformat())
