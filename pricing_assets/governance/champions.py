"""The champion of each model: which version the gate, or a person's rollback, put in force.

Here: the events of `model:NAME` in the ledger and what they come to. Not here: the files and aliases of a version
(models/ keeps them in MLflow, as this says).
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.drift_records import Champion, TakenBack
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event

PROMOTED, ROLLED_BACK = "model_promoted", "model_rolled_back"
STREAM = "model:"


def in_force(connection: sa.Connection, model: str) -> Champion | None:
    """The champion in force; None before the first promotion."""
    last = ledger.latest(connection, STREAM + model)
    return _champion(last) if last else None


def history(connection: sa.Connection) -> list[Champion]:
    """Every champion of every model there was, in the order they came in force."""
    return [_champion(event) for event in ledger.events(connection, STREAM)]


def all_in_force(connection: sa.Connection) -> dict[str, Champion]:
    """Model → its champion in force."""
    return {found.model: found for found in history(connection)}


def version_in_force(connection: sa.Connection, model: str) -> int | None:
    """The version in force."""
    found = in_force(connection, model)
    return found.version if found else None


def promote(connection: sa.Connection, request: Request, said: dict[str, Any]) -> Event:
    """Puts a version in force."""
    last = ledger.latest(connection, STREAM + request.name)
    previous = last.payload["version"] if last else None
    return ledger.append(
        connection, STREAM + request.name, request, PROMOTED, {**said, "previous": previous}, after=last
    )


def kept(connection: sa.Connection, model: str) -> list[Champion]:
    """The champion in force and those before it that no rollback took back, newest first."""
    found: list[Event] = []
    for event in ledger.history(connection, STREAM + model):
        if event.kind == PROMOTED:
            found.append(event)
        else:
            found.pop()
    return [_champion(event) for event in reversed(found)]


def taken_back(connection: sa.Connection, model: str, artifact_hash: str, event_id: str) -> TakenBack | None:
    """The last rollback of a version with these files that was promoted for another event; None once they were
    promoted again.
    """
    found: TakenBack | None = None
    standing: list[Event] = []
    for event in ledger.history(connection, STREAM + model):
        if event.kind == PROMOTED:
            standing.append(event)
            found = None if event.payload["artifact_hash"] == artifact_hash else found
            continue
        said = standing.pop().payload
        if said["artifact_hash"] == artifact_hash and said["event"] != event_id:
            found = TakenBack(said["version"], event.actor, event.recorded_at, event.reason, event.seq)
    return found


def before(connection: sa.Connection, model: str) -> Champion:
    """The champion a rollback puts in force: the one before the present one. Raises PricingError where none is.

    A rollback takes back a promotion, so the next one goes further back, never forward to what was taken back.
    """
    found = kept(connection, model)
    if len(found) < 2:
        none = f"model {model} has no champion before this one" if found else f"model {model} has no champion"
        raise PricingError(none, "`pricing models list` shows the versions")
    return found[1]


def roll_back(connection: sa.Connection, request: Request) -> Event:
    """Puts the champion before the present one in force again."""
    stream = STREAM + request.name
    last = ledger.latest(connection, stream)
    ledger.expect(request, stream, last)
    target = before(connection, request.name)
    said = {
        "version": target.version,
        "artifact_hash": target.artifact_hash,
        "previous": last.payload["version"] if last else None,
        "report_hash": target.report_hash,
        "event": target.event_id,
    }
    return ledger.append(connection, stream, request, ROLLED_BACK, said, after=last)


def _champion(event: Event) -> Champion:
    said = event.payload
    return Champion(
        model=event.stream.removeprefix(STREAM),
        version=said["version"],
        artifact_hash=said["artifact_hash"],
        previous=said["previous"],
        report_hash=said["report_hash"],
        event_id=said["event"],
        by=event.actor,
        at=event.recorded_at,
        reason=event.reason,
        revision=event.version,
    )
