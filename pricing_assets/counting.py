"""Numbers of things in words: `1 day`, `2 days`; times too.

Here: the number and its noun, for messages a person reads. Not here: counting.
"""

from __future__ import annotations

from datetime import timedelta


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "day"), counted(0, "fault"), counted(2000, "more row")
    ('1 day', '0 faults', '2,000 more rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def lasting(time: timedelta) -> str:
    """How long, to what matters of it.

    >>> lasting(timedelta(minutes=45)), lasting(timedelta(minutes=135)), lasting(timedelta(hours=49))
    ('45 min', '2 h 15 min', '2 d 1 h')
    """
    minutes = int(time.total_seconds()) // 60
    days, hours = divmod(minutes // 60, 24)
    if days:
        return f"{days:,} d {hours} h"
    return f"{hours} h {minutes % 60} min" if hours else f"{minutes} min"


def counted_units(units: float) -> str:
    """Units as people say them: to a tenth below a hundred."""
    return f"{units:,.1f}" if units < 100 else f"{units:,.0f}"
