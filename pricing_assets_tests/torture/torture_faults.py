"""Faults of a disk at a chosen call of a process: building the library that makes them, arming it, reading its log.

Here: `Disk`, which a process under test is started with, and the kinds of faults. Not here: what is done under a fault
(torture_scenarios.py, torture_runs.py), what must hold afterwards (the tests). The library is faults.c.
"""

from __future__ import annotations

import errno
import mmap
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from struct import Struct

from torture_findings import Wrong, rows_of
from torture_preload import build

from pricing_assets.counting import counted

MOST_FAILURES = 20
SOURCE = Path(__file__).with_name("faults.c")
_NAME, _EXCLUDED = 512, 4
_HEAD = Struct("=7q")  # armed, mode, kinds, error, target, count, faults
_SIZE = _HEAD.size + (2 + _EXCLUDED) * _NAME

WRITE, SYNC, RENAME, LINK, CREATE, TRUNCATE, UNLINK, MKDIR = (1 << bit for bit in range(8))
EVERY = (1 << 8) - 1
_COUNT, _ONCE, _FROM_THEN_ON, _SHORT, _KILL, _CUT, _CUT_NAMES = range(7)


@dataclass(frozen=True)
class Fault:
    """A way a call may go wrong. `kinds` are the calls it can happen to, all others are neither counted nor struck."""

    name: str
    mode: int
    error: int = 0
    kinds: int = EVERY


FULL_ONCE = Fault("ENOSPC once", _ONCE, errno.ENOSPC, EVERY & ~UNLINK)
FULL = Fault("ENOSPC from then on", _FROM_THEN_ON, errno.ENOSPC, EVERY & ~UNLINK)
BROKEN_ONCE = Fault("EIO once", _ONCE, errno.EIO)
BROKEN = Fault("EIO from then on", _FROM_THEN_ON, errno.EIO)
SHORT = Fault("short write", _SHORT, kinds=WRITE)
KILL = Fault("killed", _KILL)
CUT = Fault("power cut", _CUT)
CUT_NAMES = Fault("power cut, names lost", _CUT_NAMES)
FAULTS = (FULL_ONCE, FULL, BROKEN_ONCE, BROKEN, SHORT, KILL, CUT, CUT_NAMES)
_COUNTING = Fault("none", _COUNT)


@dataclass(frozen=True)
class Call:
    """One call, as the library logged it; `fault` is empty where it went through."""

    number: int
    pid: int
    name: str
    path: str
    fault: str


class Disk:
    """The library built in `folder`, and the control file that arms it for whatever lies below `root`.

    `excluded` are parts of paths below it that are left alone.
    """

    def __init__(self, folder: Path, root: Path, excluded: Sequence[str] = ()) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.library, self.log, self._control = folder / "faults.so", folder / "calls.log", folder / "control"
        build(SOURCE, self.library)
        texts = [root.absolute(), self.log, *excluded, *[""] * (_EXCLUDED - len(excluded))]
        content = b"".join(str(text).encode().ljust(_NAME, b"\0") for text in texts)
        self._control.write_bytes(bytes(_HEAD.size) + content)
        with self._control.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _SIZE)

    @property
    def environment(self) -> Mapping[str, str]:
        """What a process must be started with."""
        return {"LD_PRELOAD": str(self.library), "TORTURE_FAULTS": str(self._control)}

    @contextmanager
    def armed(self, fault: Fault = _COUNTING, target: int = 0) -> Iterator[None]:
        """Inside the block calls are counted from 1, and the `target`-th suffers the fault."""
        self.log.unlink(missing_ok=True)
        self._put(1, fault, target)
        try:
            yield
        finally:
            self._map[: _HEAD.size] = _HEAD.pack(0, *_HEAD.unpack(self._map[: _HEAD.size])[1:])

    @property
    def count(self) -> int:
        """How many calls there were in the last block."""
        return int(_HEAD.unpack(self._map[: _HEAD.size])[5])

    @property
    def faults(self) -> int:
        """How many calls were struck in the last block."""
        return int(_HEAD.unpack(self._map[: _HEAD.size])[6])

    def calls(self) -> list[Call]:
        """The calls of the last block, in order."""
        if not self.log.exists():
            return []
        rows = [line.split("\t") for line in self.log.read_text().splitlines()]
        return sorted(
            (Call(int(number), int(pid), name, path, fault) for number, pid, name, path, fault in rows),
            key=lambda call: call.number,
        )

    def struck(self) -> str:
        """The calls struck in the last block, for a person to read."""
        found = [call for call in self.calls() if call.fault]
        return "; ".join(f"call {each.number} {each.name} {each.path}: {each.fault}" for each in found[:3])

    def _put(self, armed: int, fault: Fault, target: int) -> None:
        self._map[: _HEAD.size] = _HEAD.pack(armed, fault.mode, fault.kinds, fault.error, target, 0, 0)


def torment(suffers: Callable[[Fault, int], bool], planned: Iterable[tuple[Fault, int]]) -> None:
    """Goes on after a failure, so that one night shows all of them; stops where there is no such call any more.

    Each failure is printed as it happens. `TORTURE_EVERY=10` takes only each tenth fault.
    """
    found: list[Exception] = []
    for fault, target in islice(planned, None, None, int(os.environ.get("TORTURE_EVERY", "1"))):
        try:
            if not suffers(fault, target):
                break
        except Exception as error:
            print(f"\n{error}\n" + "\n".join(error.__notes__), flush=True)
            found.append(error)
        if len(found) == MOST_FAILURES:
            break
    if found:
        raise ExceptionGroup(f"{counted(len(found), 'fault')} went wrong", found)


@dataclass
class Tally:
    """What came of the faults of a test. `points` are calls that can fail, by what was done; `missed` those of them
    that a run did not come to."""

    name: str = ""
    points: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    missed: int = 0
    lost: int = 0
    duplicated: int = 0
    torn: int = 0
    reader_errors: int = 0
    queries: int = 0

    def count(self, error: Exception) -> None:
        """One more that went wrong: what a check found, or what a reader met."""
        if isinstance(error, Wrong):
            for kind, number in rows_of(error.found).items():
                setattr(self, kind, getattr(self, kind) + number)
        elif isinstance(error, AssertionError):
            self.torn += 1
        else:
            self.reader_errors += 1

    def add(self, other: Tally) -> None:
        """Those of another test of the same calls."""
        self.points |= other.points
        self.faults += other.faults
        for name in ("missed", "lost", "duplicated", "torn", "reader_errors", "queries"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def says(self) -> str:
        """`fault points, faults, lost, duplicated, torn, reader errors`."""
        by_kind = ", ".join(f"{number} {name}" for name, number in sorted(self.faults.items()))
        return (
            f"{sum(self.points.values())} fault points{f' ({self.missed} not come to)' if self.missed else ''}, "
            f"{sum(self.faults.values())} faults ({by_kind}), "
            f"{self.lost} lost, {self.duplicated} duplicated, {self.torn} torn, {self.reader_errors} reader errors"
        )
