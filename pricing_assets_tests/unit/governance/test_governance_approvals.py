"""`decide`: what the platform proposed, one person answers, once; on both databases."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import Event, Store

SUBJECT = "approval:drift-12"


def propose(store: Store, subject: str = SUBJECT, **lasting: float) -> Event:
    expires = datetime.now(UTC) + timedelta(**(lasting or {"days": 3}))
    return store.propose(subject, {"metric": "psi"}, expires, reason="drift", key=f"open {subject}")


@pytest.mark.parametrize(
    ("answer", "amendment", "kind"),
    [("approve", None, "approved"), ("reject", None, "rejected"), ("amend", {"price": "9.49"}, "amended")],
)
def test_an_answer_is_recorded_and_audited(store: Store, answer: Any, amendment: Any, kind: str) -> None:
    propose(store)
    event = store.decide("ann", SUBJECT, answer, "looks right", "k", amendment=amendment)
    assert (event.kind, event.actor, event.version) == (kind, "ann", 2)
    assert event.payload == ({"amendment": amendment} if amendment else {})
    assert store.audit()[-1]["before"]["kind"] == "proposed" and store.audit()[-1]["after"]["kind"] == kind


def test_it_is_decided_once_and_the_second_is_told_by_whom(store: Store) -> None:
    propose(store)
    store.decide("ann", SUBJECT, "approve", "good", "k1")
    for answer in ("approve", "reject"):
        with pytest.raises(PricingError, match=r"approval:drift-12 is approved by ann at .* UTC: good"):
            store.decide("bob", SUBJECT, answer, "good too", "k2")  # type: ignore[arg-type]
    assert len(store.events()) == 2


def test_no_key_is_answered_without_being_kept_with_its_request(store: Store) -> None:
    propose(store)
    propose(store, "approval:other")
    store.decide("ann", SUBJECT, "approve", "good", "k1")
    accepted = {"k1"}
    for key in ("k1", "k2"):
        try:
            store.decide("ann", SUBJECT, "approve", "good", key)
        except PricingError:
            continue
        accepted.add(key)
    for key in accepted:
        with pytest.raises(PricingError, match=f"key {key} was used for another request"):
            store.decide("ann", "approval:other", "reject", "no", key)


def test_a_key_retried_answers_once_and_with_another_body_is_refused(store: Store) -> None:
    propose(store)
    answers = [store.decide("ann", SUBJECT, "approve", "good", "k") for _ in range(10)]
    assert {event.seq for event in answers} == {answers[0].seq} and len(store.audit()) == 2
    with pytest.raises(PricingError, match="key k was used for another request: approved"):
        store.decide("ann", SUBJECT, "reject", "good", "k")


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"subject": "approval:nothing"}, "nothing was proposed as approval:nothing"),
    ({"subject": "strategy:s"}, "strategy:s: is nothing to decide on"),
    ({"subject": "approval: "}, "is nothing to decide on"),
    ({"answer": "maybe"}, "maybe: is no answer"),
    ({"answer": "amend"}, "amend and an amendment go together"),
    ({"reason": ""}, "reason is empty"),
    ({"actor": " "}, "by is empty"),
    ({"expected_version": 4}, "approval drift-12 is at version 1, last changed by system, not at 4"),
]


def test_what_cannot_be_decided_is_refused(store: Store) -> None:
    propose(store)
    request = {"actor": "ann", "subject": SUBJECT, "answer": "approve", "reason": "r", "idempotency_key": "k"}
    for asked, what in REFUSED:  # one store for all: a database takes longer than a test
        with pytest.raises(PricingError, match=what):
            store.decide(**{**request, **asked})
    assert len(store.events()) == 1


def test_an_expired_proposal_is_refused(store: Store) -> None:
    propose(store, milliseconds=20)
    time.sleep(0.03)
    with pytest.raises(PricingError, match="approval:drift-12 expired at"):
        store.decide("ann", SUBJECT, "approve", "late", "k")


def test_a_subject_is_proposed_once(store: Store) -> None:
    expires = datetime.now(UTC) + timedelta(days=1)
    first = store.propose(SUBJECT, {}, expires, reason="drift", key="k")
    assert store.propose(SUBJECT, {}, expires, reason="drift", key="k") == first
    with pytest.raises(PricingError, match="was proposed before and is still open"):
        store.propose(SUBJECT, {}, expires, reason="drift", key="other")


def test_of_eight_people_deciding_differently_one_does(url: str) -> None:
    with governance.open_store(url) as store:
        propose(store)

    def person(number: int) -> bool:
        with governance.open_store(url) as mine:
            try:
                mine.decide(f"p{number}", SUBJECT, "amend", "r", f"k{number}", amendment={"price": number})
            except PricingError as error:
                assert "is amended by p" in str(error)
                return False
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(person, range(8))) == 1
