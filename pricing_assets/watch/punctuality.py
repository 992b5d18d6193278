"""Punctuality: what is late now, and its record, brought up to date.

Here: the lake, the shop and the governance store brought together. Not here: the rule (monitoring/lateness), the
events (governance/lateness), who asks (a sensor, `pricing status`, the end of a run).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import TYPE_CHECKING

from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.monitoring import lateness
from pricing_assets.monitoring.lateness import Late
from pricing_assets.sources import Source
from pricing_assets.tables.runs import Days

if TYPE_CHECKING:
    from pricing_assets.governance import Store
    from pricing_assets.governance.lateness import LateDay

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Punctuality:
    """What is late at a moment; and the oldest day that is still to come, with the moment it is due (UTC)."""

    late: Sequence[Late]
    next_day: date
    next_due: datetime


@dataclass(frozen=True)
class Settled:
    """Late days that were put on record, and those that stand since."""

    opened: Sequence[LateDay]
    closed: Sequence[LateDay]


def punctuality(lake: Lake, source: Source, by: time | None, now: datetime) -> Punctuality | None:
    """What is late; None for a shop that is history or has not begun. `by` is the setting PRICING_SLA."""
    if source.historical or (last := source.last_ended(now)) < source.first_day:
        return None
    standing = manifests.stand(lake, now)

    def due(day: date) -> datetime:
        return source.due(day, by)

    late = lateness.late_days(standing, source.first_day, last, due, now)
    day, moment = lateness.next_due(standing, source.first_day, last, due)
    return Punctuality(late, day, moment)


def settle(lake: Lake, store: Store, found: Punctuality, now: datetime) -> Settled:
    """Puts each late day on record once, and closes those that stand by now. Raises PricingError where it cannot."""
    records = store.lateness.days()
    known = {each.day for each in records}
    missing = {each.day: each.due for each in found.late if each.day not in known}
    standing = manifests.stand(lake, now)
    stand = [each.day for each in records if each.state == "open" and each.day in standing]
    opened = store.lateness.open(missing) if missing else []
    closed = store.lateness.close(_stood(lake, stand)) if stand else []
    for late in opened:
        _LOGGER.error("day_late", extra={"first_day": late.day, "last_day": late.day, "due": late.due})
    for late in closed:
        said = {"first_day": late.day, "last_day": late.day, "late_seconds": late.late_seconds}
        _LOGGER.info("late_day_stands", extra=said)
    return Settled(opened, closed)


def _stood(lake: Lake, days: Sequence[date]) -> dict[date, datetime]:
    """Day → when it was first committed."""
    rows = lake.read(Days, min(days), max(days), columns=["date", "sequence", "committed_at"])
    first = rows.sort("sequence").unique("date", keep="first")
    return {day: moment for day, moment in first.select("date", "committed_at").rows() if day in set(days)}
