"""Drift events on both databases: opened once, answered once, claimed by one run, ended once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from governance_drifts import DAYS, PSI, approved, opened, outlast, promoted, state

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import DriftEvent, Store

SHORT = timedelta(seconds=1)
"""Long enough to answer in on a busy machine."""


def test_one_event_is_open_per_metric_segment_and_champion(store: Store) -> None:
    first, again = store.gate.open(PSI, "r", DAYS), store.gate.open(replace(PSI, evidence={"psi": 0.5}), "r", DAYS)
    assert (first.new, again.new) == (True, False) and again.event == first.event
    assert first.event.drift == PSI and first.event.drift.evidence == {"psi": 0.4} and first.event.id == "drift-1"
    others = [
        replace(PSI, metric="ks"),
        replace(PSI, segment="TOYS"),
        replace(PSI, champion=2),
        replace(PSI, model="m"),
    ]
    assert [store.gate.open(other, "r", DAYS).event.id for other in others] == [f"drift-{n}" for n in range(2, 6)]
    assert len(store.events()) == len(store.audit()) == 5


def test_a_rejected_event_is_asked_again_only_once_it_expired(store: Store) -> None:
    event = opened(store, lasting=SHORT)
    store.decide("ann", event.subject, "reject", "a promotion", "k")
    assert state(store, event) == "rejected" and not store.gate.open(PSI, "r", DAYS).new
    outlast(event)
    assert store.gate.open(PSI, "r", DAYS).event.id == "drift-2"


def test_nothing_of_another_kind_is_a_drift_event(store: Store) -> None:
    expires = datetime.now(UTC) + DAYS
    store.propose("approval:drift-7", {"metric": "psi"}, expires, reason="r", key="k")
    store.decide("ann", "approval:drift-7", "approve", "r", "k2")
    assert store.gate.events() == [] and store.gate.approved_since(0) == []
    with pytest.raises(PricingError, match="no drift event is named drift-7"):
        store.gate.claim("drift-7", "root")
    assert opened(store).id == "drift-8", "its name is taken"


def test_a_sensor_reads_approvals_by_their_sequence(store: Store) -> None:
    first, second = approved(store), approved(store, replace(PSI, metric="ks"))
    opened(store, replace(PSI, metric="cusum"))
    found = store.gate.approved_since(0)
    assert [(each.event_id, each.purpose, each.by) for each in found] == [
        (first.id, "training", "ann"),
        (second.id, "training", "ann"),
    ]
    assert [each.event_id for each in store.gate.approved_since(found[0].sequence)] == [second.id]
    assert store.gate.approved_since(found[1].sequence) == []


def test_a_claim_is_taken_once_and_resumed_by_its_own_run(store: Store) -> None:
    event = approved(store)
    first = store.gate.claim("1", "root")
    assert (first.root_run_id, first.state(datetime.now(UTC))) == ("root", "training")
    assert store.gate.claim(event.id, "root") == first and len(store.events()) == 3
    with pytest.raises(PricingError, match="drift-1 is consumed: run root claimed it at"):
        store.gate.claim(event.id, "forged")


def _absent(store: Store) -> str:
    return "drift-9"


def _unanswered(store: Store) -> str:
    return opened(store).id


def _answered(answer: Any, store: Store) -> str:
    event = opened(store)
    amendment = {"champion": 9} if answer == "amend" else None
    store.decide("ann", event.subject, answer, "it was a promotion", "k", amendment=amendment)
    return event.id


def _expired(store: Store) -> str:
    event = approved(store, lasting=SHORT)
    outlast(event)
    assert state(store, event) == "expired"
    return event.id


def _finished(store: Store) -> str:
    return promoted(store).id


def _superseded(store: Store) -> str:
    event = approved(store, replace(PSI, metric="ks"))
    promoted(store)
    assert state(store, event) == "superseded"
    return event.id


REFUSED: list[tuple[Callable[[Store], str], str]] = [
    (_absent, "no drift event is named drift-9"),
    (_unanswered, "drift-1 is not approved: nobody answered it"),
    (partial(_answered, "reject"), r"drift-1 is not approved: rejected by ann at .*: it was a promotion"),
    (partial(_answered, "amend"), "drift-1 is not approved"),
    (_expired, "drift-1 expired at .* before a training claimed it"),
    (_finished, "drift-1 is consumed: run root claimed it"),
    (_superseded, "drift-1 is about ks in HOME, demand with no champion, and champion 1 is in force now"),
]


@pytest.mark.parametrize(("make", "what"), REFUSED)
def test_no_training_without_a_live_approval(tmp_path: Any, make: Callable[[Store], str], what: str) -> None:
    with governance.open_store(f"sqlite:///{tmp_path / 'g.db'}") as store:
        name = make(store)
        before = len(store.events())
        with pytest.raises(PricingError, match=what):
            store.gate.claim(name, "another root")
        assert len(store.events()) == before


def test_no_training_without_a_live_approval_on_postgresql_either(store: Store) -> None:
    with pytest.raises(PricingError, match="nobody answered it"):
        store.gate.claim(_unanswered(store), "root")
    with pytest.raises(PricingError, match="expired at"):
        store.gate.claim(approved_and_expired(store).id, "root")


def approved_and_expired(store: Store) -> DriftEvent:
    event = approved(store, replace(PSI, metric="ks"), SHORT)
    outlast(event)
    return event


def test_of_two_approvers_at_once_one_is_heard(url: str) -> None:
    with governance.open_store(url) as store:
        event = opened(store)

    def person(number: int) -> bool:
        with governance.open_store(url) as mine:
            answer: Any = ("approve", "reject")[number % 2]
            try:
                mine.decide(f"p{number}", event.subject, answer, "r", f"k{number}")
            except PricingError as error:
                assert f"approval:{event.id} is " in str(error)
                return False
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(person, range(6))) == 1


def test_of_trainers_claiming_at_once_one_gets_it(url: str) -> None:
    with governance.open_store(url) as store:
        event = approved(store)

    def trainer(number: int) -> str | None:
        with governance.open_store(url) as mine:
            try:
                return mine.gate.claim(event.id, f"root-{number}").root_run_id
            except PricingError as error:
                assert "is consumed: run root-" in str(error)
                return None

    with ThreadPoolExecutor(6) as pool:
        won = [found for found in pool.map(trainer, range(6)) if found]
    with governance.open_store(url) as store:
        assert won == [store.gate.event(event.id).root_run_id]


def test_of_monitors_finding_the_same_at_once_one_opens_it(url: str) -> None:
    with governance.open_store(url) as store:
        opened(store, replace(PSI, metric="other"))

    def monitor(_: int) -> bool:
        with governance.open_store(url) as mine:
            return mine.gate.open(PSI, "r", DAYS).new

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(monitor, range(6))) == 1


@pytest.mark.parametrize("empty", ["model", "metric", "segment"])
def test_an_event_about_nothing_is_refused(empty: str) -> None:
    with pytest.raises(PricingError, match=f"its {empty} is empty"):
        replace(PSI, **{empty: " "})


@pytest.mark.parametrize("name", ["drift", "OV-1", "drift-0", "drift-1-promotion", ""])
def test_what_is_no_id_is_refused(tmp_path: Any, name: str) -> None:
    with (
        governance.open_store(f"sqlite:///{tmp_path / 'g.db'}") as store,
        pytest.raises(PricingError, match="is no id"),
    ):
        store.gate.event(name)


def test_events_are_exported_for_analysts(store: Store) -> None:
    from pricing_assets.tables.governance import DriftEvents

    promoted(store)
    opened(store, replace(PSI, champion=1, metric="ks"))
    rows = governance.exported(store, datetime.now(UTC).date())[DriftEvents]
    told = rows.select("event_id", "metric", "state", "answered_by", "challenger", "outcome", "outcome_reasons")
    assert told.rows() == [
        ("drift-1", "psi", "finished", "ann", 1, "promoted", "better"),
        ("drift-2", "ks", "open", None, None, None, None),
    ]
    assert rows["evidence"][0] == '{"psi":0.4}'
