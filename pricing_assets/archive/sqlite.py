"""Copies of SQLite files that others write to.

Here: telling one, and copying one by SQLite's own online backup. Not here: what is in it.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from pricing_assets.disks import refusal
from pricing_assets.errors import PricingError
from pricing_assets.lake import locks
from pricing_assets.lake.files import reading_faults

_MAGIC = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
_PATIENCE = 60.0  # seconds
_WAITING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_database(path: Path) -> bool:
    """Whether a file is one. Raises OSError where it cannot be opened, PricingError where it cannot be read."""
    with path.open("rb") as file, reading_faults(path):
        return file.read(len(_MAGIC)) == _MAGIC


def belongs_beside(path: Path) -> bool:
    """Whether a file is a database's log or index, which a copy does not need."""
    return any(path.name.endswith(end) and path.with_name(path.name.removesuffix(end)).exists() for end in _BESIDE)


def copy(path: Path, into: Path) -> None:
    """Makes `into` the database as of now, in one reading: writers in WAL mode do not wait for it.

    Raises PricingError where it is damaged, locked for a minute (it names who holds it), or `into`'s disk is full.
    """
    into.unlink(missing_ok=True)
    if refusal(path.parent):
        _copy_still(path, into)
    else:
        _copy_live(path, into)


def _copy_live(path: Path, into: Path) -> None:
    address = f"{path.absolute().as_uri()}?mode=rw"
    try:
        with (
            closing(sqlite3.connect(address, uri=True, timeout=0)) as source,
            closing(sqlite3.connect(into)) as target,
        ):
            target.execute("PRAGMA synchronous=OFF")  # it is copied on at once
            source.backup(target, pages=-1, progress=_patience(path))
    except sqlite3.Error as fault:
        raise PricingError(
            f"{path}: cannot be copied to {into.parent} ({fault})",
            "see that it is a whole database and that there is room for its copy, then make the backup again",
        ) from fault


def _copy_still(path: Path, into: Path) -> None:
    """Of a disk that takes nothing: SQLite would write beside a database even to read it, and nobody changes it there.

    What is still in its log is taken in at the copy.
    """
    log, copied_log = (Path(f"{each}-wal") for each in (path, into))
    with reading_faults(path):
        copied_log.unlink(missing_ok=True)
        shutil.copyfile(path, into)
        if log.exists():
            shutil.copyfile(log, copied_log)
    try:
        with closing(sqlite3.connect(into)) as copied:
            copied.execute("PRAGMA journal_mode=DELETE")
            found = copied.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.Error as fault:
        found = str(fault)
    if found != "ok":
        raise PricingError(f"{path}: is damaged ({found})", "restore it from an earlier backup")


def _patience(path: Path) -> Callable[[int, int, int], None]:
    """Ends the wait for a lock, for which `backup` itself would try again for ever."""
    watch = locks.Watch(path)

    def tried(status: int, _remaining: int, _pages: int) -> None:
        if status in _WAITING and (watch.waited >= _PATIENCE or watch.in_vain()):
            raise locks.refusal(path, watch.waited, locks.holder(path) or locks.holder(Path(f"{path}-shm")))

    return tried
