"""Numbers of things in words: `1 day`, `2 days`.

Here: the number and its noun, for messages a person reads. Not here: counting.
"""

from __future__ import annotations


def counted(number: int, noun: str) -> str:
    """A number of things.

    >>> counted(1, "day"), counted(0, "fault"), counted(2000, "more row")
    ('1 day', '0 faults', '2,000 more rows')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def counted_units(units: float) -> str:
    """Units as people say them: to a tenth below a hundred."""
    return f"{units:,.1f}" if units < 100 else f"{units:,.0f}"
