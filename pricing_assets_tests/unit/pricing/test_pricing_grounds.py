"""What a model's price rests on: which decisions are told of, and the sentences."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from pricing_frames import DAY, days_frame, features
from pricing_outlooks import Row, elasticity, forecast, typed
from test_pricing_interventions import alarms
from test_pricing_interventions import known as overrides_of

from pricing_assets.demand.response import PUBLISHED, PUBLISHED_SPREAD
from pricing_assets.pricing import decide
from pricing_assets.pricing.grounds import answer, of_each, sentences
from pricing_assets.pricing.interventions import Interventions, in_force, odd, severe
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.strategies import parse
from pricing_assets.tables.decisions import PriceSentences
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

ML = "strategy: s\ntype: ml\nml: {bound_level: 0.80, ladder: {step: 0.50, down: 0.10, up: 0.10}}\n"
KEPT = {"price_change_28d_pct": 0.0, "lowest_price_365d": Decimal("8"), "highest_price_365d": Decimal("12")}
HARDLY = "the regular price hardly moved: 0.1 % beside all else"


def known(value: float = -1.5, error: float = 0.05, per_day: float = 10.0, **values: Any) -> Outlook:
    shared = {"fallback_reason": values.pop("borrowed", None), "curvature": values.pop("curvature", None)}
    answers = [elasticity(value, kind="base", std_error=error, **shared), elasticity(-6.0, kind="promotion")]
    rows = forecast(per_day=per_day, **values)
    return outlook(typed(DemandForecasts, rows), typed(Elasticities, answers), {}, learned=True)


def told(of: Outlook, text: str = ML, **values: Any) -> dict[str, str]:
    """What is said of one SKU at 10.00 that costs 5.00."""
    strategy = parse(text)
    made = decide(features(KEPT | values), [strategy], days_frame(), None, of).decisions
    found = sentences(made, [strategy], of)
    PriceSentences.validate(found)
    assert set(found["decision_id"]) <= set(made["decision_id"])
    return dict(found.select(pl.col("about").cast(pl.String), "sentence").iter_rows())


def test_a_changed_price_is_told_of_with_range_elasticity_and_gain() -> None:
    said = told(known())
    assert list(said) == ["units", "elasticity", "gain"]
    # 280 at 10.00, half to twice of it nine times in ten; at 11.00 fewer by 1.1 ** -1.5
    assert said["units"] == "likely range 121 to 485 units in 28 days at 11.00"
    assert said["elasticity"] == "elasticity -1.50 ± 0.05, known from its own sales"
    assert (
        said["gain"].startswith("its category earns 5")
        and " GBP more in 28 days than by holding, at le" in said["gain"]
    )
    assert "with probability 0.80; " in said["gain"] and said["gain"].endswith(" % sure that it gains")


def test_a_gain_says_what_the_decision_expects() -> None:
    of, strategy = known(), parse(ML)
    row = decide(features(KEPT), [strategy], days_frame(), None, of).decisions.row(0, named=True)
    gain, low = (f"{row[name]:.2f}" for name in ("expected_gain", "gain_low"))
    assert told(of)["gain"] == (
        f"its category earns {gain} GBP more in 28 days than by holding, at least {low} with probability 0.80;"
        f" {int(row['confidence'] * 100)} % sure that it gains"
    )


@pytest.mark.parametrize(
    ("values", "source"),
    [
        ({"borrowed": HARDLY}, f"-1.50 ± 0.05, borrowed from its category: {HARDLY}"),
        ({"curvature": 1.5}, "-1.50 ± 0.05, growing with the price, known from its own sales"),
    ],
)
def test_an_elasticity_says_where_it_is_from(values: dict[str, Any], source: str) -> None:
    assert told(known(**values))["elasticity"] == f"elasticity {source}"


def test_an_elasticity_as_published_is_not_called_the_categorys() -> None:
    of, strategy = known(PUBLISHED, PUBLISHED_SPREAD, borrowed="too few sales"), parse(ML)
    rows = decide(features(KEPT), [strategy], days_frame(), None, of).decisions
    said = dict(of_each(rows, [strategy], of).select("about", "sentence").iter_rows())
    assert said["elasticity"] == "elasticity -2.62 ± 2.21, as published of such goods: too few sales"


def test_what_only_waits_for_a_person_is_told_of_and_what_holds_is_not() -> None:
    manual = ML + "autonomy: {mode: manual}\n"
    assert "gain" in told(known(), manual)
    assert list(told(known(0.0))) == ["units", "elasticity"], "its elasticity has the wrong sign: a person should see"
    assert told(known(error=3.0)) == {}, "no price earns more for sure"


def test_strategies_without_a_model_are_not_told_of() -> None:
    assert told(known(), "strategy: s\ntype: rules\nrules: [{name: r, then: {multiply: 0.9}}]\n") == {}


def test_a_price_moved_after_the_model_says_that_its_gain_is_not_known() -> None:
    rules = "strategy: s\ntype: hybrid\norder: [ml, rules]\nrules: [{name: r, then: {set: 9.90}}]\n"
    assert told(known(), rules)["gain"].startswith("not the model's own price")


def test_a_simple_methods_forecast_is_called_one() -> None:
    of = known(model_hash=None, model_version=None, fallback_reason="no model is in force")
    rules = "strategy: s\ntype: hybrid\nrules: [{name: r, then: {multiply: 0.95}}]\n"
    assert told(of, rules)["units"].endswith("; forecast by a simple method: no model is in force")


def test_a_models_move_below_the_list_price_is_answered_by_the_base_elasticity_alone() -> None:
    of = known(-1.0, 0.0)
    row = {"sku": "S", "market": "UK", "current_price": 10, "list_price": 12, "final_price": 8}
    row |= {"sum_mean": 100.0, "sum_q10": 50.0, "sum_q90": 200.0, "conditioning_price": 10}
    prices = dict.fromkeys(("current_price", "list_price", "final_price", "conditioning_price"), pl.Decimal(18, 4))
    units = [
        answer(pl.DataFrame([row | {"method": method}], schema_overrides=prices), of.elasticities).row(0, named=True)
        for method in ("ml", "rules")
    ]
    assert units[0]["kind"] == "base" and units[0]["units"] == pytest.approx(100 * 10 / 8)
    assert units[1]["kind"] == "promotion" and units[1]["units"] == pytest.approx(100 * (8 / 10) ** -6)


@pytest.mark.parametrize(
    ("anomaly", "doubted"),
    [
        ({"severity": "high"}, True),
        ({"severity": "low", "reason": "MISSING_DATA", "detail": "cost"}, True),
        ({"severity": "high", "reason": "STALE_PRICE"}, False),
        ({"severity": "high", "sku": "another"}, False),
    ],
)
def test_what_looks_odd_is_doubted_twice_as_much_and_says_so(anomaly: Row, doubted: bool) -> None:
    of, strategy, frame, days = known(), parse(ML), features(KEPT), days_frame().drop("effective_from")
    flagged = alarms(anomaly)
    before = Interventions(in_force(overrides_of(), [DAY]), severe(flagged), odd=odd(flagged))
    plain, looked = (decide(frame, [strategy], days, each, of) for each in (None, before))
    was, is_now = (made.decisions.row(0, named=True) for made in (plain, looked))
    said = sentences(looked.decisions, [strategy], of, before).filter(pl.col("about").cast(pl.String) == "gain")
    assert (is_now["confidence"] < was["confidence"]) == doubted
    odd_by = anomaly.get("reason", "PRICE_SPIKE")
    assert said["sentence"][0].endswith(f"; its errors count 2 times, for it looks odd: {odd_by}") == doubted
    of = known(error=0.4)
    assert decide(frame, [strategy], days, None, of).decisions["action"][0] != "hold"
    assert (decide(frame, [strategy], days, before, of).decisions["action"][0] == "hold") == doubted
