"""Reviews: prices put to people, and their answers, as events of the ledger.

Here: opening a proposal as it is answered, taking an answer back, and what the events come to. Not here: the answer
itself (approvals.py), which prices are put to people and whether one is admissible (pricing/).

Nothing is proposed in the ledger before somebody answers: the queue follows from the day's decisions. So the proposal
and its answer are events of one transaction, and the proposal binds SKU, market, the exact price and the decision.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import approvals, ledger
from pricing_assets.governance.approvals import Answer
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event
from pricing_assets.governance.review_records import Proposal, Review, Said

STREAM, GROUPS = "review:", "reviews:"
ANSWERED, WITHDRAWN = "reviewed_together", "review_withdrawn"
SYSTEM = "system"
_ABOUT, _GROUP = "review", "group"
_SAID: Mapping[str, Said] = {"approved": "approved", "rejected": "rejected", "amended": "amended"}
_SEE = "`pricing review list` shows what is open"


def open_(connection: sa.Connection, proposal: Proposal, today: date, group: str | None = None) -> Event:
    """Proposes a price, for the answer that follows in the same transaction; answered already, it stays as it is.

    Raises PricingError where it has expired by `today`, an effective day, or this price is answered: it names who.
    """
    last = ledger.latest(connection, proposal.subject)
    if last is not None and last.kind != WITHDRAWN:
        return last  # `approvals.decide` says by whom it is answered
    if today > proposal.expires:
        raise PricingError(
            f"{proposal.sku} in {proposal.market}, decided for {proposal.day}: expired after {proposal.expires}",
            f"nothing happens to its price; {_SEE}",
        )
    payload = {_ABOUT: proposal.payload(), **({_GROUP: group} if group else {})}
    said = {"payload": payload, "expires": "9999-12-31T00:00:00+00:00"}  # its day is judged above, by the shop's clock
    version = last.version if last else 0
    key = f"open {proposal.subject} {version}"
    request = Request("propose", proposal.subject, SYSTEM, f"decided for {proposal.day}", key)
    return ledger.append(connection, proposal.subject, request, approvals.PROPOSED, said, after=last)


def amendment_of(answer: Answer, price: Decimal | None) -> dict[str, str] | None:
    """What an answer amends. Raises PricingError for a price without `amend`, `amend` without one, and none above 0."""
    if (answer == "amend") != (price is not None):
        raise PricingError(f"{answer}: a price and amend go together", "give both, or neither")
    if price is not None and not price > 0:
        raise PricingError(f"amend: {price} is no price", "give a price above 0")
    return None if price is None else {"price": str(price)}


def together(connection: sa.Connection, request: Request, answer: str, proposals: Iterable[Proposal]) -> Event:
    """Records that several prices are answered as one."""
    said = {"answer": answer, "decisions": sorted(each.decision_id for each in proposals)}
    return ledger.append(connection, f"{GROUPS}{request.key}", request, ANSWERED, said)


def withdraw(connection: sa.Connection, request: Request) -> None:
    """Takes an answer back; the price is open again.

    Raises PricingError where nobody answered, or somebody took the answer back before.
    """
    last = ledger.latest(connection, request.name)
    if last is None or last.kind not in approvals.KINDS.values():
        when = f"withdrawn by {last.actor} at {last.recorded_at:%Y-%m-%d %H:%M} UTC" if last else "not answered"
        raise PricingError(f"{request.name} is {when}", f"there is no answer to take back; {_SEE}")
    ledger.expect(request, request.name, last)
    ledger.append(connection, request.name, request, WITHDRAWN, {}, after=last)


def everything(connection: sa.Connection) -> list[Review]:
    """Every answer ever given, oldest first, also those taken back."""
    return folded(ledger.events(connection, STREAM))


def one(connection: sa.Connection, subject: str) -> Review:
    """The last answer to a subject. Raises PricingError where there is none."""
    found = folded(ledger.history(connection, subject))
    if not found:
        raise PricingError(f"{subject}: nobody answered it", _SEE)
    return found[-1]


def folded(events: Iterable[Event]) -> list[Review]:
    """What the events of reviews, in the order they were recorded, come to: each answer, oldest first.

    Other proposals on such streams are left out.
    """
    proposed: dict[str, Event] = {}
    found: dict[int, Review] = {}
    last: dict[str, int] = {}
    for event in events:
        if event.kind == approvals.PROPOSED and _ABOUT in event.payload["payload"]:
            proposed[event.stream] = event
        elif event.kind in _SAID and event.stream in proposed:
            last[event.stream] = event.seq
            found[event.seq] = _answered(event, proposed[event.stream].payload["payload"])
        elif event.kind == WITHDRAWN and event.stream in last:
            number = last[event.stream]
            found[number] = replace(
                found[number],
                withdrawn_by=event.actor,
                withdrawn_at=event.recorded_at,
                withdrawal_reason=event.reason,
            )
    return list(found.values())


def _answered(event: Event, said: Mapping[str, Any]) -> Review:
    proposal, answer = Proposal.of(said[_ABOUT]), _SAID[event.kind]
    return Review(
        id=f"RV-{event.seq:06}",
        proposal=proposal,
        answer=answer,
        price=_price(event, proposal),
        refused=None if answer == "approved" else proposal.price,
        by=event.actor,
        at=event.recorded_at,
        reason=event.reason,
        sequence=event.seq,
        group=said.get(_GROUP),
    )


def _price(event: Event, proposal: Proposal) -> Decimal | None:
    if event.kind == "rejected":
        return None
    if event.kind == "approved":
        return proposal.price
    try:
        return Decimal(event.payload["amendment"]["price"])
    except (KeyError, TypeError, InvalidOperation) as error:
        raise PricingError(
            f"{event.stream}: the amendment by {event.actor} names no price", "withdraw it and answer again"
        ) from error
