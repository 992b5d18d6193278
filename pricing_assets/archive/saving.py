"""Making a backup while runs go on: what is read in which order, so that nothing refers to what is not in it.

Here: the order, and what of a home is copied. Not here: the file (container), versions of the lake (lake/snapshot).

1. Dagster's history first: what it remembers to have seen must be in what is read after it.
2. The versions of all tables and the whole governance store, at a moment at which no table changed.
3. The files of these versions, which never change.
4. The model registry after them, as champions name its versions; then whatever else lies in the home.

No run is locked out or waited for; retention alone is. Where a file goes all the same that was still to be copied, the
copy begins anew.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from pricing_assets.archive import sqlite
from pricing_assets.archive.container import Writer, writing
from pricing_assets.archive.head import CONTENTS, NAME, Head, Moment, head_of
from pricing_assets.archive.places import DAGSTER, DUMP, GOVERNANCE, LAKE, is_left_out
from pricing_assets.counting import counted
from pricing_assets.disks import refusal
from pricing_assets.errors import PricingError
from pricing_assets.governance import dump
from pricing_assets.governance.database import Database
from pricing_assets.lake import Lake, keeping, snapshot, soundness
from pricing_assets.lake.files import reading_faults, storage_faults
from pricing_assets.settings import Settings

Progress = Callable[[str], None]

_BEGINNINGS = 3
_PATIENCE = 60.0  # seconds, for a moment without a commit; some milliseconds are enough
_TOLD = 2000  # files from one word of progress to the next


@dataclass(frozen=True)
class Saved:
    """What came of it: the file, its bytes, how many files it holds, how long it took, and its head."""

    file: Path
    bytes: int
    files: int
    seconds: float
    head: Head


class _Moved(Exception):
    """A file that is needed was taken away before it was copied."""


def save(
    file: Path, settings: Settings, *, force: bool = False, progress: Progress = lambda text: None, level: int = 6
) -> Saved:
    """Makes a backup of the home the settings name; `force` replaces a file of that name, `level` is gzip's.

    Raises PricingError where there is a file already, it would lie inside the home, there is nothing to back up, the
    lake lacks files it names, a file cannot be read, or the disk is too full; nothing is left of the file then.
    """
    started = time.monotonic()
    file, home = file.absolute(), settings.home.absolute()
    _refuse_place(file, home, force=force)
    _require_room(file, home)
    for beginning in range(1, _BEGINNINGS + 1):
        try:
            with writing(file, level) as writer, reading_faults(home):
                head = _Copying(writer, settings, file, progress).all()
            return Saved(file, file.stat().st_size, len(writer.contents) - 1, time.monotonic() - started, head)
        except _Moved as moved:
            progress(f"{moved} was taken away meanwhile, beginning anew")
            if beginning == _BEGINNINGS:
                raise PricingError(
                    f"the lake lacks {moved}: a backup of it would not be whole", "`pricing doctor` says what to do"
                ) from moved
    raise AssertionError("not reached")


def _refuse_place(file: Path, home: Path, *, force: bool) -> None:
    if not (home / LAKE).is_dir():
        raise PricingError(
            f"{home}: there is nothing to back up, it has no lake", "name the home: --home or PRICING_HOME"
        )
    if file.resolve().is_relative_to(home.resolve()):
        raise PricingError(
            f"{file}: lies inside the home it would be a backup of", "keep it elsewhere, on another disk"
        )
    if not file.parent.is_dir():
        raise PricingError(f"{file.parent}: there is no such folder", "make it, or name another")
    if file.is_dir() or (file.exists() and not force):
        raise PricingError(f"{file}: is there already", "name another file, or replace it by --force")


def _require_room(file: Path, home: Path) -> None:
    """Refuses where not even the rows, which hardly shrink, would fit."""
    needed = sum(_bytes(Path(folder, name)) for folder, _, names in os.walk(home / LAKE) for name in names)
    free = shutil.disk_usage(file.parent).free
    if free < needed:
        raise PricingError(
            f"{file.parent}: {free / 1e6:,.0f} MB are free, the backup takes about {needed / 1e6:,.0f} MB",
            "free some space there, or name a file on another disk",
        )


def _bytes(path: Path) -> int:
    """Of a file of rows; none of another, or of one that is gone by now."""
    with suppress(OSError):
        return path.stat().st_size if "=" in path.parent.name else 0
    return 0


def _nothing_taken_away(lake: Lake) -> AbstractContextManager[None]:
    """Keeps retention waiting: what it takes away would have to be copied anew. A disk that takes nothing has none."""
    return nullcontext() if refusal(lake.root) else lake.alone(keeping.LOCK)


@dataclass(frozen=True)
class _Copying:
    writer: Writer
    settings: Settings
    file: Path
    progress: Progress

    def all(self) -> Head:
        """Adds everything, in order; what it is a backup of."""
        home, lake = self.settings.home.absolute(), Lake(self.settings.lake)
        aside = self.file.with_name(f"{self.file.name}.partial.d")
        shutil.rmtree(aside, ignore_errors=True)
        store = None
        try:
            with storage_faults(aside):
                aside.mkdir()
            self.progress("Dagster's history")
            history = list(_copied(home / DAGSTER, home, aside))
            store = Database(self._store(aside)) if has_store(self.settings) else None
            moment = _quiet_moment(lake, store, aside / DUMP)
            _require_whole(lake)
            head = head_of(self.settings, lake, moment, store.revision if store else None)
            self.writer.add(NAME, head.written())
            self._add(history)
            with _nothing_taken_away(lake):
                self._add_lake(lake, moment)
            if store is not None:
                self.progress(f"what people decided, {counted(moment.event, 'event')}")
                self.writer.add_file(DUMP, aside / DUMP)
            self.progress("models, and what else is there")
            for path in sorted(home.iterdir()):
                if path.name not in (LAKE, DAGSTER):
                    self._add(_copied(path, home, aside))
            contents = {name: asdict(content) for name, content in self.writer.contents.items()}
            self.writer.add(CONTENTS, json.dumps(contents).encode())
            return head
        finally:
            shutil.rmtree(aside, ignore_errors=True)
            if store is not None:
                store.close()

    def _store(self, aside: Path) -> str:
        """Where people's decisions are read: of a disk that takes nothing from a copy, for SQLite writes to read."""
        path = self.settings.home.absolute() / GOVERNANCE
        if self.settings.governance_url is not None or not refusal(path.parent):
            return self.settings.governance
        sqlite.copy(path, aside / GOVERNANCE)
        return f"sqlite:///{aside / GOVERNANCE}"

    def _add(self, copies: Iterator[tuple[str, Path]] | list[tuple[str, Path]]) -> None:
        for name, path in copies:
            with suppress(FileNotFoundError):  # of a run that has been purged meanwhile
                self.writer.add_file(name, path)

    def _add_lake(self, lake: Lake, moment: Moment) -> None:
        shop = lake.root / "_shop"
        if shop.exists():
            self.writer.add_file(f"{LAKE}/_shop", shop)
        gone = []
        for number, part in enumerate(snapshot.parts(lake, moment.versions), 1):
            try:
                self.writer.add_file(f"{LAKE}/{part.path.as_posix()}", lake.root / part.path)
            except FileNotFoundError:
                gone += [part.path] if part.needed else []
            if number % _TOLD == 0:
                self.progress(f"the lake: {counted(number, 'file')}, {self.writer.written / 1e6:,.0f} MB")
        if gone:
            raise _Moved(str(gone[0]))


def _require_whole(lake: Lake) -> None:
    if found := soundness.flaws(lake):
        words = f"a backup would not be whole: {soundness.in_words(found)}"
        raise PricingError(words, soundness.remedy(found))


def has_store(settings: Settings) -> bool:
    """Whether people can have decided anything: not before a first run made the store of the home."""
    return settings.governance_url is not None or (settings.home / GOVERNANCE).exists()


def _quiet_moment(lake: Lake, store: Database | None, dumped: Path) -> Moment:
    """Versions that are the same before and after the store is first read: then, all was as they say.

    Writes what people had decided by then to `dumped`.
    """
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        before = snapshot.versions(lake)
        with dump.reading(store) if store else nullcontext((0, None)) as (event, lines):
            if snapshot.versions(lake) == before:
                if lines is not None:
                    _write(dumped, lines)
                return Moment(before, event)
    raise PricingError(
        f"{lake.root}: something was committed in every moment of {_PATIENCE:.0f} seconds",
        "make the backup when less goes on",
    )


def _write(path: Path, lines: Iterator[str]) -> None:
    with storage_faults(path), path.open("w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in lines)


def _copied(top: Path, home: Path, aside: Path) -> Iterator[tuple[str, Path]]:
    """Member name and path of each file below `top`; of a database a copy as of now, in the folder `aside`.

    Databases come first, and other files are looked for after them: MLflow's names a version once its files are there.
    """
    for path in _files(top, home):
        if _is_database(path):
            copy = aside / path.relative_to(home)
            with storage_faults(copy):
                copy.parent.mkdir(parents=True, exist_ok=True)
            sqlite.copy(path, copy)
            yield path.relative_to(home).as_posix(), copy
    for path in _files(top, home):
        if not _is_database(path):
            yield path.relative_to(home).as_posix(), path


def _is_database(path: Path) -> bool:
    """A file that is gone is none, and is passed over when it is to be added."""
    with suppress(FileNotFoundError):
        return sqlite.is_database(path)
    return False


def _files(top: Path, home: Path) -> Iterator[Path]:
    if is_left_out(top.relative_to(home)) or (top.is_symlink() and top.parent != home):
        return  # a folder of the home may lie on another disk; links inside could lead anywhere
    if top.is_dir():
        with suppress(FileNotFoundError):  # a folder of a run that has been purged meanwhile
            for entry in sorted(top.iterdir()):
                yield from _files(entry, home)
    elif top.is_file() and not sqlite.belongs_beside(top):
        yield top
