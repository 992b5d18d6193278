"""The review desk: prices answered by people, alone or together, and the autonomy that follows from it.

Here: each operation as one transaction with its events, its audit rows and what is learnt from them, so that of two
people at once one wins and is named, and each done twice has one effect. Not here: what an answer is (approvals.py,
reviews.py), which prices are put to people (pricing/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import NamedTuple

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import approvals, autonomy, ledger, reviews
from pricing_assets.governance.approvals import Answer
from pricing_assets.governance.autonomy import HoldOut
from pricing_assets.governance.database import Database
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.review_records import AutonomyScope, Limits, Proposal, Review, Tightening


class Answered(NamedTuple):
    """What was answered, who had answered the others before, and what autonomy was tightened by it."""

    reviews: list[Review]
    taken: list[str]
    tightened: list[Tightening]


class Desk:
    """The review desk of one governance store: `Store.desk`. Safe to share between threads."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def decide(
        self,
        actor: str,
        proposal: Proposal,
        answer: Answer,
        reason: str,
        idempotency_key: str,
        *,
        today: date,
        price: Decimal | None = None,
    ) -> Answered:
        """Answers one proposal; `price` is the other one of an amendment, `today` the effective day answered on.

        Raises PricingError where it has expired or is answered: it names who.
        """
        amendment = reviews.amendment_of(answer, price)
        body = ledger.dumps([approvals.checked_answer(answer, amendment), amendment])
        request = Request("decide", proposal.subject, actor, reason, idempotency_key, body=body)
        with self._database.writing() as connection:
            if (earlier := ledger.earlier(connection, request)) is not None:
                return Answered([_review_of(connection, proposal, earlier.seq)], [], [])
            made = _answer(connection, request, proposal, (answer, amendment), today=today)
            return Answered([made], [], autonomy.learn(connection, [proposal.scope]))

    def decide_together(
        self,
        actor: str,
        proposals: Sequence[Proposal],
        answer: Answer,
        reason: str,
        idempotency_key: str,
        *,
        today: date,
    ) -> Answered:
        """Answers several proposals as one: all in one transaction, and one verdict for learning.

        Those somebody answered meanwhile are left as they are and named; so are expired ones. Raises PricingError
        where nothing is left to answer.
        """
        approvals.checked_answer(answer, None)
        body = ledger.dumps([answer, sorted(each.decision_id for each in proposals)])
        name = f"{reviews.GROUPS}{idempotency_key}"
        request = Request("decide_together", name, actor, reason, idempotency_key, body=body)
        with self._database.writing() as connection:
            if ledger.earlier(connection, request) is not None:
                found = reviews.everything(connection)
                return Answered([each for each in found if each.group == idempotency_key], [], [])
            made, taken = [], []
            for proposal in proposals:
                own = Request("decide", proposal.subject, actor, reason, f"{idempotency_key} {proposal.decision_id}")
                try:
                    made.append(_answer(connection, own, proposal, (answer, None), today=today, group=idempotency_key))
                except PricingError as refused:
                    taken.append(refused.what)
            if not made:
                raise PricingError("; ".join(taken[:3]) or "no price was named", "`pricing review list` shows the rest")
            reviews.together(connection, request, answer, [each.proposal for each in made])
            return Answered(made, taken, autonomy.learn(connection, {each.proposal.scope for each in made}))

    def withdraw(
        self, actor: str, subject: str, reason: str, idempotency_key: str, expected_version: int | None = None
    ) -> Review:
        """Takes an answer back; the price is open again. Raises PricingError where there is none to take back."""
        request = Request(
            "withdraw", approvals.checked_subject(subject), actor, reason, idempotency_key, expected_version
        )
        with self._database.writing() as connection:
            if ledger.earlier(connection, request) is None:
                reviews.withdraw(connection, request)
            return reviews.one(connection, subject)

    def reviews(self, known_to: int | None = None) -> list[Review]:
        """Every answer ever given, oldest first; as of an event, where its number is given."""
        with self._database.reading() as connection:
            events = ledger.events(connection, reviews.STREAM)
        return reviews.folded(event for event in events if known_to is None or event.seq <= known_to)

    def autonomy(self, known_to: int | None = None) -> list[Tightening]:
        """The last word on each scope, now or as of an event (its number)."""
        with self._database.reading() as connection:
            return autonomy.in_force(ledger.events(connection, autonomy.STREAM), known_to)

    def tighten(self, scope: AutonomyScope, limits: Limits, *, by: str, reason: str, key: str) -> Tightening:
        """Makes a scope stricter. Raises PricingError where it is as strict already."""
        if limits == Limits():
            raise PricingError(f"{scope}: nothing to tighten", "give a mode, a threshold or both")
        request = _about("tighten", scope, limits, by, reason, key=key)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            done = autonomy.in_force([earlier] if earlier else [])
            return done[0] if done else autonomy.tighten(connection, request, scope, limits)

    def loosen(
        self, scope: AutonomyScope, limits: Limits, *, by: str, reason: str, key: str, hold_out: HoldOut | None
    ) -> Tightening:
        """Makes a scope looser, at most as its strategies say. Raises PricingError without evidence: it says which."""
        request = _about("loosen", scope, limits, by, reason, key=key)
        with self._database.writing() as connection:
            earlier = ledger.earlier(connection, request)
            done = autonomy.in_force([earlier] if earlier else [])
            return done[0] if done else autonomy.loosen(connection, request, scope, limits, hold_out)


def _answer(
    connection: sa.Connection,
    request: Request,
    proposal: Proposal,
    said: tuple[Answer, dict[str, str] | None],
    *,
    today: date,
    group: str | None = None,
) -> Review:
    """Opens the proposal and answers it; the one function `decide` is for these as for all that people decide."""
    opened = reviews.open_(connection, proposal, today, group)
    answered = approvals.decide(connection, request, *said, datetime.now(UTC))
    return reviews.folded([opened, answered])[0]


def _review_of(connection: sa.Connection, proposal: Proposal, sequence: int) -> Review:
    """The answer an event recorded."""
    found = reviews.folded(ledger.history(connection, proposal.subject))
    return next(each for each in found if each.sequence == sequence)


def _about(operation: str, scope: AutonomyScope, limits: Limits, by: str, reason: str, *, key: str) -> Request:
    if limits.threshold is not None and not 0 <= limits.threshold <= 1:
        raise PricingError(f"{scope}: {limits.threshold:g} is no threshold", "give a number from 0 to 1")
    return Request(operation, scope.stream, by, reason, key, body=ledger.dumps(limits._asdict()))
