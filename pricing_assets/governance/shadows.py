"""Shadows: drafts that decide beside the strategies in force and are never published, as events of the ledger.

Here: setting one, ending one, and what the events come to. Not here: what a shadow decides (pricing/shadows).

A shadow has the name its text gives itself. Of the strategies in force it stands in for the one of the same name; where
there is none, it joins them.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import activations, ledger
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Draft, Event, Language, Shadow

SET, ENDED = "shadow_set", "shadow_ended"
STREAM = "shadow:"


def put(connection: sa.Connection, request: Request, draft: Draft, language: Language) -> Event:
    """Records a draft as a shadow, or another text of one. Raises PricingError where it clashes with one in force."""
    last = ledger.latest(connection, STREAM + draft.name)
    ledger.expect(request, STREAM + draft.name, last)
    others = {each.name: each.text for each in activations.active(connection) if each.name != draft.name}
    if clashes := language.clashes(draft.text, others):
        raise PricingError(
            f"strategy {draft.name} cannot decide beside those in force: {'; '.join(clashes)}",
            "give it the name of the strategy it shall stand in for, or another priority, scope or window",
        )
    activations.keep_text(connection, draft.hash, draft.text)
    return ledger.append(connection, STREAM + draft.name, request, SET, {"hash": draft.hash}, after=last)


def end(connection: sa.Connection, request: Request) -> Event:
    """Records the end of a shadow. Raises PricingError where none of this name decides."""
    stream = STREAM + request.name
    last = ledger.latest(connection, stream)
    ledger.expect(request, stream, last)
    if last is None or last.kind == ENDED:
        raise PricingError(f"no shadow is named {request.name}", "`pricing strategy shadows` lists them")
    return ledger.append(connection, stream, request, ENDED, last.payload, after=last)


def shadows(connection: sa.Connection, known_to: int | None = None) -> list[Shadow]:
    """The shadows that decide, now or as of an event (its number), by name."""
    events = ledger.events(connection, STREAM)
    last = _last(event for event in events if known_to is None or event.seq <= known_to)
    return [shadow_of(connection, event) for event in last if event.kind == SET]


def shadow_of(connection: sa.Connection, event: Event) -> Shadow:
    """The shadow an event set."""
    return Shadow(
        name=event.stream.removeprefix(STREAM),
        version=event.version,
        hash=event.payload["hash"],
        text=activations.text_of(connection, event.payload["hash"]),
        set_by=event.actor,
        set_at=event.recorded_at,
        reason=event.reason,
    )


def _last(events: Iterable[Event]) -> list[Event]:
    """The last event of each stream, by stream."""
    found = {event.stream: event for event in events}
    return [found[stream] for stream in sorted(found)]
