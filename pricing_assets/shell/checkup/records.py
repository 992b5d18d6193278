"""What the platform leaves for those who watch it: the log and the metrics file.

Here: whether both can be written, and how old they are. Not here: what they say (watch/).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from pricing_assets.counting import counted
from pricing_assets.disks import remedy
from pricing_assets.shell.checkup.finding import Finding
from pricing_assets.shell.command import Shell
from pricing_assets.watch import disk as disks
from pricing_assets.watch import journal


def logs(shell: Shell) -> Iterator[Finding]:
    """The log, which stops no run where it cannot be written: only this says so."""
    settings = shell.settings
    files = journal.files(settings)
    size = disks.in_words(sum(path.stat().st_size for path in files))
    words = f"{counted(len(files), 'day')} in {settings.logs}, {size}" if files else f"nothing in {settings.logs} yet"
    today = journal.file_of(settings, datetime.now(UTC))
    if today.exists() and (fault := _shut(today)):  # another user's, say: a command was run by root
        yield Finding("logs", False, f"{today}: {fault.strerror or fault}", remedy(fault))
        return
    yield _finding("logs", settings.logs, words)


def metrics(shell: Shell) -> Iterator[Finding]:
    """The folder of the metrics file."""
    folder = shell.settings.metrics_folder
    found = sorted(path.name for path in folder.glob("pricing_*.prom"))
    words = f"{', '.join(found)} in {folder}" if found else f"nothing in {folder} yet; the next run writes it"
    yield _finding("metrics", folder, words, "; PRICING_METRICS may name another folder")


def _finding(what: str, folder: Path, words: str, besides: str = "") -> Finding:
    """Whether a folder can be written; of a full or read-only disk the remedy is to mend that, not the folder."""
    if fault := _refused(folder):
        return Finding(what, False, f"{folder}: {fault.strerror or fault}", remedy(fault) + besides)
    return Finding(what, True, words)


def _shut(path: Path) -> OSError | None:
    """Why nothing can be added to a file; None where it can."""
    try:
        with path.open("ab"):
            return None
    except OSError as error:
        return error


def _refused(folder: Path) -> OSError | None:
    """Why nothing can be written to a folder, or to the one it would be made in; None where it can."""
    existing = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    probe = existing / ".pricing-doctor"
    try:
        with probe.open("wb") as file:
            file.write(b"x")
        probe.unlink()
    except OSError as error:
        return error
    return None
