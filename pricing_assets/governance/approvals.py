"""Approvals: the platform asks, one person answers, once.

Here: proposals and their answers, as events of the ledger. Not here: what an answer sets off (the stations read it).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal, get_args

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event

Answer = Literal["approve", "reject", "amend"]
PROPOSED = "proposed"
KINDS: Mapping[str, str] = {"approve": "approved", "reject": "rejected", "amend": "amended"}
SUBJECTS = ("approval", "review")
NOT_BY = "not_by"
"""In what is proposed: the people who may not answer it, because another one must agree."""


def checked_subject(subject: str) -> str:
    """The subject, which names its stream. Raises PricingError where it is not `approval:…` or `review:…`."""
    kind, _, name = subject.partition(":")
    if kind not in SUBJECTS or not name.strip():
        raise PricingError(f"{subject}: is nothing to decide on", f"name a subject like {SUBJECTS[0]}:drift-12")
    return subject


def checked_answer(answer: str, amendment: Mapping[str, Any] | None) -> str:
    """The answer. Raises PricingError for an unknown one, and where only one of `amend` and an amendment is given."""
    if answer not in get_args(Answer):
        raise PricingError(f"{answer}: is no answer", f"answer {', '.join(get_args(Answer))}")
    if (answer == "amend") != (amendment is not None):
        raise PricingError("amend and an amendment go together", "give both, or neither")
    return answer


def propose(connection: sa.Connection, request: Request, payload: Mapping[str, Any], expires: datetime) -> Event:
    """Opens a subject. Raises PricingError where it was opened before."""
    last = ledger.latest(connection, request.name)
    if last is not None:
        raise PricingError(f"{request.name} was proposed before and is {_standing(last)}", "propose a new subject")
    said = {"payload": dict(payload), "expires": expires.isoformat()}
    return ledger.append(connection, request.name, request, PROPOSED, said)


def decide(
    connection: sa.Connection, request: Request, answer: str, amendment: Mapping[str, Any] | None, now: datetime
) -> Event:
    """Records the answer on an open subject.

    Raises PricingError where nothing was proposed, an answer stands (the same one too: its key would be one that did
    nothing and is remembered nowhere), the proposal has expired or moved on, or is for another person to answer.
    """
    last = ledger.latest(connection, request.name)
    if last is None:
        raise PricingError(f"nothing was proposed as {request.name}", "the platform proposes, people decide")
    if last.kind != PROPOSED:
        raise PricingError(f"{request.name} is {_standing(last)}", "it is decided once; see `pricing audit`")
    ledger.expect(request, request.name, last)
    if now >= datetime.fromisoformat(last.payload["expires"]):
        raise PricingError(f"{request.name} expired at {last.payload['expires']}", "wait until it is proposed again")
    if request.by in last.payload["payload"].get(NOT_BY, ()):
        raise PricingError(f"{request.name} is for another person than {request.by} to decide", "ask a colleague")
    said = {"amendment": dict(amendment)} if amendment is not None else {}
    return ledger.append(connection, request.name, request, KINDS[answer], said, after=last)


def _standing(last: Event) -> str:
    if last.kind == PROPOSED:
        return "still open"
    return f"{last.kind} by {last.actor} at {last.recorded_at:%Y-%m-%d %H:%M} UTC: {last.reason}"
