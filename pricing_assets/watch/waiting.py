"""What waits for whom: approvals, second words, prices for review, prices on their way, overrides about to end.

Here: what is open, and until when. Not here: answering it (governance/), sending it (publishing/).
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
_UNANSWERED = ("sending", "sent", "failed")
_GONE_WRONG = ("refused", "failed", "expired")


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


def on_their_way(lake: Lake, days: list[date]) -> dict[str, int]:
    """State → how many prices of the days are in it; nothing where none were sent."""
    from pricing_assets import publishing

    numbers: dict[str, int] = {}
    for _, _, state, number in publishing.states(lake, days).rows():
        numbers[state] = numbers.get(state, 0) + number
    return numbers


def unacknowledged(states: dict[str, int]) -> list[Waiting]:
    """Prices that were handed over, or tried to be, and not answered."""
    number = sum(states.get(state, 0) for state in _UNANSWERED)
    words = f"{counted(number, 'price')} handed over and not acknowledged: `pricing publish status`"
    return [Waiting("publication", number, words)] if number else []


def gone_wrong(states: dict[str, int]) -> dict[str, int]:
    """States that a pass does not mend by itself."""
    return {state: number for state, number in states.items() if state in _GONE_WRONG}
