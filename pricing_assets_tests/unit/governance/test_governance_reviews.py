"""The review desk: a price is answered once, binds exactly what was seen, and can be taken back; on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from governance_reviews import DAY, EFFECTIVE, proposal
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets import governance
from pricing_assets.errors import PricingError
from pricing_assets.governance import AutonomyScope, Proposal, Review, Store
from pricing_assets.governance.desk import Answered
from pricing_assets.tables.governance import Autonomy, Reviews


def answer(store: Store, what: Any = "approve", *, by: str = "ann", key: str = "k", **asked: Any) -> Answered:
    price = asked.pop("price", None)
    today = asked.pop("today", EFFECTIVE)
    return store.desk.decide(
        by, asked.pop("of", None) or proposal(**asked), what, "looks right", key, today=today, price=price
    )


@pytest.mark.parametrize(
    ("what", "other", "said"),
    [
        ("approve", None, ("approved", Decimal("9.4900"), None)),
        ("reject", None, ("rejected", None, Decimal("9.4900"))),
        ("amend", Decimal("9.69"), ("amended", Decimal("9.69"), Decimal("9.4900"))),
    ],
)
def test_an_answer_binds_what_was_seen_and_refuses_what_was_not_wanted(
    store: Store, what: str, other: Decimal | None, said: tuple[Any, ...]
) -> None:
    [made] = answer(store, what, price=other).reviews
    assert (made.answer, made.price, made.refused) == said
    assert (made.by, made.reason, made.proposal) == ("ann", "looks right", proposal())
    assert store.desk.reviews() == [made]
    proposed, answered = store.audit()
    assert (proposed["actor"], answered["actor"], answered["before"]["kind"]) == ("system", "ann", "proposed")


def test_the_same_key_twice_has_one_effect_and_another_request_under_it_is_refused(store: Store) -> None:
    first, again = answer(store), answer(store, today=EFFECTIVE + timedelta(days=1))
    assert first.reviews == again.reviews and len(store.events()) == 2
    with pytest.raises(PricingError, match="was used for another request"):
        answer(store, "reject")


def test_the_second_person_is_told_who_was_first(store: Store) -> None:
    answer(store)
    with pytest.raises(PricingError, match=r"review:0{31}1 is approved by ann at .* UTC: looks right"):
        answer(store, "reject", by="bob", key="k2")


def test_after_its_last_day_nothing_is_answered(store: Store) -> None:
    last = proposal().expires
    answer(store, today=last)
    with pytest.raises(PricingError, match="SKU-2 in DE, decided for 2026-11-20: expired after 2026-11-24"):
        answer(store, number=2, key="k2", today=last + timedelta(days=1))
    assert len(store.desk.reviews()) == 1


@pytest.mark.parametrize(
    ("what", "price", "said"),
    [
        ("amend", None, "a price and amend go together"),
        ("approve", Decimal(9), "a price and amend go together"),
        ("amend", Decimal(0), "0 is no price"),
        ("agree", None, "agree: is no answer"),
    ],
)
def test_an_answer_without_sense_is_refused(store: Store, what: str, price: Decimal | None, said: str) -> None:
    with pytest.raises(PricingError, match=said):
        answer(store, what, price=price)
    assert store.events() == []


def test_an_answer_taken_back_leaves_the_price_open_and_both_on_record(store: Store) -> None:
    answer(store)
    taken = store.desk.withdraw("bob", proposal().subject, "too soon", "w")
    assert (taken.withdrawn_by, taken.withdrawal_reason, taken.state(EFFECTIVE)) == ("bob", "too soon", "withdrawn")
    assert store.desk.withdraw("bob", proposal().subject, "too soon", "w") == taken
    with pytest.raises(PricingError, match="is withdrawn by bob"):
        store.desk.withdraw("ann", proposal().subject, "r", "w2")
    [again] = answer(store, "reject", key="k2").reviews
    assert store.desk.reviews() == [taken, again]
    with pytest.raises(PricingError, match="is not answered"):
        store.desk.withdraw("ann", "review:none", "r", "w3")


def test_a_bulk_answer_is_one_group_and_leaves_what_others_answered(store: Store) -> None:
    answer(store, "reject", by="bob", number=2)
    asked = [proposal(number) for number in range(1, 4)]
    done = store.desk.decide_together("ann", asked, "approve", "agreed in the meeting", "g", today=EFFECTIVE)
    assert [each.proposal.sku for each in done.reviews] == ["SKU-1", "SKU-3"]
    assert {each.group for each in done.reviews} == {"g"}
    [taken] = done.taken
    assert "is rejected by bob" in taken
    again = store.desk.decide_together("ann", asked, "approve", "agreed in the meeting", "g", today=EFFECTIVE)
    assert again.reviews == done.reviews
    with pytest.raises(PricingError, match="was used for another request"):
        store.desk.decide_together("ann", asked[:1], "approve", "agreed in the meeting", "g", today=EFFECTIVE)
    with pytest.raises(PricingError, match="is rejected by bob"):
        store.desk.decide_together("cem", asked[1:2], "approve", "r", "g2", today=EFFECTIVE)
    assert [event.kind for event in store.events()].count("reviewed_together") == 1


def test_answers_are_seen_as_they_were_known_at_a_moment(store: Store) -> None:
    [first] = answer(store).reviews
    [second] = answer(store, number=2, key="k2").reviews
    assert store.desk.reviews(first.sequence) == [first]
    assert store.desk.reviews(second.sequence) == [first, second]


def test_of_eight_people_answering_at_once_one_wins_each_price(url: str) -> None:
    with governance.open_store(url):
        pass  # migrated once, beforehand
    prices = 5

    def person(number: int) -> list[Review | str]:
        found: list[Review | str] = []
        with governance.open_store(url) as mine:
            for price in range(prices):
                try:
                    what: Any = ("approve", "reject")[number % 2]
                    found += answer(mine, what, by=f"p{number}", key=f"{number} {price}", number=price).reviews
                except PricingError as error:
                    found.append(error.what)
        return found

    with ThreadPoolExecutor(8) as pool:
        outcomes = list(pool.map(person, range(8)))
    for price in range(prices):
        won = [each[price] for each in outcomes if isinstance(each[price], Review)]
        lost = [each[price] for each in outcomes if isinstance(each[price], str)]
        assert len(won) == 1 and len(lost) == 7
        assert all(f"by {won[0].by}" in said for said in lost)  # type: ignore[union-attr]
    with governance.open_store(url) as store:
        assert len(store.desk.reviews()) == prices and len(store.events()) == 2 * prices


def test_of_two_bulk_answers_at_once_every_price_is_answered_once(url: str) -> None:
    with governance.open_store(url):
        pass
    asked = [proposal(number) for number in range(30)]

    def person(number: int) -> list[Review]:
        mine = asked[:20] if number else asked[10:]
        with governance.open_store(url) as store:
            return store.desk.decide_together(f"p{number}", mine, "approve", "r", f"g{number}", today=EFFECTIVE).reviews

    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(person, range(2))
    assert sorted(each.proposal.decision_id for each in one + two) == [each.decision_id for each in asked]


def test_analysts_see_each_answer_and_what_it_says_of_autonomy(store: Store) -> None:
    answer(store, audit=True, confidence=0.9)
    answer(store, "amend", price=Decimal("9.69"), number=2, key="k2", confidence=0.9, category=None)
    store.desk.withdraw("bob", proposal(2).subject, "r", "w")
    found = governance.exported(store, EFFECTIVE)
    one, two = found[Reviews].to_dicts()
    assert (one["answer"], one["price"], one["audit"], one["state"]) == (
        "approved",
        Decimal("9.4900"),
        True,
        "standing",
    )
    assert (two["proposed_price"], two["price"], two["state"]) == (Decimal("9.4900"), Decimal("9.6900"), "withdrawn")
    [scope] = found[Autonomy].to_dicts()
    told = ("scope", "approved", "rejected", "audited_approved", "claimed", "threshold")
    assert [scope[name] for name in told] == ["TEA/DE", 1, 0, 1, 0.85, None]
    assert found[Reviews].filter(state="expired").is_empty()
    late = governance.exported(store, proposal().binds_until + timedelta(days=1))[Reviews]
    assert late["state"].to_list() == ["expired", "withdrawn"]


@given(
    st.builds(
        Proposal,
        decision_id=st.text(min_size=1),
        day=st.dates(),
        expires=st.dates(),
        binds_until=st.dates(),
        sku=st.text(),
        market=st.text(),
        category=st.none() | st.text(),
        price=st.decimals("0.0001", "9999999", places=4),
        current_price=st.none() | st.decimals("0.0001", "9999999", places=4),
        currency=st.sampled_from(["EUR", "JPY"]),
        mode=st.sampled_from([None, "manual", "full-auto"]),
        threshold=st.none() | st.floats(0, 1),
        confidence=st.none() | st.floats(0, 1),
        audit=st.booleans(),
    )
)
def test_a_proposal_is_read_as_it_was_written(written: Proposal) -> None:
    assert Proposal.of(written.payload()) == written


@given(st.none() | st.text(), st.none() | st.text(min_size=1))
def test_a_scope_is_found_again_by_its_stream(category: str | None, market: str | None) -> None:
    scope = AutonomyScope(category, market)
    assert AutonomyScope.of_stream(scope.stream) == scope


@pytest.mark.parametrize("text", ["", "/DE", "TEA/", " / "])
def test_a_scope_that_names_nothing_is_refused(text: str) -> None:
    with pytest.raises(PricingError, match="is no scope"):
        AutonomyScope.of(text)


def test_an_answer_expires_with_the_last_day_it_binds() -> None:
    assert proposal().binds_until > DAY
