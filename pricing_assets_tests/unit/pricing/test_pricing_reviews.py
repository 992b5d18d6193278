"""Answers in decisions: what a person approved is the final price, what they refused is not proposed again."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY, day, days_frame, features, strategy
from test_pricing_decision import check_steps
from test_pricing_interventions import alarms, known, override

from pricing_assets.lake import Lake, Provenance
from pricing_assets.pricing import decide, reviews
from pricing_assets.pricing.decision import Decided
from pricing_assets.pricing.interventions import Interventions, in_force, severe
from pricing_assets.tables.decisions import Autonomy, PriceDecisions, PriceSteps, Reviews
from pricing_assets.tables.features import FeatureSnapshots

RULE = "{name: tenth, then: {multiply: 0.9}}"
MANUAL = strategy(RULE, "autonomy: {mode: manual}")
FLOORED = strategy(RULE, "constraints: [{map: required}, {min_price: {cost_times: 1.1}}]\nautonomy: {mode: manual}")
Row = dict[str, Any]


def answer(number: int = 1, **values: Any) -> Row:
    """An approval, given for the day before, of the nine pounds the strategy proposes."""
    said = {"review_id": f"RV-{number:06}", "decision_id": "d", "decided_on": day(-1), "sku": "S", "market": "UK"}
    price = {"answer": "approved", "price": Decimal("9.00"), "refused_price": None, "currency": "GBP"}
    return {**said, **price, "answered_at": datetime(2024, 3, 1, number, tzinfo=UTC), "expires": day(3), **values}


def refused(number: int = 1, price: str = "9.00", **values: Any) -> Row:
    return answer(number, **{"answer": "rejected", "price": None, "refused_price": Decimal(price), **values})


def given_answers(*rows: Mapping[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(rows), schema=Reviews.create_empty().drop("date").schema, orient="row")


def decided(
    *rows: Row,
    by: Any = MANUAL,
    answers: tuple[Row, ...] = (),
    late: bool = False,
    tight: tuple[Row, ...] = (),
    **more: Any,
) -> Decided:
    frame = features(*(rows or ({},)))
    days = frame["date"].unique().sort().to_list()
    before = Interventions(
        in_force(known(*more.get("overrides", ())), days),
        severe(alarms(*more.get("anomalies", ()))),
        Reviews.cast(given_answers(*answers).with_columns(date=pl.lit(DAY)).select(Reviews.column_names())),
        pl.DataFrame([{"date": DAY, **each} for each in tight], schema=Autonomy.create_empty().schema),
    )
    law = more.get("law", {})
    found = decide(frame, [by] if by else [], days_frame(days, late).drop("effective_from"), before, law=law)
    PriceDecisions.validate(found.decisions)
    PriceSteps.validate(found.steps)
    check_steps(found)
    return found


def only(found: Decided) -> Row:
    [row] = found.decisions.to_dicts()
    return row


def last_step(found: Decided) -> tuple[str, str, str | None]:
    row = found.steps.to_dicts()[-1]
    return row["step"], str(row["after"]), row["reference"]


def test_without_an_answer_a_change_waits_for_a_person_at_its_proposed_price() -> None:
    row = only(decided())
    assert (row["action"], row["final_price"]) == ("review", Decimal("9.0000"))
    assert row["reason"] == "rules tenth; every change is for a person to decide: for review"


def test_an_approved_price_is_final_and_published_without_a_second_word() -> None:
    found = decided(answers=(answer(),))
    row = only(found)
    assert (row["action"], row["final_price"], row["method"]) == ("publish", Decimal("9.0000"), "rules")
    assert row["reason"] == "approved by RV-000001 until 2024-03-04"
    assert last_step(found) == ("review", "9.0000", "RV-000001")
    assert reviews.entered(
        found.decisions,
        Reviews.cast(given_answers(answer()).with_columns(date=pl.lit(DAY)).select(Reviews.column_names())),
    ).rows() == [(DAY, "S", "UK", "RV-000001")]


def test_an_amended_price_is_set_by_hand_and_keeps_what_was_proposed() -> None:
    amended = answer(answer="amended", price=Decimal("9.69"), refused_price=Decimal("9.00"))
    row = only(decided(answers=(amended,)))
    assert (row["final_price"], row["proposed_price"], row["method"]) == (
        Decimal("9.6900"),
        Decimal("9.0000"),
        "static",
    )
    assert row["reason"].startswith("amended by RV-000001")


def test_a_late_day_only_recommends_an_approved_price() -> None:
    assert only(decided(answers=(answer(),), late=True))["action"] == "recommend"


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"cost": Decimal("8.50")}, "0.35 below the floor min_price: {cost_times: 1.1}"),
        ({"map_price": Decimal("9.50")}, "0.5 below the minimum advertised price"),
        ({"cost": None}, "no cost known, so the floor min_price: {cost_times: 1.1} cannot be checked"),
    ],
)
def test_an_approved_price_that_breaks_a_floor_by_now_holds_and_names_it(facts: Row, named: str) -> None:
    found = decided(facts, by=FLOORED, answers=(answer(),))
    row = only(found)
    assert (row["action"], row["final_price"]) == ("hold", Decimal("10.0000"))
    assert row["reason"] == f"approved by RV-000001 until 2024-03-04, but {named}"
    assert last_step(found) == ("review", "10.0000", "RV-000001")


@pytest.mark.parametrize("facts", [{"cost": Decimal("9.50")}, {"map_price": Decimal("9.50")}])
def test_where_no_strategy_covers_it_any_more_cost_and_minimum_advertised_price_are_the_floors(facts: Row) -> None:
    assert only(decided(facts, by=None, answers=(answer(),)))["action"] == "hold"
    assert only(decided(by=None, answers=(answer(),)))["final_price"] == Decimal("9.0000")


def test_an_approved_price_goes_where_the_strategy_alone_would_hold() -> None:
    no_cost = decided(
        {"cost": None},
        by=strategy('{name: c, then: {multiply: "cost * 2"}}', "autonomy: {mode: manual}"),
        answers=(answer(),),
    )
    assert only(no_cost)["action"] == "publish"


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"overrides": [override(7)]}, "frozen by OV-000007"),
        ({"anomalies": [{}]}, "severe anomaly PRICE_SPIKE"),
    ],
)
def test_a_freeze_and_a_severe_anomaly_hold_an_approved_price(more: Row, said: str) -> None:
    row = only(decided(answers=(answer(),), **more))
    assert row["action"] == "hold" and row["reason"].startswith(said)


def test_without_a_current_price_nothing_approved_goes_out() -> None:
    row = only(decided({"current_price": None}, answers=(answer(),)))
    assert (row["action"], row["reason"]) == ("hold", "no price known on the day")


def test_a_price_in_another_currency_binds_nothing() -> None:
    assert only(decided(answers=(answer(currency="EUR"),)))["action"] == "review"


@pytest.mark.parametrize("by", [MANUAL, strategy(RULE, "autonomy: {mode: semi-auto, threshold: 0.5}")])
def test_a_refused_price_is_not_proposed_again(by: Any) -> None:
    found = decided(by=by, answers=(refused(),))
    row = only(found)
    assert (row["action"], row["final_price"]) == ("hold", Decimal("10.0000"))
    assert row["reason"] == "this price is refused by RV-000001 until 2024-03-04"
    assert last_step(found) == ("review", "10.0000", "RV-000001")


def test_another_price_than_the_refused_one_is_proposed() -> None:
    assert only(decided(answers=(refused(price="9.01"),)))["action"] == "review"


def test_the_price_approved_last_binds() -> None:
    row = only(decided(answers=(answer(1), answer(2, price=Decimal("9.20")), refused(3))))
    assert (row["final_price"], row["reason"]) == (Decimal("9.2000"), "approved by RV-000002 until 2024-03-04")


def test_governance_puts_a_scope_of_rules_to_manual() -> None:
    scope = {"autonomy_id": "AU-000001", "category": None, "market": "UK", "mode": "manual", "threshold": None}
    rows = decided({}, {"market": "DE"}, by=strategy(RULE), tight=(scope,)).decisions
    assert dict(rows.select("market", "action").iter_rows()) == {"UK": "review", "DE": "publish"}


def test_full_auto_holds_what_it_is_not_sure_of() -> None:
    found = decided(
        by=strategy(
            '{name: a, when: "has(map_price)", then: {multiply: 0.9}}\n{name: b, then: {multiply: 0.9}}',
            "autonomy: {mode: full-auto}",
        )
    )
    row = only(found)
    assert row["confidence"] < 0.85
    assert (row["action"], row["final_price"]) == ("hold", Decimal("10.0000"))
    assert row["reason"].endswith("below 0.85: held") and last_step(found)[0] == "hold"


def snapshots(lake: Lake, **prices: str) -> None:
    """A day's current price each: d0 is DAY."""
    for name, price in prices.items():
        on = day(int(name[1:]))
        lake.commit(FeatureSnapshots, features({"date": on, "current_price": Decimal(price)}), [on], Provenance("r"))


def counting(lake: Lake, number: int, *rows: Row) -> list[tuple[str, Decimal | None]]:
    found = reviews.in_force(lake, given_answers(*rows), [day(number)])
    return found.select("review_id", "price").rows()


def test_an_answer_counts_after_its_own_day_until_it_expires(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    for number, counts in {-2: False, -1: False, 0: True, 2: True, 3: False}.items():
        assert bool(counting(lake, number, answer())) == counts, number


def test_an_approved_price_counts_until_it_was_charged_once(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    snapshots(lake, d0="10.00", d1="9.00", d2="9.50")
    assert counting(lake, 0, answer()) == [("RV-000001", Decimal("9.0000"))]
    assert counting(lake, 1, answer()) == []
    assert counting(lake, 2, answer()) == [], "another price since does not bring it back"
    amended = answer(answer="amended", refused_price=Decimal("8.00"))
    assert counting(lake, 1, amended) == [("RV-000001", None)], "what it refuses still counts"


def test_the_price_of_the_answered_day_itself_is_not_charged_by_the_answer(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    snapshots(lake, **{"d-1": "9.00", "d0": "10.00"})
    assert counting(lake, 0, answer()) == [("RV-000001", Decimal("9.0000"))]


PRICES = st.sampled_from(["8.00", "9.00", "9.50", "10.00"])
ANSWERS = st.lists(st.tuples(st.sampled_from(["approved", "rejected", "amended"]), PRICES, PRICES), max_size=4)


@settings(max_examples=40)
@given(ANSWERS, st.sampled_from([None, "4.00", "8.00", "9.00"]), st.booleans())
def test_whatever_people_answer_no_price_goes_out_below_a_floor_or_that_nobody_approved(
    said: list[Any], cost: str | None, late: bool
) -> None:
    rows = []
    for number, (kind, price, other) in enumerate(said, 1):
        bound = None if kind == "rejected" else Decimal(price)
        rows.append(
            answer(number, answer=kind, price=bound, refused_price=None if kind == "approved" else Decimal(other))
        )
    row = only(decided({"cost": cost and Decimal(cost)}, by=FLOORED, answers=tuple(rows), late=late))
    approved = {each["price"] for each in rows if each["price"]}
    if row["action"] == "publish":
        assert row["final_price"] in approved
        assert cost is not None and row["final_price"] >= Decimal(cost) * Decimal("1.1")
    if row["action"] == "review":
        assert row["final_price"] not in {each["refused_price"] for each in rows}
    assert row["action"] == "hold" or row["final_price"] != row["current_price"]
    assert not (late and row["action"] in ("publish", "review"))


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"cost": Decimal("9.50")}, "0.5 below law: no_sale_below_cost"),
        ({"cost": None}, "no cost known, so law: no_sale_below_cost cannot be checked"),
        ({"planned_price": Decimal("9"), "lowest_price_30d": Decimal("8.50")}, "0.51 above law: prior_price_30d"),
    ],
)
def test_a_price_somebody_approved_is_not_above_the_law(values: Row, why: str) -> None:
    law = {"UK": ["no_sale_below_cost", "prior_price_30d"]}
    row = only(decided(values, answers=(answer(),), law=law))
    assert (row["action"], row["final_price"]) == ("hold", Decimal("10.0000"))
    assert why in row["reason"]
    assert only(decided(values, answers=(answer(),), law={"DE": ["no_sale_below_cost"]}))["action"] == "publish"
