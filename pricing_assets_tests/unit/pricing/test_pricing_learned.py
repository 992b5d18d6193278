"""Rows a model prices: when it moves a price, when it leaves it, in which order with rules, and what the law says."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pricing_frames import DAY, day, days_frame, features
from pricing_outlooks import elasticity, forecast, typed

from pricing_assets.pricing import Decided, decide, learned
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

HEAD = "strategy: s\ntype: ml\nml: {bound_level: 0.80, ladder: {step: 0.01, down: 0.10, up: 0.10}}\n"
HYBRID = "strategy: s\ntype: hybrid\nrules: [{name: cut, when: 'on_hand == 7', then: {multiply: 0.95}, stop: true}]\n"
KEPT = {"price_change_28d_pct": 0.0, "lowest_price_365d": Decimal("8"), "highest_price_365d": Decimal("12")}
Row = dict[str, Any]


def known(value: float = -1.5, sku: str = "S", error: float = 0.05, **values: Any) -> Outlook:
    """A forecast of 10 a day by the champion, and elasticities of which the base one is `value`."""
    answers = [elasticity(value, sku=sku, kind=kind, std_error=error) for kind in ("base", "promotion")]
    rows = typed(DemandForecasts, forecast(sku=sku, per_day=10.0, **values)), typed(Elasticities, answers)
    return outlook(*rows, {}, learned=True)


def decided(of: Outlook, text: str = HEAD, law: dict[str, Any] | None = None, **values: Any) -> tuple[Row, list[Row]]:
    """The decision and the steps of one SKU at 10.00 that costs 5.00: at −1.5 a dearer price earns more."""
    found = decide(features(KEPT | values), [parse(text)], days_frame(), None, of, law=law or {})
    return found.decisions.to_dicts()[0], found.steps.to_dicts()


def test_a_price_that_earns_more_is_taken_and_says_what_it_earns() -> None:
    row, steps = decided(known())
    assert row["final_price"] > 10
    assert row["method"] == "ml"
    assert row["reason"].startswith("the model; confidence 0.")
    assert row["confidence"] > 0.8
    assert 0 < row["gain_low"] < row["expected_gain"]
    assert row["expected_profit"] > 280 * 5
    assert (steps[0]["step"], steps[0]["reason"]) == ("start", "price in force")
    assert steps[-1]["step"] == "ml"
    assert sum(each["after"] - each["before"] for each in steps) == row["final_price"]


def test_a_gain_that_is_not_sure_leaves_the_price() -> None:
    row, steps = decided(known(error=3.0))
    assert (row["final_price"], row["action"]) == (10, "hold")
    assert row["reason"] == "no price on its ladder earns more than holding, with probability 0.80"
    assert (row["expected_gain"], row["confidence"]) == (0, None)
    assert steps[-1]["after"] == 10


@pytest.mark.parametrize(
    ("values", "of", "reason"),
    [
        ({"cost": None}, known(), "no cost known"),
        ({}, known(sku="T"), "no forecast for it"),
        ({}, known(0.0), "its elasticity has the wrong sign"),
        ({"planned_price": Decimal("9")}, known(), "on promotion: base prices are left alone meanwhile"),
        (
            {"list_price": Decimal("11"), "days_since_price_change": 3},
            known(),
            "on promotion: base prices are left alone meanwhile",
        ),
        (
            {},
            known(model_hash=None, model_version=None, fallback_reason="no model is in force"),
            "no model demand@champion made its forecast",
        ),
    ],
)
def test_what_a_model_cannot_judge_keeps_its_price_and_says_why(values: Row, of: Outlook, reason: str) -> None:
    row, _ = decided(of, **values)
    assert (row["final_price"], row["method"], row["reason"]) == (10, "static", reason)


def test_a_ladder_without_an_admissible_price_is_named() -> None:
    row, _ = decided(known(), HEAD + "constraints: [{min_price: {amount: 20}}, {max_daily_change: 0.10}]")
    assert row["final_price"] == 10
    assert "min_price: {amount: 20} clashes with max_daily_change: 0.10 by 9" in row["reason"]


def test_steps_of_the_ladder_constraints_and_28_days_bound_the_move() -> None:
    assert decided(known())[0]["final_price"] <= 11
    assert decided(known(), HEAD + "constraints: [{max_daily_change: 0.02}]")[0]["final_price"] == Decimal("10.20")
    # 14 % above the price of 28 days before, of which 15 are allowed
    assert decided(known(), price_change_28d_pct=14.0)[0]["final_price"] <= Decimal("10.09")
    assert decided(known(), highest_price_365d=Decimal("10"))[0]["final_price"] <= Decimal("10.50")


def test_a_chosen_price_has_an_ending_and_a_price_that_stays_needs_none() -> None:
    endings = HEAD + "endings: [0.49, 0.99]"
    assert decided(known(), endings)[0]["final_price"] == Decimal("10.99")
    assert decided(known(error=3.0), endings, current_price=Decimal("10.33"))[0]["final_price"] == Decimal("10.33")


def test_a_rule_that_stops_has_the_last_word_and_without_one_the_model_decides_from_the_price_in_force() -> None:
    row, steps = decided(known(), HYBRID, on_hand=7)
    assert (row["final_price"], row["method"], row["reason"]) == (
        Decimal("9.50"),
        "rules",
        "rules cut; confidence 1.00, 0.85 is enough",
    )
    row, steps = decided(known(), HYBRID, on_hand=1, list_price=Decimal("12"))
    assert [each["step"] for each in steps] == ["start", "start", "ml"]
    assert (steps[0]["after"], steps[1]["after"]) == (12, 10)
    assert row["method"] == "ml"
    assert row["reason"].startswith("the model;")


def test_rules_after_the_model_have_the_last_word() -> None:
    text = (
        "strategy: s\ntype: hybrid\norder: [ml, rules]\nrules: [{name: r, when: 'on_hand == 7', then: {set: 9.90}}]\n"
    )
    row, steps = decided(known(), text, on_hand=7)
    assert [each["step"] for each in steps] == ["start", "ml", "rule:r"]
    assert (row["final_price"], row["method"], row["expected_gain"]) == (Decimal("9.90"), "rules", None)


def test_a_model_that_cannot_judge_leaves_a_hybrid_to_its_rules() -> None:
    of = known(model_hash=None, model_version=None, fallback_reason="no model is in force")
    text = "strategy: s\ntype: hybrid\nrules: [{name: r, then: {multiply: 0.95}}]\n"
    row, _ = decided(of, text)
    assert (row["final_price"], row["method"]) == (Decimal("9.50"), "rules")
    assert row["model_fallback"] == "no model is in force"


def test_what_is_learned_of_a_day_does_not_depend_on_the_days_beside_it() -> None:
    strategy: Strategy = parse(HEAD)
    rows = [
        {"date": on, "sku": f"S{n}", "margin_182d_pct": 40.0 + n, **KEPT} for on in (DAY, day(1)) for n in range(15)
    ]
    forecasts = [each for row in rows for each in forecast(row["date"], row["sku"], per_day=10.0)]
    answers = [
        elasticity(-1.5 - 0.1 * (number % 7), row["date"], row["sku"], kind=kind, std_error=0.3)
        for number, row in enumerate(rows)
        for kind in ("base", "promotion")
    ]
    of = outlook(typed(DemandForecasts, forecasts), typed(Elasticities, answers), {}, learned=True)

    def run(*days: Any) -> Decided:
        mine = [row for row in rows if row["date"] in days]
        return decide(features(*mine), [strategy], days_frame(days), None, of)

    both = run(DAY, day(1))
    apart = pl.concat([run(DAY).decisions, run(day(1)).decisions])
    assert both.decisions.equals(apart)


def test_the_law_of_a_market_binds_before_the_strategy_and_in_that_market_alone() -> None:
    rules = "strategy: s\ntype: rules\nrules: [{name: r, then: {multiply: 0.4}}]\n"
    law = {"UK": ["no_sale_below_cost"]}
    row, steps = decided(known(), rules, law)
    assert (row["final_price"], row["reason"]) == (5, "rules r; then law: no_sale_below_cost")
    assert steps[-1]["step"] == "constraint:law"
    assert decided(known(), rules, {"DE": ["no_sale_below_cost"]})[0]["final_price"] == 4
    assert decided(known(), rules, law, cost=None)[0]["reason"] == (
        "no cost known, so law: no_sale_below_cost cannot be checked"
    )


def test_an_announced_reduction_is_below_the_lowest_price_of_30_days() -> None:
    rules = "strategy: s\ntype: rules\nrules: [{name: r, when: has(planned_price), then: {set: planned_price}}]\n"
    law, planned = {"UK": ["prior_price_30d"]}, {"planned_price": Decimal("9"), "lowest_price_30d": Decimal("8.50")}
    assert decided(known(), rules, law, **planned)[0]["final_price"] == Decimal("8.49")
    assert decided(known(), rules, law, **(planned | {"planned_price": None}))[0]["final_price"] == 10


def test_a_hold_below_cost_or_the_minimum_advertised_price_names_it() -> None:
    row, _ = decided(known(error=3.0), map_price=Decimal("11"))
    assert row["reason"].endswith("0.80, although the price is below the minimum advertised price")
    row, _ = decided(known(), planned_price=Decimal("9"), cost=Decimal("10.50"))
    assert row["reason"].endswith("meanwhile, although the price is below its cost")


def test_rows_without_a_category_share_nothing_with_each_other() -> None:
    rows = pl.DataFrame({
        "sku": ["A", "B", "C", "D", "A"], "market": ["UK"] * 4 + ["DE"], "category": ["TEA", "TEA", None, None, "TEA"],
    })  # fmt: skip
    found = learned._group(rows).tolist()
    assert found[0] == found[1] and len(set(found)) == 4
