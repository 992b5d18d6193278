"""`pricing run`: the daily job for a day or a range, in this process, on the instance the UI shows.

Here: launching, progress, and what came of each day. Not here: the job itself (defs/).
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import typer

from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import REFUSED, Shell

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
    """The day to run where none is named: the shop's last day if it is history, else the last one that ended."""
    from datetime import UTC, datetime

    from pricing_assets.defs.partitions import last_ended

    return source.last_day or last_ended(datetime.now(UTC))


def _in_calendar(source: Any, first: date, last: date) -> None:
    end = _last_day(source)
    if source.last_day is None and first <= last and last > end >= source.first_day:
        raise PricingError(f"{last} has not ended yet: {source.name} can be priced up to {end}", "name a day up to it")
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

    with open_instance(shell.settings) as instance, shell.progress.status("starting") as status:
        for run_id in executions.fail_dead_runs(instance, shell.lake):
            shell.say(f"run {run_id} had died; its days are free again")
        job = defs().resolve_job_def(executions.JOB)
        for number, days in enumerate(chunks, 1):
            span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
            status.update(f"[{number}/{len(chunks)}] pricing {span}")
            launched = _execute(shell, instance, job, days, marts=number == len(chunks))
            if len(chunks) > 1:
                outcome = "done" if launched.success else "failed"
                shell.say(f"[{number}/{len(chunks)}] {span}: {outcome} in {launched.seconds:.1f} s")
            yield launched
            if not launched.success:
                return


def _execute(
    shell: Shell, instance: dg.DagsterInstance, job: dg.JobDefinition, days: Sequence[date], *, marts: bool
) -> Launched:
    """Runs the days in this process. They are claimed before Dagster knows the run: what dies here leaves a trace."""
    from pricing_assets.defs import executions
    from pricing_assets.lake import claims

    started, run_id = time.monotonic(), str(uuid4())
    claims.claim(shell.lake, days, run_id, partial(executions.may_be_live, instance))
    one = days[0].isoformat()
    line = [key for key in job.asset_layer.executable_asset_keys if marts or key.path[0] not in {"staging", "marts"}]
    result = job.execute_in_process(
        run_config=_QUIET,
        instance=instance,
        run_id=run_id,
        partition_key=one if len(days) == 1 else None,
        tags=executions.range_tags(days) if len(days) > 1 else None,
        asset_selection=None if marts else line,
        raise_on_error=False,
    )
    executions.conclude(instance, shell.lake, run_id)
    error = None if result.success else executions.first_error(instance, run_id)
    return Launched(run_id, days, result.success, error, time.monotonic() - started)


def _report(shell: Shell, days: Sequence[date], launched: Sequence[Launched]) -> None:
    """What came of each day; exit code 1 where a run failed or a day was stopped."""
    standing = {row["date"]: row for row in manifests.standing(shell.lake).to_dicts()}
    stopped = _stopped(shell, [day for each in launched for day in each.days])
    outcomes = [_outcome(day, standing.get(day), day in stopped) for day in days]
    if len(outcomes) > _SHOWN_DAYS:
        shell.say(f"({len(outcomes) - _SHOWN_DAYS} earlier days not shown; see marts.run_summary)")
    for outcome in outcomes[-_SHOWN_DAYS:]:
        shell.say(outcome["says"])
    fault = _fault(launched, stopped)
    answer = {"runs": [each.run_id for each in launched], "days": outcomes}
    shell.answer(answer | ({"error": fault.what, "remedy": fault.remedy} if fault else {}))
    if fault and shell.json:
        raise typer.Exit(REFUSED)
    if fault:
        raise fault


def _fault(launched: Sequence[Launched], stopped: Mapping[date, str]) -> PricingError | None:
    failed = next((each for each in launched if not each.success), None)
    if failed:
        what, _, remedy = (failed.error or "").partition("\n  remedy: ")
        return PricingError(f"run {failed.run_id} failed: {what}", remedy or "mend what it names, then run again")
    if stopped:
        lines = [f"{day}: {message}" for day, message in stopped.items()]
        what = "\n  ".join([f"{len(stopped)} day(s) stopped", *lines[:10]])
        return PricingError(what, "mend what it names, then run these days again")
    return None


def _stopped(shell: Shell, attempted: Sequence[date]) -> dict[date, str]:
    """The days run that a verdict stopped, with its message: those that stood before do not count as done."""
    from pricing_assets.defs import verdicts
    from pricing_assets.tables.runs import Checks

    checks = shell.lake.read(Checks, min(attempted), max(attempted))
    return verdicts.blocked(checks, attempted)


def _outcome(day: date, row: dict[str, Any] | None, stopped: bool) -> dict[str, Any]:
    if row is None or stopped:
        says = f"{day}: stopped" + (f"; what run {row['run_id']} decided stands" if row else "")
        return {"date": day, "status": "stopped", "says": says}
    counts = {name: row[name] for name in ("decided", "published", "held", "quarantined")}
    words = (
        f"{day}: {row['decided']} decided, {row['held']} held, {row['quarantined']} quarantined, run {row['run_id']}"
    )
    says = f"{day}: no trade" if row["status"] == "no_trade" else words
    says += " (late: recommended only)" if row["late"] else ""
    return {"date": day, "status": row["status"], **counts, "run_id": row["run_id"], "says": says}
