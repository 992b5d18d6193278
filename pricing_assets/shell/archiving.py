"""`pricing backup` and `pricing restore`: words, and what is built anew in a home restored.

Here: what is said, runs that were at work ended, the warehouse built. Not here: what a backup is (archive/).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pricing_assets.archive import restoring, saving
from pricing_assets.archive.head import Head
from pricing_assets.archive.places import DAGSTER
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.shell.command import Shell

_AT_WORK = "it was at work when the backup was made; run its days again"


def backup(shell: Shell, file: Path, *, force: bool) -> None:
    """Makes the backup and says what it holds."""
    with shell.progress.status("beginning") as status:
        saved = saving.save(file, shell.settings, force=force, progress=status.update)
    told = _told(saved.head)
    shell.answer({"file": saved.file, "bytes": saved.bytes, "files": saved.files, "seconds": saved.seconds} | told)
    shell.say(
        f"{saved.file}: {saved.bytes / 1e6:,.1f} MB, {counted(saved.files, 'file')} in {saved.seconds:.1f} s;"
        f" {saved.head.span}, {counted(saved.head.events, 'governance event')}"
    )
    for each in saved.head.elsewhere:
        shell.say(f"  not in it: {each}")


def check(shell: Shell, file: Path) -> None:
    """Says whether a backup is whole and can be read by this version."""
    with shell.progress.status("reading") as status:
        found = restoring.verify(file, status.update)
    shell.answer({"file": file, "sound": True, "files": found.files} | _told(found.head))
    shell.say(f"{file}: is whole, {counted(found.files, 'file')}; {_whose(found.head)}")


def restore(shell: Shell, file: Path) -> None:
    """Restores, ends the runs that were at work, builds the warehouse, and says what there is now."""
    runs = _AtWork(shell.settings)
    with shell.progress.status("reading") as status:
        restored = restoring.restore(file, shell.settings, status.update, runs.end)
        status.update("building analytics.duckdb")
        fault = _build_warehouse(shell)
    changed = _changed(restored.head, shell.settings)
    shell.answer(
        {
            "home": shell.settings.home.absolute(),
            "files": restored.files,
            "events": restored.events,
            "ended": runs.ended,
        }
        | {"warehouse": fault is None, "changed": changed}
        | _told(restored.head)
    )
    shell.say(f"{shell.settings.home.absolute()}: {_whose(restored.head)}")
    for run_id in runs.ended:
        shell.say(f"  run {run_id} counts as canceled: {_AT_WORK}")
    if runs.fault:
        shell.say(f"  runs that were at work keep their days: {runs.fault.what}; {runs.fault.remedy}")
    if fault:
        shell.say(f"  analytics.duckdb is not built: {fault.what}; {fault.remedy}")
    for name, (before, now) in changed.items():
        shell.say(f"  PRICING_{name.upper()} is {now}, was {before}")
    for each in restored.head.elsewhere:
        shell.say(f"  was not in it: {each}")
    shell.say("`pricing replay` proves it; `pricing doctor` looks at the rest")


def _whose(head: Head) -> str:
    return f"{head.shop or 'no shop'} as of {head.made_at}, by version {head.code_version}: {head.span}"


def _told(head: Head) -> dict[str, Any]:
    """The head for programs, without the columns of tables."""
    versions = {name: state.version for name, state in head.tables.items()}
    return {"backup": asdict(head) | {"tables": versions}}


def _changed(head: Head, settings: Settings) -> dict[str, tuple[Any, Any]]:
    """Settings that decide how the platform works, and are others now than they were."""
    now = {name: getattr(settings, name) for name in ("second_approval", "approval_days", "executor")}
    return {name: (head.settings[name], value) for name, value in now.items() if head.settings.get(name) != value}


@dataclass
class _AtWork:
    """Runs no process works at any more: they would hold their days for the schedule.

    A home whose history of runs cannot be changed is whole all the same: people end these runs in Dagster.
    """

    settings: Settings
    ended: list[str] = field(default_factory=list)
    fault: PricingError | None = None

    def end(self, home: Path) -> None:
        """Ends them in the history of a home that is not in place yet, whichever instance of Dagster will serve it."""
        if not (home / DAGSTER / "history").is_dir():
            return
        import dagster as dg

        from pricing_assets.defs.executions import IN_FLIGHT
        from pricing_assets.shell.instance import open_instance

        try:
            with open_instance(self.settings.model_copy(update={"home": home, "dagster_home": None})) as instance:
                for run in instance.get_runs(dg.RunsFilter(statuses=IN_FLIGHT)):
                    instance.report_run_canceled(run, _AT_WORK)
                    self.ended.append(run.run_id)
        except PricingError as fault:
            self.fault = fault
        except dg.DagsterError as fault:
            self.fault = PricingError(f"Dagster's history: {str(fault).partition(chr(10))[0]}", "cancel them in its UI")
        finally:
            for name in (f"{DAGSTER}/dagster.yaml", "dagster.lock"):  # they name the folder it was unpacked in
                (home / name).unlink(missing_ok=True)


def _build_warehouse(shell: Shell) -> PricingError | None:
    """Builds analytics.duckdb; what kept it from it, as a home without one is whole: the next run builds it."""
    from pricing_assets.defs import warehouse

    try:
        warehouse.build()
    except PricingError as fault:
        return fault
    return None
