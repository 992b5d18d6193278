"""`pricing run`: the daily job for a day or a range, in this process, on the instance the UI shows.

Here: launching, progress, and what came of each day. Not here: the job itself (defs/).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import Shell

if TYPE_CHECKING:
    import dagster as dg

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_SHOWN_DAYS = 40


@dataclass(frozen=True)
class Launched:
    """One execution: its run, its days, whether it went well, else the first error."""

    run_id: str
    days: Sequence[date]
    success: bool
    error: str | None
    seconds: float


def run_days(shell: Shell, span: tuple[date, date] | None) -> None:
    """Runs the days, a month to an execution, then builds the marts once; prints what came of each day."""
    from pricing_assets.defs.partitions import CHUNK_DAYS, SOURCE

    first, last = span or (_last_day(SOURCE),) * 2
    _in_calendar(SOURCE, first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    chunks = [days[start : start + CHUNK_DAYS] for start in range(0, len(days), CHUNK_DAYS)]
    launched = list(_launch(shell, chunks))
    _report(shell, days, launched)


def _last_day(source: Any) -> date:
    """The day to run where none is named: the shop's last day if it is history, else yesterday."""
    from datetime import UTC, datetime
    from zoneinfo import ZoneInfo

    yesterday = datetime.now(UTC).astimezone(ZoneInfo(source.time_zone)).date() - timedelta(days=1)
    return source.last_day or yesterday


def _in_calendar(source: Any, first: date, last: date) -> None:
    end = _last_day(source)
    if first < source.first_day or last > end:
        raise PricingError(
            f"{first} to {last}: {source.name} has days from {source.first_day} to {end}",
            "name days in that range, or change first_day and last_day in source.yaml",
        )


def _launch(shell: Shell, chunks: Sequence[Sequence[date]]) -> Iterator[Launched]:
    """One execution per chunk; the marts with the last one only. Stops at the first that fails."""
    from pricing_assets.definitions import defs
    from pricing_assets.defs import executions
    from pricing_assets.shell.instance import open_instance

    with open_instance(shell.settings) as instance, shell.console.status("starting") as status:
        freed = executions.fail_dead_runs(instance, shell.lake)
        for run_id in freed:
            shell.say(f"run {run_id} had died; its days are free again")
        job = defs().resolve_job_def("daily")
        for number, days in enumerate(chunks, 1):
            span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
            status.update(f"[{number}/{len(chunks)}] pricing {span}")
            launched = _execute(instance, job, days, marts=number == len(chunks))
            executions.record(instance, shell.lake, launched.run_id)
            if len(chunks) > 1:
                outcome = "done" if launched.success else "failed"
                shell.say(f"[{number}/{len(chunks)}] {span}: {outcome} in {launched.seconds:.1f} s")
            yield launched
            if not launched.success:
                return


def _execute(instance: dg.DagsterInstance, job: dg.JobDefinition, days: Sequence[date], *, marts: bool) -> Launched:
    from pricing_assets.defs import executions

    started = time.monotonic()
    one = days[0].isoformat()
    range_tags = {
        "dagster/asset_partition_range_start": one,
        "dagster/asset_partition_range_end": days[-1].isoformat(),
    }
    line = [key for key in job.asset_layer.executable_asset_keys if marts or key.path[0] not in {"staging", "marts"}]
    result = job.execute_in_process(
        run_config=_QUIET,
        instance=instance,
        partition_key=one if len(days) == 1 else None,
        tags=range_tags if len(days) > 1 else None,
        asset_selection=None if marts else line,
        raise_on_error=False,
    )
    error = None if result.success else executions.first_error(instance, result.run_id)
    return Launched(result.run_id, days, result.success, error, time.monotonic() - started)


def _report(shell: Shell, days: Sequence[date], launched: Sequence[Launched]) -> None:
    """What came of each day; exit code 1 where one does not stand."""
    standing = {row["date"]: row for row in manifests.standing(shell.lake).to_dicts()}
    attempted = [day for each in launched if each.success or len(launched) == 1 for day in each.days]
    outcomes = [_outcome(day, standing.get(day)) for day in days]
    shell.answer({"runs": [each.run_id for each in launched], "days": outcomes})
    for outcome in outcomes[-_SHOWN_DAYS:]:
        shell.say(outcome["says"])
    if len(outcomes) > _SHOWN_DAYS:
        shell.say(f"({len(outcomes) - _SHOWN_DAYS} earlier days not shown; `pricing runs` lists them)")
    failed = next((each for each in launched if not each.success), None)
    stopped = [day for day in attempted if day not in standing]
    if failed:
        raise PricingError(f"run {failed.run_id} failed: {failed.error}", "mend what it names, then run again")
    if stopped:
        raise PricingError(_why_stopped(shell, stopped), "mend what it names, then run these days again")


def _outcome(day: date, row: dict[str, Any] | None) -> dict[str, Any]:
    if row is None:
        return {"date": day, "status": "stopped", "says": f"{day}: does not stand"}
    counts = {name: row[name] for name in ("decided", "published", "held", "quarantined")}
    words = (
        f"{day}: {row['decided']} decided, {row['held']} held, {row['quarantined']} quarantined, run {row['run_id']}"
    )
    says = f"{day}: no trade" if row["status"] == "no_trade" else words
    says += " (late: recommended only)" if row["late"] else ""
    return {"date": day, "status": row["status"], **counts, "run_id": row["run_id"], "says": says}


def _why_stopped(shell: Shell, days: Sequence[date]) -> str:
    from pricing_assets.tables.runs import Checks

    checks = shell.lake.read(Checks, min(days), max(days)).filter(~pl.col("passed") & pl.col("date").is_in(days))
    lines = [f"{row['date']} {row['table']} {row['check']}: {row['message']}" for row in checks.to_dicts()]
    return "\n  ".join([f"{len(days)} day(s) stopped", *lines[:10]])
