"""Lateness: which days should stand by now and do not, and by when the next one is due.

Here: days and moments, as plain values. Not here: which days stand (lake/days), when a day ends and is due (sources/),
what is recorded of a late day (governance/lateness).

A day exists when its row of runs.days commits, and it is due at a moment of the day after. Expected are the days from
the first one that stands to the last one that ended, as they are caught up; where none stands, the last one alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import date, datetime, timedelta
from typing import NamedTuple

Due = Callable[[date], datetime]
"""By when a day must stand."""


class Late(NamedTuple):
    """A day that does not stand, by when it was due, and how late it is so far."""

    day: date
    due: datetime
    by: timedelta


def expected(standing: Collection[date], first_day: date, last: date) -> list[date]:
    """The days that should stand once `last` has ended, oldest first; none before the shop's first day."""
    first = max(min(standing, default=last), first_day)
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def late_days(standing: Collection[date], first_day: date, last: date, due: Due, as_of: datetime) -> list[Late]:
    """The expected days that do not stand although their moment has passed, oldest first."""
    known = frozenset(standing)
    missing = [(day, due(day)) for day in expected(standing, first_day, last) if day not in known]
    return [Late(day, moment, as_of - moment) for day, moment in missing if as_of > moment]


def next_due(standing: Collection[date], first_day: date, last: date, due: Due) -> tuple[date, datetime]:
    """The oldest day that does not stand yet, or the one after `last` where all do, and by when it is due.

    The moment lies in the past where the day is late. So whoever kept it sees that nothing came, without asking again.
    """
    known = frozenset(standing)
    day = next((day for day in expected(standing, first_day, last) if day not in known), None)
    if day is None:
        day = max(last + timedelta(days=1), first_day)
    return day, due(day)
