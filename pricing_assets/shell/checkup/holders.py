"""Who holds what: days claimed by runs, locks held by processes.

Here: naming the holder, since when, and what frees it. Not here: freeing it: the next run takes over from the dead.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

from pricing_assets.counting import counted
from pricing_assets.lake import locks as file_locks
from pricing_assets.shell.checkup.finding import Finding
from pricing_assets.shell.command import Shell
from pricing_assets.watch import work
from pricing_assets.watch.work import Held

_SHOWN = 5


def claims(shell: Shell) -> Iterator[Finding]:
    """Which days are held by whom. Those of the dead are a fault as long as nobody has run them again."""
    found = work.held(shell.lake)
    folder = shell.lake.root / "_claims"
    words = [_held(each, folder) for each in found]
    if len(words) > _SHOWN:
        words = [*words[:_SHOWN], f"and {counted(len(words) - _SHOWN, 'more claim')}: `pricing status --json`"]
    dead = next((each for each in found if each.dead), None)
    none = [] if dead else ["no day is held by a dead run"]
    remedy = f"the next run frees {dead.it}, now `pricing run --date {dead.first}`; nothing is lost" if dead else ""
    yield Finding("claims", dead is None, "; ".join([*words, *none]), remedy)


def _held(each: Held, folder: Path) -> str:
    if each.dead:
        return f"{each}, which is dead"
    if each.host != socket.gethostname():
        files = f"{folder / str(each.first)}.json" + ("" if each.first == each.last else f" to {each.last}.json")
        return f"{each}, another machine: if it is gone, terminate the run in the UI, or delete {files}"
    return str(each)


def locks(shell: Shell) -> Iterator[Finding]:
    """Which locks of the lake are held. The kernel lets go of those of the dead: a lock file alone holds nothing."""
    files = sorted((shell.lake.root / "_locks").glob("*.lock"))
    if not file_locks.can_tell():
        yield Finding("locks", True, "this operating system does not say who holds a lock; those of the dead are free")
        return
    held = {path.stem: process for path in files if (process := file_locks.holder(path))}
    if not held:
        yield Finding(
            "locks", True, f"none of {counted(len(files), 'lock file')} is held" if files else "none was ever taken"
        )
    for name, process in held.items():
        pid = process.pid
        remedy = (
            f"everybody waits for it: let it go on (`kill -CONT {pid}`) or end it (`kill {pid}`); nothing is half done"
        )
        sound = not file_locks.is_stopped(process)
        yield Finding("locks", sound, f"{name} is held by {file_locks.described(process)}", remedy)
