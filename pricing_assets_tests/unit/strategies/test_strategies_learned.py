"""Blocks of a strategy that models and goals have: what they become, and every fault with its place."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from pricing_assets.strategies import Autonomy, Goal, Ladder, diff, lint, parse
from pricing_assets.strategies.learned import DEFAULT

ML = "strategy: s\ntype: ml\n"
HYBRID = "strategy: s\ntype: hybrid\nrules: [{name: r, then: {multiply: 0.9}}]\n"


def test_a_strategy_of_type_ml_needs_nothing_but_its_name() -> None:
    made = parse(ML)
    assert (made.order, made.rules, made.ml, made.autonomy) == (("ml",), (), DEFAULT, None)


def test_what_is_said_of_the_model_replaces_the_defaults() -> None:
    learned = parse(ML + "ml: {objective: clearance, bound_level: 0.9, ladder: {step: 0.10, down: 0.2}}").ml
    assert learned is not None
    assert (learned.objective, learned.bound_level, learned.model) == ("clearance", Decimal("0.9"), "demand@champion")
    assert learned.ladder == Ladder(Decimal("0.10"), Decimal("0.2"), DEFAULT.ladder.up)


def test_prices_are_tested_only_where_the_strategy_asks_for_it() -> None:
    assert DEFAULT.tests == 0
    asked = parse(ML + "ml: {tests: 0.05}").ml
    assert asked is not None and asked.tests == Decimal("0.05")


def test_a_hybrid_asks_its_rules_first_unless_it_says_otherwise() -> None:
    assert parse(HYBRID).order == ("rules", "ml")
    assert parse(HYBRID.replace("multiply: 0.9", "match: competitor_min") + "order: [ml, rules]").order == (
        "ml",
        "rules",
    )


def test_goals_and_autonomy() -> None:
    made = parse(
        ML
        + """linked:
  - {margin_pct_at_least: 32, category: HOME}
  - {revenue_at_least: 1000, category: TEA, market: UK}
  - {changes_at_most: 40}
  - {clear_by: 2027-01-31, sku: [A, B], share: 0.9}
  - {order: [small, large], at_least: 0.50}
  - {family: [S, M, L]}
autonomy: {mode: full-auto, threshold: 0.9, expires_days: 5}
"""
    )
    assert made.linked == (
        Goal("margin_pct_at_least", Decimal(32), "margin_pct_at_least: 32, category: HOME", category="HOME"),
        Goal(
            "revenue_at_least",
            Decimal(1000),
            "revenue_at_least: 1000, category: TEA, market: UK",
            category="TEA",
            market="UK",
        ),
        Goal("changes_at_most", Decimal(40), "changes_at_most: 40"),
        Goal(
            "clear_by",
            Decimal("0.9"),
            "clear_by: 2027-01-31, sku: [A, B], share: 0.9",
            skus=("A", "B"),
            until=date(2027, 1, 31),
        ),
        Goal("order", Decimal("0.50"), "order: [small, large], at_least: 0.50", skus=("small", "large")),
        Goal("family", Decimal(0), "family: [S, M, L]", skus=("S", "M", "L")),
    )
    assert made.autonomy == Autonomy("full-auto", Decimal("0.9"), 5)


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        (ML + "ml: {objective: fame}", "3:17", "unknown objective fame"),
        (ML + "ml: {model: mine}", "3:13", "unknown model mine"),
        (ML + "ml: {bound_level: 0.4}", "3:19", "bound_level must be at least 0.5"),
        (ML + "ml: {ladder: {step: 0}}", "3:21", "step must be above 0"),
        (ML + "ml: {ladder: {down: 1}}", "3:21", "down must be below 1"),
        (ML + "ml: {diversion: 1.5}", "3:17", "diversion must be at most 1"),
        (ML + "ml: {tests: 0.2}", "3:13", "tests must be at most 0.15"),
        (ML + "ml: {labels: 1}", "3:6", "did you mean label?"),
        (HYBRID + "order: [rules]", "4:8", "order must name rules and ml, each once"),
        (HYBRID + "order: [ml, rules]", "3:8", "rule r: multiply after ml would move the price anew each day"),
        ("strategy: s\ntype: hybrid\n", "1:1", "a strategy needs rules"),
        (ML + "linked: [{}]", "3:10", "a goal needs exactly one of margin_pct_at_least"),
        (ML + "linked: [{margin_pct_at_least: 100}]", "3:32", "must be below 100, is 100"),
        (ML + "linked: [{changes_at_most: 3, share: 1}]", "3:38", "share does not go with changes_at_most"),
        (ML + "linked: [{changes_at_most: 1.5}]", "3:28", "must be a whole number"),
        (ML + "linked: [{clear_by: 2027-01-31}]", "3:21", "say what is to be cleared"),
        (ML + "linked: [{clear_by: soon, sku: [A]}]", "3:21", "must be a date"),
        (ML + "linked: [{order: [A]}]", "3:18", "order needs at least 2 SKUs"),
        (ML + "linked: [{family: [A, A]}]", "3:19", "family names a SKU twice"),
        (ML + "autonomy: {}", "3:11", "autonomy needs mode"),
        (ML + "autonomy: {mode: auto}", "3:18", "unknown mode auto"),
        (ML + "autonomy: {mode: manual, expires_days: 0}", "3:40", "expires_days must be at least 1"),
        (ML + "autonomy: {mode: manual, expires_days: 1.5}", "3:40", "expires_days must be a whole number"),
    ],
)
def test_faults_have_their_place(text: str, place: str, message: str) -> None:
    found = [str(fault) for fault in lint(text)]
    assert any(fault.startswith(f"{place}: ") and message in fault for fault in found), found


def test_a_difference_in_what_the_model_decides_by_is_told() -> None:
    before = ML + "ml: {bound_level: 0.80}\nlinked: [{changes_at_most: 3}]\nautonomy: {mode: manual}"
    after = ML + "ml: {bound_level: 0.9, ladder: {up: 0.2}}\nlinked: [{changes_at_most: 5}]"
    assert diff(before, after) == [
        "ml bound_level: 0.8 → 0.9",
        "ml ladder up: 0.1 → 0.2",
        "autonomy mode: manual → none",
        "autonomy threshold: 0.85 → none",
        "autonomy expires_days: 3 → none",
        "goal removed: changes_at_most: 3",
        "goal added: changes_at_most: 5",
    ]
