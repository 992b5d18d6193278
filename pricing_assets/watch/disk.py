"""The disk: what is free, what the home takes by part, and how long that goes on.

Here: sizes of files. Not here: making room (`pricing lake`, a person).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pricing_assets.disks import refusal
from pricing_assets.settings import Settings

FREE_BYTES = 1_000_000_000
"""Under this a disk is nearly full, whatever its size: a run writes aside before it replaces."""
FULL_IN_DAYS = 14
"""So soon, a disk that will be full is named."""
_LEAST_DAYS = 7  # days that stand, under which a rate would be guessed
_LOG = "_delta_log"


@dataclass(frozen=True)
class Disk:
    """Bytes of the disk under the home; of the home by part; files and log entries of the lake; growth.

    `daily` is the mean of what each day that stands has added, None under a week of days or where nothing is added any
    more. `refused` is why it takes nothing whatever is free: it is read-only, or cannot be looked at.
    """

    free: int
    total: int
    parts: Mapping[str, int]
    lake_files: int
    log_files: int
    daily: int | None
    refused: str | None = None

    @property
    def used(self) -> int:
        """Bytes of the home."""
        return sum(self.parts.values())

    @property
    def days_left(self) -> int | None:
        """Days until the disk is full at this rate, if nothing else writes to it; None where none can be told."""
        return self.free // self.daily if self.daily else None

    @property
    def nearly_full(self) -> bool:
        """Whether somebody must make room."""
        return self.free < FREE_BYTES or (self.days_left is not None and self.days_left < FULL_IN_DAYS)


def measure(settings: Settings, standing: int, *, goes_on: bool) -> Disk:
    """The disk under a home in which so many days stand; `goes_on` where the shop adds more."""
    home = settings.home.absolute()
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    space, refused = shutil.disk_usage(there), refusal(there)
    parts: dict[str, int] = {}
    files = logs = 0
    for below, size in _files(home):
        top = below[0]
        log = _LOG in below[1:]
        if top == "lake":
            name = "lake logs" if log else "lake"
            files, logs = files + (not log), logs + log
        else:
            name = top if len(below) > 1 else Path(top).stem
        parts[name] = parts.get(name, 0) + size
    grown = sum(size for name, size in parts.items() if name in ("lake", "lake logs", "dagster"))
    daily = grown // standing if goes_on and standing >= _LEAST_DAYS else None
    why = refused.strerror if refused else None
    return Disk(space.free, space.total, dict(sorted(parts.items())), files, logs, daily, why)


def _files(folder: str | Path, below: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    """Names and size of every file below a folder; those that vanish meanwhile are left out.

    Names, not paths: a home of a thousand days has tens of thousands, and is looked at after every execution.
    """
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        yield from _files(entry.path, (*below, entry.name))
                    else:
                        yield (*below, entry.name), entry.stat(follow_symlinks=False).st_size
                except FileNotFoundError:
                    continue
    except (FileNotFoundError, PermissionError):
        return


def in_words(size: float) -> str:
    """Bytes as people say them.

    >>> in_words(1_234), in_words(5_600_000), in_words(12_340_000_000)
    ('1 kB', '5.6 MB', '12.3 GB')
    """
    if size < 1_000_000:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e6:.1f} MB" if size < 1_000_000_000 else f"{size / 1e9:.1f} GB"
