"""A draft on past days: where it differs from what stands, which days are left out, and sums with their range."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pricing_frames import DAY, day, features, strategy, takes_effect
from pricing_outlooks import elasticity, forecast, typed

from pricing_assets.anomalies import anomalies_of
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance
from pricing_assets.pricing import LOGIC_VERSION, Active, People, Timing, commit_days, decide_days
from pricing_assets.pricing.backtest import LEVEL, Backtest, averaged, backtest
from pricing_assets.pricing.terms import NOBODY
from pricing_assets.strategies import Strategy, parse
from pricing_assets.tables import Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Overrides, Reviews
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.raw import Listings
from pricing_assets.tables.runs import Checks

Row = dict[str, Any]
TENTH = strategy("{name: tenth, then: {multiply: 0.9}}", name="base")
CUT = strategy("{name: cut, then: {multiply: 0.9}}", "scope: {category: [A]}\npriority: 9", name="cut")
KEEP = strategy("{name: keep, then: {multiply: 1}}", name="base")
MODEL = parse(
    "strategy: base\ntype: ml\nml: {bound_level: 0.80, ladder: {step: 0.01, down: 0.10, up: 0.10}}\n"
    "autonomy: {mode: full-auto, threshold: 0.5}\n"
)
SHOP: list[Row] = [
    {"sku": "A1", "category": "A"},
    {"sku": "A2", "category": "A"},
    {"sku": "B1", "category": "B"},
    {"sku": "C1", "category": "C", "cost": None},
]
TRIED = {"lowest_price_365d": Decimal("8"), "highest_price_365d": Decimal("12"), "price_change_28d_pct": 0.0}


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def stand(
    lake: Lake,
    on: date,
    by: Sequence[Strategy] = (TENTH,),
    *,
    shop: Sequence[Row] = SHOP,
    value: float = -1.5,
    logic: int = LOGIC_VERSION,
    forecasts: bool = True,
    people: People = NOBODY,
) -> None:
    """A day with all stations, decided and in force. Every SKU sells ten a day; `value` are the elasticities."""
    rows = [{"date": on, **TRIED, **row} for row in shop]
    listed = [
        {"date": on, "sku": row["sku"], "market": "UK", "known_at": takes_effect(on), "on_sale": True} for row in rows
    ]
    listed = [each | {"known_at": each["known_at"].replace(hour=0)} for each in listed]
    verdict = {"date": on, "table": "raw.sales", "check": "contract", "passed": True, "message": "", "run_id": "r"}
    made = [each for row in rows for each in forecast(on, row["sku"], per_day=10.0)] if forecasts else []
    answers = [
        elasticity(value, on, row["sku"], kind=kind, std_error=0.05) for row in rows for kind in ("base", "promotion")
    ]
    for table, frame in (
        (Listings, typed(Listings, listed)),
        (Checks, typed(Checks, [verdict])),
        (FeatureSnapshots, features(*rows)),
        (DemandForecasts, typed(DemandForecasts, made)),
        (Elasticities, typed(Elasticities, answers)),
    ):
        lake.commit(table, frame, [on], Provenance("r"))
    lake.commit(PriceAnomalies, anomalies_of(lake, [on]), [on], Provenance("r"))
    as_of = takes_effect(on).replace(hour=2)
    timing = Timing({on: as_of}, {on: takes_effect(on)}, {"time_zone": "UTC", "logic": logic})
    batch = decide_days(lake, [on], timing, [Active(each, 1, "anna") for each in by], people)
    commit_days(lake, batch, Provenance("run", "1.0"), as_of)


def of(lake: Lake, draft: Strategy, first: date = DAY, last: date = DAY) -> Backtest:
    return backtest(lake, draft, first, last)


def test_an_identical_draft_differs_in_nothing(lake: Lake) -> None:
    for number in range(3):
        stand(lake, day(number), [TENTH, CUT] if number else [TENTH])
    found = of(lake, TENTH, DAY, day(2))
    assert (found.days, found.left_out, found.rows.height) == ([DAY, day(1), day(2)], [], 12)
    for side in ("price", "action", "reason", "strategy"):
        assert found.rows[f"draft_{side}"].equals(found.rows[f"live_{side}"].alias(f"draft_{side}"))
    assert found.rows["difference"].drop_nulls().to_list() == [0.0] * 9
    assert found.rows["by_elasticity"].drop_nulls().abs().sum() == 0
    assert found.summary().select("other_price", "other_action", "mean_price_difference_pct").unique().rows() == [
        (0, 0, 0.0)
    ]
    assert found.summary()["low"].drop_nulls().to_list() == found.summary()["high"].drop_nulls().to_list() == [0.0, 0.0]
    assert found.top(5).is_empty()


def test_an_identical_model_differs_in_nothing(lake: Lake) -> None:
    stand(lake, DAY, [MODEL])
    found = of(lake, MODEL)
    assert found.rows.filter(pl.col("live_price") != pl.col("current_price")).height == 3
    assert found.rows["draft_price"].equals(found.rows["live_price"].alias("draft_price"))
    assert found.rows["difference"].drop_nulls().to_list() == [0.0] * 3


def test_a_draft_that_cuts_changes_exactly_its_scope(lake: Lake) -> None:
    for number in range(2):
        stand(lake, day(number), [KEEP])
    found = of(lake, CUT, DAY, day(1))
    changed = found.rows.filter(pl.col("draft_price") != pl.col("live_price"))
    assert changed.select("date", "sku", "live_price", "draft_price", "draft_action", "draft_strategy").rows() == [
        (on, sku, Decimal(10), Decimal(9), "publish", "cut") for on in (DAY, day(1)) for sku in ("A1", "A2")
    ]
    assert changed["draft_reason"].unique().to_list() == ["rules cut"]
    same = found.rows.join(changed, on=["date", "sku"], how="anti")
    assert same["draft_reason"].equals(same["live_reason"].alias("draft_reason"))
    assert found.claimed == 4
    summary = found.summary().select("category", "rows", "live_changed", "draft_changed", "other_price").rows()
    assert summary == [("A", 4, 0, 4, 4), ("B", 2, 0, 0, 0), ("C", 2, 0, 0, 0)]
    assert found.summary()["mean_price_difference_pct"].to_list() == pytest.approx([-10.0, 0.0, 0.0])
    assert found.summary()["not_judged"].to_list() == [0, 0, 2]


def test_expected_profit_is_the_mean_of_the_days_as_worked_out_by_hand(lake: Lake) -> None:
    for number in range(3):
        stand(lake, day(number), [KEEP], value=-2.0)
    found = of(lake, CUT, DAY, day(2))
    row = found.summary().row(0, named=True)
    own = 280 * 0.9**-2.0 * (9 - 5)
    # the other SKU of the category loses: a quarter of the revenue the lower price wins, at the other's margin of 50 %
    others = 0.25 * 2.0 * 280 * 10 * 0.5 * math.log(0.9)
    assert row["live_profit"] == pytest.approx(2 * 280 * 5)
    assert row["draft_profit"] == pytest.approx(2 * (own + others), abs=0.01)
    assert row["difference"] == pytest.approx(2 * (own + others - 280 * 5), abs=0.01)
    # an elasticity that is 0.05 off is off alike for both SKUs on all days; a declared diversion is half known
    doubt = math.hypot(2 * own * math.log(0.9) * 0.05, 2 * others / 2)
    assert row["high"] - row["difference"] == pytest.approx(LEVEL * doubt, abs=0.01)
    assert row["difference"] - row["low"] == pytest.approx(LEVEL * doubt, abs=0.01)
    told = 280 * 0.9**-2.62 * 4 + 0.25 * 2.62 * 280 * 10 * 0.5 * math.log(0.9) - 280 * 5
    assert row["published_difference"] == pytest.approx(2 * told, abs=0.01)
    assert found.by_day()["difference"].to_list() == pytest.approx([row["difference"]] * 3, abs=0.01)
    top = found.top(1).row(0, named=True)
    assert (top["sku"], top["days"]) == ("A1", 3)
    assert top["difference"] == pytest.approx(row["difference"] / 2, abs=0.01)


def test_categories_are_off_independently_and_currencies_stay_apart() -> None:
    rows = [
        {"date": DAY, "sku": sku, "market": "UK", "category": category, "currency": currency, "difference": 1.0}
        | {"live_profit": 5.0, "draft_profit": 6.0, "published_difference": 2.0, "by_elasticity": by, "by_others": 0.0}
        for sku, category, currency, by in (("a", "A", "GBP", 3.0), ("b", "B", "GBP", 4.0), ("c", "A", "EUR", 1.0))
    ]
    found = averaged(pl.DataFrame(rows), ["currency"]).to_dicts()
    assert [(each["currency"], each["difference"]) for each in found] == [("EUR", 1.0), ("GBP", 2.0)]
    assert [each["high"] - each["difference"] for each in found] == pytest.approx([LEVEL, 5 * LEVEL], abs=1e-4)


def test_a_model_is_not_judged_by_the_elasticity_it_decided_by(lake: Lake) -> None:
    stand(lake, DAY, [KEEP], value=-1.2)
    stand(lake, day(7), [KEEP], value=-4.0)
    found = of(lake, MODEL, DAY, DAY)
    row = found.rows.filter(pl.col("sku") == "B1").row(0, named=True)
    assert row["draft_price"] > 10, "at −1.2 a dearer price earns more"
    assert row["draft_strategy"] == "base"
    assert (found.referee.estimated_on, found.foreseen) == (day(7), 0)
    price = float(row["draft_price"])
    assert row["difference"] == pytest.approx(280 * ((price / 10) ** -4.0 * (price - 5) - 5), abs=0.01)
    assert row["difference"] < 0
    assert of(lake, MODEL, DAY, day(7)).foreseen == 1


def test_what_went_before_the_strategies_binds_the_draft_too(lake: Lake) -> None:
    freeze = {
        "override_id": "OV-000001",
        "kind": "PRICE_FREEZE",
        "sku": "A1",
        "active_from": DAY,
        "active_until": day(9),
    }
    stand(lake, DAY, [KEEP], people=People(overrides=known(Overrides, freeze)))
    found = of(lake, CUT)
    assert found.rows.filter(pl.col("draft_price") != pl.col("live_price"))["sku"].to_list() == ["A2"]
    assert "frozen by OV-000001" in found.rows["draft_reason"][0]


def known(table: type[Table], row: Row) -> pl.DataFrame:
    """What a person decided, whatever day it counts on."""
    schema = {name: dtype for name, dtype in table.create_empty().schema.items() if name != "date"}
    return pl.DataFrame([dict.fromkeys(schema) | row], schema=schema)


def test_an_approval_binds_the_text_it_was_given_for_and_no_other(lake: Lake) -> None:
    approved = {"review_id": "RV-000001", "decision_id": "d", "decided_on": day(-1), "sku": "A1", "market": "UK"}
    approved |= {"answer": "approved", "price": Decimal("9.30"), "currency": "GBP", "expires": day(3)}
    approved |= {"answered_at": takes_effect(day(-1))}
    stand(lake, DAY, [TENTH], people=People(reviews=known(Reviews, approved)))
    same = of(lake, TENTH).rows
    assert same["live_price"][0] == same["draft_price"][0] == Decimal("9.30")
    fifth = strategy("{name: fifth, then: {multiply: 0.8}}", name="base")
    assert of(lake, fifth).rows["draft_price"].to_list() == [Decimal(8)] * 4
    elsewhere = strategy("{name: r, then: {set: 1}}", "scope: {category: [B]}\npriority: 9", name="b")
    assert of(lake, elsewhere).rows["draft_price"].to_list() == [Decimal(p) for p in ("9.30", "9", "1", "9")]


def test_days_that_cannot_be_compared_are_named_and_left_out(lake: Lake) -> None:
    stand(lake, DAY, [KEEP])
    stand(lake, day(1), [KEEP], logic=LOGIC_VERSION - 1)
    stand(lake, day(3), [KEEP], forecasts=False)
    stand(lake, day(4), [KEEP])
    stand(lake, day(5), [KEEP])
    lake.path(FeatureSnapshots, lake.partitions(FeatureSnapshots)[day(4)]).unlink()
    found = backtest(Lake(lake.root), CUT, DAY, day(4))
    assert found.days == [DAY]
    why = dict(found.left_out)
    assert list(why) == [day(1), day(2), day(3), day(4)]
    assert why[day(1)].startswith(f"decided by an older release (logic {LOGIC_VERSION - 1}, now {LOGIC_VERSION})")
    assert why[day(2)] == "never decided"
    assert why[day(3)] == "no forecasts.demand_forecasts of the day is recorded"
    assert "features.feature_snapshots" in why[day(4)]


def test_a_day_without_trade_is_left_out(lake: Lake) -> None:
    stand(lake, DAY, [KEEP])
    on = day(1)
    lake.commit(Checks, Checks.create_empty(), [on], Provenance("r"))
    timing = Timing({on: takes_effect(on)}, {on: takes_effect(on)}, {"time_zone": "UTC", "logic": LOGIC_VERSION})
    commit_days(lake, decide_days(lake, [on], timing, []), Provenance("run", "1.0"), takes_effect(on))
    assert of(lake, CUT, DAY, on).left_out == [(on, "no trade, so nothing was decided")]


def test_forecasts_made_since_and_strategies_activated_since_are_no_matter(lake: Lake) -> None:
    stand(lake, DAY, [KEEP])
    before = of(lake, MODEL).rows
    forecasts = lake.read(DemandForecasts, DAY, DAY)
    lake.commit(DemandForecasts, forecasts.with_columns(pl.col("sum_mean") * 7), [DAY], Provenance("later"))
    assert of(Lake(lake.root), MODEL).rows.equals(before)


def test_a_draft_that_claims_nothing_says_so(lake: Lake) -> None:
    stand(lake, DAY, [KEEP])
    elsewhere = strategy("{name: r, then: {multiply: 0.5}}", "scope: {market: [DE]}\npriority: 9", name="elsewhere")
    ended = strategy("{name: r, then: {multiply: 0.5}}", "active: {until: 2020-01-01}\npriority: 9", name="ended")
    for draft in (elsewhere, ended):
        found = of(lake, draft)
        assert found.claimed == 0
        assert found.rows["difference"].drop_nulls().abs().sum() == 0


def test_a_narrower_draft_gives_up_what_the_strategy_of_its_name_priced(lake: Lake) -> None:
    stand(lake, DAY, [TENTH])
    narrow = strategy("{name: tenth, then: {multiply: 0.9}}", "scope: {category: [A]}", name="base")
    rows = of(lake, narrow).rows.filter(pl.col("draft_price") != pl.col("live_price"))
    assert rows.select("sku", "live_price", "draft_price", "draft_reason").rows() == [
        (sku, Decimal(9), Decimal(10), "no active strategy covers it") for sku in ("B1", "C1")
    ]


def test_a_draft_of_equal_priority_is_refused_by_name(lake: Lake) -> None:
    stand(lake, DAY, [TENTH])
    draft = strategy("{name: r, then: {multiply: 0.8}}", "scope: {category: [Z]}", name="other")
    with pytest.raises(PricingError, match="base and other both claim category Z at priority 0") as raised:
        of(lake, draft)
    assert raised.value.what.startswith(f"{DAY}: ")
    assert "higher priority" in raised.value.remedy


def test_a_range_without_anything_to_compare_is_refused(lake: Lake) -> None:
    with pytest.raises(PricingError, match="no day from 2024-03-01 to 2024-03-02 was ever decided"):
        of(lake, CUT, DAY, day(1))
    stand(lake, DAY, [KEEP], forecasts=False)
    with pytest.raises(PricingError, match=r"none of the days .* can be compared; 2024-03-01: no forecasts"):
        of(lake, CUT)
