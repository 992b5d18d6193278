"""The machine: its clock, and the disk under the home.

Here: whether what was recorded lies in the past, and how long the disk lasts. Not here: setting either right.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import polars as pl

from pricing_assets.counting import counted, lasting
from pricing_assets.disks import remedy as remedy_of
from pricing_assets.errors import PricingError
from pricing_assets.lake import days as manifests
from pricing_assets.shell.checkup.finding import Finding
from pricing_assets.shell.command import Shell
from pricing_assets.watch import disk as disks
from pricing_assets.watch import situation, work

_SLACK = timedelta(minutes=2)  # machines that share a store differ by so much


def disk(shell: Shell) -> Iterator[Finding]:
    """Whether somebody must make room, and what takes it."""
    goes_on = _goes_on(shell)
    found = disks.measure(shell.settings, len(situation.days_that_stand(shell.lake)), goes_on=goes_on)
    largest = sorted(found.parts.items(), key=lambda part: -part[1])[:3]
    words = f"{disks.in_words(found.free)} free; the home takes {disks.in_words(found.used)}"
    words += f" ({', '.join(f'{name} {disks.in_words(size)}' for name, size in largest)})" if largest else ""
    if found.daily:
        words += f", {disks.in_words(found.daily)} more a day: full in about {counted(found.days_left or 0, 'day')}"
    if found.refused:
        remedy = f"{remedy_of(OSError(found.refused))}; no day is lost"
        yield Finding("disk", sound=False, found=f"it takes nothing: {found.refused}; {words}", remedy=remedy)
        return
    remedy = "free space on that disk, or move the home to a larger one and name it in PRICING_HOME; no day is lost"
    yield Finding("disk", not found.nearly_full, words, remedy)


def _goes_on(shell: Shell) -> bool:
    """Whether the shop adds days; a source that cannot be read is another examination's finding."""
    from pricing_assets import sources

    with suppress(PricingError):
        return not sources.load(shell.settings.source, shell.settings).historical
    return False


def clock(shell: Shell) -> Iterator[Finding]:
    """Whether anything was recorded later than now: then the clock was set back, or ran ahead when it was recorded."""
    now = datetime.now(UTC)
    known = [(moment, what) for what, moment in _recorded(shell, now) if moment is not None]
    if not known:
        yield Finding("clock", True, f"{now:%Y-%m-%d %H:%M} UTC; nothing is recorded yet")
        return
    last, what = max(known)
    ahead = last - now
    words = f"now is {now:%Y-%m-%d %H:%M} UTC, the last thing recorded is {what} at {last:%Y-%m-%d %H:%M}"
    if ahead > _SLACK:
        words += f", {lasting(ahead)} in the future: the clock was set back, or ran ahead then"
    yield Finding(
        "clock",
        ahead <= _SLACK,
        words,
        "set this machine's clock right (`timedatectl`, NTP). Nothing is lost: days stand in the order they were "
        "committed, people's words in the order they were recorded. Until the clock has passed that moment, look at "
        "what depends on it: `pricing status` for late days, `pricing drift list` for approvals that expire",
    )


def _recorded(shell: Shell, now: datetime) -> Iterator[tuple[str, datetime | None]]:
    """The last moment of each record."""
    lake = shell.lake
    latest: datetime | None = manifests.standing(lake)["committed_at"].max()  # type: ignore[assignment]
    yield "a day in runs.days", latest
    executions = work.executions(lake, now).select(pl.max_horizontal("started_at", "ended_at")).to_series()
    yield "an execution", executions.max()  # type: ignore[misc]
    for each in work.held(lake):
        yield f"run {each.run_id}'s claim on {each.first}", datetime.fromisoformat(each.since)
    with suppress(PricingError):  # a store that is down is another examination's finding
        if store := situation.open_store(shell.settings):
            with store:
                for event in store.events():
                    yield f"event {event.seq} of governance", event.recorded_at
