"""What starts by itself: the day at 02:00, missed days, and the record of every execution."""

from datetime import date

import dagster as dg

from pricing_assets.defs import executions, metrics
from pricing_assets.defs.partitions import DAILY, SOURCE
from pricing_assets.defs.resources import Platform
from pricing_assets.sources import Source
from pricing_assets.tables.hours import RUN_AT

MOST_AT_ONCE = 5  # missed days requested per tick; the rest wait for the next one

daily = dg.define_asset_job(
    executions.JOB,
    selection=dg.AssetSelection.all() - dg.AssetSelection.groups("publishing"),  # prices go out at the cut-off
    partitions_def=DAILY,
    description="The day: raw → features → anomalies, forecasts → decisions → runs.days → drift → marts.",
)


@dg.schedule(
    cron_schedule=f"{RUN_AT.minute} {RUN_AT.hour} * * *",
    job=daily,
    execution_timezone=SOURCE.time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="At 02:00 the day that ended is priced.",
)
def at_two(context: dg.ScheduleEvaluationContext, platform: Platform) -> dg.RunRequest | dg.SkipReason:
    """Requests yesterday, unless it stands already or is being worked on."""
    day = SOURCE.last_ended(context.scheduled_execution_time)
    now = platform.now()
    reason = _never(day, platform.source) or executions.why_not(context.instance, platform.lake, [day], now).get(day)
    return dg.SkipReason(reason) if reason else _request(day, 0)


@dg.sensor(
    job=daily,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Requests days the schedule missed, oldest first; gives a day up after three runs in vain.",
)
def catch_up(context: dg.SensorEvaluationContext, platform: Platform) -> list[dg.RunRequest] | dg.SkipReason:
    """Requests every day since the first standing one that neither stands nor is being worked on."""
    with platform.journal():
        executions.fail_dead_runs(context.instance, platform.lake)
    now = platform.now()
    last = SOURCE.last_ended(now)
    if reason := _never(last, platform.source):
        return dg.SkipReason(reason)
    missed = executions.missed_days(context.instance, platform.lake, last, MOST_AT_ONCE, now)
    if not missed:
        return dg.SkipReason(f"every day up to {last} stands, is being worked on or to be tried again, or was given up")
    return [_request(day, attempt) for day, attempt in missed]


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.SUCCESS, default_status=dg.DefaultSensorStatus.RUNNING)
def record_success(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every finished execution in runs.executions."""
    _conclude(context, platform)


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.FAILURE, default_status=dg.DefaultSensorStatus.RUNNING)
def record_failure(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every failed execution in runs.executions, with its first error."""
    _conclude(context, platform)


@dg.run_status_sensor(run_status=dg.DagsterRunStatus.CANCELED, default_status=dg.DefaultSensorStatus.RUNNING)
def record_cancellation(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    """Keeps every canceled execution in runs.executions."""
    _conclude(context, platform)


def _conclude(context: dg.RunStatusSensorContext, platform: Platform) -> None:
    with platform.journal():
        executions.conclude(context.instance, platform.lake, context.dagster_run.run_id)
        metrics.write(context.instance, platform.lake, platform.source, platform.settings, platform.now())


def _never(day: date, source: Source) -> str | None:
    """Why a day is not due at all: the shop is history, or has not begun."""
    if source.historical:
        return f"{source.name} is history: its last day is {source.last_day}"
    return f"{source.name} begins on {source.first_day}" if day < source.first_day else None


def _request(day: date, attempt: int) -> dg.RunRequest:
    """A run of one day. A run key dedupes for ever, so each attempt has its own."""
    return dg.RunRequest(run_key=f"{day}#{attempt}", partition_key=day.isoformat())
