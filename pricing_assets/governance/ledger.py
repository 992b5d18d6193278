"""Events, texts and audit rows inside a transaction that is already open.

Here: reading and appending, and the two refusals that keep updates from being lost: a key used for something else, a
version that has moved on. Not here: transactions (database.py), what an operation means (store.py).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance.records import ActiveStrategy, Event
from pricing_assets.governance.schema import AUDIT, EVENTS, TEXTS

ACTIVATED, ROLLED_BACK, DEACTIVATED = "strategy_activated", "strategy_rolled_back", "strategy_deactivated"
STREAM = "strategy:"
MAX_LENGTH = 200


@dataclass(frozen=True)
class Request:
    """What somebody asked for. Refuses an empty name, key or reason: they are kept with the decision."""

    operation: str
    name: str
    by: str
    reason: str
    key: str
    expected_version: int | None = None
    text_hash: str | None = None

    def __post_init__(self) -> None:
        for what, word in (("strategy", self.name), ("by", self.by), ("reason", self.reason), ("key", self.key)):
            if not word.strip():
                raise PricingError(f"{self.operation}: {what} is empty", f"give {what}: it is kept with the decision")
            if what != "reason" and len(word) > MAX_LENGTH:
                raise PricingError(f"{self.operation}: {what} is longer than {MAX_LENGTH} characters", "shorten it")

    @property
    def hash(self) -> str:
        """SHA-256 of all that was asked for but the key: two requests are the same where it is."""
        asked = [self.operation, self.name, self.text_hash, self.by, self.reason, self.expected_version]
        return hashlib.sha256(dumps(asked).encode("utf-8", "surrogatepass")).hexdigest()


def earlier(connection: sa.Connection, request: Request) -> Event | None:
    """The event a key already made, None for a new key. Refuses a key that made something else."""
    row = connection.execute(sa.select(EVENTS).where(EVENTS.c.idempotency_key == request.key)).first()
    if row is None:
        return None
    if row.request != request.hash:
        raise PricingError(
            f"idempotency key {request.key} was used for another request: {row.kind} of {row.stream} by {row.actor}",
            "use a new key for a new request",
        )
    return event_of(row)


def latest(connection: sa.Connection, name: str) -> Event | None:
    """The last event of a strategy."""
    query = sa.select(EVENTS).where(EVENTS.c.stream == STREAM + name).order_by(EVENTS.c.version.desc()).limit(1)
    row = connection.execute(query).first()
    return event_of(row) if row else None


def history(connection: sa.Connection, name: str) -> list[Event]:
    """Every event of a strategy, oldest first."""
    query = sa.select(EVENTS).where(EVENTS.c.stream == STREAM + name).order_by(EVENTS.c.version)
    return [event_of(row) for row in connection.execute(query)]


def expect(request: Request, last: Event | None) -> None:
    """Refuses where a strategy is not at the version the caller looked at."""
    version = last.version if last else 0
    if request.expected_version in (None, version):
        return
    who = f", last changed by {last.actor}" if last else ""
    raise PricingError(
        f"strategy {request.name} is at version {version}{who}, not at {request.expected_version}",
        "look at the present version and decide again",
    )


def append(
    connection: sa.Connection, request: Request, kind: str, payload: dict[str, Any], last: Event | None
) -> Event:
    """Adds the next event of a strategy and its audit row."""
    now = datetime.now(UTC).isoformat(timespec="microseconds")
    values = {
        "stream": STREAM + request.name,
        "version": (last.version if last else 0) + 1,
        "kind": kind,
        "payload": dumps(payload),
        "actor": request.by,
        "reason": request.reason,
        "idempotency_key": request.key,
        "request": request.hash,
        "recorded_at": now,
    }
    row = connection.execute(EVENTS.insert().values(values).returning(*EVENTS.c)).one()
    connection.execute(
        AUDIT.insert().values(
            event_seq=row.seq,
            subject=row.stream,
            actor=row.actor,
            action=kind,
            before=dumps(_state(last)) if last else None,
            after=dumps(_state(event_of(row))),
            recorded_at=now,
        )
    )
    return event_of(row)


def audit(connection: sa.Connection) -> list[dict[str, Any]]:
    """All audit rows, oldest first, with `before` and `after` as objects and `recorded_at` in UTC."""
    rows = connection.execute(sa.select(AUDIT).order_by(AUDIT.c.seq)).mappings()
    return [
        {
            **row,
            "before": json.loads(row["before"]) if row["before"] else None,
            "after": json.loads(row["after"]),
            "recorded_at": datetime.fromisoformat(row["recorded_at"]),
        }
        for row in rows
    ]


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
    events = history(connection, name)
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


def active(connection: sa.Connection) -> list[ActiveStrategy]:
    """The strategies in force: highest priority first, then by name."""
    newest = (
        sa.select(EVENTS.c.stream, sa.func.max(EVENTS.c.version).label("version"))
        .where(EVENTS.c.stream.startswith(STREAM))
        .group_by(EVENTS.c.stream)
        .subquery()
    )
    query = (
        sa.select(EVENTS)
        .join(newest, (EVENTS.c.stream == newest.c.stream) & (EVENTS.c.version == newest.c.version))
        .where(EVENTS.c.kind != DEACTIVATED)
    )
    found = [strategy_of(connection, event_of(row)) for row in connection.execute(query).all()]
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


def event_of(row: sa.Row[Any]) -> Event:
    """An event from its row."""
    return Event(
        seq=row.seq,
        stream=row.stream,
        version=row.version,
        kind=row.kind,
        payload=json.loads(row.payload),
        actor=row.actor,
        reason=row.reason,
        recorded_at=datetime.fromisoformat(row.recorded_at),
    )


def dumps(value: Any) -> str:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _state(event: Event) -> dict[str, Any]:
    return {"version": event.version, "kind": event.kind, **event.payload}
