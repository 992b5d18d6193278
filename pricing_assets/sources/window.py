"""Which days of the source a run reads: its own, the trailing ones for late rows, and history never received.

Here: that span. Not here: reading it (receiving).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, timedelta

from pricing_assets.sources.source import Source


def reading_window(
    source: Source, days: Sequence[date], received: Collection[date], lookback: int
) -> tuple[date, date]:
    """First and last source day to read for a run of `days`.

    `received` are the days that came in before; `lookback` says how many days, the day itself included, a day looks
    back. So a first run reads the history it needs, and a later one only the trailing days again.
    """
    first, last = min(days), max(days)
    start = max(source.first_day, first - timedelta(days=lookback - 1))
    history = (start + timedelta(days=number) for number in range((first - start).days))
    trailing = max(source.first_day, first - timedelta(days=source.trailing_days))
    return min([trailing, first, *(day for day in history if day not in received)]), last


def calendar_days(first: date, last: date) -> list[date]:
    """Every day from `first` to `last`, both included."""
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]
