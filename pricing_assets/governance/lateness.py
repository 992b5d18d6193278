"""Late days on record: opened once when a day does not stand in time, closed when it does, with how late that was.

Here: their events in the ledger, a stream for each day, by the platform itself. Not here: which days are late
(monitoring/lateness).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Literal

from pricing_assets.governance import ledger
from pricing_assets.governance.database import Database
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event

STREAM = "late:"
OPENED, CLOSED = "late_opened", "late_closed"
_SYSTEM = "system"


@dataclass(frozen=True)
class LateDay:
    """A day that did not stand when it was `due`. `stood_at` is when it did at last, None before. Instants are UTC."""

    day: date
    due: datetime
    opened_at: datetime
    stood_at: datetime | None = None

    @property
    def state(self) -> Literal["open", "closed"]:
        """Whether it is still missing."""
        return "open" if self.stood_at is None else "closed"

    @property
    def late_seconds(self) -> int | None:
        """How late it stood; None before. At least 0: a clock set back may date the row before its moment."""
        return None if self.stood_at is None else max(0, round((self.stood_at - self.due).total_seconds()))


class Lateness:
    """The late days of one governance store: `Store.lateness`. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def days(self) -> list[LateDay]:
        """Every day that was ever late, in the order they were found."""
        with self._database.reading() as connection:
            return folded(ledger.events(connection, STREAM))

    def open(self, due: Mapping[date, datetime]) -> list[LateDay]:
        """Records days as late, each with the moment it was due; returns those that were not on record yet."""
        with self._database.writing() as connection:
            known = {each.day for each in folded(ledger.events(connection, STREAM))}
            made = []
            for day in sorted(set(due) - known):
                request = Request("open", f"{STREAM}{day}", _SYSTEM, "it did not stand when it was due", f"late {day}")
                made.append(ledger.append(connection, request.name, request, OPENED, {"due": due[day].isoformat()}))
            return folded(made)

    def close(self, stood: Mapping[date, datetime]) -> list[LateDay]:
        """Records since when late days stand; returns those that were open."""
        with self._database.writing() as connection:
            events = ledger.events(connection, STREAM)
            late = {each.day: each for each in folded(events)}
            days = sorted(day for day in stood if day in late and late[day].state == "open")
            for day in days:
                request = Request("close", f"{STREAM}{day}", _SYSTEM, "it stands", f"late {day} stands")
                said = {"stood_at": stood[day].isoformat()}
                last = ledger.latest(connection, request.name)
                ledger.append(connection, request.name, request, CLOSED, said, after=last)
            return [replace(late[day], stood_at=stood[day]) for day in days]


def folded(events: Iterable[Event]) -> list[LateDay]:
    """What the events of late days, in the order they were recorded, come to."""
    found: dict[str, LateDay] = {}
    for event in events:
        if event.kind == OPENED:
            day, due = date.fromisoformat(event.stream.removeprefix(STREAM)), event.payload["due"]
            found[event.stream] = LateDay(day, datetime.fromisoformat(due), event.recorded_at)
        else:
            stood = datetime.fromisoformat(event.payload["stood_at"])
            found[event.stream] = replace(found[event.stream], stood_at=stood)
    return list(found.values())
