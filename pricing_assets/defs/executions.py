"""Executions as Dagster knows them: is a day done or in flight, which died, and their record in runs.executions.

Here: the one place that asks both the Dagster instance and the lake. Not here: what a day is (lake/days).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets.lake import Lake, Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.tables.runs import Executions

ATTEMPTS = 3
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FIRST, _LAST, _ONE = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end", "dagster/partition"


def days_of(run: dg.DagsterRun) -> tuple[date, date] | None:
    """First and last business day of a run; None for a run without days."""
    first = run.tags.get(_FIRST, run.tags.get(_ONE))
    last = run.tags.get(_LAST, run.tags.get(_ONE))
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def why_not(instance: dg.DagsterInstance, lake: Lake, day: date) -> str | None:
    """Why a day need not be started: it stands, or a live run is at it. None where it should be."""
    if day in _standing(lake):
        return f"{day} stands already"
    working = _in_flight(instance, day)
    return f"run {working} is at {day}" if working else None


def missed_days(instance: dg.DagsterInstance, lake: Lake, last: date) -> list[tuple[date, int]]:
    """Days after the first standing one, up to `last`, to start again, each with its attempt number, oldest first.

    A day that failed `ATTEMPTS` times is given up: a person must look at it.
    """
    standing = _standing(lake)
    if not standing:
        return []
    span = (min(standing) + timedelta(days=number) for number in range((last - min(standing)).days + 1))
    missed = [day for day in span if day not in standing and not _in_flight(instance, day)]
    attempts = [(day, _failures(instance, day)) for day in missed]
    return [(day, number) for day, number in attempts if number < ATTEMPTS]


def fail_dead_runs(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Reports runs as failed whose process died while it held days, and frees the days; returns their ids."""
    dead = []
    for run_id in claims.dead_runs(lake):
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            instance.report_run_failed(run, f"the process of run {run_id} died; its days are free again")
            record(instance, lake, run_id)
            dead.append(run_id)
        claims.release(lake, run_id)
    return dead


def record(instance: dg.DagsterInstance, lake: Lake, run_id: str) -> None:
    """Appends a finished run to runs.executions; a run recorded before is left as it is."""
    found = instance.get_run_record_by_id(run_id)
    if found is None or not found.dagster_run.is_finished or found.start_time is None:
        return
    row = _row(instance, found)
    if run_id not in lake.read(Executions, row["started_on"], row["started_on"])["run_id"]:
        rows = pl.DataFrame([row], schema=Executions.create_empty().schema)
        lake.append(Executions, rows, Provenance(run_id))


def _row(instance: dg.DagsterInstance, found: dg.RunRecord) -> dict[str, Any]:
    run = found.dagster_run
    days = days_of(run)
    started = datetime.fromtimestamp(found.start_time or 0, UTC)
    return {
        "started_on": started.date(),
        "run_id": run.run_id,
        "started_at": started,
        "ended_at": datetime.fromtimestamp(found.end_time, UTC) if found.end_time else None,
        "job": run.job_name,
        "first_day": days[0] if days else None,
        "last_day": days[1] if days else None,
        "outcome": run.status.value.lower(),
        "error": None if run.is_success else first_error(instance, run.run_id),
    }


def first_error(instance: dg.DagsterInstance, run_id: str) -> str:
    """The message of the first failed step of a run, or of the run itself."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        data = getattr(event, "event_specific_data", None)
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None:
            return str(error.message).strip()
        if event is not None and event.message:
            return event.message
    return "no error was logged"


def _standing(lake: Lake) -> set[date]:
    return set(manifests.standing(lake)["date"].to_list())


def _in_flight(instance: dg.DagsterInstance, day: date) -> str | None:
    runs = instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT))
    spans = ((run.run_id, days_of(run)) for run in runs)
    return next((run_id for run_id, span in spans if span and span[0] <= day <= span[1]), None)


def _failures(instance: dg.DagsterInstance, day: date) -> int:
    failed = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={_ONE: day.isoformat()})
    return instance.get_runs_count(failed)
