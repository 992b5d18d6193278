"""Forecasts of days in the lake: by rate, by a model, and the reason in every row."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from statistics import fmean

import polars as pl
import pytest
from demand_shop import CALENDAR, PAIRS, DemandShop, on, price, promoted, units

from pricing_assets.demand import DemandModel, Plan, fit, rates
from pricing_assets.demand.boosting import loaded
from pricing_assets.demand.forecasts import NO_PRICE, Served, forecast_panels, forecasts_of
from pricing_assets.demand.panels import Panels
from pricing_assets.demand.plan import Frequency
from pricing_assets.demand.rates import rate_forecasts
from pricing_assets.lake import Lake
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import DemandForecasts

DAYS = 60
LAST = on(DAYS - 1)
NONE = Served(None, reason="no model yet")
NOBODY: dict[Frequency, list[Served]] = {"D": [NONE], "W": [NONE]}
FIGURES = ["mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90"]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Lake:
    shop = DemandShop(DAYS)
    shop.correct(raw.Sales, 40, 2, DAYS - 1, units=50)
    return shop.lake(tmp_path_factory.mktemp("forecasts"))


@pytest.fixture(scope="module")
def panels() -> dict[str, Panels]:
    return {str(frequency): made for frequency, made in DemandShop(DAYS).read().panels(LAST).items()}


@pytest.fixture(scope="module")
def model(panels: dict[str, Panels]) -> DemandModel:
    """Too little history for trees: it forecasts by rate too, and says so itself."""
    daily = panels["D"]
    return fit(daily.history.filter(pl.col("ds") <= on(20)), daily.plan)


def test_by_rate_a_series_sells_what_it_sold_on_the_days_of_a_quarter(panels: dict[str, Panels]) -> None:
    made = rate_forecasts(panels["D"].history, panels["D"].plan, "why")
    assert made.height == 28 * len(PAIRS)
    for pair, (sku, market) in enumerate(PAIRS):
        rows = made.filter(pl.col("unique_id") == f"{market}/{sku}")
        rate = fmean(units(number, pair) for number in range(DAYS))
        assert rows["mean"].to_list() == pytest.approx([rate] * 28)
        assert rows["sum_mean"].to_list() == pytest.approx([rate * (step + 1) for step in range(28)])
        assert rows["ds"].to_list() == [LAST + timedelta(days=step + 1) for step in range(28)]
    assert made["fallback_reason"].unique().to_list() == ["why"]
    assert made.select((pl.col("q10") <= pl.col("q90")).all()).item()


def test_the_range_of_a_rate_is_that_of_its_errors_before(panels: dict[str, Panels]) -> None:
    plan = Plan("D", 28)
    days = pl.DataFrame({"ds": [on(number) for number in range(400)]})
    noisy = days.with_columns(unique_id=pl.lit("s"), y=pl.Series([20.0 + (number * 37 % 11) for number in range(400)]))
    made = rate_forecasts(noisy, plan, "why")
    within = [20.0 + k for k in range(11) if made["q10"][-1] <= 20.0 + k <= made["q90"][-1]]
    assert len(within) / 11 == pytest.approx(0.8, abs=0.1)


def test_it_does_not_matter_how_many_series_are_forecast_at_a_time(
    panels: dict[str, Panels], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = rate_forecasts(panels["D"].history, panels["D"].plan, "why")
    monkeypatch.setattr(rates, "BLOCK", 3)
    assert rate_forecasts(panels["D"].history, panels["D"].plan, "why").equals(together)


def test_of_many_series_some_tell_the_ranges_of_all(panels: dict[str, Panels], monkeypatch: pytest.MonkeyPatch) -> None:
    history, plan = panels["D"].history, panels["D"].plan
    whole, series = rate_forecasts(history, plan, "why"), history["unique_id"].unique().sort()
    monkeypatch.setattr(rates, "MOST_LEARNED", -(-len(series) // 2))
    made, others = rate_forecasts(history, plan, "why"), ["q10", "q90", "sum_q10", "sum_q90"]
    assert made.drop(others).equals(whole.drop(others))
    told = series.gather_every(2).implode()  # every second one
    told_alone = rate_forecasts(history.filter(pl.col("unique_id").is_in(told)), plan, "why")
    assert made.filter(pl.col("unique_id").is_in(told)).equals(told_alone)
    assert not made.select(others).equals(whole.select(others))


def test_a_series_never_observed_has_no_forecast() -> None:
    plan = Plan("D", 7)
    panel = pl.DataFrame(
        {"unique_id": ["a"] * 9 + ["b"] * 9, "ds": [on(n) for n in range(9)] * 2, "y": [1.0] * 9 + [None] * 9}
    )
    assert rate_forecasts(panel, plan, "why")["unique_id"].unique().to_list() == ["a"]
    assert rate_forecasts(panel.filter(unique_id="b"), plan, "why").height == 0


def test_rows_are_of_the_table_and_of_both_frequencies(lake: Lake) -> None:
    rows = forecasts_of(lake, [LAST], CALENDAR, NOBODY)
    DemandForecasts.validate(rows)
    counts = dict(rows.group_by("frequency").len().iter_rows())
    assert counts == {"D": 28 * len(PAIRS), "W": 8 * len(PAIRS)}
    assert dict(rows.unique("model").select("frequency", "model").iter_rows()) == {
        "D": "demand-daily",
        "W": "demand-weekly",
    }
    assert rows.select("fallback_reason", "model_version", "model_hash", "trained_until").unique().rows() == [
        ("no model yet", None, None, None)
    ]


def test_each_row_says_the_price_it_assumes(lake: Lake) -> None:
    rows = forecasts_of(lake, [LAST], CALENDAR, NOBODY).filter(sku="A", market="UK")
    days = rows.filter(pl.col("frequency") == "D").sort("target_date")
    asked = [price(DAYS + ahead, 0) if promoted(DAYS + ahead, 0) and ahead < 5 else price(40, 0) for ahead in range(28)]
    assert [float(value) for value in days["conditioning_price"]] == asked
    week = rows.filter(pl.col("frequency") == "W").sort("target_date")
    assert float(week["conditioning_price"][0]) == pytest.approx(sum(asked[:7]) / 7, abs=1e-4)


def test_a_range_gives_what_its_days_give(lake: Lake) -> None:
    """The sale of day 40 was corrected on the last day: the days before must not know."""
    days = [on(number) for number in range(DAYS - 4, DAYS)]
    alone = [forecasts_of(lake, [day], CALENDAR, NOBODY) for day in days]
    assert forecasts_of(lake, days, CALENDAR, NOBODY).equals(pl.concat(alone).sort(DemandForecasts.order()))
    means = {day: part.filter(sku="B", frequency="D")["mean"][0] for day, part in zip(days, alone, strict=True)}
    assert means[LAST] > means[days[-2]] + 0.4


@pytest.mark.parametrize("rows", [1, 40])
def test_it_does_not_matter_how_many_rows_are_put_in_order_at_a_time(
    lake: Lake, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    together = forecasts_of(lake, [LAST], CALENDAR, NOBODY)
    monkeypatch.setattr("pricing_assets.demand.forecasts.AT_ONCE", rows)
    assert forecasts_of(lake, [LAST], CALENDAR, NOBODY).equals(together)


def test_a_day_with_nothing_on_sale_and_a_shop_without_a_whole_week_have_no_rows(lake: Lake, tmp_path: Path) -> None:
    assert forecasts_of(lake, [LAST + timedelta(days=1)], CALENDAR, NOBODY).height == 0
    young = DemandShop(5).lake(tmp_path)
    assert forecasts_of(young, [on(4)], CALENDAR, NOBODY)["frequency"].unique().to_list() == ["D"]


def test_a_model_in_force_is_named_in_its_rows(lake: Lake, model: DemandModel) -> None:
    rows = forecasts_of(lake, [LAST], CALENDAR, {"D": [Served(model, 3, "ab12")], "W": [NONE]})
    daily = rows.filter(pl.col("frequency") == "D")
    assert daily.select("model_version", "model_hash", "trained_until").unique().rows() == [(3, "ab12", on(20))]
    assert daily["fallback_reason"].unique().to_list() == ["too little history to train a model"]
    assert rows.filter(pl.col("frequency") == "W")["model_hash"].null_count() == 8 * len(PAIRS)


def test_each_day_is_served_by_the_newest_model_trained_before_it(lake: Lake, model: DemandModel) -> None:
    """A model's last day stood before it was trained: run again, it is forecast by what it had then."""
    older = replace(model, trained_until=on(17))
    served: dict[Frequency, list[Served]] = {"D": [Served(model, 3, "ab12"), Served(older, 2, "cd34")], "W": [NONE]}
    days = [on(17), on(18), on(20), on(21)]
    rows = forecasts_of(lake, days, CALENDAR, served).filter(pl.col("frequency") == "D")
    said = dict(rows.unique("date").select("date", "model_hash").iter_rows())
    assert said == {on(17): None, on(18): "cd34", on(20): "cd34", on(21): "ab12"}
    first = rows.filter(pl.col("date") == on(17))["fallback_reason"].unique().to_list()
    assert first == ["no version of demand-daily in force was trained before this day"]


def test_a_model_of_other_columns_or_another_horizon_falls_back_and_says_so(
    panels: dict[str, Panels], model: DemandModel
) -> None:
    daily = panels["D"]
    plan = replace(daily.plan, known=tuple(name for name in daily.plan.known if name != "price"))
    bare = replace(daily, plan=plan, history=daily.history.drop("price"), future=daily.future.drop("price"))
    rows = forecast_panels(bare, Served(model, 1, "ab12"))
    assert rows["by_model"].unique().to_list() == [False]
    assert rows["fallback_reason"][0].startswith("the model cannot forecast this panel: history: no column price")
    rows = forecast_panels(panels["W"], Served(model, 1, "ab12"))
    assert rows["fallback_reason"].unique().to_list() == ["the model forecasts 28D, asked are 8W"]


def test_a_series_without_a_posted_price_is_forecast_by_rate_beside_those_with_one(model: DemandModel) -> None:
    shop = DemandShop(DAYS)
    for row in shop.rows[raw.Prices]:
        if (row["sku"], row["market"]) == PAIRS[2]:
            row["price_kind"] = "realised"
    rows = forecast_panels(shop.read().daily(LAST), Served(model, 1, "ab12"))
    by_model = dict(rows.unique("unique_id").select("unique_id", "by_model").iter_rows())
    assert by_model == {"UK/A": True, "DE/A": True, "UK/B": False, "DE/C": True}
    assert rows.filter(pl.col("unique_id") == "UK/B")["fallback_reason"].unique().to_list() == [NO_PRICE]
    assert rows.height == 28 * len(PAIRS)


def test_no_forecast_is_below_zero_or_endless(lake: Lake) -> None:
    rows = forecasts_of(lake, [on(number) for number in (6, 20, 59)], CALENDAR, NOBODY)
    assert rows.select(pl.col(FIGURES).is_finite().all() & (pl.col(FIGURES) >= 0).all()).row(0) == (True,) * 6
    assert rows["date"].unique().sort().to_list() == [date(2026, 3, 8), date(2026, 3, 22), LAST]


def test_trees_that_lightgbm_cannot_read_fall_back_with_its_words(
    lake: Lake, model: DemandModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DemandModel, "forecast", lambda *_: loaded("ratio", "no trees"))
    rows = forecasts_of(lake, [LAST], CALENDAR, {"D": [Served(model, 1, "ab12")], "W": [NONE]})
    daily = rows.filter(pl.col("frequency") == "D")
    assert daily.height == 28 * len(PAIRS)
    assert daily["model_hash"].null_count() == daily.height
    (reason,) = daily["fallback_reason"].unique().to_list()
    assert reason.startswith("the model cannot forecast this panel: LightGBM: ")


def test_a_programming_error_while_forecasting_stays_loud(
    panels: dict[str, Panels], model: DemandModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> pl.DataFrame:
        raise TypeError("a slip of ours")

    monkeypatch.setattr(DemandModel, "forecast", broken)
    with pytest.raises(TypeError, match="a slip of ours"):
        forecast_panels(panels["D"], Served(model, 1, "ab12"))
