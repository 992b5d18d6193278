"""Drift metrics end to end: what calls a person, what does not, and the reason where nothing can be judged."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from monitoring_frames import CHAMPION, REFERENCE, Floats, autoregression, day, forecasts, snapshots
from polars.testing import assert_frame_equal

from pricing_assets.errors import PricingError
from pricing_assets.monitoring import Feature, Plan, draw, drift_metrics, events_to_open, retraining_due
from pricing_assets.monitoring.errors import segment_errors
from pricing_assets.tables.monitoring import DriftMetrics

DAYS = REFERENCE + 60
LAST = day(DAYS - 1)
SHIFTED_ON = REFERENCE + 20
COST = Plan(features=(Feature("cost"),))


def quiet(seed: int = 1, memory: float = 0.3) -> Floats:
    return autoregression(seed, DAYS, memory, 0.06)


def shifted(by: float = 0.25, seed: int = 1) -> Floats:
    return quiet(seed) + np.where(np.arange(DAYS) >= SHIFTED_ON, by, 0.0)


def metric(rows: pl.DataFrame, name: str = "bias") -> dict[str, Any]:
    return rows.filter(pl.col("metric") == name).row(0, named=True)


def test_a_quiet_segment_calls_nobody_and_says_how_soon_a_shift_would_be_noticed() -> None:
    rows = drift_metrics(LAST, forecasts(quiet()), CHAMPION)
    assert not rows["drifted"].any()
    assert "demand keeps to the forecast; a shift of 20% would be noticed after about" in metric(rows)["explanation"]
    assert DriftMetrics.is_valid(rows)


@pytest.mark.parametrize(("by", "side"), [(0.25, "above"), (-0.25, "below")])
def test_a_shift_of_demand_is_noticed_dated_and_put_into_words(by: float, side: str) -> None:
    found = metric(drift_metrics(LAST, forecasts(shifted(by)), CHAMPION))
    assert found["drifted"]
    assert day(SHIFTED_ON) <= found["noticed_on"] <= day(SHIFTED_ON + 20)
    assert abs((found["shifted_since"] - day(SHIFTED_ON)).days) <= 3
    assert found["value"] > found["threshold"]
    assert f"% further {side} the forecast than usual" in found["explanation"]


def test_forecasts_that_miss_by_more_are_noticed_though_they_are_right_on_average() -> None:
    wide = quiet() * np.where(np.arange(DAYS) >= SHIFTED_ON, 4.0, 1.0)
    rows = drift_metrics(LAST, forecasts(wide), CHAMPION)
    assert metric(rows, "scaled_error")["drifted"]
    said = metric(rows, "scaled_error")["explanation"]
    now, usual = (float(said.split(words)[1].split()[0].rstrip(",")) for words in ("miss by", "usually by"))
    assert 1.25 < now / usual < 5.5


def test_what_was_noticed_stays_so_and_is_dated_alike_on_later_days() -> None:
    rows = forecasts(shifted())
    first = metric(drift_metrics(LAST, rows, CHAMPION))
    early = metric(drift_metrics(first["noticed_on"], rows, CHAMPION))
    same = ["value", "threshold", "noticed_on", "shifted_since"]
    assert {name: early[name] for name in same} == {name: first[name] for name in same}
    before = metric(drift_metrics(first["noticed_on"] - timedelta(days=1), rows, CHAMPION))
    assert not before["drifted"]


def test_demand_that_follows_our_own_price_is_no_drift() -> None:
    """Half the demand at a price half as high again, which the forecast did not know, and then did."""
    number = pl.col("date").sub(day(0)).dt.total_days()
    rows = forecasts(quiet()).with_columns(
        actual_price=pl.when(number >= SHIFTED_ON).then(7.5).otherwise(5.0),
        conditioning_price=pl.when(number >= SHIFTED_ON + 7).then(7.5).otherwise(5.0),
        y=pl.when(number >= SHIFTED_ON).then(pl.col("y") / 2).otherwise("y"),
    )
    known = pl.col("conditioning_price") > 5
    numbers = pl.col("mean", "q10", "q90")
    rows = rows.with_columns(pl.when(known).then(numbers / 2).otherwise(numbers))
    assert not drift_metrics(LAST, rows, CHAMPION)["drifted"].any()
    unaware = rows.with_columns(actual_price=pl.lit(5.0), conditioning_price=pl.lit(5.0))
    assert drift_metrics(LAST, unaware, CHAMPION)["drifted"].any()


def test_sold_out_days_are_no_errors() -> None:
    """Every second SKU sells out each day at noon: what was sold says nothing against the forecast."""
    late = pl.col("date") >= day(SHIFTED_ON)
    out = late & (pl.col("sku") == "SKU-0")
    rows = forecasts(quiet()).with_columns(y=pl.when(out).then(pl.lit(0.0)).otherwise("y"), censored=out)
    assert not drift_metrics(LAST, rows, CHAMPION)["drifted"].any()
    assert drift_metrics(LAST, rows.with_columns(censored=pl.lit(False)), CHAMPION)["drifted"].any()


def test_stock_that_caps_sales_biases_no_error() -> None:
    """Normal demand capped at its mean: sales taken for demand would show −6 %, days left out −12 %."""
    demand = np.random.default_rng(4).normal(0.0, 20 / 100 / 1.2816, 4000)
    rows = forecasts(np.minimum(demand, 0.0), skus=1).with_columns(censored=pl.col("y") >= 100)
    bias = segment_errors(rows, day(3999), CHAMPION, Plan())["bias"].to_numpy()
    assert abs(float(np.mean(bias))) < 0.012


def test_the_newest_forecast_made_a_week_before_is_judged() -> None:
    right, wrong = forecasts(quiet()), forecasts(quiet(), mean=10.0, q10=8.0, q90=12.0)
    older = wrong.with_columns(origin=pl.col("date") - pl.duration(days=20))
    newer = wrong.with_columns(origin=pl.col("date") - pl.duration(days=1))
    alone, among = (segment_errors(rows, LAST, CHAMPION, Plan()) for rows in (right, pl.concat([older, right, newer])))
    assert_frame_equal(alone, among)


def reason(rows: pl.DataFrame) -> str:
    found = drift_metrics(LAST, rows, CHAMPION)
    assert not found["drifted"].any()
    assert events_to_open(found, CHAMPION) == []
    assert DriftMetrics.is_valid(found)
    return str(metric(found)["explanation"])


def test_what_cannot_be_judged_says_why_and_calls_nobody() -> None:
    rows = forecasts(shifted(0.5))
    number = pl.col("date").sub(day(0)).dt.total_days()
    hole = number.is_between(20, 70)
    assert "its reference has 12 days" in reason(rows.filter(number >= REFERENCE - 12))
    assert "its reference has gaps: 61 of 112" in reason(rows.filter(~hole))
    assert "its reference has gaps: 61 of 112" in reason(rows.with_columns(y=pl.when(hole).then(np.nan).otherwise("y")))
    assert "do not vary" in reason(rows.with_columns(y=pl.lit(100.0)))
    assert "0 of the last 28 days" in reason(rows.filter(number < REFERENCE + 10))
    assert "its reference has 0 days" in reason(rows.with_columns(y=pl.lit(np.inf)))
    assert "its reference has 0 days" in reason(rows.with_columns(mean=pl.lit(0.0)))


def test_input_of_another_shape_is_refused_by_name() -> None:
    rows = forecasts(quiet())
    with pytest.raises(PricingError, match="no column conditioning_price"):
        drift_metrics(LAST, rows.drop("conditioning_price"), CHAMPION)
    with pytest.raises(PricingError, match="SKU-0, market DE, origin 2025-12-25 is there more than once"):
        drift_metrics(LAST, pl.concat([rows, rows.head(1)]), CHAMPION)
    with pytest.raises(PricingError, match="segment is null in a row"):
        drift_metrics(LAST, rows.with_columns(segment=pl.lit(None)), CHAMPION)
    with pytest.raises(PricingError, match="forecasts: conversion from `str` to `f64` failed in column 'y'"):
        drift_metrics(LAST, rows.with_columns(y=pl.lit("many")), CHAMPION)
    with pytest.raises(PricingError, match="features: no column cost"):
        drift_metrics(LAST, rows, CHAMPION, COST, snapshots=snapshots([quiet()]).drop("cost"))
    with pytest.raises(PricingError, match="run_length: 0"):
        Plan(run_length=0)


def costs(shift: float = 0.0, skus: int = 6, memory: float = 0.2) -> list[Floats]:
    late = np.arange(DAYS) >= DAYS - 28
    return [autoregression(sku, DAYS, memory, 1.0) + 10 + shift * late for sku in range(skus)]


def features(values: list[Floats], plan: Plan = COST, **changes: Any) -> pl.DataFrame:
    rows = drift_metrics(LAST, forecasts(quiet()), CHAMPION, plan, snapshots=snapshots(values, **changes))
    return rows.filter(pl.col("metric").str.contains("_cost"))


def test_a_feature_that_moved_is_a_drift_and_a_quiet_one_is_not() -> None:
    moved, still = features(costs(3.0)), features(costs())
    assert moved["drifted"].to_list() == [True, True]
    assert moved["metric"].to_list() == ["ks_cost", "psi_cost"]
    assert "6 of 6 SKU-markets have a shifted cost, more than chance explains; as SKU-" in moved["explanation"][0]
    assert still["drifted"].to_list() == [False, False]
    assert DriftMetrics.is_valid(moved)


def test_one_sku_of_many_is_no_drift_of_its_segment() -> None:
    assert not features([*costs(3.0, skus=1), *costs(skus=6)[1:]])["drifted"].any()


def test_a_segment_of_one_sku_and_features_that_cannot_be_compared_say_why() -> None:
    def why(values: list[Floats]) -> str:
        rows = features(values)
        assert not rows["drifted"].any()
        return str(rows["explanation"][0])

    late = np.arange(DAYS) >= DAYS - 28
    assert "one SKU" in why(costs(9.0, skus=1))
    assert "cost does not vary in the reference" in why([np.where(late, 7.0, 5.0)] * 3)
    assert "fewer than 14 days with cost in the current window" in why(
        [np.where(late, np.nan, each) for each in costs()]
    )
    walk = [np.cumsum(np.random.default_rng(seed).standard_normal(DAYS)) for seed in range(3)]
    assert "resemble each other too much" in why(walk)


def test_a_feature_our_price_moves_is_compared_at_the_usual_price_only() -> None:
    late = pl.col("date") > LAST - timedelta(days=28)
    ours = {"current_price": pl.when(late).then(6.0).otherwise(5.0)}
    moved = [each + 5.0 * (np.arange(DAYS) >= DAYS - 28) for each in costs()]
    by_price = Plan(features=(Feature("cost", price_moves_it=True),))
    assert features(moved, **ours)["drifted"].any()
    assert not features(moved, by_price, **ours)["drifted"].any()
    assert features(costs(3.0), by_price)["drifted"].all()


def elasticities(values: list[float], error: float = 0.2, **changes: Any) -> pl.DataFrame:
    rows = {"sku": [f"SKU-{n}" for n in range(len(values))], "elasticity": values, "market": "DE", "kind": "base"}
    return pl.DataFrame(rows | {"segment": "COFFEE/DE", "std_error": error} | changes)


def test_elasticities_shift_only_beyond_their_interval_and_both_errors() -> None:
    old = elasticities([-2.0] * 4)

    def found(new: pl.DataFrame, old: pl.DataFrame = old) -> dict[str, Any]:
        rows = drift_metrics(LAST, forecasts(quiet()), CHAMPION, old_elasticities=old, new_elasticities=new)
        return metric(rows, "elasticity_base")

    assert found(elasticities([-3.5] * 4))["drifted"]
    assert "4 of 4 SKU-markets have a base elasticity outside" in found(elasticities([-3.5] * 4))["explanation"]
    assert not found(elasticities([-2.3] * 4))["drifted"]
    assert not found(elasticities([-3.5] * 4, error=2.0))["drifted"]
    assert not found(elasticities([-3.5] * 4), elasticities([-2.0] * 4, error=2.0))["drifted"]
    assert not found(elasticities([-3.5, -2.0, -2.0, -2.0]))["drifted"]
    assert "no own estimate" in found(elasticities([-3.5] * 4, fallback_reason="too few prices"))["explanation"]
    assert "one SKU" in found(elasticities([-9.0]))["explanation"]


def test_one_event_per_metric_segment_and_champion() -> None:
    both = pl.concat([forecasts(shifted()), forecasts(shifted(seed=2), "COFFEE/UK")])
    days = [drift_metrics(LAST - timedelta(days=back), both, CHAMPION) for back in (3, 2, 1, 0)]
    events = events_to_open(pl.concat(days), CHAMPION)
    keys = [(event.metric, event.segment) for event in events]
    assert len(keys) == len(set(keys))
    assert {("bias", "COFFEE/DE"), ("bias", "COFFEE/UK")} <= set(keys)
    rest = events_to_open(pl.concat(days), CHAMPION, opened=[("bias", "COFFEE/UK")])
    assert [event for event in events if event[1:3] != ("bias", "COFFEE/UK")] == rest
    assert events_to_open(pl.concat(days), replace(CHAMPION, version="8")) == []


def test_a_chart_starts_anew_after_its_restart_and_leaves_the_others() -> None:
    plan = Plan(restarts={("bias", "COFFEE/DE"): LAST - timedelta(days=2)})
    rows = drift_metrics(LAST, forecasts(shifted()), CHAMPION, plan)
    assert metric(rows)["value"] < metric(drift_metrics(LAST, forecasts(shifted()), CHAMPION))["value"] * 2
    assert metric(rows)["noticed_on"] is None or metric(rows)["noticed_on"] > LAST - timedelta(days=2)


def test_an_old_champion_raises_a_question_and_a_young_one_none() -> None:
    due = retraining_due(CHAMPION.trained_on + timedelta(days=90), CHAMPION)
    (event,) = events_to_open(due, CHAMPION)
    assert (event.metric, event.segment) == ("retraining_due", "all")
    assert "90 days ago; after 90 a person should decide" in event.explanation
    assert DriftMetrics.is_valid(due)
    assert retraining_due(CHAMPION.trained_on + timedelta(days=89), CHAMPION).is_empty()


def test_evidence_of_charts_and_features_has_a_picture() -> None:
    rows = drift_metrics(LAST, forecasts(shifted()), CHAMPION, COST, snapshots=snapshots(costs(3.0)))
    events = {event.metric: event.evidence for event in events_to_open(rows, CHAMPION)}
    assert events["bias"]["days"][-1]["date"] == LAST.isoformat()
    assert all(row["found"] for row in events["ks_cost"]["skus"])
    for name in ("bias", "ks_cost"):
        picture = draw(events[name])
        assert picture.startswith(b"\x89PNG")
        assert picture == draw(events[name])
    with pytest.raises(ValueError, match="has no picture"):
        draw({"kind": "schedule"})


def test_rows_in_another_order_give_the_same_metrics() -> None:
    rows, shots = forecasts(shifted()), snapshots(costs(3.0))
    shuffled = rows.sample(fraction=1.0, shuffle=True, seed=1), shots.sample(fraction=1.0, shuffle=True, seed=2)
    one = drift_metrics(LAST, rows, CHAMPION, COST, snapshots=shots)
    assert_frame_equal(one, drift_metrics(LAST, shuffled[0], CHAMPION, COST, snapshots=shuffled[1]), check_exact=True)
