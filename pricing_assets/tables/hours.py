"""The hour a business day is cut off: what a day may have known, and when its run starts.

Here: that one rule, for sources, features and the schedule alike. Not here: when prices take effect (sources/).
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

RUN_AT = time(2)


def cutoff(day: date, zone: ZoneInfo) -> datetime:
    """The instant, in UTC, before which `day` must have known a row: 02:00 local time of the next day.

    Where the clock jumps over 02:00 it is the instant of the jump; where 02:00 happens twice it is the first. So
    cut-offs never decrease; two are equal only where a place left out a day, as Samoa did in 2011.
    """
    return datetime.combine(day + timedelta(days=1), RUN_AT, tzinfo=zone).astimezone(UTC)
