"""Who holds what: days claimed by runs, locks held by processes.

Here: naming the holder, since when, and what frees it. Not here: freeing it: the next run takes over from the dead.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import psutil

from pricing_assets.counting import counted
from pricing_assets.shell.checkup.finding import Finding
from pricing_assets.shell.command import Shell
from pricing_assets.watch import work
from pricing_assets.watch.work import Held

_LOCKS = Path("/proc/locks")
_SHOWN = 5


def claims(shell: Shell) -> Iterator[Finding]:
    """Which days are held by whom. A claim of the dead is sound: it is taken over."""
    found = work.held(shell.lake)
    folder = shell.lake.root / "_claims"
    words = [_held(each, folder) for each in found]
    if len(words) > _SHOWN:
        words = [*words[:_SHOWN], f"and {counted(len(words) - _SHOWN, 'more day')}: `pricing status --json`"]
    dead = any(each.dead for each in found)
    none = "" if dead else "no day is held by a dead run"
    yield Finding("claims", True, "; ".join([*words, none] if none else words))


def _held(each: Held, folder: Path) -> str:
    words = f"{each.day} is held by run {each.run_id} (process {each.pid} on {each.host}) since {each.since}"
    if each.dead:
        return f"{words}, which is dead: the next run frees it, now `pricing run --date {each.day}`"
    if each.host != socket.gethostname():
        file = folder / f"{each.day}.json"
        return f"{words}, another machine: if it is gone, terminate the run in the UI, or delete {file}"
    return words


def locks(shell: Shell) -> Iterator[Finding]:
    """Which locks of the lake are held. The kernel lets go of those of the dead: a lock file alone holds nothing."""
    folder = shell.lake.root / "_locks"
    if not _LOCKS.exists():
        yield Finding("locks", True, "this operating system does not say who holds a lock; those of the dead are free")
        return
    named = {path.stat().st_ino: path for path in sorted(folder.glob("*.lock"))}
    known = [(named[inode], pid) for inode, pid in _holders().items() if inode in named]
    held = {path.stem: pid for path, pid in known if _has_open(pid, path)}
    if not held:
        yield Finding("locks", True, f"none of {counted(len(named), 'lock file')} is held")
        return
    for name, pid in held.items():
        process = _process(pid)
        stopped = process is not None and process.status() == psutil.STATUS_STOPPED
        words = f"{name} is held by process {pid}{_described(process)}" + (", which is stopped" if stopped else "")
        remedy = (
            f"everybody waits for it: let it go on (`kill -CONT {pid}`) or end it (`kill {pid}`); nothing is half done"
        )
        yield Finding("locks", not stopped, words, remedy)


def _holders() -> Mapping[int, int]:
    """Inode → process, of the locks on whole files that the kernel knows."""
    found = {}
    for line in _LOCKS.read_text(encoding="utf-8").splitlines():
        words = line.split()
        if "FLOCK" in words and "->" not in words:  # an arrow is somebody waiting
            kind = words.index("FLOCK")
            found[int(words[kind + 4].rsplit(":", 1)[1])] = int(words[kind + 3])
    return found


def _has_open(pid: int, path: Path) -> bool:
    """Whether the lock is on this very file: another disk may use its inode, too. One that does not say may have it."""
    try:
        return any(Path(file.path) == path for file in psutil.Process(pid).open_files())
    except psutil.AccessDenied:
        return True
    except (psutil.NoSuchProcess, ValueError):
        return False


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid) if pid > 0 else None
    except psutil.NoSuchProcess:
        return None


def _described(process: psutil.Process | None) -> str:
    if process is None:
        return ""
    since = datetime.fromtimestamp(process.create_time(), UTC)
    return f" ({' '.join(process.cmdline())[:80]}), running since {since:%Y-%m-%d %H:%M} UTC"
