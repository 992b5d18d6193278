"""From a claim to a champion, on both databases: only what was validated, once, and a rollback stays a rollback."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from governance_drifts import DAYS, GOOD, PSI, approved, promoted, state, validated

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import Drift, Store, Validated

NEXT = Validated(2, "c" * 64, "d" * 64)


def drift(champion: int | None, metric: str = "psi") -> Drift:
    return replace(PSI, champion=champion, metric=metric)


def test_a_validated_challenger_is_put_in_force_and_its_event_consumed(store: Store) -> None:
    event = promoted(store)
    champion = store.gate.champion("demand")
    assert champion and (champion.version, champion.artifact_hash, champion.previous) == (1, GOOD.artifact_hash, None)
    assert (champion.event_id, champion.report_hash) == (event.id, GOOD.report_hash)
    assert "approved by ann: looks real" in champion.reason
    assert state(store, event) == "finished" and event.outcome and event.outcome.reasons == ("better",)
    assert store.audit()[-2]["action"] == "model_promoted"


def test_every_step_done_again_has_one_effect(store: Store) -> None:
    event = promoted(store)
    count = len(store.events())
    store.gate.claim(event.id, "root")
    store.gate.record_validation(event.id, "root", GOOD)
    assert store.gate.promote(event.id, "root", GOOD, second_approval=False) == store.gate.champion("demand")
    store.gate.record_outcome(event.id, "root", "promoted", ["better"], version=1, report_hash=GOOD.report_hash)
    assert len(store.events()) == count


@pytest.mark.parametrize("other", [{"version": 2}, {"artifact_hash": "f" * 64}, {"report_hash": "f" * 64}])
def test_another_challenger_or_report_than_was_validated_is_refused(store: Store, other: dict[str, Any]) -> None:
    event = validated(store)
    forged = replace(GOOD, **other)
    with pytest.raises(PricingError, match="is not what is on record: report bbbbbbbbbbbb"):
        store.gate.promote(event.id, "root", forged, second_approval=False)
    with pytest.raises(PricingError, match="is on record with report bbbbbbbbbbbb"):
        store.gate.record_validation(event.id, "root", forged)
    assert store.gate.champion("demand") is None


def test_only_the_run_that_claimed_goes_on(store: Store) -> None:
    event = approved(store)
    with pytest.raises(PricingError, match="not claimed by run root: no run has claimed it"):
        store.gate.record_validation(event.id, "root", GOOD)
    store.gate.claim(event.id, "root")
    with pytest.raises(PricingError, match="not what is on record: no report"):
        store.gate.promote(event.id, "root", GOOD, second_approval=False)
    store.gate.record_validation(event.id, "root", GOOD)
    for act in (
        lambda: store.gate.promote(event.id, "forged", GOOD, second_approval=False),
        lambda: store.gate.record_validation(event.id, "forged", GOOD),
        lambda: store.gate.record_outcome(event.id, "forged", "kept", []),
    ):
        with pytest.raises(PricingError, match="not claimed by run forged: run root has it"):
            act()


def test_a_challenger_compared_with_another_champion_is_refused(store: Store) -> None:
    late = validated(store, drift(None, "ks"), NEXT)
    promoted(store)
    with pytest.raises(PricingError, match=r"version 1 of demand is in force now, and .* compared with None"):
        store.gate.promote(late.id, "root", NEXT, second_approval=False)
    ended = store.gate.record_outcome(late.id, "root", "kept", ["another champion came first"])
    assert ended.result == "kept"


def test_an_outcome_tells_what_happened_and_ends_the_event(store: Store) -> None:
    event = validated(store)
    with pytest.raises(PricingError, match="promoted is not what happened: nothing was promoted"):
        store.gate.record_outcome(event.id, "root", "promoted", [], version=1)
    store.gate.record_outcome(event.id, "root", "kept", ["WAPE is worse"], version=1)
    with pytest.raises(PricingError, match=r"drift-1 is consumed: it ended on .* kept"):
        store.gate.promote(event.id, "root", GOOD, second_approval=False)
    with pytest.raises(PricingError, match="was used for another request"):
        store.gate.record_outcome(event.id, "root", "failed", [])
    with pytest.raises(PricingError, match="is no outcome"):
        store.gate.record_outcome(event.id, "root", "done", [])  # type: ignore[arg-type]


def test_what_was_promoted_is_not_recorded_as_anything_else(store: Store) -> None:
    event = validated(store)
    store.gate.promote(event.id, "root", GOOD, second_approval=False)
    for result, version in (("kept", 1), ("failed", None), ("promoted", 2)):
        with pytest.raises(PricingError, match="is not what happened: version 1 was promoted"):
            store.gate.record_outcome(event.id, "root", result, [], version=version)  # type: ignore[arg-type]


def test_a_rollback_brings_back_the_champion_before_and_is_audited(store: Store) -> None:
    promoted(store)
    second = promoted(store, drift(1), NEXT)
    back = store.gate.roll_back("demand", "bob", "it oversold", "k", expected_version=2)
    assert (back.version, back.artifact_hash, back.previous, back.by) == (1, GOOD.artifact_hash, 2, "bob")
    assert store.gate.roll_back("demand", "bob", "it oversold", "k", expected_version=2) == back
    last = store.audit()[-1]
    assert (last["action"], last["before"]["version"], last["after"]["previous"]) == ("model_rolled_back", 2, 2)
    assert store.gate.promote(second.id, "root", NEXT, second_approval=False) == back, "a replay undoes no rollback"
    with pytest.raises(PricingError, match="has no champion before this one"):
        store.gate.roll_back("demand", "bob", "further", "k2")
    with pytest.raises(PricingError, match="model demand is at version 3, last changed by bob, not at 1"):
        store.gate.roll_back("demand", "bob", "further", "k3", expected_version=1)
    with pytest.raises(PricingError, match="model other has no champion"):
        store.gate.roll_back("other", "bob", "r", "k4")
    assert store.gate.champions() == {"demand": back}


def test_where_two_must_agree_the_second_is_another_person(store: Store) -> None:
    event = validated(store)
    with pytest.raises(PricingError, match="needs a second approval: nobody answered it"):
        store.gate.promote(event.id, "root", GOOD, second_approval=True)
    for _ in range(2):
        store.gate.propose_promotion(event.id, DAYS)
    with pytest.raises(PricingError, match="is for another person than ann to decide"):
        store.decide("ann", event.promotion_subject, "approve", "r", "k")
    assert store.gate.second_answer(event.id) is None
    store.decide("bob", event.promotion_subject, "approve", "agreed", "k")
    assert [(each.event_id, each.purpose) for each in store.gate.approved_since(0)] == [
        (event.id, "training"),
        (event.id, "promotion"),
    ]
    answer = store.gate.second_answer(event.id)
    assert answer and answer.by == "bob"
    assert store.gate.promote(event.id, "root", GOOD, second_approval=True).version == 1


def test_a_second_person_may_say_no(store: Store) -> None:
    event = validated(store)
    store.gate.propose_promotion(event.id, DAYS)
    store.decide("bob", event.promotion_subject, "reject", "after the holidays", "k")
    for second_approval in (True, False):  # once asked, it is needed
        with pytest.raises(PricingError, match="bob said no: after the holidays"):
            store.gate.promote(event.id, "root", GOOD, second_approval=second_approval)
    assert [(each.purpose, each.approved) for each in store.gate.approved_since(0)] == [
        ("training", True),
        ("promotion", False),
    ]


def test_a_second_approval_forged_for_another_report_or_by_the_same_person_is_refused(store: Store) -> None:
    event = validated(store)
    expires = event.expires
    said = {"event": event.id, **vars(replace(GOOD, report_hash="f" * 64))}
    store.propose(event.promotion_subject, said, expires, reason="r", key="forged")
    store.decide("bob", event.promotion_subject, "approve", "r", "k")
    with pytest.raises(PricingError, match="approval of another person than bob, of this very report"):
        store.gate.promote(event.id, "root", GOOD, second_approval=True)
    mine = validated(store, drift(None, "ks"))
    store.propose(mine.promotion_subject, dict(vars(GOOD)), expires, reason="r", key="forged too")
    store.decide("ann", mine.promotion_subject, "approve", "r", "k2")
    with pytest.raises(PricingError, match="approval of another person than ann"):
        store.gate.promote(mine.id, "root", GOOD, second_approval=True)


def test_a_second_approval_expires(store: Store) -> None:
    event = validated(store)
    store.gate.propose_promotion(event.id, timedelta(milliseconds=20))
    time.sleep(0.03)
    with pytest.raises(PricingError, match="nobody agreed to the promotion before"):
        store.gate.second_answer(event.id)


def test_a_promotion_is_not_proposed_before_there_is_a_challenger(store: Store) -> None:
    with pytest.raises(PricingError, match="no challenger is validated yet"):
        store.gate.propose_promotion(approved(store).id, DAYS)


def test_of_rival_promotions_at_once_one_is_put_in_force(url: str) -> None:
    with governance.open_store(url) as store:
        rivals = [validated(store, drift(None, f"m{number}"), replace(GOOD, version=number)) for number in range(1, 5)]

    def promote(number: int) -> bool:
        with governance.open_store(url) as mine:
            try:
                what = replace(GOOD, version=number + 1)
                mine.gate.promote(rivals[number].id, "root", what, second_approval=False)
            except PricingError as error:
                assert "is in force now" in str(error)
                return False
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(promote, range(4))) == 1


def test_files_that_were_rolled_back_are_promoted_for_a_reason_given_since(store: Store) -> None:
    promoted(store)
    promoted(store, drift(1), NEXT)
    store.gate.roll_back("demand", "bob", "it oversold", "k")
    same = replace(NEXT, version=3)
    event = validated(store, drift(1, "ks"), same)
    known = store.gate.event(event.id).taken_back
    assert known and (known.version, known.by, known.reason) == (2, "bob", "it oversold")
    with pytest.raises(
        PricingError, match=r"needs a new reason, as its files are those of version 2, rolled back .*bob"
    ):
        store.gate.promote(event.id, "root", same, second_approval=False)
    store.gate.propose_promotion(event.id, DAYS, second_approval=False)
    store.decide("ann", event.promotion_subject, "approve", "it was the weather", "k2")
    assert store.gate.promote(event.id, "root", same, second_approval=False).version == 3
    again = validated(store, drift(3), replace(NEXT, version=4))
    assert store.gate.event(again.id).taken_back is None, "a person put them back"


def test_a_word_given_before_the_rollback_is_no_new_reason(store: Store) -> None:
    promoted(store)
    rivals = [validated(store, drift(1, metric), replace(NEXT, version=2 + n)) for n, metric in enumerate("ab")]
    store.gate.propose_promotion(rivals[1].id, DAYS)
    store.decide("bob", rivals[1].promotion_subject, "approve", "agreed", "k")
    store.gate.promote(rivals[0].id, "root", NEXT, second_approval=False)
    store.gate.roll_back("demand", "bob", "it oversold", "k2")
    assert store.gate.event(rivals[0].id).taken_back is None, "its own promotion stays what it was"
    with pytest.raises(PricingError, match="bob agreed before its files are those of version 2, rolled back"):
        store.gate.promote(rivals[1].id, "root", replace(NEXT, version=3), second_approval=False)


def test_other_files_need_no_new_reason_after_a_rollback(store: Store) -> None:
    promoted(store)
    promoted(store, drift(1), NEXT)
    store.gate.roll_back("demand", "bob", "it oversold", "k")
    other = Validated(3, "e" * 64, "f" * 64)
    event = validated(store, drift(1, "ks"), other)
    assert store.gate.promote(event.id, "root", other, second_approval=False).version == 3


def test_an_event_nobody_gave_the_second_word_on_expires_and_is_ended(store: Store) -> None:
    waiting = validated(store)
    store.gate.propose_promotion(waiting.id, DAYS)
    assert state(store, waiting) == "validated" and not store.gate.lapsed()
    with pytest.raises(PricingError, match="its promotion has not expired"):
        store.gate.lapse(waiting.id)
    late = validated(store, drift(None, "ks"))
    store.gate.propose_promotion(late.id, timedelta(milliseconds=20))
    time.sleep(0.03)
    assert state(store, late) == "expired"
    assert [each.id for each in store.gate.lapsed()] == [late.id]
    outcome = store.gate.lapse(late.id)
    assert outcome.result == "kept" and "nobody agreed to the promotion before" in outcome.reasons[0]
    assert state(store, late) == "finished" and not store.gate.lapsed()
    assert store.audit()[-1]["subject"] == late.subject


def test_an_event_that_was_answered_in_time_does_not_lapse(store: Store) -> None:
    event = validated(store)
    store.gate.propose_promotion(event.id, timedelta(milliseconds=300))
    store.decide("bob", event.promotion_subject, "approve", "agreed", "k")
    time.sleep(0.35)
    assert state(store, event) == "validated" and not store.gate.lapsed()
