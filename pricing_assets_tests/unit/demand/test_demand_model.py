from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from demand_panels import WEEKLY, split, weekly

from pricing_assets.demand import DemandModel, Plan, backtest, boosting, fit, load
from pricing_assets.demand.members import LEVELS
from pricing_assets.errors import PricingError

PANEL = weekly()
HISTORY, FUTURE = split(PANEL)


@pytest.fixture(scope="module")
def model() -> DemandModel:
    return fit(HISTORY, WEEKLY)


def test_promotions_known_in_advance_are_forecast(model: DemandModel) -> None:
    both = model.forecast(HISTORY, FUTURE).join(FUTURE, on=["unique_id", "ds"])
    wape = both.select((pl.col("mean") - pl.col("y")).abs().sum() / pl.col("y").sum()).item()
    level = PANEL.group_by("unique_id").agg(level=pl.col("y").mean())
    flat = (
        both.join(level, on="unique_id").select((pl.col("level") - pl.col("y")).abs().sum() / pl.col("y").sum()).item()
    )
    assert wape < 0.15 < flat


def test_forecasts_are_in_order_and_their_sums_grow(model: DemandModel) -> None:
    made = model.forecast(HISTORY, FUTURE)
    assert made.height == 12 * WEEKLY.horizon
    assert made.equals(made.sort("unique_id", "ds"))
    assert made.filter((pl.col("q10") > pl.col("q90")) | (pl.col("q10") < 0)).is_empty()
    grown = made.select(pl.col("sum_mean", "sum_q10", "sum_q90").diff().over("unique_id").min())
    assert all(value >= 0 for value in grown.row(0))
    sums = made.select(pl.col("mean").cum_sum().over("unique_id")).to_series()
    assert made["sum_mean"].to_numpy() == pytest.approx(sums.to_numpy())


def test_a_lower_price_with_promotion_sells_more(model: DemandModel) -> None:
    plain = FUTURE.with_columns(price=pl.lit(2.0), feature=pl.lit(0.0))
    cut = FUTURE.with_columns(price=pl.lit(1.4), feature=pl.lit(1.0))
    units = [model.forecast(HISTORY, future)["mean"].sum() for future in (plain, cut)]
    assert 1.5 < units[1] / units[0] < 2.7  # planted: 0.7 ** -2 = 2.04


def test_one_member_of_weeks_sees_sales_prices_and_marks_as_they_are_alone(model: DemandModel) -> None:
    seen = {model.encoding.names[place] for place in model.encoding.seen_by(LEVELS)}
    assert {"log_price", "last_0:level", "year_sin"} <= seen and set(model.roles.flags) <= seen
    assert not any("answer" in name or "depth" in name or "promoted" in name for name in seen)
    assert set(model.boosters) == {"ratio", "tweedie", "line", "median", "levels"}
    assert {model.boosters[name].factor for name in ("median", "levels")} == {1.0}


def test_what_lightgbm_cannot_do_is_a_fault_with_a_reason_that_days_can_fall_back_on(model: DemandModel) -> None:
    with pytest.raises(PricingError, match=r"LightGBM: the trees of ratio cannot be asked: .*number of features"):
        boosting.predict("ratio", model._trees["ratio"], np.zeros((2, 3)), np.ones(2))


def test_a_saved_model_forecasts_the_same_and_has_the_same_hash(model: DemandModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    again = load(tmp_path / "m")
    assert again.content_hash == model.content_hash
    assert again.forecast(HISTORY, FUTURE).equals(model.forecast(HISTORY, FUTURE))


def test_the_same_rows_in_any_order_and_with_other_threads_make_the_same_model(model: DemandModel) -> None:
    code = (
        "from demand_panels import *; from pricing_assets.demand import fit;"
        "print(fit(split(weekly())[0].sample(fraction=1.0, shuffle=True, seed=3), WEEKLY).content_hash)"
    )
    threads = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path.cwd())])
    command = [sys.executable, "-c", code]
    run = subprocess.run(
        command, env={**os.environ, **threads, "PYTHONPATH": paths}, capture_output=True, text=True, check=True
    )
    assert run.stdout.strip() == model.content_hash


@pytest.mark.parametrize("damage", ["gone", "cut", "format"])
def test_a_damaged_model_is_refused(model: DemandModel, tmp_path: Path, damage: str) -> None:
    model.save(tmp_path)
    told = tmp_path / "model.json"
    if damage == "gone":
        (tmp_path / "ratio_2.txt").unlink()
    elif damage == "cut":
        told.write_bytes(told.read_bytes()[:200])
    else:
        told.write_text(json.dumps({**json.loads(told.read_text()), "format": 99}))
    with pytest.raises(PricingError):
        load(tmp_path)


def test_contributions_add_up_and_name_the_price(model: DemandModel) -> None:
    made = model.contributions(HISTORY, FUTURE)
    size = made.group_by("feature").agg(pl.col("contribution").abs().mean()).sort("contribution", descending=True)
    driven = {"depth", "log_price", "feature", "promoted", ":answer", "unique_id:answer", "store:answer"}
    assert driven & set(size["feature"].head(4))
    assert made["contribution"].is_finite().all()


@pytest.mark.parametrize(
    ("y", "reason"),
    [(lambda week: 0.0, "never sold"), (lambda week: 5.0 if week % 12 == 0 else 0.0, "intermittent")],
)
def test_a_series_without_enough_sales_falls_back_and_says_so(model: DemandModel, y, reason: str) -> None:  # type: ignore[no-untyped-def]
    weeks = HISTORY.filter(pl.col("unique_id") == "s00")["ds"].to_list()
    odd = HISTORY.filter(pl.col("unique_id") == "s00").with_columns(
        unique_id=pl.lit("odd"), y=pl.Series([y(number) for number in range(len(weeks))])
    )
    ahead = FUTURE.filter(pl.col("unique_id") == "s00").with_columns(unique_id=pl.lit("odd"))
    made = model.forecast(pl.concat([HISTORY, odd]), pl.concat([FUTURE, ahead])).filter(pl.col("unique_id") == "odd")
    assert made["method"].unique().to_list() == ["rate"]
    assert made["fallback_reason"].str.starts_with(reason).all()
    assert made["mean"].to_numpy() == pytest.approx(odd["y"].tail(26).mean())


def test_a_new_series_falls_back_and_says_so(model: DemandModel) -> None:
    new = HISTORY.filter(pl.col("unique_id") == "s05").tail(3).with_columns(unique_id=pl.lit("new"))
    ahead = FUTURE.filter(pl.col("unique_id") == "s05").with_columns(unique_id=pl.lit("new"))
    made = model.forecast(pl.concat([HISTORY, new]), pl.concat([FUTURE, ahead])).filter(pl.col("unique_id") == "new")
    assert made["fallback_reason"].unique().to_list() == ["new: 3 weeks observed, a model needs 13"]
    assert made["mean"].to_numpy() == pytest.approx(new["y"].mean())


@pytest.mark.parametrize("weeks", [1, 6, 14])
def test_a_panel_too_short_to_learn_from_still_forecasts_its_rate(weeks: int) -> None:
    plan = Plan("W", 2)
    short = PANEL.filter(pl.col("unique_id") == "s01").head(weeks).select("unique_id", "ds", "y")
    made = fit(short, plan).forecast(short)
    assert made["mean"].to_numpy() == pytest.approx(short["y"].mean())
    assert made["fallback_reason"].null_count() == 0
    assert made["q90"].gt(made["mean"]).all()


def test_a_constant_series_is_forecast_by_its_constant() -> None:
    plan = Plan("W", 2)
    flat = PANEL.select("unique_id", "ds", y=pl.lit(7.0))
    made = fit(flat, plan).forecast(flat)
    assert made["mean"].to_numpy() == pytest.approx(np.full(24, 7.0), abs=0.2)


@pytest.mark.parametrize(("weeks", "seen"), [(40, False), (80, True)])
def test_a_season_is_learned_only_where_a_year_was_met(weeks: int, seen: bool) -> None:
    model = fit(weekly(6, weeks), WEEKLY)
    assert model.boosters
    assert ("year_sin" in model.encoding.features) == seen


def test_a_backtest_scores_every_observed_date_once_per_model() -> None:
    panel = PANEL.filter(pl.int_range(pl.len()) % 9 != 4, pl.col("unique_id") < "s06")
    result = backtest(panel, WEEKLY, 2, rivals=True)
    forecasts = result.forecasts
    assert forecasts["y"].null_count() == 0
    assert not forecasts.select(pl.struct("unique_id", "ds", "model").is_duplicated().any()).item()
    assert set(forecasts["model"]) == {"blend", "naive", "seasonal naive", "AutoETS"}
    assert forecasts.filter(pl.col("ds") <= pl.col("cutoff")).is_empty()
    summary = result.summary()
    assert summary["model"][0] == "blend"
    assert summary["cpu_seconds_per_series"].null_count() == 0


def test_a_backtest_of_more_origins_than_there_are_is_refused() -> None:
    with pytest.raises(PricingError, match="too short for 40 origins"):
        backtest(PANEL, WEEKLY, 40)
