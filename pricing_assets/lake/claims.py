"""Claims on days: one live run per day, whichever way the run was started.

Here: a file per claimed day under `<lake>/_claims`, and who may take it over. Not here: what counts as a live run;
the caller says so.

A claim outlives the step that made it: every step of a run claims its days again, and the run releases them at its
end. A run that died leaves its claims behind; the next run takes them over.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path

import psutil

from pricing_assets.errors import PricingError
from pricing_assets.lake.files import exclusive, make_folder, storage_faults, sync, write_durably
from pricing_assets.lake.store import Lake

_CLOCK_SLACK = 1.0  # seconds by which two readings of one process's start may differ
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_STARTED_AT = 19  # of the fields of /proc/PID/stat behind the name, which may hold spaces: ticks since boot


@dataclass(frozen=True)
class Claim:
    """Who holds a day: the run, its process (with its start, as pids are used again) and when it claimed.

    `process_born` is that start where the kernel counts it from boot, as BOOT/TICKS: a clock set anew moves what the
    operating system says of `process_started`, and a live process must not pass for a dead one.
    """

    run_id: str
    pid: int
    process_started: float
    host: str
    since: str
    process_born: str | None = None


def claim(
    lake: Lake, days: Collection[date], run_id: str, is_live: Callable[[str], bool], *, pid: int | None = None
) -> AbstractContextManager[None]:
    """Claim all of `days` for a run, or none: PricingError names the first day held by another live run.

    The claim is made by the call and stays until `release`, also past a `with` block. The run itself may claim again,
    from any process. A claim is stale, and taken over, when its process on this host is dead or `is_live(run)` is
    false. `pid` is the process whose death ends the claim, by default the calling one.
    """
    mine = _claim(run_id, os.getpid() if pid is None else pid)
    with exclusive(_lock(lake)):
        held = holders(lake)
        for day in sorted(days):
            other = held.get(day)
            if other and other.run_id != run_id and not _is_stale(other, is_live):
                raise _refusal(day, other)
        _write_all(lake, sorted(days), mine, held)
    return nullcontext()


@contextmanager
def held(lake: Lake, days: Collection[date], run_id: str) -> Iterator[None]:
    """Nobody takes the days from a run within: what it commits there, it commits as the one run that may.

    Raises PricingError where it holds one of them no longer. A process that was stopped goes on after its run was ended
    and its days were taken over, and would put what it had decided in the place of what stands by now.
    """
    with exclusive(_lock(lake)):
        require(lake, days, run_id)
        yield


def require(lake: Lake, days: Collection[date], run_id: str) -> None:
    """Raises PricingError where a run holds one of the days no longer, as of now (see `held`)."""
    known = holders(lake)
    for day in sorted(days):
        if day not in known or known[day].run_id != run_id:
            raise _lost(day, run_id, known.get(day))


def release(lake: Lake, run_id: str) -> list[date]:
    """Give up every day the run holds; returns them. A run that holds none releases nothing."""
    with exclusive(_lock(lake)):
        days = [day for day, holder in holders(lake).items() if holder.run_id == run_id]
        _remove(lake, days)
    return days


def holders(lake: Lake) -> dict[date, Claim]:
    """Day → who holds it, live or not. A damaged claim file holds nothing."""
    found = {}
    for path in sorted(_folder(lake).glob("*.json")):
        try:
            found[date.fromisoformat(path.stem)] = Claim(**json.loads(path.read_text()))
        except (ValueError, TypeError, FileNotFoundError):
            continue
    return found


def dead_runs(lake: Lake) -> list[str]:
    """The runs that hold days though every process they claimed from, all on this host, is dead; by id."""
    alive: dict[str, bool] = {}
    for holder in holders(lake).values():
        alive[holder.run_id] = alive.get(holder.run_id, False) or not _is_dead_here(holder)
    return sorted(run_id for run_id, is_alive in alive.items() if not is_alive)


def _folder(lake: Lake) -> Path:
    return lake.root / "_claims"


def _lock(lake: Lake) -> Path:
    return lake.root / "_locks" / "claims.lock"


def _claim(run_id: str, pid: int) -> Claim:
    started = psutil.Process(pid).create_time()
    since = datetime.now(UTC).isoformat(timespec="seconds")
    return Claim(run_id, pid, started, socket.gethostname(), since, _born(pid))


def _born(pid: int) -> str | None:
    """When a process started, by no clock; None where the operating system does not say."""
    try:
        ticks = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return f"{_BOOT.read_text(encoding='utf-8').strip()}/{ticks[_STARTED_AT]}"
    except (OSError, IndexError):
        return None


def _is_stale(claim: Claim, is_live: Callable[[str], bool]) -> bool:
    return _is_dead_here(claim) or not is_live(claim.run_id)


def _is_dead_here(claim: Claim) -> bool:
    return claim.host == socket.gethostname() and not _is_running(claim)


def _is_running(claim: Claim) -> bool:
    try:
        process = psutil.Process(claim.pid)
        born = _born(claim.pid) if claim.process_born else None
        same = abs(process.create_time() - claim.process_started) < _CLOCK_SLACK
        if born:
            same = born == claim.process_born
        return bool(same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _refusal(day: date, holder: Claim) -> PricingError:
    return PricingError(
        f"{day}: run {holder.run_id} (process {holder.pid} on {holder.host}) has held this day since {holder.since}",
        "wait until it ends, or terminate it, then run again; `pricing status` shows who holds what",
    )


def _lost(day: date, run_id: str, other: Claim | None) -> PricingError:
    by_whom = f"; run {other.run_id} holds it now" if other else ""
    return PricingError(
        f"{day}: run {run_id} no longer holds this day, it was ended while it worked{by_whom}",
        "nothing of it stands; if the day is not decided, run it again",
    )


def _write_all(lake: Lake, days: Collection[date], mine: Claim, held: dict[date, Claim]) -> None:
    """Write the claims; where the disk refuses one, those of this call that were not there before are taken back."""
    make_folder(_folder(lake))
    written = []
    try:
        for day in days:
            write_durably(_folder(lake) / f"{day.isoformat()}.json", json.dumps(asdict(mine)).encode())
            written.append(day)
    except PricingError:
        _remove(lake, [day for day in written if day not in held or held[day].run_id != mine.run_id])
        raise


def _remove(lake: Lake, days: Collection[date]) -> None:
    folder = _folder(lake)
    with storage_faults(folder):
        for day in days:
            (folder / f"{day.isoformat()}.json").unlink(missing_ok=True)
        if days:
            sync(folder)
