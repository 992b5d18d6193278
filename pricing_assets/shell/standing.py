"""`pricing status`: is today on time, what waits for whom, what failed, how long the disk lasts; an exit code for cron.

Here: what is said of the situation, and when the command fails. Not here: the situation itself (watch/situation).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import polars as pl
import typer

from pricing_assets.counting import counted, lasting
from pricing_assets.lake import days as manifests
from pricing_assets.shell.command import REFUSED, Shell
from pricing_assets.tables.decisions import PriceDecisions
from pricing_assets.watch import disk as disks
from pricing_assets.watch import situation
from pricing_assets.watch.punctuality import Punctuality
from pricing_assets.watch.situation import Situation

_SHOWN = 5
_SHORT = 12


def status(shell: Shell) -> None:
    """How the home stands; exit code 1 where something is late, failed or nearly full: it is named."""
    found = _look(shell)
    faults = found.faults()
    shell.answer(_answer(found, faults))
    for line in (*_days(shell, found), *_work(found), *_waits(found), *_machine(found)):
        shell.say(line)
    for fault in _shortened(faults, "more fault"):
        shell.say(f"FAULT {fault}")
    if faults:
        raise typer.Exit(REFUSED)


def _look(shell: Shell) -> Situation:
    from pricing_assets import sources

    settings = shell.settings
    source = sources.load(settings.source, settings)
    return situation.look(shell.lake, source, settings, situation.moment())


def _days(shell: Shell, found: Situation) -> Iterator[str]:
    if found.standing.height:
        counts = ", ".join(f"{number} {name}" for name, number in _counted(found).items())
        yield f"{shell.settings.home}: {span(found.standing)}"
        yield f"  {counts}"
    else:
        yield f"{shell.settings.home}: no day stands yet; `pricing run` decides one"
    if found.last:
        yield f"  last decided day {found.last['date']}: {_outcome(shell, found.last)}"
    if found.on_time:
        yield f"  {_on_time(found.on_time)}"


def span(standing: pl.DataFrame) -> str:
    """`5 days stand, 2026-03-01 to 2026-03-05`."""
    first, last = standing["date"][0], standing["date"][-1]
    return f"1 day stands, {first}" if standing.height == 1 else f"{standing.height:,} days stand, {first} to {last}"


def _counted(found: Situation) -> dict[str, int]:
    return dict(found.standing.group_by(pl.col("status").cast(pl.String)).len().sort("status").iter_rows())


def _outcome(shell: Shell, row: Mapping[str, Any]) -> str:
    """What a decided day came to. A late one publishes nothing; what it would change it recommends."""
    prices = f"{row['published']} to publish from {_minute(row['effective_from'])}"
    if row["late"]:
        file = manifests.manifested(shell.lake, PriceDecisions).get(row["date"])
        rows = shell.lake.read_files(PriceDecisions, [file] if file else []).filter(pl.col("basis") == row["basis"])
        prices = f"{rows.filter(action='recommend').height} recommended, none to publish because it was late"
    return f"{row['decided']} decided, {prices}, {row['held']} held, {row['quarantined']} quarantined"


def _on_time(found: Punctuality) -> str:
    if not found.late:
        return f"on time: {found.next_day} is due {_minute(found.next_due)}"
    first = found.late[0]
    return f"late: {counted(len(found.late), 'day')}, the oldest {first.day}, by {lasting(first.by)}"


def _work(found: Situation) -> Iterator[str]:
    for each in found.held:
        yield f"  {each}, which died: the next run frees {each.it}" if each.dead else f"  {each}"


def _waits(found: Situation) -> Iterator[str]:
    lines = [f"{each.words}{'' if each.until is None else f' (until {_until(each.until)})'}" for each in found.waiting]
    for line in _shortened(lines, "more thing that waits"):
        yield f"  waits: {line}"


def _until(until: Any) -> str:
    return _minute(until) if isinstance(until, datetime) else str(until)


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _machine(found: Situation) -> Iterator[str]:
    disk = found.disk
    parts = sorted(disk.parts.items(), key=lambda part: -part[1])[:_SHOWN]
    sizes = ", ".join(f"{name} {disks.in_words(size)}" for name, size in parts)
    home = f"the home takes {disks.in_words(disk.used)}" + (f" ({sizes})" if sizes else "")
    rate = f"; full in about {counted(disk.days_left or 0, 'day')} at this rate" if disk.daily else ""
    yield f"  disk: {disks.in_words(disk.free)} free of {disks.in_words(disk.total)}, {home}{rate}"
    named = {name: text[:_SHORT] for name, text in found.versions.items()}
    named |= {f"model {name}": str(version) for name, version in found.champions.items()}
    named |= {f"strategy {name}": str(version) for name, version in found.strategies.items()}
    yield "  versions: " + ", ".join(f"{name} {version}" for name, version in named.items())


def _shortened(lines: list[str], noun: str) -> list[str]:
    more = len(lines) - _SHOWN
    return lines if more <= 0 else [*lines[:_SHOWN], f"and {counted(more, noun)}; --json names all"]


def _answer(found: Situation, faults: list[str]) -> dict[str, Any]:
    late = found.on_time.late if found.on_time else []
    return {
        "home": found.home,
        "shop": found.shop,
        "now": found.now,
        "well": not faults,
        "faults": faults,
        "days": _counted(found),
        "stopped": {str(day): verdict for day, verdict in found.stopped.items()},
        "last": [found.last] if found.last else [],
        "late": [{"date": each.day, "due": each.due, "late_seconds": int(each.by.total_seconds())} for each in late],
        "next": {"date": found.on_time.next_day, "due": found.on_time.next_due} if found.on_time else None,
        "waiting": [vars(each) for each in found.waiting],
        "sent": found.sent.states,
        "overdue": found.sent.overdue,
        "charged_otherwise": found.sent.otherwise,
        "claimed": {str(day): each.run_id for each in found.held for day in each.days},
        "held": [vars(each) for each in found.held],
        "failed": list(found.undone),
        "disk": {**vars(found.disk), "used": found.disk.used, "days_left": found.disk.days_left},
        "versions": found.versions,
        "champions": found.champions,
        "strategies": found.strategies,
    }
