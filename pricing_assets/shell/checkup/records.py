"""What the platform leaves for those who watch it: the log and the metrics file.

Here: whether both can be written, and how old they are. Not here: what they say (watch/).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pricing_assets.counting import counted
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
    fault = _refused(settings.logs)
    yield Finding("logs", not fault, f"{settings.logs}: {fault}" if fault else words, f"let {settings.logs} be written")


def metrics(shell: Shell) -> Iterator[Finding]:
    """The folder of the metrics file."""
    folder = shell.settings.metrics_folder
    found = sorted(path.name for path in folder.glob("pricing_*.prom"))
    words = f"{', '.join(found)} in {folder}" if found else f"nothing in {folder} yet; the next run writes it"
    fault = _refused(folder)
    remedy = "let the user of the platform write there, or name another folder in PRICING_METRICS"
    yield Finding("metrics", not fault, f"{folder}: {fault}" if fault else words, remedy)


def _refused(folder: Path) -> str:
    """Why nothing can be written to a folder that is there; empty where it can, or is made when it is needed."""
    if not folder.exists():
        return ""
    probe = folder / ".pricing-doctor"
    try:
        with probe.open("wb") as file:
            file.write(b"x")
        probe.unlink()
    except OSError as error:
        return error.strerror or str(error)
    return ""
