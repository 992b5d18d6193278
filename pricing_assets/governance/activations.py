"""Strategies in force: their texts, and the events that put a text in force or took it out.

Here: what the events of a strategy come to. Not here: the language (handed to the store), reading and appending events
(ledger.py).
"""

from __future__ import annotations

from itertools import pairwise

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.records import ActiveStrategy, Event
from pricing_assets.governance.schema import EVENTS, TEXTS

ACTIVATED, ROLLED_BACK, DEACTIVATED = "strategy_activated", "strategy_rolled_back", "strategy_deactivated"
STREAM = "strategy:"
ENSURED = "ensure-default"
"""The idempotency key under which the packaged default is activated."""


def keep_text(connection: sa.Connection, text_hash: str, text: str) -> None:
    """Stores a text under its hash, once."""
    if connection.execute(sa.select(TEXTS.c.hash).where(TEXTS.c.hash == text_hash)).first() is None:
        connection.execute(TEXTS.insert().values(hash=text_hash, text=text))


def text_of(connection: sa.Connection, text_hash: str) -> str:
    """The text with a hash."""
    found: str | None = connection.execute(sa.select(TEXTS.c.text).where(TEXTS.c.hash == text_hash)).scalar()
    if found is None:
        raise PricingError(f"no strategy text has the hash {text_hash}", "see `pricing strategy list`")
    return found


def previous_text(connection: sa.Connection, name: str) -> str:
    """The text in force before the present one; the last one in force where the strategy is deactivated.

    A rollback takes back an activation, so the next one goes further back, never forward to what was taken back.
    """
    events = ledger.history(connection, STREAM + name)
    if not events:
        raise PricingError(f"no strategy is named {name}", "see `pricing strategy list`")
    kept: list[str] = []
    for before, event in pairwise([None, *events]):
        if event is not None and event.kind == ACTIVATED:
            kept.append(event.payload["hash"])
        elif event is not None and event.kind == ROLLED_BACK and before is not None and before.kind != DEACTIVATED:
            kept.pop()
    back = 1 if events[-1].kind == DEACTIVATED else 2
    if len(kept) < back:
        raise PricingError(
            f"strategy {name} has no version before this one",
            "`pricing strategy activate FILE` adds another, `pricing strategy deactivate NAME` takes it out of force",
        )
    return text_of(connection, kept[-back])


def active(connection: sa.Connection, known_to: int | None = None) -> list[ActiveStrategy]:
    """The strategies in force, now or as of an event (its number): highest priority first, then by name.

    The packaged default counts from ever: the first run activates it while it is at work.
    """
    within = sa.true() if known_to is None else EVENTS.c.seq <= known_to
    known = within | (EVENTS.c.idempotency_key == ENSURED)
    newest = (
        sa.select(EVENTS.c.stream, sa.func.max(EVENTS.c.version).label("version"))
        .where(EVENTS.c.stream.startswith(STREAM), known)
        .group_by(EVENTS.c.stream)
        .subquery()
    )
    query = (
        sa.select(EVENTS)
        .join(newest, (EVENTS.c.stream == newest.c.stream) & (EVENTS.c.version == newest.c.version))
        .where(EVENTS.c.kind != DEACTIVATED)
    )
    found = [strategy_of(connection, ledger.event_of(row)) for row in connection.execute(query).all()]
    return sorted(found, key=lambda strategy: (-strategy.priority, strategy.name))


def any_strategy(connection: sa.Connection) -> bool:
    """Whether any strategy was ever activated."""
    return (
        connection.execute(sa.select(EVENTS.c.seq).where(EVENTS.c.stream.startswith(STREAM)).limit(1)).first()
        is not None
    )


def strategy_of(connection: sa.Connection, event: Event) -> ActiveStrategy:
    """The strategy an event put in force."""
    return ActiveStrategy(
        name=event.stream.removeprefix(STREAM),
        version=event.version,
        hash=event.payload["hash"],
        priority=event.payload["priority"],
        text=text_of(connection, event.payload["hash"]),
        activated_by=event.actor,
        activated_at=event.recorded_at,
        reason=event.reason,
    )
