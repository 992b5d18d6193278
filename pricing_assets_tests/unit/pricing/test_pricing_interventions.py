"""Overrides and severe anomalies in decisions, against an oracle that looks at one row and one override at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY, day, days_frame, features, strategy
from test_pricing_decision import check_steps

from pricing_assets.pricing import decide
from pricing_assets.pricing.decision import Decided
from pricing_assets.pricing.interventions import Interventions, in_force, severe, touched
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Overrides, PriceDecisions, PriceSteps

FREEZE, RULES = "PRICE_FREEZE", "FORCE_RULE_BASED"
TENTH_OFF = strategy("{name: tenth, then: {multiply: 0.9}}")
Row = dict[str, Any]


def override(number: int, kind: str = FREEZE, **values: Any) -> Row:
    """An override in force from the day prices of DAY take effect, for ten days."""
    scope = dict.fromkeys(("sku", "category", "market"))
    days = {"active_from": day(1), "active_until": day(10)}
    return {"override_id": f"OV-{number:06}", "kind": kind, **scope, **days, **values}


def known(*overrides: Mapping[str, Any]) -> pl.DataFrame:
    schema = Overrides.create_empty().drop("date").schema
    return pl.DataFrame(list(overrides), schema=schema, orient="row")


def alarms(*rows: Mapping[str, Any]) -> pl.DataFrame:
    """Rows of anomalies.price_anomalies, severe ones where nothing else is said."""
    shared = {"date": DAY, "sku": "S", "market": "UK", "reason": "PRICE_SPIKE", "severity": "severe", "since": DAY}
    texts = {"cause": "c", "explanation": "it looks odd"}
    schema = PriceAnomalies.create_empty().schema
    return pl.DataFrame([dict.fromkeys(schema) | shared | texts | dict(row) for row in rows], schema=schema)


def decided(
    *rows: Row, by: Any = TENTH_OFF, overrides: Sequence[Row] = (), anomalies: Sequence[Row] = (), late: bool = False
) -> Decided:
    frame = features(*rows)
    days = frame["date"].unique().sort().to_list()
    before = Interventions(in_force(known(*overrides), days), severe(alarms(*anomalies)))
    found = decide(frame, [by] if by else [], days_frame(days, late).drop("effective_from"), before)
    PriceDecisions.validate(found.decisions)
    PriceSteps.validate(found.steps)
    check_steps(found)
    return found


def steps(found: Decided) -> list[tuple[str, str, str, str | None]]:
    return [(row["step"], str(row["after"]), row["reason"], row["reference"]) for row in found.steps.to_dicts()]


def test_a_freeze_keeps_the_current_price_and_shows_what_the_rules_would_have_done() -> None:
    found = decided({"current_price": Decimal("9.50")}, overrides=[override(12)])
    (row,) = found.decisions.to_dicts()
    assert (row["action"], row["final_price"], row["method"]) == ("hold", Decimal("9.5000"), "static")
    assert (row["override_id"], row["proposed_price"]) == ("OV-000012", Decimal("9.0000"))
    assert row["reason"] == "frozen by OV-000012 until 2024-03-11"
    assert steps(found)[1:] == [
        ("rule:tenth", "9.0000", "multiply 0.9", f"s@{TENTH_OFF.hash[:12]}#tenth"),
        ("override", "9.5000", "frozen by OV-000012 until 2024-03-11", "OV-000012"),
    ]


def test_a_freeze_holds_a_price_that_no_strategy_covers_or_that_is_as_wanted() -> None:
    for by, price in ((None, "10.00"), (TENTH_OFF, "9.00")):
        (row,) = decided({"current_price": Decimal(price)}, by=by, overrides=[override(1)]).decisions.to_dicts()
        assert (row["action"], row["override_id"], row["method"]) == ("hold", "OV-000001", "static")
        assert row["reason"] == "frozen by OV-000001 until 2024-03-11"


@pytest.mark.parametrize(
    ("row", "named"),
    [
        ({"cost": Decimal("10.01")}, "its cost, the floor min_price: {cost_times: 1.1}"),
        ({"map_price": Decimal("12")}, "the minimum advertised price"),
        ({"cost": None, "map_price": Decimal("10.01")}, "the minimum advertised price"),
        ({"cost": Decimal("9.50")}, "the floor min_price: {cost_times: 1.1}"),
        ({"cost": Decimal("10.00")}, "the floor min_price: {cost_times: 1.1}"),
        ({"cost": Decimal("9.00"), "list_price": Decimal("1")}, None),
        ({"cost": None}, None),
    ],
)
def test_a_frozen_price_below_a_floor_holds_and_names_it(row: Row, named: str | None) -> None:
    floor = strategy("{name: r, then: {multiply: 2}}", "constraints: [{min_price: {cost_times: 1.1}}]")
    found = decided(row, by=floor, overrides=[override(1)])
    said = "frozen by OV-000001 until 2024-03-11" + (f", although the price is below {named}" if named else "")
    assert found.decisions["reason"].to_list() == [said]
    assert found.decisions["final_price"].to_list() == [Decimal("10.0000")]
    assert steps(found)[-1][::2] == ("override", said)


def test_forced_rules_decide_by_rules_and_are_seen() -> None:
    found = decided({}, overrides=[override(3, RULES)])
    (row,) = found.decisions.to_dicts()
    assert (row["action"], row["method"], row["override_id"]) == ("publish", "rules", "OV-000003")
    assert (row["final_price"], row["reason"]) == (
        Decimal("9.0000"),
        "rules only by OV-000003 until 2024-03-11; rules tenth",
    )
    assert [step[::3] for step in steps(found)][:2] == [("start", "list_price"), ("override", "OV-000003")]


def test_a_freeze_of_an_unknown_price_says_both() -> None:
    found = decided({"current_price": None}, overrides=[override(1)])
    assert found.decisions["reason"].to_list() == ["frozen by OV-000001 until 2024-03-11; no price known on the day"]
    assert found.decisions["final_price"].to_list() == [None]


def test_a_severe_anomaly_holds_the_price_and_names_its_reasons() -> None:
    odd = [{"reason": "PRICE_SPIKE"}, {"reason": "NEGATIVE_MARGIN"}, {"reason": "LOW_MARGIN", "severity": "high"}]
    found = decided({}, {"sku": "T"}, anomalies=odd)
    held, free = found.decisions.to_dicts()
    assert (held["action"], held["method"], free["action"]) == ("hold", "rules", "publish")
    said = "severe anomaly NEGATIVE_MARGIN, PRICE_SPIKE: look into it: `pricing anomalies` says what was found"
    assert held["reason"] == said and held["override_id"] is None
    assert steps(found)[2] == ("anomaly", "10.0000", said, "anomalies.price_anomalies")


def test_a_freeze_and_a_severe_anomaly_are_both_named_the_freeze_first() -> None:
    found = decided({}, overrides=[override(1)], anomalies=[{}])
    assert found.decisions["reason"][0].startswith("frozen by OV-000001 until 2024-03-11; severe anomaly PRICE_SPIKE")
    assert [step[0] for step in steps(found)] == ["start", "rule:tenth", "override", "anomaly"]


def test_an_override_counts_on_effective_days_both_inclusive() -> None:
    window = override(1, active_from=day(2), active_until=day(3))
    rows = decided(*({"date": day(n), "sku": str(n)} for n in range(4)), overrides=[window]).decisions.sort("sku")
    assert rows["override_id"].to_list() == [None, "OV-000001", "OV-000001", None]


def test_a_change_of_score_alone_leaves_what_is_obeyed_as_it_is() -> None:
    assert severe(alarms({"ml_score": 0.9})).equals(severe(alarms({"ml_score": 0.1, "explanation": "another"})))


def test_without_overrides_and_anomalies_no_row_is_looked_at() -> None:
    frame = features({}).with_row_index("row")
    assert touched(frame, Interventions(in_force(known(), [DAY]), severe(alarms()))) is None


SKUS, CATEGORIES, MARKETS = ("S1", "S2"), ("HOME", "TOYS"), ("UK", "DE")
SCOPES = st.one_of(
    st.fixed_dictionaries({"sku": st.sampled_from(SKUS), "market": st.none() | st.sampled_from(MARKETS)}),
    st.fixed_dictionaries({"category": st.sampled_from(CATEGORIES), "market": st.none() | st.sampled_from(MARKETS)}),
    st.fixed_dictionaries({"market": st.none() | st.sampled_from(MARKETS)}),
)
SET = st.tuples(st.sampled_from([FREEZE, RULES]), SCOPES, st.integers(0, 4), st.integers(0, 3))
ROWS = st.tuples(st.sampled_from(SKUS), st.sampled_from(MARKETS), st.none() | st.sampled_from(CATEGORIES))


def oracle(row: Row, overrides: Sequence[Row]) -> str | None:
    """The override a row obeys: the documented order, one comparison after the other."""

    def concerns(each: Row) -> bool:
        effective = date.fromordinal(row["date"].toordinal() + 1)
        named = [name for name in ("sku", "category", "market") if each[name] is not None]
        return each["active_from"] <= effective <= each["active_until"] and all(each[n] == row[n] for n in named)

    def narrowness(each: Row) -> int:
        if each["sku"]:
            return 6 if each["market"] else 5
        if each["category"]:
            return 4 if each["market"] else 3
        return 2 if each["market"] else 1

    best: Row | None = None
    for each in filter(concerns, overrides):
        if best is None:
            best = each
        elif (each["kind"] == FREEZE) != (best["kind"] == FREEZE):
            best = each if each["kind"] == FREEZE else best
        elif narrowness(each) != narrowness(best):
            best = each if narrowness(each) > narrowness(best) else best
        elif int(each["override_id"][3:]) > int(best["override_id"][3:]):
            best = each
    return best["override_id"] if best else None


@settings(max_examples=40)
@given(st.lists(SET, max_size=12), st.lists(ROWS, min_size=1, max_size=4, unique_by=lambda r: r[:2]), st.integers(0, 2))
def test_of_overlapping_overrides_the_one_the_rule_names_is_obeyed(sets: list[Any], listed: list[Any], on: int) -> None:
    overrides = [
        override(number, kind, **scope, active_from=day(first), active_until=day(first + length))
        for number, (kind, scope, first, length) in enumerate(sets, 999_995)
    ]
    rows = [{"date": day(on), "sku": sku, "market": market, "category": name} for sku, market, name in listed]
    found = decided(*rows, overrides=overrides).decisions
    obeyed = {(row["sku"], row["market"]): row["override_id"] for row in found.to_dicts()}
    assert obeyed == {(row["sku"], row["market"]): oracle(row, overrides) for row in rows}
    frozen = {each["override_id"] for each in overrides if each["kind"] == FREEZE}
    assert all((row["action"] == "hold") == (row["override_id"] in frozen) for row in found.to_dicts())
