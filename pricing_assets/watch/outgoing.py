"""Prices on their way out: handed over and not answered, due and not handed over, not what is charged.

Here: what is a fault of them, of a shop that goes on or of the last day of one that is history. Not here: sending them
(publishing/).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.lake import Lake
from pricing_assets.sources import Source
from pricing_assets.watch.waiting import Waiting

DAYS = 7
"""So many days back prices are followed."""
GRACE = timedelta(minutes=30)
"""How long after it takes effect a price may be on nobody's way before that is a fault: a pass is made every five."""
_UNANSWERED = ("sending", "sent", "failed")
OTHERWISE = ("not_charged", "other_price", "other_currency")
"""Mismatches that are faults. Changes somebody else made and articles that are sold no more are told, and none."""


@dataclass(frozen=True)
class Outgoing:
    """`states`: state → SKU-markets whose last price is in it; one that went wrong counts until a later day is decided,
    for that begins with what customers are charged. `due`: when the oldest price that was not handed over
    takes effect, or did; `overdue`: how many did more than GRACE ago. `otherwise`: kind of mismatch → prices, of the
    last day received whose cut-off has passed; nothing of a shop that is history."""

    states: Mapping[str, int] = field(default_factory=dict)
    due: datetime | None = None
    overdue: int = 0
    otherwise: Mapping[str, int] = field(default_factory=dict)

    def faults(self) -> Iterator[str]:
        """What no pass mends by itself, in words."""
        from pricing_assets.publishing import WRONG

        if self.overdue and self.due:
            unsent = f"{counted(self.overdue, 'price')} not handed over, due {self.due:%Y-%m-%d %H:%M} UTC"
            yield f"{unsent}: see that the daemon runs, or `pricing publish`"
        for state in WRONG:
            if number := self.states.get(state):
                yield f"{counted(number, 'price')} {state} on the way out"
        if number := sum(self.otherwise.get(kind, 0) for kind in OTHERWISE):
            yield f"{counted(number, 'price')} charged otherwise than sent: `pricing publish status`"

    def waiting(self) -> list[Waiting]:
        """Prices that were handed over, or tried to be, and not answered."""
        number = sum(self.states.get(state, 0) for state in _UNANSWERED)
        words = f"{counted(number, 'price')} handed over and not acknowledged: `pricing publish status`"
        return [Waiting("publication", number, words)] if number else []


def outgoing(lake: Lake, source: Source, last: date | None, now: datetime) -> Outgoing:
    """How prices stand; `last` is the last decided day. Raises PricingError where the lake cannot be read."""
    from pricing_assets import publishing

    days = _days(source, last, now)
    prices = publishing.last_prices(lake, days, now)
    over = pl.col("state").is_in(publishing.WRONG) & (pl.col("date") < (last or date.min))
    unsent = prices.filter(pl.col("state").is_in(publishing.UNSENT))["effective_from"]
    unsent = unsent.clear() if source.historical else unsent  # there a person plays it, whenever they like
    compared = [day for day in days if source.effective_from(day) <= now]  # a day is at its cut-off
    return Outgoing(
        states=dict(prices.filter(pl.col("begun"), ~over).group_by("state").len().sort("state").iter_rows()),
        due=unsent.min(),  # type: ignore[arg-type]
        overdue=int((unsent + GRACE < now).sum()),
        otherwise={} if source.historical else publishing.charged_otherwise(lake, compared),
    )


def _days(source: Source, last: date | None, now: datetime) -> Sequence[date]:
    """The days whose prices are on their way now; of a shop that is history, the last one alone."""
    if source.historical:
        return [last] if last else []
    ended = source.last_ended(now)
    return [ended - timedelta(days=number) for number in range(DAYS, -1, -1)]
