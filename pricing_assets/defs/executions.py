"""Executions as Dagster knows them: is a day done or in flight, which died, and their record in runs.executions.

Here: the one place that asks both the Dagster instance and the lake. Not here: what a day is (lake/days).
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from multiprocessing import parent_process
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets.counting import counted
from pricing_assets.defs import verdicts
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.monitoring import lateness
from pricing_assets.tables.runs import Executions

_LOGGER = logging.getLogger(__name__)
JOB = "daily"
ATTEMPTS = 3
_PAUSES = (timedelta(0), timedelta(minutes=10), timedelta(minutes=45))
"""How long after the last attempt the next one waits: a source that is down for a while does not cost the day."""
STOPPED = PricingError("stopped by a signal", "run these days again to go on")
IN_FLIGHT = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
BY_HAND = "pricing/by_hand"
"""Tag of a run of the shell, which somebody watches and may stop; Dagster watches the others."""
_RETRIED = "dagster/will_retry"
_RECENT = 50  # failed runs looked at: Dagster starts one again within a minute
_FIRST, _LAST, _ONE = "dagster/asset_partition_range_start", "dagster/asset_partition_range_end", "dagster/partition"


def range_tags(days: Sequence[date]) -> dict[str, str]:
    """What makes Dagster run several days in one pass."""
    return {_FIRST: days[0].isoformat(), _LAST: days[-1].isoformat()}


def days_of(run: dg.DagsterRun) -> tuple[date, date] | None:
    """First and last business day of a run; None for a run without days."""
    first = run.tags.get(_FIRST, run.tags.get(_ONE))
    last = run.tags.get(_LAST, run.tags.get(_ONE))
    return (date.fromisoformat(first), date.fromisoformat(last)) if first and last else None


def worker(executor: str) -> int:
    """The process whose end is the end of the run: this one, or where steps have their own, the one that started it.

    Not the parent the system names: where the run worker is dead already, that is somebody who lives on.
    """
    starter = parent_process() if executor == "multiprocess" else None
    return (starter and starter.pid) or os.getpid()


def may_be_live(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Whether a run may still be working: unknown runs (of another instance) may."""
    run = instance.get_run_by_id(run_id)
    return run is None or not run.is_finished


def why_not(instance: dg.DagsterInstance, lake: Lake, days: Sequence[date], now: datetime) -> dict[date, str]:
    """Day → why it need not be started: it stands, or a live run is at it. Days that should be are left out.

    A day that a clock set ahead has noted as closed before it came does not stand. A run that died and that Dagster is
    about to start again is at its days, too.
    """
    standing = manifests.stand(lake, now)
    retried = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], tags={_RETRIED: "true"})
    dying = [run for run in instance.get_runs(retried, limit=_RECENT) if run.is_complete_and_waiting_to_retry]
    running = instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT))
    spans = [(run.run_id, days_of(run)) for run in (*running, *dying)]
    reasons = {}
    for day in days:
        working = next((run_id for run_id, span in spans if span and span[0] <= day <= span[1]), None)
        if day in standing:
            reasons[day] = f"{day} stands already"
        elif working:
            reasons[day] = f"run {working} is at {day}"
    return reasons


def missed_days(
    instance: dg.DagsterInstance, lake: Lake, last: date, most: int, now: datetime
) -> list[tuple[date, int]]:
    """The oldest `most` days to start again, each with the number of runs of it that have ended.

    Counted are the days from the first standing one (`last` itself where none stands) to `last`. Each attempt waits
    longer than the one before; a day that `ATTEMPTS` runs left undone is given up: a person must look at it.
    """
    span = lateness.expected(manifests.stand(lake, now), date.min, last)
    reasons = why_not(instance, lake, span, now)
    tried = ((day, _attempts(instance, day)) for day in span if day not in reasons)
    again = (day for day, ended in tried if len(ended) < ATTEMPTS and not _pauses(ended, now))
    return [(day, _ended(instance, day)) for day in islice(again, most)]


def fail_dead_runs(instance: dg.DagsterInstance, lake: Lake) -> list[str]:
    """Reports runs as failed whose process died while it held days, and frees the days; returns their ids."""
    dead = []
    with lake.alone("dead-runs"):  # two that look at once would both report it
        for run_id in claims.dead_runs(lake):
            run = instance.get_run_by_id(run_id)
            if run is not None and not run.is_finished:
                instance.report_run_failed(run, f"the process of run {run_id} died; its days are free again")
                dead.append(run_id)
            _LOGGER.error("run_died", extra={"run_id": run_id})
            conclude(instance, lake, run_id)
            claims.release(lake, run_id)
    return dead


def conclude(instance: dg.DagsterInstance, lake: Lake, run_id: str) -> None:
    """Appends a finished run to runs.executions and frees its days; a run recorded before is left as it is.

    In this order: a run that dies in between, or that the disk refuses, still holds its days, and is concluded by the
    next one.
    """
    found = instance.get_run_record_by_id(run_id)
    if found is None or not found.dagster_run.is_finished:
        return
    row = _row(instance, found)
    with lake.alone("executions"):  # its own process and the sensor may conclude a run at once
        if run_id not in lake.read(Executions, row["started_on"], row["started_on"])["run_id"]:
            rows = pl.DataFrame([row], schema=Executions.create_empty().schema)
            lake.append(Executions, rows, Provenance(run_id))
            _say(row)
    claims.release(lake, run_id)


def _say(row: Mapping[str, Any]) -> None:
    """One line of the log for an execution."""
    seconds = (row["ended_at"] - row["started_at"]).total_seconds() if row["ended_at"] else None
    said = {name: row[name] for name in ("run_id", "job", "first_day", "last_day", "outcome", "error")}
    level = logging.INFO if row["outcome"] == "success" else logging.ERROR
    _LOGGER.log(level, "run_ended", extra=said | {"seconds": seconds})


def _row(instance: dg.DagsterInstance, found: dg.RunRecord) -> dict[str, Any]:
    run = found.dagster_run
    days = days_of(run)
    started = datetime.fromtimestamp(found.start_time or found.create_timestamp.timestamp(), UTC)
    return {
        "started_on": started.date(),
        "run_id": run.run_id,
        "started_at": started,
        "ended_at": datetime.fromtimestamp(found.end_time, UTC) if found.end_time else None,
        "job": run.job_name,
        "first_day": days[0] if days else None,
        "last_day": days[1] if days else None,
        "outcome": run.status.value.lower(),
        "error": _stopped_days(instance, run.run_id) if run.is_success else first_error(instance, run.run_id),
    }


def _stopped_days(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """`2 days stopped: 2026-11-05, 2026-11-06`, of a run whose other days went on; None where all did."""
    stopped: list[str] = []
    for entry in instance.all_logs(run_id, of_type={dg.DagsterEventType.ASSET_CHECK_EVALUATION}):
        judged = getattr(entry.dagster_event, "event_specific_data", None)
        if isinstance(judged, dg.AssetCheckEvaluation) and judged.check_name == verdicts.EVERY_DAY:
            stopped = [] if judged.passed else str(judged.metadata["stopped"].value).split(", ")
    return f"{counted(len(stopped), 'day')} stopped: {', '.join(stopped)}" if stopped else None


def first_error(instance: dg.DagsterInstance, run_id: str) -> str:
    """The message of the first failed step of a run, or of the run itself."""
    kinds = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.RUN_FAILURE}
    for entry in instance.all_logs(run_id, of_type=kinds):
        event = entry.dagster_event
        data = getattr(event, "event_specific_data", None)
        if described := getattr(data, "user_failure_data", None):
            return str(described.description)
        error = getattr(data, "error", None)
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__:
            return str(STOPPED)
        if error is not None:
            return str(error.message).strip()
        if event is not None and event.message:
            return event.message
    return "no error was logged"


def _attempts(instance: dg.DagsterInstance, day: date) -> list[datetime]:
    """When runs of the whole line for this day alone ended without it; a canceled one counts."""
    ended = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    wanted = dg.RunsFilter(job_name=JOB, statuses=ended, tags={_ONE: day.isoformat()})
    return [record.update_timestamp for record in instance.get_run_records(wanted, limit=ATTEMPTS)]


def _ended(instance: dg.DagsterInstance, day: date) -> int:
    """Runs of the whole line for this day alone that ended, one that succeeded by a clock set ahead too."""
    ended = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
    return instance.get_runs_count(dg.RunsFilter(job_name=JOB, statuses=ended, tags={_ONE: day.isoformat()}))


def _pauses(ended: Sequence[datetime], now: datetime) -> bool:
    """Whether the next attempt is to wait; by a clock that was set back none waits."""
    return bool(ended) and timedelta(0) <= now - max(ended) < _PAUSES[len(ended)]
