"""Events and audit rows inside a transaction that is already open.

Here: reading and appending, and the two refusals that keep updates from being lost: a key used for something else, a
version that has moved on. Not here: transactions (database.py), what an event means (activations, overrides,
approvals).

What one decision is about is its stream: `strategy:NAME`, `shadow:NAME`, `override:ID`, `approval:NAME`, `rollback:ID`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance.records import Event
from pricing_assets.governance.schema import AUDIT, EVENTS

_LOGGER = logging.getLogger(__name__)
MAX_LENGTH = 200


@dataclass(frozen=True)
class Request:
    """What somebody asked for: an operation on something named, and in `body` whatever else makes it this request.

    Refuses an empty name, key or reason: they are kept with the decision.
    """

    operation: str
    name: str
    by: str
    reason: str
    key: str
    expected_version: int | None = None
    body: str | None = None

    def __post_init__(self) -> None:
        for what, word in (("name", self.name), ("by", self.by), ("reason", self.reason), ("key", self.key)):
            if not word.strip():
                raise PricingError(f"{self.operation}: {what} is empty", f"give {what}: it is kept with the decision")
            if what != "reason" and len(word) > MAX_LENGTH:
                raise PricingError(f"{self.operation}: {what} is longer than {MAX_LENGTH} characters", "shorten it")

    @property
    def hash(self) -> str:
        """SHA-256 of all that was asked for but the key: two requests are the same where it is."""
        asked = [self.operation, self.name, self.body, self.by, self.reason, self.expected_version]
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


def latest(connection: sa.Connection, stream: str) -> Event | None:
    """The last event of a stream."""
    query = sa.select(EVENTS).where(EVENTS.c.stream == stream).order_by(EVENTS.c.version.desc()).limit(1)
    row = connection.execute(query).first()
    return event_of(row) if row else None


def history(connection: sa.Connection, stream: str) -> list[Event]:
    """Every event of a stream, oldest first."""
    query = sa.select(EVENTS).where(EVENTS.c.stream == stream).order_by(EVENTS.c.version)
    return [event_of(row) for row in connection.execute(query)]


def events(connection: sa.Connection, prefix: str = "") -> list[Event]:
    """Every event of the streams whose names begin so, in the order they were recorded."""
    query = sa.select(EVENTS).where(EVENTS.c.stream.startswith(prefix)).order_by(EVENTS.c.seq)
    return [event_of(row) for row in connection.execute(query)]


def newest(connection: sa.Connection) -> int:
    """The number of the last event recorded, 0 where there is none: what is known, told without a clock."""
    return connection.execute(sa.select(sa.func.max(EVENTS.c.seq))).scalar() or 0


def numbered(connection: sa.Connection, number: int) -> Event | None:
    """The event of a number."""
    row = connection.execute(sa.select(EVENTS).where(EVENTS.c.seq == number)).first()
    return event_of(row) if row else None


def last_of_kind(connection: sa.Connection, kind: str) -> Event | None:
    """The last event of a kind, on whatever stream."""
    query = sa.select(EVENTS).where(EVENTS.c.kind == kind).order_by(EVENTS.c.seq.desc()).limit(1)
    row = connection.execute(query).first()
    return event_of(row) if row else None


def expect(request: Request, stream: str, last: Event | None) -> None:
    """Refuses where a stream is not at the version the caller looked at."""
    version = last.version if last else 0
    if request.expected_version in (None, version):
        return
    who = f", last changed by {last.actor}" if last else ""
    raise PricingError(
        f"{stream.replace(':', ' ', 1)} is at version {version}{who}, not at {request.expected_version}",
        "look at the present version and decide again",
    )


def append(
    connection: sa.Connection,
    stream: str,
    request: Request,
    kind: str,
    payload: Mapping[str, Any],
    *,
    after: Event | None = None,
) -> Event:
    """Adds the next event of a stream, `after` its last one, and its audit row."""
    now = written(datetime.now(UTC))
    values = {
        "stream": stream,
        "version": (after.version if after else 0) + 1,
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
            before=dumps(_state(after)) if after else None,
            after=dumps(_state(event_of(row))),
            recorded_at=now,
        )
    )
    # said inside the transaction: who, and why, stay in the store, where they can be erased
    _LOGGER.info("recorded", extra={"stream": stream, "kind": kind, "version": row.version, "seq": row.seq})
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


def written(moment: datetime) -> str:
    """A moment as the store keeps it, UTC: texts compare as moments do."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def dumps(value: Any) -> str:
    """Canonical JSON."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _state(event: Event) -> dict[str, Any]:
    return {"version": event.version, "kind": event.kind, **event.payload}
