"""`pricing lake keep`: what expired, what was merged, what is gone, and what waits.

Here: the words. Not here: the keeping itself (defs/keeping).
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import TYPE_CHECKING

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake.leftovers import Leftover
from pricing_assets.settings import Settings
from pricing_assets.shell.command import Shell

if TYPE_CHECKING:
    import dagster as dg

    from pricing_assets.defs.keeping import Done

_UNITS = ("bytes", "kB", "MB", "GB", "TB")


def keep(shell: Shell, *, dry_run: bool) -> None:
    """Keeps the home, or says what would be done."""
    from pricing_assets.defs import keeping
    from pricing_assets.defs.resources import Platform

    if not shell.settings.lake.exists():
        raise PricingError(f"{shell.settings.home}: nothing was ever decided here", "name another home by --home")
    platform = Platform(home=str(shell.settings.home))
    with _instance(shell.settings, dry_run=dry_run) as instance, shell.progress.status("keeping") as status:
        done = keeping.keep(platform, instance, by=shell.by, dry_run=dry_run, tell=status.update)
    files = [vars(each) for each in done.lake.gone]
    shell.answer({"dry_run": dry_run, **done.summary(), "files": files})
    for line in _lines(done, timedelta(days=platform.settings.keep_grace_days), would="would " if dry_run else ""):
        shell.say(line)


def _instance(settings: Settings, *, dry_run: bool) -> AbstractContextManager[dg.DagsterInstance]:
    """The instance; in memory where there is none to look at, since looking makes none."""
    import dagster as dg

    from pricing_assets.shell.instance import is_made, open_instance

    return dg.DagsterInstance.ephemeral() if dry_run and not is_made(settings) else open_instance(settings)


def _lines(done: Done, grace: timedelta, would: str) -> list[str]:
    expiry, lines = done.lake.expiry, []
    if days := expiry.expired:
        span = f"{days[0]}" if len(days) == 1 else f"{days[0]} to {days[-1]}"
        lines.append(f"{counted(len(days), 'day')} {would}expire{'' if would else 'd'}: {span}")
    for table, old in expiry.tables.items():
        kept = f"{table.kept} is kept" if table.kept == "evidence" else f"{table.kept} are kept"
        kept = "the audit is kept" if table.kept == "audit" else kept
        lines.append(
            f"  {table.table_name()}: {counted(len(old), 'day')} {would}drop{'' if would else 'ped'}, "
            f"{kept} from {expiry.first_kept[table.kept]}"
        )
    if expiry.held:
        lines.append(f"  {counted(len(expiry.held), 'day')} left for the next time: a live run holds them")
    if done.audit_rows:
        lines.append(f"{counted(done.audit_rows, 'audit row')} before {done.audit_before} {would}go")
    for table, merged in done.lake.merged.items():
        lines.append(f"{table.table_name()}: the files of {counted(len(merged), 'day')} {would}become one a day")
    if done.lake.checkpoints:
        lines.append(f"{counted(len(done.lake.checkpoints), 'Delta log')} {would}get a checkpoint")
    lines += _of_files(done.lake.gone, f"{would}go" if would else "are gone")
    if waiting := done.lake.waiting:
        first = min(each.goes(grace) for each in waiting)
        lines += _of_files(waiting, f"no longer needed, and gone from {first:%Y-%m-%d} on")
    if done.runs:
        lines.append(
            f"{counted(len(done.runs), 'run')} {would}be forgotten by Dagster"
            if would
            else f"{counted(len(done.runs), 'run')} forgotten by Dagster; runs.executions keeps them"
        )
    return lines or ["nothing is too old, and nothing lies about"]


def _of_files(files: Sequence[Leftover], what: str) -> list[str]:
    """A line for each reason."""
    lines = []
    for why in sorted({each.why for each in files}):
        mine = [each.bytes for each in files if each.why == why]
        lines.append(f"{counted(len(mine), 'file')} ({_size(sum(mine))}) {what}: {why}")
    return lines


def _size(number: float) -> str:
    """Bytes in words, e.g. `12.3 MB`."""
    for unit in _UNITS:
        if number < 1000 or unit == _UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    raise AssertionError
