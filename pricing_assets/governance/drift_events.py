"""Drift events: opened by the platform, approved by a person, claimed by one training, ended by its outcome.

Here: their events in the ledger, on the stream of the proposal a person answers, and what they come to. Not here: the
answer itself (approvals.py), when something drifted (monitoring/), training (models/).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import approvals, ledger
from pricing_assets.governance.drift_records import (
    Answered,
    Approval,
    Drift,
    DriftEvent,
    Outcome,
    Purpose,
    Validated,
)
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event
from pricing_assets.governance.schema import EVENTS

CLAIMED, VALIDATED, ENDED = "claimed", "validated", "outcome_recorded"
STREAM = "approval:drift-"
PROMOTION = "-promotion"
_ABOUT = "drift"
_ID = re.compile(r"(?:drift-)?0*([1-9][0-9]{0,11})", re.IGNORECASE)
_SEE = "`pricing drift list` shows the events"


def identity(text: str) -> str:
    """The id as the store writes it, from what a person types: drift-12 or 12. Raises PricingError for others.

    >>> identity("Drift-12"), identity("7")
    ('drift-12', 'drift-7')
    """
    found = _ID.fullmatch(text.strip())
    if not found:
        raise PricingError(f"{text}: is no id of a drift event", f"write it like drift-12; {_SEE}")
    return f"drift-{int(found[1])}"


def open_or_standing(
    connection: sa.Connection, drift: Drift, *, by: str, reason: str, expires: datetime, now: datetime
) -> tuple[str, bool]:
    """The id of the event about this metric, segment and champion, and whether it is new.

    An event stands until it expires, whatever was answered: a person's no is not asked for again the next day.
    """
    events = everything(connection)
    standing = [each for each in events if each.drift.identity == drift.identity and now < each.expires]
    if standing:
        return standing[-1].id, False
    name = _next(connection)
    payload = {
        _ABOUT: {
            "model": drift.model,
            "champion": drift.champion,
            "metric": drift.metric,
            "segment": drift.segment,
            "evidence": dict(drift.evidence),
        }
    }
    request = Request("open", f"approval:{name}", by, reason, f"open {name}", body=ledger.dumps(payload))
    approvals.propose(connection, request, payload, expires)
    return name, True


def _next(connection: sa.Connection) -> str:
    """The next free id, also where something else was proposed under such a name."""
    names = [event.stream.removeprefix("approval:") for event in ledger.events(connection, STREAM)]
    numbers = [int(found[1]) for name in names if (found := _ID.fullmatch(name))]
    return f"drift-{max(numbers, default=0) + 1}"


def everything(connection: sa.Connection) -> list[DriftEvent]:
    """Every drift event, oldest first; `in_force` is not filled in."""
    return folded(ledger.events(connection, STREAM))


def one(connection: sa.Connection, name: str) -> DriftEvent:
    """A drift event by its id. Raises PricingError where there is none: nothing was approved that does not exist."""
    found = folded(ledger.history(connection, f"approval:{name}"))
    if not found:
        raise PricingError(f"no drift event is named {name}", _SEE)
    return found[0]


def folded(events: Iterable[Event]) -> list[DriftEvent]:
    """What the events of drift streams, in the order they were recorded, come to. Other proposals are left out."""
    found: dict[str, DriftEvent] = {}
    for event in events:
        if event.kind == approvals.PROPOSED and _ABOUT in event.payload["payload"]:
            found[event.stream] = _opened(event)
        elif event.stream in found:
            found[event.stream] = _after(found[event.stream], event)
    return list(found.values())


def _opened(event: Event) -> DriftEvent:
    said: Mapping[str, Any] = event.payload["payload"][_ABOUT]
    return DriftEvent(
        id=event.stream.removeprefix("approval:"),
        drift=Drift(**said),
        reason=event.reason,
        opened_by=event.actor,
        opened_at=event.recorded_at,
        expires=datetime.fromisoformat(event.payload["expires"]),
    )


def _after(so_far: DriftEvent, event: Event) -> DriftEvent:
    said = event.payload
    if event.kind in approvals.KINDS.values():
        return replace(so_far, answered=answered(event))
    if event.kind == CLAIMED:
        return replace(so_far, root_run_id=said["root_run_id"], claimed_at=event.recorded_at)
    if event.kind == VALIDATED:
        hashes = (said["artifact_hash"], said["report_hash"])
        return replace(so_far, validated=Validated(said["version"], *hashes))
    ended = Outcome(said["result"], said["version"], said["report_hash"], tuple(said["reasons"]), event.recorded_at)
    return replace(so_far, outcome=ended)


def answered(event: Event) -> Answered:
    """An answer from its event; an amendment is no approval."""
    approved = event.kind == approvals.KINDS["approve"]
    return Answered(approved, event.actor, event.recorded_at, event.reason, event.seq)


def claim(connection: sa.Connection, request: Request, root_run_id: str, now: datetime, in_force: int | None) -> None:
    """Takes the approval for one training, for good; the run that has it already goes on.

    Raises PricingError where nothing of the name was proposed, nobody approved it, somebody rejected it, it expired
    first, another run has it, or the champion it is about is no longer in force.
    """
    event = one(connection, request.name)
    if event.root_run_id == root_run_id:
        return
    if event.root_run_id:
        raise PricingError(
            f"{event.id} is consumed: run {event.root_run_id} claimed it at {event.claimed_at:%Y-%m-%d %H:%M} UTC",
            "an approval trains once; wait for the next drift event",
        )
    _refuse_without_approval(event, now)
    if in_force != event.drift.champion:
        raise PricingError(
            f"{event.id} is about {event.drift}, and champion {in_force} is in force now",
            "nothing is left to do; if the new champion drifts too, an event of its own says so",
        )
    append(connection, request, CLAIMED, {"root_run_id": root_run_id})


def _refuse_without_approval(event: DriftEvent, now: datetime) -> None:
    if event.answered is None:
        raise PricingError(f"{event.id} is not approved: nobody answered it", f"`pricing drift approve {event.id}`")
    if not event.answered.approved:
        who = f"{event.answered.by} at {event.answered.at:%Y-%m-%d %H:%M} UTC: {event.answered.reason}"
        raise PricingError(f"{event.id} is not approved: rejected by {who}", "nothing is trained on it")
    if now >= event.expires:
        raise PricingError(
            f"{event.id} expired at {event.expires:%Y-%m-%d %H:%M} UTC, before a training claimed it",
            "if it still drifts, the next monitoring opens a new event",
        )


def claimed_by(connection: sa.Connection, name: str, root_run_id: str) -> DriftEvent:
    """The event, which this run has claimed. Raises PricingError where it has not."""
    event = one(connection, name)
    if event.root_run_id != root_run_id:
        holder = f"run {event.root_run_id} has it" if event.root_run_id else "no run has claimed it"
        raise PricingError(f"{name} is not claimed by run {root_run_id}: {holder}", "claim it first, with an approval")
    return event


def append(connection: sa.Connection, request: Request, kind: str, payload: Mapping[str, Any]) -> Event:
    """The next event of a drift event's stream."""
    stream = f"approval:{request.name}"
    return ledger.append(connection, stream, request, kind, payload, after=ledger.latest(connection, stream))


def approvals_since(connection: sa.Connection, sequence: int) -> Sequence[Approval]:
    """What a sensor acts on after a sequence number, in order: trainings approved, and promotions answered."""
    known = {each.id for each in everything(connection)}
    kinds = (approvals.KINDS["approve"], approvals.KINDS["reject"])
    query = sa.select(EVENTS).where(EVENTS.c.kind.in_(kinds), EVENTS.c.seq > sequence).order_by(EVENTS.c.seq)
    found = []
    for event in map(ledger.event_of, connection.execute(query)):
        name, said = event.stream.removeprefix("approval:"), answered(event)
        about = name.removesuffix(PROMOTION)
        purpose: Purpose = "training" if name == about else "promotion"
        if about in known and (said.approved or purpose == "promotion"):
            found.append(Approval(event.seq, about, purpose, said.approved, said.by, said.at))
    return found
