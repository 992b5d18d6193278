"""Waiting for a file lock, with an end: who holds it is named.

Here: how long one waits for whom, and who that is. Not here: what is locked (the callers of files.exclusive).

A lock is the kernel's (flock), so it is free as soon as its holder is dead, however it died. A holder that lives may be
stopped, or hang: for one that is stopped nobody waits longer than STOPPED, for any other no longer than the caller's
patience.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from pricing_assets.errors import PricingError

STOPPED = 20.0
"""Seconds one waits for a process that is stopped (SIGSTOP, Ctrl-Z, a debugger): it may go on."""
COMMIT = 600.0
"""Seconds one waits for a commit, which takes seconds."""
WORK = 3600.0
"""Seconds one waits for a piece of work: a refresh, an intake, a pass of publishing, a step of a retraining."""

_LOCKS = Path("/proc/locks")
_LOOK = 1.0  # seconds between two looks at the holder


def acquired(lock: Path, patience: float) -> FileLock:
    """The lock, held. Raises PricingError, which names the holder, where the wait has come to its end."""
    guard, watch = FileLock(lock), Watch(lock)
    try:
        guard.acquire(timeout=patience, cancel_check=watch.in_vain)
    except Timeout:
        raise refusal(lock, watch.waited, holder(lock)) from None
    return guard


def can_tell() -> bool:
    """Whether this operating system says who holds a lock."""
    return _LOCKS.exists()


def holder(lock: Path) -> psutil.Process | None:
    """The process that holds a lock of the file; None where none does, or none that can be seen from here."""
    try:
        found = lock.stat()
        lines = _LOCKS.read_text().splitlines()
    except OSError:  # no such file, or a system without /proc
        return None
    place = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    for fields in map(str.split, lines):
        if len(fields) > 5 and fields[1] != "->" and fields[3] == "WRITE" and fields[5] == place:
            try:
                return psutil.Process(int(fields[4]))
            except psutil.NoSuchProcess:  # of another container, or gone by now
                continue
    return None


@dataclass
class Watch:
    """A wait for a lock: how long it has lasted; looks now and then whether the holder is stopped."""

    lock: Path
    _began: float = field(default_factory=time.monotonic)
    _looked: float = field(default_factory=time.monotonic)
    _stopped_since: float | None = None

    @property
    def waited(self) -> float:
        """Seconds."""
        return time.monotonic() - self._began

    def in_vain(self) -> bool:
        """Whether the holder has been stopped too long to be waited for."""
        now = time.monotonic()
        if now - self._looked < _LOOK:
            return False
        self._looked = now
        if not is_stopped(holder(self.lock)):
            self._stopped_since = None
            return False
        self._stopped_since = self._stopped_since or now
        return now - self._stopped_since >= STOPPED


def is_stopped(process: psutil.Process | None) -> bool:
    """Whether a process is there and stopped (SIGSTOP, Ctrl-Z, a debugger)."""
    try:
        return process is not None and process.status() in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP)
    except psutil.NoSuchProcess:
        return False


def refusal(lock: Path, waited: float, process: psutil.Process | None) -> PricingError:
    """That one waited in vain, for whom, and what to do."""
    what = f"{lock}: is held by {described(process)}; waited {waited:.0f} s"
    if process is not None and is_stopped(process):
        remedy = (
            f"let that process go on (kill -CONT {process.pid}) or end it (kill -KILL {process.pid}), then run again"
        )
    else:
        remedy = "wait until it ends, or end it, then run again"
    return PricingError(what, f"{remedy}; nothing was changed")


def described(process: psutil.Process | None) -> str:
    """A process in words, without its arguments, which may hold a password."""
    if process is None:
        return "a process that cannot be seen from here, of another container or machine"
    try:
        since = datetime.fromtimestamp(process.create_time(), UTC)
        stopped = ", which is stopped" if is_stopped(process) else ""
        return f"process {process.pid} ({process.name()}, started {since:%Y-%m-%d %H:%M} UTC){stopped}"
    except psutil.NoSuchProcess:
        return f"process {process.pid}, which is gone by now"
