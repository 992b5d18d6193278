"""Hold-outs and price tests in decisions: who holds and why, what is moved, within which bounds, who is left alone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pricing_frames import DAY, days_frame, features, strategy
from pricing_outlooks import elasticity, forecast, typed
from test_pricing_decision import check_steps
from test_pricing_interventions import FREEZE, RULES, override
from test_pricing_interventions import known as overrides_of

from pricing_assets import experiments
from pricing_assets.experiments import Design, assigned
from pricing_assets.pricing import constraints, decide
from pricing_assets.pricing.decision import Decided
from pricing_assets.pricing.interventions import Interventions, in_force, severe
from pricing_assets.pricing.outlook import outlook
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceDecisions, PriceSteps, PriceTests
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

DESIGN = Design(0.05, 28, "shop")
BOLD = parse("strategy: m\ntype: ml\nml: {bound_level: 0.5}\n")
TESTING = "strategy: m\ntype: ml\nml: {tests: 0.05}\n"
FULL = "autonomy: {mode: full-auto}\n"
CATEGORIES = ("HOME", "TOYS", "GARDEN")
Row = dict[str, Any]


def sku(number: int, **values: Any) -> Row:
    """An article whose every price was tried."""
    tried = {"lowest_price_365d": Decimal("1"), "highest_price_365d": Decimal("1000"), "price_change_28d_pct": 0.0}
    return {
        "sku": f"S{number:02}",
        "category": CATEGORIES[number % 3],
        "days_since_price_change": 90,
        **tried,
        **values,
    }


def decided(
    rows: Sequence[Row],
    by: Strategy,
    *,
    days: Sequence[date] = (DAY,),
    design: Design | None = DESIGN,
    overrides: Iterable[Row] = (),
    late: bool = False,
    std_error: float = 0.05,
    answer: float = -1.2,
) -> Decided:
    rows = [row | {"date": on} for on in days for row in rows]
    forecasts = [each for row in rows for each in forecast(row["date"], row["sku"], row.get("market", "UK"))]
    answers = [
        elasticity(answer, row["date"], row["sku"], row.get("market", "UK"), kind, std_error=std_error, curvature=0.0)
        for row in rows
        for kind in ("base", "promotion")
    ]
    before = Interventions(in_force(overrides_of(*overrides), days), severe(PriceAnomalies.create_empty()))
    known = outlook(typed(DemandForecasts, forecasts), typed(Elasticities, answers), {}, learned=True)
    calendar = days_frame(days, late).drop("effective_from")
    found = decide(features(*rows), [by], calendar, before, known, design=design)
    PriceDecisions.validate(found.decisions)
    PriceSteps.validate(found.steps)
    check_steps(found)
    return found


def test_a_held_out_cluster_holds_and_says_until_when_while_the_others_are_priced() -> None:
    rows = [sku(number) for number in range(9)]
    free, found = (decided(rows, BOLD, design=design).decisions for design in (None, DESIGN))
    assert set(free["action"]) <= {"publish", "review"}, "the model would move every price"
    (held,) = assigned(features(*rows), DESIGN).filter("held").rows(named=True)
    mine = pl.Series([row["category"] == held["category"] for row in rows])
    assert set(found.filter(mine)["reason"]) == {
        f"held out until {held['period_until']}: its category shows what would have been without"
    }
    assert set(found.filter(mine)["action"]) == {"hold"}
    assert found.filter(mine)["final_price"].equals(found.filter(mine)["current_price"])
    assert found.filter(mine)["proposed_price"].equals(free.filter(mine)["proposed_price"]), "what it would have been"
    assert found.filter(mine)["expected_gain"].null_count() == 3
    assert_frame_equal(found.filter(~mine), free.filter(~mine))


def test_a_shop_priced_by_rules_alone_is_as_it_was() -> None:
    rows = [sku(number) for number in range(9)]
    tenth = strategy("{name: tenth, then: {multiply: 0.9}}")
    one, two = (decided(rows, tenth, design=design) for design in (None, DESIGN))
    assert_frame_equal(one.decisions, two.decisions)
    assert_frame_equal(one.steps, two.steps)


def test_forced_rules_are_not_held_out_and_a_freeze_is_named_instead() -> None:
    rows = [sku(number, category="HOME", market=("UK", "DE")[number % 2]) for number in range(4)]
    hybrid = parse("strategy: h\ntype: hybrid\nrules: [{name: tenth, then: {multiply: 0.9}}]\n")
    (held,) = assigned(features(*rows), DESIGN).filter("held")["market"]
    mine = [row["sku"] for row in rows if row["market"] == held]
    overrides = [override(1, FREEZE, sku=mine[0]), override(2, RULES, sku=mine[1])]
    found = decided(rows, hybrid, overrides=overrides).decisions
    frozen, forced = (found.filter(sku=name).row(0, named=True) for name in mine)
    assert frozen["reason"].startswith("frozen by OV-000001")
    assert forced["action"] != "hold" and forced["reason"].startswith("rules only by OV-000002")


def test_an_unknown_price_is_named_before_the_hold_out() -> None:
    rows = [sku(number, category="HOME", market=("UK", "DE")[number % 2], current_price=None) for number in range(4)]
    assert set(decided(rows, BOLD).decisions["reason"]) == {"no price known on the day"}


def trials(rows: list[Row], by: Strategy, **asked: Any) -> Decided:
    """What is decided of rows that are tested, on all days of a period; no cluster is held out."""
    days = [DAY + timedelta(days=n) for n in range(28)]
    asked = {"std_error": 3.0, "design": Design(0.0, 28, "shop")} | asked
    found = decided(rows, by, days=days, **asked)
    steps = found.steps.filter(pl.col("step").cast(pl.String) == "test")
    return found._replace(decisions=found.decisions.join(steps, on="decision_id", how="semi"), steps=steps)


def test_prices_that_would_stay_are_tested_once_as_many_up_as_down_and_say_so() -> None:
    rows = [sku(number) for number in range(13)]
    moved, steps, _ = trials(rows, parse(TESTING))
    assert moved["date"].n_unique() == 3, "each category has a day of its own"
    assert moved["sku"].n_unique() == moved.height == 12, "of five in a category one is the odd one"
    assert sorted(moved["final_price"].to_list()) == [Decimal("9.5200")] * 6 + [Decimal("10.5000")] * 6
    assert set(moved["action"]) == {"publish"} and set(moved["method"]) == {"ml"}
    assert moved["expected_gain"].null_count() == 12
    assert set(moved["reason"].cast(pl.String).str.head(16)) == {"price test until"}
    assert set(steps["reference"]) == {"decisions.price_tests"}
    assert steps["reason"].cast(pl.String).str.contains("by about 5 %, and as many others of its category").all()


def test_what_was_tested_is_kept_with_its_arm_as_its_steps_say() -> None:
    rows = [sku(number) for number in range(13)]
    by, design = parse(TESTING), Design(0.0, 28, "shop")
    found = trials(rows, by)
    categories = {row["sku"]: row["category"] for row in rows}
    decisions = found.decisions.with_columns(category=pl.col("sku").replace_strict(categories))
    sizes = pl.DataFrame({"strategy_hash": [by.hash], "size": [0.05]})
    kept = experiments.moved(decisions, found.steps, sizes, design)
    PriceTests.validate(kept)
    assert kept["arm"].cast(pl.String).value_counts().sort("arm").rows() == [("down", 6), ("up", 6)]
    assert kept.select("base_price", "test_price").equals(
        decisions.select(base_price="current_price", test_price="final_price")
    )
    said = kept.join(found.steps, on="decision_id").select(pl.col("reason").cast(pl.String), "until")
    assert all(f"until {until}" in reason for reason, until in said.iter_rows())
    assert set((kept["until"] - kept["date"]).dt.total_days()) == {28}
    assert experiments.moved(decisions, found.steps.clear(), sizes, design).is_empty()


@pytest.mark.parametrize(
    ("by", "late", "action"),
    [
        (TESTING + FULL, False, "publish"),
        (TESTING + "autonomy: {mode: manual}\n", False, "review"),
        (TESTING + FULL, True, "recommend"),
    ],
)
def test_who_has_the_last_word_on_a_test(by: str, late: bool, action: str) -> None:
    found = trials([sku(number, category="HOME") for number in range(4)], parse(by), late=late)
    assert found.decisions["action"].cast(pl.String).to_list() == [action] * 4


@pytest.mark.parametrize(
    "values",
    [
        {"planned_price_today": Decimal("9.00")},
        {"list_price": Decimal("12.00"), "days_since_price_change": 3},
        {"cost": None},
        {"price_change_28d_pct": 15.0, "highest_price_365d": Decimal("10.00")},
    ],
)
def test_prices_on_promotion_unjudged_or_at_a_bound_are_left_alone(values: Row) -> None:
    rows = [sku(number, category="HOME", **values) for number in range(4)]
    assert trials(rows, parse(TESTING + "constraints: [{max_price: {amount: 10.20}}]\n")).decisions.is_empty()


def test_without_tests_in_the_strategy_or_a_design_nothing_is_tested() -> None:
    rows = [sku(number, category="HOME") for number in range(4)]
    assert trials(rows, parse("strategy: m\ntype: ml\n")).decisions.is_empty()
    assert trials(rows, parse(TESTING), design=None).decisions.is_empty()
    assert trials(rows, BOLD, std_error=0.05).decisions.is_empty()


LIMITS = st.sampled_from(
    [
        "constraints: [{min_price: {cost_times: 1.9}}]\n",
        "constraints: [{max_daily_change: 0.04}]\n",
        "constraints: [{max_price: {amount: 9.99}}, {min_margin_pct: 40}]\n",
        "constraints: [{map: required}, {max_daily_change: 0.06}]\nendings: [0.49, 0.99]\n",
        "endings: [0.00, 0.25, 0.50, 0.75]\n",
    ]
)
PRICES = st.lists(st.integers(300, 2_000).map(lambda n: Decimal(n).scaleb(-2)), min_size=6, max_size=12)


@cache
def first_day() -> date:
    """The one day of the period on which HOME is tested."""
    rows = [sku(number, category="HOME") for number in range(4)]
    [on] = trials(rows, parse(TESTING)).decisions["date"].unique()
    return on


@settings(max_examples=20)
@given(PRICES, LIMITS)
def test_no_test_breaks_a_constraint_and_all_are_balanced(prices: list[Decimal], limits: str) -> None:
    by = parse(TESTING + limits)
    rows = [
        sku(
            n, category="HOME", current_price=price, list_price=price, cost=price / 2, map_price=price - Decimal("0.20")
        )
        for n, price in enumerate(prices)
    ]
    found = decided(rows, by, days=[first_day()], std_error=3.0, design=Design(0.0, 28, "shop")).decisions
    moved = found.filter(pl.col("reason").cast(pl.String).str.starts_with("price test"))
    ups = moved.filter(pl.col("final_price") > pl.col("current_price")).height
    assert ups * 2 == moved.height
    seen = features(*({**row, "date": first_day()} for row in rows)).join(
        moved, on=["sku", "market"], suffix=" decided"
    )
    seen = seen.with_columns(scale=pl.lit(100, dtype=pl.Int64), minor=(pl.col("final_price") * 100).cast(pl.Int64))
    for each in by.constraints:
        low, high = constraints.interval(each)
        kept = seen.select(pl.col("minor").is_between(low.fill_null(1), high.fill_null(10**9)).all()).item()
        assert kept, each.label
    if by.endings:
        assert set(seen["minor"] % 100) <= {int(ending * 100) for ending in by.endings}
