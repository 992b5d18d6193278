"""Putting a backup into an empty home: proven whole first, unpacked aside, then renamed into place.

Here: what is refused, the order of putting in place, and what a restore killed half way leaves. Not here: reading the
file (container), what is built from it afterwards (shell/archiving).

Everything is unpacked below `HOME/.restoring` and compared with its hash, and the disk told to keep it, before anything
is moved to where it belongs. Where that folder is there, the restore has not ended: no command works on such a home,
and a restore may be made again. It goes by one rename, so it is there with all it held, or the restore has ended.
"""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO

from pricing_assets.archive import container
from pricing_assets.archive.container import MADE, Content
from pricing_assets.archive.head import CONTENTS, NAME, Head, parsed, refuse_newer
from pricing_assets.archive.places import DUMP, GOVERNANCE, LAKE, OF_THE_MACHINE, RESTORED, RESTORING, RESTORING_LOCK
from pricing_assets.errors import PricingError
from pricing_assets.governance import dump
from pricing_assets.lake.files import exclusive, make_folder, reading_faults, storage_faults, sync, write_durably
from pricing_assets.settings import Settings

Progress = Callable[[str], None]
Settle = Callable[[Path], None]

_PLAN = "names.json"
_UNPACKED = "unpacked"
_SHOWN = 5


@dataclass(frozen=True)
class Restored:
    """What was restored: the head of the backup, how many files, how many governance events."""

    head: Head
    files: int
    events: int


def verify(file: Path, progress: Progress = lambda text: None) -> Restored:
    """Reads all of a backup and compares every hash; changes nothing.

    Raises PricingError where it is damaged (it names the member) or a newer version made it.
    """
    head, _ = _opened(file, progress)
    return Restored(head, _unpack(file, None), head.events)


def restore(
    file: Path, settings: Settings, progress: Progress = lambda text: None, settle: Settle = lambda unpacked: None
) -> Restored:
    """Makes the home the settings name what the backup holds.

    `settle` changes what must be otherwise than in the backup, in the folder it is given, before any of it is in place.
    What people decided goes to the store the settings name, SQLite or PostgreSQL. Raises PricingError where the file is
    damaged or made by a newer version, the home or the store is not empty, another restore is at work in the home, or
    the disk refuses; the home is then as before.
    """
    home = settings.home.absolute()
    with _alone(home):
        return _restored(file, home, settings.governance_url, progress, settle)


def _restored(file: Path, home: Path, url: str | None, progress: Progress, settle: Settle) -> Restored:
    head, unpacked = _opened(file, progress)
    _clear(home)
    _require_room(unpacked, home)
    aside = home / RESTORING
    try:
        progress(f"unpacking {head.span}")
        with storage_faults(aside):
            make_folder(aside / _UNPACKED)
        files = _unpack(file, aside / _UNPACKED)
        events = _people(aside / _UNPACKED, url, progress)
        settle(aside / _UNPACKED)
        os.sync()  # one wait for the disk instead of one per file
        names = _planned(aside)
    except BaseException:
        _forget(home)
        raise
    _put_in_place(home, names)
    return Restored(head, files, events)


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """Keeps every other restore out of the home. Folders that were made for it and are empty at the end go."""
    if home.exists() and not home.is_dir():
        raise PricingError(f"{home}: is a file", "name another home")
    made = [place for place in (home, *home.parents) if not place.exists()]
    try:
        make_folder(home)
        with exclusive(home / RESTORING_LOCK, patience=0):
            try:
                yield
            finally:
                with suppress(OSError):
                    (home / RESTORING_LOCK).unlink()  # still held: who has it open already finds it gone
    finally:
        for place in made:
            with suppress(OSError):
                place.rmdir()


def _opened(file: Path, progress: Progress) -> tuple[Head, int]:
    """The head of a backup every byte of which is as it was written, and what it comes to unpacked."""
    if not file.is_file():
        raise PricingError(f"{file}: there is no such file", "name the file `pricing backup` made")
    progress(f"reading {file.stat().st_size / 1e6:,.1f} MB")
    with reading_faults(file):
        return _proven(file)


def _proven(file: Path) -> tuple[Head, int]:
    with file.open("rb") as opened:
        if opened.read(len(container.MAGIC)) != container.MAGIC:
            raise PricingError(f"{file}: is no backup, or damaged in its first bytes", MADE)
    unpacked = container.sealed(file)
    if unpacked is None:
        raise PricingError(
            f"{file}: is damaged or cut short, {container.first_damaged(file, _contents(file))}",
            "copy it again from where it was kept, or take another backup; nothing was changed",
        )
    name, content = next(container.members(file))
    if name != NAME:
        raise PricingError(f"{file}: is no backup, it begins with {name}", MADE)
    head = parsed(content.read(), file)
    refuse_newer(head, file)
    return head, unpacked


def _contents(file: Path) -> Mapping[str, Content] | None:
    """What the last member says of the others; None where a damaged file has none that can be read."""
    try:
        for name, content in container.members(file):
            if name == CONTENTS:
                return _listed(content)
    except (EOFError, ValueError, TypeError, zlib.error, tarfile.TarError, PricingError):
        pass
    return None


def _listed(content: IO[bytes]) -> dict[str, Content]:
    return {name: Content(**each) for name, each in json.loads(content.read()).items()}


def _unpack(file: Path, into: Path | None) -> int:
    """Writes every member below a folder, or none where none is given, and compares all hashes; how many there are."""
    found: dict[str, Content] = {}
    expected: dict[str, Content] | None = None
    for name, content in container.members(file):
        if name == CONTENTS:
            expected = _listed(content)
        elif into is None or name == NAME:
            found[name] = container.content_of(content)
        else:
            found[name] = _written(content, into / PurePosixPath(name))
    if found != expected:
        differing = next((name for name, each in (expected or {}).items() if found.get(name) != each), CONTENTS)
        raise PricingError(f"{file}: {differing} is not what was backed up", "take another backup; nothing was changed")
    return len(found)


def _written(content: IO[bytes], path: Path) -> Content:
    with storage_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as out:
            return container.content_of(content, out)


def _clear(home: Path) -> None:
    """Takes away what a restore that was stopped has left. Raises PricingError where anything else is there."""
    aside = home / RESTORING
    plan = aside / _PLAN
    moved = json.loads(plan.read_text(encoding="utf-8")) if plan.exists() else []
    known = {RESTORING, RESTORED, RESTORING_LOCK, *OF_THE_MACHINE, *moved}
    there = sorted(path.name for path in home.iterdir() if path.name not in known)
    if there:
        more = f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else ""
        raise PricingError(
            f"{home}: is not empty, it holds {', '.join(there[:_SHOWN])}{more}",
            "name a home that is empty or not there yet (--home); a restore replaces nothing",
        )
    with storage_faults(home):
        for name in (*moved, RESTORED):
            _remove(home / name)
        sync(home)  # before the list of what there was to remove
        _remove(aside)


def _forget(home: Path) -> None:
    """What was unpacked, of a restore that failed before anything was in place."""
    shutil.rmtree(home / RESTORING, ignore_errors=True)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _require_room(needed: int, home: Path) -> None:
    free = shutil.disk_usage(home).free
    if free < needed:
        raise PricingError(
            f"{home}: {free / 1e6:,.0f} MB are free, the home needs {needed / 1e6:,.0f} MB",
            "free some space there, or name a home on another disk",
        )


def _people(unpacked: Path, url: str | None, progress: Progress) -> int:
    """Fills the governance store from its member, which is no part of a home; how many events."""
    dumped = unpacked / DUMP
    if not dumped.exists():
        return 0
    progress("what people decided")
    with dumped.open(encoding="utf-8") as lines:
        events = dump.load(url or f"sqlite:///{unpacked / GOVERNANCE}", lines)
    dumped.unlink()
    return events


def _planned(aside: Path) -> list[str]:
    """What is to be put in place, the lake last; a restore made again takes just this away."""
    with reading_faults(aside):
        names = sorted((path.name for path in (aside / _UNPACKED).iterdir()), key=lambda name: (name == LAKE, name))
    write_durably(aside / _PLAN, json.dumps(names).encode())
    return names


def _put_in_place(home: Path, names: list[str]) -> None:
    """Renames everything to where it belongs. Killed here, the home says that it is not whole."""
    aside = home / RESTORING
    with storage_faults(home):
        for name in names:
            (aside / _UNPACKED / name).rename(home / name)
        sync(home)
        aside.rename(home / RESTORED)
        sync(home)
    shutil.rmtree(home / RESTORED, ignore_errors=True)
