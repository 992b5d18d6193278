"""A clock that is moved: the time of day of whoever is started with its library.

Here: the library (clock.c), built, and the file that says by how much it is off. Not here: what must hold of a run.
"""

from __future__ import annotations

import mmap
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path

from torture_preload import build

SOURCE = Path(__file__).with_name("clock.c")
SECONDS = struct.Struct("=q")


class Clock:
    """The library, and the file that moves the time of day of who is started with it; in a folder that keeps both."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.library, self.file = folder / "clock.so", folder / "seconds"
        if not self.library.exists() or self.library.stat().st_mtime < SOURCE.stat().st_mtime:
            build(SOURCE, self.library)
        if not self.file.exists():
            aside = self.file.with_suffix(".new")
            aside.write_bytes(SECONDS.pack(0))
            aside.replace(self.file)
        with self.file.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), SECONDS.size)

    @property
    def environment(self) -> dict[str, str]:
        return {"LD_PRELOAD": str(self.library), "TORTURE_CLOCK": str(self.file)}

    @property
    def away(self) -> int:
        """Seconds it is ahead of the machine's; negative where it is behind."""
        return int(SECONDS.unpack(self._map[:])[0])

    def jump(self, seconds: int) -> None:
        """Moves it on from where it is."""
        self._map[:] = SECONDS.pack(self.away + seconds)

    def set(self, moment: datetime) -> None:
        """Moves it there, in a process started with it. Raises RuntimeError in another, whose time it is not."""
        self.jump(round((moment - datetime.now(UTC)).total_seconds()))
        if abs(datetime.now(UTC) - moment) > timedelta(minutes=1):
            raise RuntimeError(f"{self.library} is not preloaded here: it is {datetime.now(UTC)}, not {moment}")
