"""The situation: what stands, what is late, what waits, what failed, the disk, the versions; and what is wrong with it.

Here: everything `pricing status` and the metrics file say, read once. Not here: saying it (shell/standing,
watch/metrics), what one part of it means (punctuality, waiting, work, disk).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets import __version__
from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, continuity
from pricing_assets.lake import days as manifests
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.tables.runs import Days
from pricing_assets.watch import disk as disks
from pricing_assets.watch import waiting, work
from pricing_assets.watch.disk import Disk
from pricing_assets.watch.outgoing import Outgoing, outgoing
from pricing_assets.watch.punctuality import Punctuality, punctuality, settle
from pricing_assets.watch.waiting import Waiting
from pricing_assets.watch.work import Held

if TYPE_CHECKING:
    from pricing_assets.governance import Store


@dataclass
class Situation:
    """How a home stands at a moment. `last` is the standing row of the last day that traded; None where none did."""

    now: datetime
    home: str
    shop: str
    standing: pl.DataFrame
    last: Mapping[str, Any] | None
    stopped: Mapping[date, str]
    on_time: Punctuality | None
    held: Sequence[Held]
    executions: pl.DataFrame
    undone: Sequence[Mapping[str, Any]]
    disk: Disk
    waiting: list[Waiting] = field(default_factory=list)
    sent: Outgoing = field(default_factory=Outgoing)
    late_open: int = 0
    champions: Mapping[str, int] = field(default_factory=dict)
    strategies: Mapping[str, int] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    unread: list[PricingError] = field(default_factory=list)
    """What could not be looked at."""

    def faults(self) -> list[str]:
        """What is late, failed or nearly full, in words; nothing where all is well.

        What stops everything comes first, what is a line per day or run last: a screen shows the beginning.
        """
        said = [*self._of_the_disk(), *(error.what for error in self.unread), *self._late()]
        dead = sorted({each.run_id for each in self.held if each.dead})
        said += [f"run {run_id} died and holds its days; the next run frees them" for run_id in dead]
        said += self.sent.faults()
        said += [_undone(row) for row in self.undone]
        return said + [f"{day} was stopped: {verdict}" for day, verdict in self.stopped.items()]

    def _of_the_disk(self) -> Iterator[str]:
        if self.disk.refused:
            yield f"the disk takes nothing: {self.disk.refused}"
        if self.disk.nearly_full:
            left = "" if self.disk.days_left is None else f", full in about {counted(self.disk.days_left, 'day')}"
            yield f"the disk is nearly full: {disks.in_words(self.disk.free)} free{left}"

    def _late(self) -> Iterator[str]:
        """One line, however many days are late."""
        if not (late := self.on_time.late if self.on_time else []):
            return
        first, due = late[0], f"{late[0].due:%Y-%m-%d %H:%M} UTC"
        if len(late) == 1:
            yield f"{first.day} is late: it was due {due}"
        else:
            yield f"{counted(len(late), 'day')} are late, {first.day} to {late[-1].day}: the first was due {due}"


def look(lake: Lake, source: Source, settings: Settings, now: datetime) -> Situation:
    """Reads how things stand, and puts on record what is late.

    What cannot be read of governance and publishing is named in `unread`. Raises PricingError where the lake cannot be.
    """
    standing = manifests.standing(lake)
    decided = standing.filter(~pl.col("status").is_in(["no_trade", "expired"])).tail(1).to_dicts()
    days = frozenset(standing["date"].to_list())
    known = work.executions(lake, now)
    found = Situation(
        now=now,
        home=str(settings.home.absolute()),
        shop=source.name,
        standing=standing,
        last=decided[0] if decided else None,
        stopped=stopped_days(lake, standing),
        on_time=punctuality(lake, source, settings.sla, now),
        held=work.held(lake),
        executions=known,
        undone=work.undone(known, days),
        disk=disks.measure(settings, len(days), goes_on=not source.historical),
    )
    found.versions = _versions(found.last)
    with _unread(found):
        _require_home(settings)
    with _unread(found):
        continuity.require(lake)
    if source.publish.enabled:
        with _unread(found):
            found.sent = outgoing(lake, source, found.last["date"] if found.last else None, now)
            found.waiting += found.sent.waiting()
    with _unread(found):  # one that does not answer is not lost
        store = open_store(settings)
        with _unread(found):
            continuity.require_words(lake, store.word if store else lambda number: "")
        if store is not None:
            _look_at_store(found, lake, source, store)
    return found


@contextmanager
def _unread(found: Situation) -> Iterator[None]:
    """What cannot be looked at, or put on record, is named, and the rest looked at all the same."""
    try:
        yield
    except PricingError as error:
        if error.what not in {known.what for known in found.unread}:
            found.unread.append(error)


def _look_at_store(found: Situation, lake: Lake, source: Source, store: Store) -> None:
    with _unread(found):
        if found.on_time:
            settle(lake, store, found.on_time, found.now)
    with _unread(found):
        _look_at_people(found, lake, source, store)


def _look_at_people(found: Situation, lake: Lake, source: Source, store: Store) -> None:
    from pricing_assets.governance.schema import REVISION

    found.late_open = sum(each.state == "open" for each in store.lateness.days())
    found.champions = {name: each.version for name, each in sorted(store.gate.champions().items())}
    found.strategies = {each.name: each.version for each in store.active()}
    found.versions = {**found.versions, "governance": REVISION}
    found.waiting[:0] = waiting.waiting_for_people(lake, store, source, found.now)


def _require_home(settings: Settings) -> None:
    """A home that is named and not there: a disk that is not mounted, or cron without the settings, is not all well."""
    if "home" in settings.model_fields_set and not settings.home.exists():
        raise PricingError(f"{settings.home}: there is no such folder", "mount it, or name another; a run makes it")


def days_that_stand(lake: Lake) -> frozenset[date]:
    """The days that stand: those that have a row in runs.days, none of which is read."""
    return frozenset(lake.partitions(Days))


def stopped_days(lake: Lake, standing: pl.DataFrame) -> dict[date, str]:
    """Day → the verdicts that stopped it, of days that were received and do not stand; by day.

    The checks of days that stand are not read: they are of every day there was.
    """
    from pricing_assets import sources
    from pricing_assets.tables.runs import Checks

    stand = set(standing["date"])
    others = [file for file in lake.files(Checks) if file.partition not in stand]
    return sources.failures(lake.read_files(Checks, others))


def _versions(last: Mapping[str, Any] | None) -> dict[str, str]:
    """Of the code at work, and of the one that decided last where that was another."""
    from pricing_assets.pricing.manifest import installed_hash

    said = {"code": __version__, "lock": installed_hash()}
    if last and last["lock_hash"] != said["lock"]:
        said |= {"decided by code": last["code_version"], "decided by lock": last["lock_hash"]}
    return said


def _undone(row: Mapping[str, Any]) -> str:
    days = {str(row[name]) for name in ("first_day", "last_day") if row[name]}
    span = f" of {' to '.join(sorted(days))}" if days else f" of job {row['job']}"
    first_line = (row["error"] or "no error was logged").splitlines()[0]
    return f"run {row['run_id']}{span} failed: {first_line}"


def open_store(settings: Settings) -> Store | None:
    """The governance store to look at; None where there is none, as before the first run. Raises PricingError."""
    from pricing_assets import governance

    if settings.governance_url is None and not (settings.home / "governance.db").exists():
        return None
    return governance.open_store(settings.governance)


def moment() -> datetime:
    """The clock."""
    return datetime.now(UTC)
