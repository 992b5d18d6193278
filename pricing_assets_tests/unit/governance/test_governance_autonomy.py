"""What verdicts teach: people may tighten by answering; only evidence lets a person loosen."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from governance_reviews import EFFECTIVE, proposal

from pricing_assets.errors import PricingError
from pricing_assets.governance import AutonomyScope, Limits, Review, Store
from pricing_assets.governance.autonomy import HoldOut
from pricing_assets.governance.learning import Verdict, raised, rate, verdicts

TEA = AutonomyScope("TEA", "DE")
AS_BEFORE = Limits()
GAIN = HoldOut(clusters=40, gain=0.03, low=0.01, high=0.05)


def review(number: int, answer: Any = "approved", group: str | None = None, **asked: Any) -> Review:
    of = proposal(number, **{"confidence": 0.9, **asked})
    at = datetime(2026, 11, 21, tzinfo=UTC)
    return Review(f"RV-{number:06}", of, answer, of.price, None, "ann", at, "r", number, group)


def verdict(approved: bool, confidence: float | None = 0.9, number: int = 1) -> Verdict:
    return Verdict(TEA, confidence, 0.85, approved, False, number)


def counted(approved: int, rejected: int, confidence: float | None = 0.9) -> list[Verdict]:
    return [verdict(True, confidence)] * approved + [verdict(False, confidence)] * rejected


def test_the_likely_range_is_that_of_a_beta_distribution() -> None:
    found = rate(counted(30, 10), 0.85)
    random.seed(7)
    drawn = sorted(random.betavariate(8.5 + 30, 1.5 + 10) for _ in range(20_000))
    assert (found.approved, found.rejected) == (30, 10)
    assert found.low == pytest.approx(drawn[1_000], abs=0.01)
    assert found.high == pytest.approx(drawn[19_000], abs=0.01)


def test_people_who_refuse_what_would_have_been_published_raise_the_threshold() -> None:
    assert raised(counted(20, 2), 0.85) is None
    found = raised(counted(2, 6), 0.85)
    assert found and found.limits == Limits("semi-auto", 0.925) and found.refuted == 0.85


def test_verdicts_on_prices_that_would_have_waited_for_a_person_say_nothing() -> None:
    assert raised(counted(0, 50, 0.84), 0.85) is None
    assert raised(counted(0, 50, None), 0.85) is None


def test_confidence_that_says_nothing_ends_in_manual() -> None:
    found = raised(counted(0, 40, 1.0), 0.85)
    assert found and found.limits.mode == "manual"


def test_one_rejection_alone_tightens_nothing() -> None:
    assert raised(counted(0, 1, 1.0), 0.85) is None


def test_a_bulk_answer_is_one_verdict_of_each_scope_and_a_withdrawn_one_is_none() -> None:
    together = [review(number, "rejected", "g") for number in range(1, 21)]
    other = [review(21, "rejected", "g", market="UK")]
    found = verdicts([*together, *other, review(22), review(23, "amended")])
    assert [(each.scope.market, each.approved) for each in found] == [
        ("DE", False),
        ("UK", False),
        ("DE", True),
        ("DE", False),
    ]
    assert verdicts([replace(review(1), withdrawn_by="bob")]) == []


def test_a_bulk_answer_is_as_sure_as_its_surest_price() -> None:
    [found] = verdicts([review(1, group="g", confidence=0.7), review(2, group="g", confidence=0.95)])
    assert found.confidence == 0.95


@pytest.mark.parametrize(("asked", "blind"), [({"audit": True}, True), ({"mode": "manual"}, True), ({}, False)])
def test_verdicts_given_blind_are_the_audit(asked: dict[str, Any], blind: bool) -> None:
    assert [each.audit for each in verdicts([review(1, **asked)])] == [blind]


def answer(store: Store, number: int, what: Any, **asked: Any) -> list[Any]:
    of = proposal(number, **{"confidence": 0.9, **asked})
    return store.desk.decide("ann", of, what, "r", f"k{number}", today=EFFECTIVE).tightened


def test_answers_tighten_their_scope_by_themselves_and_keep_the_evidence(store: Store) -> None:
    made = [each for number in range(12) for each in answer(store, number, "reject")]
    assert made[0].limits == Limits("semi-auto", 0.925) and made[0].scope == TEA and made[0].by == "system"
    assert made[0].evidence["verdicts"]["approved"] == 0
    assert store.desk.autonomy() == made[-1:]
    assert store.audit()[-1]["subject"].startswith("review:") or store.audit()[-1]["action"] == "autonomy_tightened"
    assert "people approved 0 of" in made[0].reason
    assert store.desk.autonomy(made[0].since) == made[:1]


def test_a_bulk_rejection_of_many_prices_tightens_nothing(store: Store) -> None:
    asked = [proposal(number, confidence=0.9) for number in range(40)]
    assert store.desk.decide_together("ann", asked, "reject", "r", "g", today=EFFECTIVE).tightened == []


def test_a_person_may_always_tighten_and_never_by_nothing(store: Store) -> None:
    done = store.desk.tighten(TEA, Limits("manual"), by="ann", reason="new supplier", key="k")
    assert store.desk.tighten(TEA, Limits("manual"), by="ann", reason="new supplier", key="k") == done
    more = store.desk.tighten(TEA, Limits(None, 0.9), by="ann", reason="r", key="k2")
    assert more.limits == Limits("manual", 0.9), "what stands is not loosened by it"
    with pytest.raises(PricingError, match=r"TEA/DE is manual, threshold 0.9 already"):
        store.desk.tighten(TEA, Limits("semi-auto", 0.9), by="ann", reason="r", key="k3")
    for limits in (Limits(), Limits(None, 1.5)):
        with pytest.raises(PricingError, match=r"nothing to tighten|is no threshold"):
            store.desk.tighten(TEA, limits, by="ann", reason="r", key="k4")


def loosen(store: Store, limits: Limits = AS_BEFORE, hold_out: HoldOut | None = GAIN, key: str = "l") -> Any:
    return store.desk.loosen(TEA, limits, by="ann", reason="it went well", key=key, hold_out=hold_out)


def audited(store: Store, approved: int, rejected: int = 0, **asked: Any) -> None:
    for number in range(approved + rejected):
        answer(store, 1000 + number, "approve" if number < approved else "reject", **{"audit": True, **asked})


@pytest.mark.parametrize(
    ("approved", "hold_out", "said"),
    [
        (0, GAIN, "the blind audit does not show that 85% are right"),
        (10, GAIN, "10 of 10 approved"),
        (40, None, "no outcome of a hold-out is known"),
        (40, HoldOut(19, 0.1, 0.05, 0.2), r"too few clusters \(19, 20 are needed\)"),
        (40, HoldOut.of({"clusters": 40, "effect_pct": 2.0, "low_pct": None, "high_pct": 4.0}), r"unknown to \+4.0%"),
        (40, HoldOut(40, 0.01, -0.02, 0.04), r"does not show a gain \(-2.0% to \+4.0%\)"),
    ],
)
def test_loosening_is_refused_without_evidence(
    store: Store, approved: int, hold_out: HoldOut | None, said: str
) -> None:
    store.desk.tighten(TEA, Limits("semi-auto", 0.9), by="ann", reason="r", key="t")
    audited(store, approved)
    before = store.desk.autonomy()
    with pytest.raises(PricingError, match=said):
        loosen(store, hold_out=hold_out)
    assert store.desk.autonomy() == before


def test_with_evidence_a_person_loosens_and_old_verdicts_do_not_tighten_it_again(store: Store) -> None:
    for number in range(12):
        answer(store, number, "reject")
    audited(store, 60, confidence=0.99)
    done = loosen(store)
    assert done.limits == Limits() and done.evidence["audit"]["approved"] == 60
    assert done.evidence["hold_out"]["clusters"] == 40
    assert answer(store, 900, "reject") == []
    with pytest.raises(PricingError, match="governance does not tighten it"):
        loosen(store, key="again")


def test_loosening_must_be_looser_than_what_stands(store: Store) -> None:
    store.desk.tighten(TEA, Limits("semi-auto", 0.9), by="ann", reason="r", key="t")
    for limits in (Limits("manual"), Limits("semi-auto", 0.95), Limits("semi-auto", 0.9)):
        with pytest.raises(PricingError, match="is not looser"):
            loosen(store, limits)


def test_verdicts_before_a_tightening_are_no_evidence_for_loosening_it(store: Store) -> None:
    audited(store, 60)
    store.desk.tighten(TEA, Limits("manual"), by="ann", reason="r", key="t")
    with pytest.raises(PricingError, match="0 of 0 approved"):
        loosen(store)
