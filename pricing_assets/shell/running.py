"""`pricing run`: the daily job for a day or a range, in this process, on the instance the UI shows.

Here: launching, progress, and what came of each day. Not here: the job itself (defs/).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import polars as pl
import typer

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import require_kept
from pricing_assets.shell.command import REFUSED, Shell

if TYPE_CHECKING:
    import dagster as dg

    from pricing_assets.sources import Source

_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
_SHOWN_DAYS = 40
_MISSED = r"^[A-Za-z0-9_-]+/\d+ (cannot be had|is )"
"""How forecasts begin to say that a version in force could not be had: `demand-daily/2 cannot be had: …`."""


@dataclass(frozen=True)
class Launched:
    """One execution: its run, its days, whether it started, and what went wrong."""

    run_id: str
    days: Sequence[date]
    started: bool
    fault: PricingError | None
    seconds: float


def run_days(shell: Shell, span: tuple[date, date] | None) -> None:
    """Runs the days, some to an execution, then builds the marts once; prints what came of each day."""
    from pricing_assets.defs.partitions import SOURCE

    first, last = span or (_last_day(SOURCE),) * 2
    _in_calendar(SOURCE, first, last)
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    require_kept(shell.lake, days)
    size = _days_at_once(SOURCE, days, shell.settings.chunk_rows)
    chunks = [days[start : start + size] for start in range(0, len(days), size)]
    launched = list(_launch(shell, chunks))
    _report(shell, days, launched)


def _last_day(source: Source) -> date:
    """The day to run where none is named: the shop's last day if it is history, else the last one that ended."""
    return source.last_day or source.last_ended(datetime.now(UTC))


def _days_at_once(source: Source, days: Sequence[date], rows: int) -> int:
    """How many days an execution takes: those whose SKU-markets come to `rows`, 1 to CHUNK_DAYS.

    SKU-markets are those on sale on the first or the last day, whichever are more, as the source has them. What cannot
    be read is left to the run, which says why. Days come out the same, however many of them run together.
    """
    from pricing_assets import sources
    from pricing_assets.defs.partitions import CHUNK_DAYS
    from pricing_assets.tables.raw import Listings

    if len(days) == 1:
        return 1
    try:
        listed = max(
            sources.receive(source, Listings, day, day, days[-1]).accepted.height for day in (days[0], days[-1])
        )
    except PricingError:
        return CHUNK_DAYS
    return max(1, min(CHUNK_DAYS, rows // max(listed, 1)))


def _in_calendar(source: Source, first: date, last: date) -> None:
    end = _last_day(source)
    if source.last_day is None and first <= last and last > end >= source.first_day:
        raise PricingError(f"{last} has not ended yet: {source.name} can be priced up to {end}", "name a day up to it")
    if first < source.first_day or last > end:
        raise PricingError(
            f"{first} to {last}: {source.name} has days from {source.first_day} to {end}",
            "name days in that range, or change first_day and last_day in source.yaml",
        )
    now = datetime.now(UTC)
    if source.end_of(last) > now:
        raise PricingError(
            f"{last} has not ended yet by this machine's clock: it is {now:%Y-%m-%d %H:%M} UTC",
            "set the clock right, then run again; `pricing doctor` says by how much it is back",
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
            if len(chunks) > 1 and launched.started:
                outcome = "failed" if launched.fault else "done"
                shell.say(f"[{number}/{len(chunks)}] {span}: {outcome} in {launched.seconds:.1f} s")
            yield launched
            if launched.fault:
                return


def _execute(
    shell: Shell, instance: dg.DagsterInstance, job: dg.JobDefinition, days: Sequence[date], *, marts: bool
) -> Launched:
    """Runs the days in this process. They are claimed before Dagster knows the run: what dies here leaves a trace.

    Where another live run holds one of them, none is started.
    """
    from pricing_assets.defs import executions, metrics
    from pricing_assets.defs.resources import Platform
    from pricing_assets.lake import claims

    started, run_id = time.monotonic(), str(uuid4())
    try:
        claims.claim(shell.lake, days, run_id, partial(executions.may_be_live, instance))
    except PricingError as refused:
        return Launched(run_id, days, False, refused, 0.0)
    one = days[0].isoformat()
    line = [key for key in job.asset_layer.executable_asset_keys if marts or key.path[0] not in {"staging", "marts"}]
    result = job.execute_in_process(
        run_config=_QUIET,
        instance=instance,
        run_id=run_id,
        partition_key=one if len(days) == 1 else None,
        tags={executions.BY_HAND: "true"} | (executions.range_tags(days) if len(days) > 1 else {}),
        asset_selection=None if marts else line,
        raise_on_error=False,
    )
    executions.conclude(instance, shell.lake, run_id)
    metrics.write(instance, shell.lake, Platform().source, shell.settings, datetime.now(UTC))
    fault = None if result.success else _failure(run_id, executions.first_error(instance, run_id))
    return Launched(run_id, days, True, fault, time.monotonic() - started)


def _failure(run_id: str, error: str) -> PricingError:
    what, _, remedy = error.partition("\n  remedy: ")
    return PricingError(f"run {run_id} failed: {what}", remedy or "mend what it names, then run again")


def _report(shell: Shell, days: Sequence[date], launched: Sequence[Launched]) -> None:
    """What came of each day; exit code 1 where a run failed, a day was stopped or not started."""
    standing = {row["date"]: row for row in manifests.standing(shell.lake).to_dicts()}
    runs = {day: each for each in launched if each.started for day in each.days}
    stopped = _stopped(shell, list(runs))
    outcomes = [_outcome(day, standing.get(day), runs.get(day), day in stopped) for day in days]
    if len(outcomes) > _SHOWN_DAYS:
        shell.say(f"({counted(len(outcomes) - _SHOWN_DAYS, 'earlier day')} not shown; see marts.run_summary)")
    for outcome in outcomes[-_SHOWN_DAYS:]:
        shell.say(outcome["says"])
    warnings = _without_model(shell, [day for day in runs if day in standing])
    for warning in warnings:
        shell.say(f"warning: {warning}")
    fault = next((each.fault for each in launched if each.fault), None) or _fault(stopped)
    answer = {"runs": [each.run_id for each in launched if each.started], "days": outcomes, "warnings": warnings}
    shell.answer(answer | ({"error": fault.what, "remedy": fault.remedy} if fault else {}))
    if fault and shell.json:
        raise typer.Exit(REFUSED)
    if fault:
        raise fault


def _without_model(shell: Shell, days: Sequence[date]) -> list[str]:
    """A sentence per model in force that could not be had, as the forecasts of the days say that stand now.

    Day by day: forecasts of a year are more than memory holds.
    """
    from pricing_assets.tables.forecasts import DemandForecasts

    files = manifests.manifested(shell.lake, DemandForecasts)
    said = partial(shell.lake.read_files, DemandForecasts, columns=["date", "fallback_reason"], where=_missing())
    return missed(pl.concat([said([]), *(said([files[day]]).unique() for day in days if day in files)]))


def _missing() -> pl.Expr:
    """Whether a forecast was made without a version in force, for it could not be had."""
    return pl.col("fallback_reason").cast(pl.String).str.contains(_MISSED)


def missed(rows: pl.DataFrame) -> list[str]:
    """A sentence per reason, of forecasts with date and fallback_reason, for which a version in force was missed."""
    found = rows.filter(_missing()).unique().sort("date")
    days = found.group_by("fallback_reason", maintain_order=True).agg(pl.col("date").n_unique())
    return [f"{reason}; a simple method forecast instead on {counted(number, 'day')}" for reason, number in days.rows()]


def _fault(stopped: Mapping[date, str]) -> PricingError | None:
    if not stopped:
        return None
    lines = [f"{day}: {message}" for day, message in stopped.items()]
    what = "\n  ".join([f"{counted(len(stopped), 'day')} stopped", *lines[:10]])
    return PricingError(what, "mend what it names, then run these days again")


def _stopped(shell: Shell, attempted: Sequence[date]) -> dict[date, str]:
    """The days run that a verdict stopped, with its message: those that stood before do not count as done."""
    from pricing_assets import sources
    from pricing_assets.tables.runs import Checks

    if not attempted:
        return {}
    failures = sources.failures(shell.lake.read(Checks, min(attempted), max(attempted)))
    return {day: failures[day] for day in attempted if day in failures}


def _outcome(day: date, row: dict[str, Any] | None, run: Launched | None, stopped: bool) -> dict[str, Any]:
    """What came of a day: its standing row, the run that was to make it, and whether a verdict stopped it."""
    changed = row is not None and run is not None and row["run_id"] == run.run_id
    if row is None or run is None or stopped or (run.fault and not changed):
        status = "stopped" if stopped else "failed" if run else "not started"
        says = f"{day}: {status}" + (f"; what run {row['run_id']} decided stands" if row else "")
        return {"date": day, "status": status, "says": says}
    counts = {name: row[name] for name in ("decided", "published", "held", "quarantined")}
    answer = {"date": day, "status": row["status"], **counts, "run_id": row["run_id"], "changed": changed}
    return answer | {"says": f"{day}: {_words(row, changed)}{_lateness(row)}"}


def _words(row: Mapping[str, Any], changed: bool) -> str:
    counts = f"{row['decided']} decided, {row['held']} held, {row['quarantined']} quarantined"
    if row["status"] == "no_trade":
        return "no trade" if changed else "nothing changed, no trade"
    return f"{counts}, run {row['run_id']}" if changed else f"nothing changed, run {row['run_id']} stands: {counts}"


def _lateness(row: Mapping[str, Any]) -> str:
    """By when the prices of a late day were due, by the clock of the shop."""
    if not row["late"]:
        return ""
    zone = json.loads(row["settings"])["time_zone"]
    due = row["effective_from"].astimezone(ZoneInfo(zone))
    return f"; late, so it only recommends: prices were due by {due:%Y-%m-%d %H:%M} {zone}"
