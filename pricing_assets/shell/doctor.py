"""`pricing doctor`: is this installation sound, and what to do where it is not.

Here: their order, printing them, and the short ones. Not here: those of checkup/, mending what they find.
"""

from __future__ import annotations

import importlib.metadata
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from pricing_assets import settings
from pricing_assets.archive.places import refuse_unfinished, unfinished
from pricing_assets.counting import counted
from pricing_assets.disks import remedy
from pricing_assets.errors import PricingError
from pricing_assets.shell.checkup import holders, machine, records
from pricing_assets.shell.checkup.finding import Finding
from pricing_assets.shell.command import REFUSED, Shell

if TYPE_CHECKING:
    from pricing_assets.sources import Source

_LIBRARIES = ("dagster", "polars", "duckdb", "deltalake", "dataframely", "dbt-core", "SQLAlchemy")


def examine(shell: Shell, backup: Path | None = None, *, deep: bool = False) -> None:
    """Runs every examination, if asked also of what files hold and of a backup; exit code 1 where one finds a fault."""
    asked = [*([_contents] if deep else []), *([_reading(backup)] if backup else [])]
    # of a home that is only half there, the rest would be found wanting one by one
    examinations = (*_OF_THE_MACHINE, *(_OF_WHAT_STANDS if not unfinished(shell.settings.home) else ()), *asked)
    findings = [finding for examination in examinations for finding in _attempt(examination, shell)]
    shell.answer([finding._asdict() for finding in findings])
    for finding in findings:
        shell.say(f"{'ok   ' if finding.sound else 'FAULT'} {finding.what}: {finding.found}")
        if finding.remedy and not finding.sound:
            shell.say(f"      remedy: {finding.remedy}")
    if not all(finding.sound for finding in findings):
        raise typer.Exit(REFUSED)


def _attempt(examination: Callable[[Shell], Iterator[Finding]], shell: Shell) -> Iterator[Finding]:
    what = examination.__name__.strip("_")
    try:
        yield from examination(shell)
    except PricingError as error:
        yield Finding(what, False, error.what, error.remedy)


def _python(_: Shell) -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    sound = (3, 11) <= sys.version_info[:2] < (3, 14)
    yield Finding("python", sound, version, "use Python 3.11, 3.12 or 3.13: `make clean setup PYTHON=python3.11`")
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in _LIBRARIES)
    yield Finding("libraries", True, versions)
    dbt = Path(sys.executable).parent / "dbt"
    yield Finding("dbt", dbt.exists(), str(dbt), "`make setup` installs it beside Python")


def _settings(_: Shell) -> Iterator[Finding]:
    """Which are set, and which are misspelt."""
    if fault := settings.misspelt():
        raise fault
    known = settings.named()[0]
    yield Finding("settings", True, ", ".join(known) + " set" if known else "none set: all defaults")


def _home(shell: Shell) -> Iterator[Finding]:
    refuse_unfinished(shell.settings.home)
    home = shell.settings.home.absolute()
    existing = next(folder for folder in (home, *home.parents) if folder.exists())
    probe = existing / ".pricing-doctor"
    try:
        probe.write_bytes(b"x")
        probe.unlink()
        words = "can be written" if home.exists() else "is not there: a run makes it; mount it first, if it is a disk"
        yield Finding("home", True, f"{home} {words}")
    except OSError as error:
        yield Finding("home", False, f"{home}: {error.strerror}", remedy(error))
        with suppress(OSError):
            probe.unlink(missing_ok=True)


def _source(shell: Shell) -> Iterator[Finding]:
    from pricing_assets import sources

    source = sources.load(shell.settings.source, shell.settings)
    tables = ", ".join(table.table_name() for table in source.tables)
    yield Finding("source", True, f"{source.name} ({shell.settings.source}): {tables}")
    if source.database is not None:
        yield _database(source)


def _database(source: Source) -> Finding:
    from pricing_assets import sources

    try:
        return Finding("database", True, f"{sources.reach(source)} answers")
    except PricingError as error:
        return Finding("database", False, error.what, error.remedy)


def _lake(shell: Shell) -> Iterator[Finding]:
    from pricing_assets.lake import days as manifests
    from pricing_assets.lake import soundness
    from pricing_assets.tables import ALL

    if found := soundness.flaws(shell.lake):
        yield Finding("lake", False, soundness.in_words(found), soundness.remedy(found))
        return
    files = manifests.manifest(shell.lake)
    yield Finding("lake", True, f"{counted(sum(map(len, files.values())), 'partition')} in force")
    for table in ALL:
        last = shell.lake.files(table)[-1:]  # all of them may be more than memory holds
        shell.lake.read_files(table, last, table.primary_key()[:1])  # raises where the schema is another


def _contents(shell: Shell) -> Iterator[Finding]:
    from pricing_assets.lake import contents, soundness

    with shell.progress.status("reading") as status:
        number, found = contents.flaws(shell.lake, status.update)
    words = soundness.in_words(found) if found else f"{counted(number, 'file')} in force hold what was written"
    yield Finding("contents", not found, words, soundness.remedy(found))


def _governance(shell: Shell) -> Iterator[Finding]:
    from pricing_assets import governance, strategies
    from pricing_assets.lake import continuity

    there = shell.settings.governance_url is not None or (shell.settings.home / "governance.db").exists()
    store = governance.open_store(shell.settings.governance, strategies) if there else None
    if lost := continuity.words_lost(shell.lake, store.word if store else lambda number: ""):
        yield Finding("governance", False, lost, "give the store back, or `pricing restore BACKUP` into an empty home")
        return
    if store is None:
        yield Finding("governance", True, "no store yet; the first run makes one")
        return
    active = store.active()
    words = ", ".join(f"{each.name} v{each.version}" for each in active) or "no strategy is active: every price is held"
    yield Finding("governance", bool(active), words, "`pricing strategy activate FILE --reason T`")


def _registry(shell: Shell) -> Iterator[Finding]:
    """Whether the registry answers and has the files of every champion; nothing of it is made or moved."""
    from pricing_assets import governance, strategies
    from pricing_assets.models import open_registry
    from pricing_assets.models.serving import files_of

    settings = shell.settings
    if settings.governance_url is None and not (settings.home / "governance.db").exists():
        yield Finding("registry", True, "not needed yet: no model was promoted")
        return
    champions = governance.open_store(settings.governance, strategies).gate.champions()
    if not champions:
        yield Finding("registry", True, "not needed yet: no model was promoted")
        return
    registry = open_registry(settings.registry, settings.home)
    if not registry.started:
        yield Finding("registry", False, f"{registry.uri} is gone", "restore it from a backup, or roll back the models")
        return
    for champion in champions.values():
        with TemporaryDirectory() as folder:
            files_of(registry, champion, Path(folder))
    yield Finding("registry", True, "has " + ", ".join(f"{each.model}/{each.version}" for each in champions.values()))


def _dagster(shell: Shell) -> Iterator[Finding]:
    from pricing_assets.shell.instance import is_made, open_instance

    if not is_made(shell.settings):
        yield Finding("dagster", True, "no instance yet; the first run makes one")
        return
    with open_instance(shell.settings, to_look=True) as instance:
        yield Finding("dagster", True, f"{counted(instance.get_runs_count(), 'run')} in {instance.root_directory}")


def _warehouse(shell: Shell) -> Iterator[Finding]:
    from pricing_assets.lake import warehouse

    if not shell.settings.analytics.exists():
        yield Finding("warehouse", True, "no analytics.duckdb yet; the first run builds it")
        return
    days = warehouse.query(shell.settings.analytics, "select count(*) as days from marts.run_summary")["days"][0]
    yield Finding("warehouse", True, f"{shell.settings.analytics}: {counted(days, 'day')}")


def _reading(file: Path) -> Callable[[Shell], Iterator[Finding]]:
    def backup(shell: Shell) -> Iterator[Finding]:
        from pricing_assets.archive import restoring

        with shell.progress.status("reading the backup") as status:
            found = restoring.verify(file, status.update)
        words = f"{file} is whole: {found.head.span}, as of {found.head.made_at}, by version {found.head.code_version}"
        yield Finding("backup", True, words)

    return backup


_Examinations = tuple[Callable[[Shell], Iterator[Finding]], ...]
_OF_THE_MACHINE: _Examinations = (_python, _settings, _home, machine.disk)
_OF_WHAT_STANDS: _Examinations = (
    machine.clock,
    _source,
    _lake,
    holders.claims,
    holders.locks,
    records.logs,
    records.metrics,
    _governance,
    _registry,
    _dagster,
    _warehouse,
)
