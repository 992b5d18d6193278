"""Goals of a strategy on the rows of a day: what they do to prices, what is told, who holds where they clash."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
from pricing_frames import DAY, days_frame, features
from pricing_outlooks import elasticity, forecast, typed
from test_pricing_interventions import alarms, override
from test_pricing_interventions import known as overrides_of

from pricing_assets.pricing import Decided, decide
from pricing_assets.pricing.interventions import Interventions, in_force, severe
from pricing_assets.pricing.learned import to_be_seen
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.strategies import parse
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

HEAD = "strategy: s\ntype: ml\nml: {bound_level: 0.80, ladder: {step: 0.10, down: 0.10, up: 0.10}, diversion: 0}\n"
KEPT: dict[str, Any] = {
    "price_change_28d_pct": 0.0,
    "lowest_price_365d": Decimal("8"),
    "highest_price_365d": Decimal("12"),
    "category": "TEA",
    "on_hand": 400,
}
SKUS = "ABCD"


def known(values: tuple[float, ...] = (-1.4, -1.4, -1.4, -1.4)) -> Outlook:
    """Forecasts of 10 a day, and elasticities of which a dearer price earns more at a cost of 5."""
    rows = [each for sku in SKUS for each in forecast(DAY, sku, per_day=10.0)]
    answers = [
        elasticity(value, DAY, sku, kind=kind, std_error=0.05)
        for sku, value in zip(SKUS, values, strict=True)
        for kind in ("base", "promotion")
    ]
    return outlook(typed(DemandForecasts, rows), typed(Elasticities, answers), {}, learned=True)


def decided(goals: str, of: Outlook | None = None, **values: dict[str, Any]) -> Decided:
    rows = [KEPT | {"sku": sku} | values.get(sku, {}) for sku in SKUS]
    return decide(features(*rows), [parse(HEAD + goals)], days_frame(), None, of or known())


def prices(made: Decided) -> dict[str, Decimal]:
    return dict(made.decisions.select("sku", "final_price").iter_rows())


def goal(made: Decided) -> dict[str, Any]:
    (row,) = made.goals.to_dicts()
    return row


def test_without_goals_every_price_is_its_own_best() -> None:
    made = decided("")
    assert all(price > 10 for price in prices(made).values())
    assert made.goals.is_empty()


def test_a_budget_of_changes_leaves_the_others_and_says_so() -> None:
    made = decided("linked: [{changes_at_most: 2}]", known((-1.2, -1.3, -1.6, -1.7)))
    assert [sku for sku, price in prices(made).items() if price != 10] == ["A", "B"]
    held = made.decisions.filter(sku="C").row(0, named=True)
    assert held["action"] == "hold"
    assert held["reason"] == "the model would move it, but a goal leaves it: changes_at_most: 2"
    steps = made.steps.filter(sku="C").select("step", "reason").rows()
    assert ("linked", "changes_at_most: 2") in steps
    assert goal(made)["met"] and goal(made)["reached"] == goal(made)["needed"] == 2


def test_a_margin_target_moves_prices_that_alone_would_go_elsewhere() -> None:
    of = known((-4.0, -4.0, -4.0, -4.0))
    alone, asked = decided("", of), decided("linked: [{margin_pct_at_least: 52, category: TEA}]", of)
    assert all(price < 10 for price in prices(alone).values())

    def margin(made: Decided) -> float:
        sold = made.decisions.select(
            profit=pl.col("expected_profit").cast(pl.Float64),
            revenue=pl.col("expected_units") * pl.col("final_price").cast(pl.Float64),
        ).sum()
        return float(100 * sold["profit"][0] / sold["revenue"][0])

    assert margin(alone) < 50
    assert margin(asked) >= 52
    row = goal(asked)
    assert row["met"] and row["worth"] > 0
    assert row["bound"] >= row["value"]
    first = asked.decisions.filter(sku="A").row(0, named=True)
    assert "the model, then linked goals" in first["reason"] or "linked goals" in first["reason"]
    assert first["expected_gain"] < 0, "a target costs something, and that is told"


def test_a_line_keeps_its_distance_and_a_family_one_price() -> None:
    of = known((-1.2, -3.5, -1.2, -3.5))
    line = prices(decided("linked: [{order: [A, B], at_least: 0.30}]", of))
    assert line["B"] - line["A"] >= Decimal("0.30")
    family = prices(decided("linked: [{family: [C, D]}]", of))
    assert family["C"] == family["D"]


def test_stock_is_cleared_by_its_day_with_the_probability_asked_for() -> None:
    on = decided(
        "linked: [{clear_by: 2024-03-29, sku: [A], share: 0.36}]", known((-2.05, -1.4, -1.4, -1.4)), A={"on_hand": 600}
    )
    free = decided("", known((-2.05, -1.4, -1.4, -1.4)), A={"on_hand": 600})
    assert prices(on)["A"] < prices(free)["A"]
    assert goal(on)["met"] and goal(on)["reached"] >= goal(on)["needed"] == 216


def test_a_goal_that_cannot_be_met_is_named_with_how_much_is_missing_and_its_rows_hold() -> None:
    made = decided("linked: [{margin_pct_at_least: 70, category: TEA}]")
    assert set(prices(made).values()) == {10}
    row = made.decisions.row(0, named=True)
    assert row["reason"].startswith("goals that cannot be met: margin_pct_at_least: 70, category: TEA")
    assert "points short" in row["reason"]
    assert not goal(made)["met"] and goal(made)["clash"]


def test_goals_of_another_category_leave_a_row_alone() -> None:
    made = decided("linked: [{margin_pct_at_least: 70, category: JAM}]", D={"category": "JAM"})
    assert prices(made)["D"] == 10
    assert all(prices(made)[sku] > 10 for sku in "ABC")


def test_a_frozen_price_counts_for_a_goal_as_it_is_and_takes_nothing_of_a_budget() -> None:
    rows = [KEPT | {"sku": sku} for sku in SKUS]
    freeze = in_force(overrides_of(override(1, "PRICE_FREEZE", sku="A")), [DAY])
    of, days = known((-1.2, -1.3, -1.6, -1.7)), days_frame().drop("effective_from")
    before = Interventions(freeze, severe(alarms()))
    made = decide(features(*rows), [parse(HEAD + "linked: [{changes_at_most: 2}]")], days, before, of)
    assert [sku for sku, price in prices(made).items() if price != 10] == ["B", "C"]
    assert goal(made)["reached"] == 2
    assert made.decisions.filter(sku="A")["reason"][0].startswith("frozen by OV-")


def test_what_contradicts_itself_is_among_the_holds_a_person_should_see() -> None:
    made = decided("linked: [{margin_pct_at_least: 70, category: TEA}]", A={"map_price": Decimal("11")})
    learned_from = parse(HEAD).ml
    assert learned_from is not None
    assert made.decisions.filter(to_be_seen(learned_from)).height == len(SKUS)
    quiet = decided("", known((-1.4, -1.4, -1.4, -1.4)), **{sku: {"planned_price": Decimal("9")} for sku in SKUS})
    assert quiet.decisions.filter(to_be_seen(learned_from)).is_empty()
