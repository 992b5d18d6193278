"""What waits for whom: approvals, second words, prices for review, overrides about to end.

Here: what is open, and until when. Not here: answering it (governance/), prices on their way out (outgoing).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from pricing_assets.counting import counted
from pricing_assets.lake import Lake
from pricing_assets.sources import Source

if TYPE_CHECKING:
    from pricing_assets.governance import DriftEvent, Store

SOON = timedelta(days=3)
"""How long before its end an override is named."""


@dataclass(frozen=True)
class Waiting:
    """One thing that waits: what kind, how many of it, in words, and until when (a day or a moment, UTC) if it ends."""

    kind: str
    number: int
    words: str
    until: date | datetime | None = None


def waiting_for_people(lake: Lake, store: Store, source: Source, now: datetime) -> list[Waiting]:
    """What a person has to answer or to look at, drift events first."""
    from pricing_assets.pricing.queue import queue

    found = [said for event in store.gate.events() if (said := _event(event, now))]
    today = source.next_effective_day(now)
    open_prices = queue(lake, store.desk.reviews(), today)
    if open_prices.height:
        words = f"{counted(open_prices.height, 'price')} for review: `pricing review list`"
        until: date = open_prices["expires"].min()  # type: ignore[assignment]
        found.append(Waiting("review", open_prices.height, words, until))
    for override in store.overrides():
        if override.state(today) == "active" and override.active_until <= today + SOON:
            words = f"{override.id} on {override.scope} ends: `pricing overrides`"
            found.append(Waiting("override", 1, words, override.active_until))
    return found


def _event(event: DriftEvent, now: datetime) -> Waiting | None:
    state = event.state(now)
    if state == "open":
        words = f"{event.id}, {event.drift}: shall it be trained? `pricing drift approve|reject {event.id}`"
        return Waiting("approval", 1, words, event.expires)
    if state == "validated" and event.promotion_expires:
        words = f"{event.id}, its challenger passed; {event.promotion_needs}: `pricing drift approve|reject {event.id}`"
        return Waiting("promotion", 1, words, event.promotion_expires)
    if state == "approved":
        return Waiting("training", 1, f"{event.id} is approved, and its training has not begun", event.expires)
    return None
