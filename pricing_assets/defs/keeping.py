"""Keeping: once a week what is too old expires, small files are merged, and what nobody needs any more goes.

Here: the one function the schedule and the shell call, its job, and the records of runs that Dagster itself keeps. Not
here: what may go from the lake (lake/keeping) and from the audit log (governance/).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dagster as dg
import polars as pl

from pricing_assets import __version__
from pricing_assets.defs import catalog, executions
from pricing_assets.defs.partitions import SOURCE
from pricing_assets.defs.resources import Platform
from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import Terms, last_decided
from pricing_assets.settings import misspelt
from pricing_assets.tables.runs import Executions

if TYPE_CHECKING:
    from pricing_assets.lake.keeping import Kept

JOB = "keeping"
_MARGIN = timedelta(days=31)
"""Days before a model's reference window that are kept too: elasticities may be of an earlier day."""
_FILES: dict[str, Any] = {"path": pl.String, "bytes": pl.Int64, "why": pl.String, "since": pl.Datetime("us", "UTC")}
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


@dataclass(frozen=True)
class Done:
    """What a keeping did, or would do: in the lake, in the audit log, in Dagster's records of runs."""

    terms: Terms
    lake: "Kept"
    audit_before: date | None
    audit_rows: int
    runs: Sequence[str]

    def summary(self) -> dict[str, Any]:
        """It in figures."""
        expiry, gone, waiting = self.lake.expiry, self.lake.gone, self.lake.waiting
        return {
            "expired": [str(day) for day in expiry.expired],
            "held": [str(day) for day in expiry.held],
            "dropped": {table.table_name(): len(days) for table, days in expiry.tables.items()},
            "kept_from": {kind: str(day) for kind, day in expiry.first_kept.items()},
            "merged": {table.table_name(): len(days) for table, days in self.lake.merged.items()},
            "checkpoints": len(self.lake.checkpoints),
            "files_removed": len(gone),
            "bytes_removed": sum(each.bytes for each in gone),
            "files_waiting": len(waiting),
            "bytes_waiting": sum(each.bytes for each in waiting),
            "audit_rows": self.audit_rows,
            "runs_forgotten": len(self.runs),
        }


def keep(
    platform: Platform,
    instance: dg.DagsterInstance,
    run_id: str | None = None,
    *,
    by: str = "system",
    dry_run: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Done:
    """Keeps the home, or with `dry_run` only looks. Runs and readers go on meanwhile; two at once wait for each other.

    Raises PricingError where the disk refuses, or a setting is misspelt or contradicts another.
    """
    from pricing_assets.lake import keeping  # DuckDB, which loading the code location does not need

    if fault := misspelt():  # what expires is gone: no default takes the place of what was meant
        raise fault
    settings, lake, now = platform.settings, platform.lake, platform.now()
    tell("looking for what models in force are judged on")
    terms = Terms(settings.keep_decisions_days, settings.keep_audit_days, judged_since(platform))
    grace = timedelta(days=settings.keep_grace_days)
    who = Provenance(run_id or f"keeping-{uuid4()}", __version__)
    if dry_run:
        kept = keeping.look(lake, settings.analytics, terms, grace, now)
    else:
        live = partial(executions.may_be_live, instance)
        kept = keeping.keep(lake, settings.analytics, terms, grace, provenance=who, now=now, is_live=live, tell=tell)
    before, rows = _expire_audit(platform, who.run_id, by, dry_run=dry_run)
    runs = old_runs(instance, lake, settings.keep_runs_days, now)
    for number, each in enumerate(runs if not dry_run else [], 1):
        tell(f"forgetting run {number} of {len(runs)}")
        _forget(instance, each)
    return Done(terms, kept, before, rows, runs)


def judged_since(platform: Platform) -> date | None:
    """The first day whose evidence a model in force is judged on; None without a model, or a day.

    Where a model in force cannot be had just now, all evidence counts.
    """
    from pricing_assets import monitoring
    from pricing_assets.defs.monitoring import in_force
    from pricing_assets.demand.forecasts import NAMES

    if last_decided(platform.lake) is None:
        return None
    champions = {name for name in NAMES.values() if platform.gate.champion(name)}
    if not champions:
        return None
    with TemporaryDirectory() as folder:
        _, watched = in_force(platform, Path(folder))
    if champions - {each.model for each in watched}:
        return date.min
    plan = monitoring.Plan()
    return min(min(each.champion(plan).reference_from, each.trained_until) for each in watched) - _MARGIN


def _expire_audit(platform: Platform, run_id: str, by: str, *, dry_run: bool) -> tuple[date | None, int]:
    """The first day of audit rows that are kept, and how many older ones went, or would go."""
    days = platform.settings.keep_audit_days
    last = last_decided(platform.lake)
    if not days or last is None:
        return None, 0
    first = last - timedelta(days=days - 1)
    before = datetime(first.year, first.month, first.day, tzinfo=UTC)
    if dry_run:
        return first, platform.store.audit_before(before)
    reason = f"the audit is kept {days} days, from {first}"
    return first, platform.store.expire_audit(before, by=by, reason=reason, key=f"expire audit {run_id}")


def old_runs(instance: dg.DagsterInstance, lake: Lake, days: int, now: datetime) -> list[str]:
    """Runs that Dagster need not remember: older than so many days before the newest one, kept in runs.executions, and
    without a day that does not stand, of which failed attempts count. None where `days` is 0.

    A run recorded by a clock that was ahead of `now` makes no other one old.
    """
    recorded = lake.read(Executions, columns=["run_id", "started_at"])
    begun = recorded.filter(pl.col("started_at") <= now)["started_at"]
    newest: datetime | None = begun.max()  # type: ignore[assignment]
    if not days or newest is None:
        return []
    old = dg.RunsFilter(statuses=_FINISHED, created_before=newest - timedelta(days=days))
    known, standing = set(recorded["run_id"]), set(manifests.standing(lake)["date"])
    found = []
    for run in instance.get_runs(old):
        first, last = executions.days_of(run) or (date.max, date.min)
        span = (first + timedelta(days=number) for number in range((last - first).days + 1))
        if run.run_id in known and all(day in standing for day in span):
            found.append(run.run_id)
    return sorted(found)


def _forget(instance: dg.DagsterInstance, run_id: str) -> None:
    """Removes a run with its events and what it printed; of SQLite also the file its events were in."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    instance.delete_run(run_id)
    instance.compute_log_manager.delete_logs(prefix=[run_id])
    storage = instance.event_log_storage
    if isinstance(storage, SqliteEventLogStorage):
        shard = Path(storage.path_for_shard(run_id))
        for path in (shard, *(shard.with_name(shard.name + end) for end in ("-wal", "-shm"))):
            path.unlink(missing_ok=True)


@dg.op(name="keep", description="Lets days expire, merges small files, removes what nobody needs any more.")
def keep_all(context: dg.OpExecutionContext, platform: Platform) -> dg.Output[None]:
    """The keeping of a week, with what it did as metadata."""
    done = keep(platform, context.instance, context.run_id, tell=context.log.info)
    return dg.Output(None, metadata=_seen(done))


def _seen(done: Done) -> dict[str, Any]:
    """What a person looks at first: which days expired, what each table dropped, how much room it made."""
    summary = done.summary()
    tables = [(name, days) for name, days in summary.pop("dropped").items()]
    dropped = pl.DataFrame(tables, schema={"table": pl.String, "days": pl.Int64}, orient="row")
    files = pl.DataFrame([vars(each) for each in done.lake.gone[:100]], schema=_FILES)
    shown = {name.replace("_", " "): value for name, value in summary.items()}
    return {**shown, "dropped": catalog.table_value(dropped), "files": catalog.table_value(files)}


@dg.job(name=JOB, description="What is too old expires; what nobody needs any more goes. See docs/retention.md.")
def keeping_job() -> None:
    """The keeping of the home."""
    keep_all()


@dg.schedule(
    cron_schedule="30 3 * * 0",
    job=keeping_job,
    execution_timezone=SOURCE.time_zone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="On Sundays at 03:30 what is too old expires, and what nobody needs any more goes.",
)
def on_sundays(platform: Platform) -> dg.RunRequest | dg.SkipReason:
    """Requests a keeping; a shop that is history does not grow."""
    if platform.source.historical:
        return dg.SkipReason(f"{platform.source.name} is history: `pricing lake keep` keeps it by hand")
    return dg.RunRequest()
