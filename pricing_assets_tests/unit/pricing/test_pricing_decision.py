from __future__ import annotations

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from pricing_frames import DAY, SCALES, day, days_frame, feature_row, features, strategy

from pricing_assets import strategies
from pricing_assets.errors import PricingError
from pricing_assets.lake.hashing import content_hash
from pricing_assets.pricing import decide
from pricing_assets.pricing.decision import Decided
from pricing_assets.strategies import Strategy
from pricing_assets.tables.decisions import PriceDecisions, PriceSteps

DAYS = days_frame().drop("effective_from")
TENTH_OFF = strategy("{name: tenth, then: {multiply: 0.9}}")
FULL = strategy(
    """
    {name: aged, priority: 3, when: "has(stock_age_days) && stock_age_days > 90", then: {multiply: 0.8}}
    {name: rival, priority: 2, when: "has(competitor_min) && price > competitor_min", then: {match: competitor_min}}
    {name: cover, priority: 1, when: "on_hand > 100", then: {multiply: "1 - days_of_cover / 1000"}}
    """,
    "constraints:\n  - {min_price: {cost_times: 1.1}}\n  - {max_daily_change: 0.10}\n"
    "  - {max_price: {competitor_max_times: 0.95}}\nendings: [0.49, 0.99]\n",
)


def decided(*rows: dict[str, Any], by: Strategy | None = TENTH_OFF, late: bool = False) -> list[dict[str, Any]]:
    days = days_frame(sorted({feature_row(**row)["date"] for row in rows}), late).drop("effective_from")
    found = decide(features(*rows), [by] if by else [], days)
    return found.decisions.sort("sku").to_dicts()


def words(found: Decided) -> list[tuple[str, str]]:
    return [(row["step"], str(row["after"])) for row in found.steps.to_dicts()]


def test_publishes_a_changed_price_and_explains_it() -> None:
    found = decide(features({}), [TENTH_OFF], DAYS)
    (row,) = found.decisions.to_dicts()
    assert (row["action"], row["final_price"], row["method"]) == ("publish", Decimal("9.0000"), "rules")
    assert row["reason"] == "rules tenth"
    assert words(found) == [("start", "10.0000"), ("rule:tenth", "9.0000")]
    assert found.steps["reason"].to_list() == ["list price", "multiply 0.9"]


def test_a_late_day_only_recommends() -> None:
    (row,) = decided({}, late=True)
    assert (row["action"], row["final_price"]) == ("recommend", Decimal("9.0000"))


def test_an_unchanged_price_is_held() -> None:
    (row,) = decided({"current_price": Decimal("9.00")})
    assert (row["action"], row["final_price"]) == ("hold", Decimal("9.0000"))
    assert row["reason"] == "unchanged: rules tenth"


def test_a_fraction_of_a_minor_unit_is_left_alone() -> None:
    found = decide(features({"current_price": Decimal("9.0001")}), [TENTH_OFF], DAYS)
    assert found.decisions["final_price"].to_list() == [Decimal("9.0001")]
    assert words(found)[-1] == ("hold", "9.0001")


def test_without_a_strategy_the_price_stays() -> None:
    (row,) = decided({"current_price": Decimal("8.1234")}, by=None)
    assert (row["action"], row["method"], row["final_price"]) == ("hold", "static", Decimal("8.1234"))
    assert (row["strategy"], row["reason"]) == (None, "no active strategy covers it")


def test_a_static_strategy_sets_prices_by_hand() -> None:
    by_hand = strategy("{name: cake, when: 'sku == \"A\"', then: {set: 12.75}}", kind="static")
    named, other = decided({"sku": "A"}, {"sku": "B", "list_price": Decimal("11")}, by=by_hand)
    assert (named["method"], named["action"], named["final_price"]) == ("static", "publish", Decimal("12.7500"))
    assert (other["method"], other["action"], other["final_price"]) == ("static", "hold", Decimal("10.0000"))
    assert other["reason"] == "s sets no price for it"


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"on_hand": 200}, "rule cover: days_of_cover is null"),
        ({"on_hand": 200, "days_of_cover": float("nan")}, "rule cover: days_of_cover is not finite"),
        ({"on_hand": 200, "days_of_cover": float("inf")}, "rule cover: days_of_cover is not finite"),
        ({}, "rule cover: on_hand is null"),
        (
            {"on_hand": 1, "cost": None},
            "no cost known, so the floor min_price: {cost_times: 1.1} cannot be checked",
        ),
        ({"on_hand": 1, "current_price": None}, "no price known on the day"),
        ({"on_hand": 1, "list_price": None}, "start: list_price is null"),
        (
            {"on_hand": 1, "cost": Decimal("20")},
            "min_price: {cost_times: 1.1} clashes with max_daily_change: 0.10 by 11, although the price is below its "
            "cost, the floor min_price: {cost_times: 1.1}",
        ),
    ],
)
def test_what_cannot_be_decided_is_held_with_the_reason(row: dict[str, Any], reason: str) -> None:
    (found,) = decided(row, by=FULL)
    assert (found["action"], found["reason"]) == ("hold", reason)
    assert found["final_price"] == row.get("current_price", Decimal("10.00"))


@pytest.mark.parametrize(
    ("bounds", "named"),
    [
        ("{max_price: {cost_times: 3}}", "the cap max_price: {cost_times: 3}"),
        ("{min_margin_pct: 20}", "the floor min_margin_pct: 20"),
        (
            "{min_price: {cost_times: 1.1}}, {max_daily_change: 0.5}, {max_price: {cost_times: 3}}",
            "the floor min_price: {cost_times: 1.1} and the cap max_price: {cost_times: 3}",
        ),
    ],
)
def test_without_a_cost_the_hold_names_the_floors_and_caps_that_need_one(bounds: str, named: str) -> None:
    by = strategy("{name: tenth, then: {multiply: 0.9}}", f"constraints: [{bounds}]")
    (held,) = decided({"cost": None}, by=by)
    assert (held["action"], held["reason"]) == ("hold", f"no cost known, so {named} cannot be checked")


def test_a_price_that_rounds_to_zero_is_held() -> None:
    (row,) = decided({"list_price": Decimal("0.01")}, by=strategy("{name: r, then: {multiply: 0.1}}"))
    assert (row["action"], row["reason"]) == ("hold", "its price rounds to zero")


def test_a_strategy_counts_by_the_day_its_price_takes_effect() -> None:
    window = strategy("{name: r, then: {set: 5}}", "active: {from: 2024-03-02, until: 2024-03-03}")
    rows = decided(*({"date": day(n), "sku": str(n)} for n in range(-1, 4)), by=window)
    assert [row["strategy"] for row in rows] == [None, "s", "s", None, None]


def test_two_strategies_of_one_priority_are_refused() -> None:
    with pytest.raises(PricingError, match="both claim SKU S in UK on 2024-03-02"):
        decide(features({}), [TENTH_OFF, strategy("{name: r, then: {set: 1}}", name="t")], DAYS)


def test_rows_of_several_strategies_stand_in_one_order() -> None:
    scoped = strategy("{name: r, then: {set: 1}}", "priority: 2\nscope: {sku: [S1, S3]}", name="t")
    found = decide(features(*({"sku": f"S{n}"} for n in range(6))), [TENTH_OFF, scoped], DAYS)
    assert found.decisions["sku"].is_sorted()
    assert sorted(found.decisions.filter(strategy="t")["sku"]) == ["S1", "S3"]
    check_steps(found)


def test_more_rules_than_one_word_of_marks_holds() -> None:
    rules = "\n".join(f'{{name: r{n}, when: "on_hand == {n}", then: {{set: {n + 1}}}}}' for n in range(70))
    first, last = decided({"sku": "A", "on_hand": 2}, {"sku": "B", "on_hand": 69}, by=strategy(rules))
    assert (first["reason"], last["reason"]) == ("rules r2", "rules r69")


def check_steps(found: Decided) -> None:
    """Steps start at 0, chain, are numbered from 1, and end at the final price."""
    decisions = {row["decision_id"]: row for row in found.decisions.to_dicts()}
    explained: dict[str, list[dict[str, Any]]] = {identity: [] for identity in decisions}
    for row in found.steps.to_dicts():
        explained[row["decision_id"]].append(row)
    for identity, steps in explained.items():
        row = decisions[identity]
        assert [step["step_no"] for step in steps] == list(range(1, len(steps) + 1))
        assert [step["before"] for step in steps] == [Decimal(0), *(step["after"] for step in steps)][: len(steps)]
        if row["final_price"] is None:
            assert not steps
        else:
            assert sum(step["after"] - step["before"] for step in steps) == row["final_price"]
        if row["action"] == "hold":
            assert row["final_price"] == row["current_price"]
        else:
            whole = row["final_price"] * SCALES[row["currency"]]
            assert whole == int(whole) and whole > 0
    assert_frame_equal(found.steps, found.steps.sort(PriceSteps.order()))
    assert_frame_equal(found.decisions, found.decisions.sort(PriceDecisions.order()))


PRICES = st.none() | st.integers(0, 3_000_000).map(lambda n: Decimal(n).scaleb(-4))
FLOATS = st.none() | st.floats(allow_nan=True, allow_infinity=True, width=32)
ROWS = st.fixed_dictionaries(
    {
        "currency": st.sampled_from(sorted(SCALES)),
        "on_hand": st.none() | st.integers(0, 300),
        "stock_age_days": st.none() | st.integers(0, 400),
        "days_of_cover": FLOATS,
        **dict.fromkeys(("current_price", "list_price", "cost", "competitor_min", "competitor_max"), PRICES),
    }
)


@settings(max_examples=60)
@given(st.lists(ROWS, min_size=1, max_size=12), st.booleans(), st.sampled_from([FULL, TENTH_OFF, None]))
def test_every_row_gets_one_decision_that_adds_up(rows: list[dict[str, Any]], late: bool, by: Strategy | None) -> None:
    frame = features(*({"sku": f"S{n}", **row} for n, row in enumerate(rows)))
    found = decide(frame, [by] if by else [], days_frame(late=late).drop("effective_from"))
    assert sorted(found.decisions["sku"]) == sorted(frame["sku"])
    check_steps(found)
    PriceDecisions.validate(found.decisions)
    PriceSteps.validate(found.steps)


def shop(size: int) -> pl.DataFrame:
    rows = (
        {
            "date": day(n % 3),
            "sku": f"S{n}",
            "on_hand": n * 37 % 250,
            "stock_age_days": n * 11 % 400 if n % 5 else None,
            "days_of_cover": n * 0.37 if n % 7 else None,
            "list_price": Decimal(500 + n * 7919 % 3000).scaleb(-2),
            "competitor_max": Decimal(1500 + n * 104729 % 2000).scaleb(-2),
        }
        for n in range(size)
    )
    return features(*rows)


def hashes(found: Decided) -> tuple[str, str]:
    return content_hash(found.decisions, PriceDecisions), content_hash(found.steps, PriceSteps)


def test_order_and_chunks_of_rows_do_not_matter() -> None:
    frame, days = shop(300), days_frame([DAY, day(1), day(2)]).drop("effective_from")
    by = [FULL, strategies.parse(strategies.packaged_default())]
    expected = hashes(decide(frame, by[:1], days))
    shuffled = frame.sample(fraction=1, shuffle=True, seed=3)
    assert hashes(decide(shuffled, by[:1], days)) == expected
    chunked = pl.concat([frame[:7], frame[7:150], frame[150:]], rechunk=False)
    assert hashes(decide(chunked, by[:1], days)) == expected
    single = [decide(part, by[:1], days) for part in frame.partition_by("date")]
    decisions, steps = (pl.concat(each) for each in zip(*(each[:2] for each in single), strict=True))
    assert (content_hash(decisions, PriceDecisions), content_hash(steps, PriceSteps)) == expected


def test_the_number_of_threads_does_not_matter() -> None:
    code = (
        "from test_pricing_decision import *\n"
        "days = days_frame([DAY, day(1), day(2)]).drop('effective_from')\n"
        "print(*hashes(decide(shop(200), [FULL], days)))\n"
    )
    threads = "3" if pl.thread_pool_size() == 1 else "1"
    env = {**os.environ, "POLARS_MAX_THREADS": threads, "PYTHONPATH": str(Path(__file__).parent)}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    days = days_frame([DAY, day(1), day(2)]).drop("effective_from")
    assert tuple(done.stdout.split()) == hashes(decide(shop(200), [FULL], days))
