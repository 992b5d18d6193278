"""Units expected at final prices: against demand.response, which answers one day at a time and checks everything."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any
from unittest import mock

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY, day, days_frame, features, strategy
from pricing_outlooks import Row, elasticity, expect, forecast, known, typed

from pricing_assets.demand.response import respond
from pricing_assets.lake import Lake, Provenance
from pricing_assets.pricing import decide
from pricing_assets.pricing.expected import NO_FORECAST, expected
from pricing_assets.pricing.outlook import Outlook, outlook_of
from pricing_assets.tables.forecasts import DemandForecasts
from pricing_assets.tables.raw import Promotions

TENTH_OFF = strategy("{name: tenth, then: {multiply: 0.9}}")
AMOUNTS = ("current_price", "list_price", "final_price", "cost")
BOTH = [elasticity(-2.0), elasticity(-3.0, kind="promotion")]


def told(price: str | None, of: Outlook, **values: Any) -> dict[str, Any]:
    """What a decision of S in the UK expects at a final price; current and list price are 10, the cost is 6."""
    method = values.pop("method", "rules")
    amounts = {"current_price": "10", "list_price": "10", "cost": "6"} | {"final_price": price} | values
    row = {"date": DAY, "sku": "S", "market": "UK", "category": "TEA", "method": method}
    row |= {name: None if value is None else Decimal(value) for name, value in amounts.items()}
    return expected(pl.DataFrame([row], schema_overrides=dict.fromkeys(amounts, pl.Decimal(18, 4))), of).to_dicts()[0]


def units(price: str | None, of: Outlook, **values: Any) -> float | None:
    found = told(price, of, **values)["expected_units"]
    assert found is None or isinstance(found, float)
    return found


def test_at_the_planned_price_it_is_the_forecast_of_28_days() -> None:
    assert units("10", known(forecast(per_day=1.5, conditioning_price=Decimal("10")), BOTH)) == 42.0


def test_up_to_the_list_price_the_base_elasticity_answers_and_below_it_that_of_promotions() -> None:
    of = known(forecast(conditioning_price=Decimal("10")), BOTH)
    assert units("12", of) == round(28 * 1.2**-2, 4)
    assert units("12", of, list_price="12") == round(28 * 1.2**-3, 4)
    assert units("9", of) == round(28 * 0.9**-3, 4)
    assert units("9", of, list_price=None) == round(28 * 0.9**-2, 4)


def test_a_base_price_that_a_model_moves_takes_the_list_price_along() -> None:
    of = known(forecast(conditioning_price=Decimal("10")), BOTH)
    assert units("9", of, method="ml") == round(28 * 0.9**-2, 4)


def test_profit_is_units_times_margin_to_the_last_digit() -> None:
    of = known(forecast(per_day=1.5, conditioning_price=Decimal("10")), BOTH)
    assert told("10", of)["expected_profit"] == Decimal("168.0000")
    assert told("10", of, cost="10.0001")["expected_profit"] == Decimal("-0.0042")
    assert told("10", of, cost=None)["expected_profit"] is None


def test_a_forecast_that_assumed_no_price_is_taken_as_made_at_the_current_one() -> None:
    of = known(forecast(), BOTH)
    assert units("10", of) == 28.0
    assert units("5", of, current_price="5") == 28.0
    assert units("9", of) == round(28 * 0.9**-3, 4)


def planned(prices: dict[int, str | None], otherwise: str = "10") -> list[Row]:
    """A forecast of 2 units a day, in which some of the 28 days have planned prices of their own."""
    rows = forecast(per_day=2.0, conditioning_price=Decimal(otherwise))
    for number, price in prices.items():
        rows[number - 1]["conditioning_price"] = None if price is None else Decimal(price)
    return rows


@pytest.mark.parametrize("dates", [[28], [1], [5, 6, 7], list(range(1, 28))])
def test_dates_with_planned_prices_of_their_own_each_answer_from_their_own(dates: list[int]) -> None:
    rows = planned(dict.fromkeys(dates, "5"))
    for price, above in (("10", 1.0), ("12", 1.2), ("9", 1.0), ("5", 1.0)):
        below = [max(min(float(price), 10) / (5 if number in dates else 10), 0.5) for number in range(1, 29)]
        answers = [move**-3.0 * above**-2.0 for move in below]
        assert units(price, known(rows, BOTH)) == pytest.approx(2 * sum(answers), rel=1e-9, abs=6e-5)


def test_plans_of_one_sku_leave_the_others_alone() -> None:
    rows = [*planned({3: "5"}), *forecast(sku="A", per_day=2.0), *forecast(market="DE"), *forecast(on=day(1))]
    of = known(rows, BOTH)
    assert of.plans.select("date", "sku", "market").unique().rows() == [(DAY, "S", "UK")]
    assert (of.plans.height, known(forecast(), BOTH).plans.height) == (28, 0)
    keys = pl.DataFrame(
        {"date": [DAY, DAY, DAY, day(1)], "sku": ["A", "S", "S", "S"], "market": ["UK", "DE", "UK", "UK"]}
    )
    at = keys.with_columns(
        category=pl.lit("TEA"), method=pl.lit("rules"), **dict.fromkeys(AMOUNTS, pl.lit(Decimal(10)))
    )
    assert expected(at, of)["expected_units"].to_list() == [56.0, 28.0, round(54 + 2 * 2.0**-3, 4), 28.0]


@pytest.mark.parametrize("without", ["final_price", "forecast"])
def test_without_a_price_or_a_forecast_nothing_is_expected(without: str) -> None:
    rows = forecast(sku="another") if without == "forecast" else forecast()
    found = told(None if without == "final_price" else "10", known(rows, BOTH))
    assert found["expected_units"] is None
    assert found["model_fallback"] == (NO_FORECAST if without == "forecast" else None)


def test_without_a_model_the_reason_is_kept_and_no_hash() -> None:
    none = dict.fromkeys(("model_version", "model_hash", "trained_until"))
    found = told("10", known(forecast(fallback_reason="model demand-daily has no champion yet", **none)))
    assert found == {
        "expected_units": 28.0,
        "expected_profit": Decimal("112.0000"),
        "model_hashes": None,
        "model_fallback": "model demand-daily has no champion yet",
    }


def test_a_series_its_model_forecasts_by_a_rate_names_both() -> None:
    found = told("10", known(forecast(fallback_reason="new: 9 days observed")))
    assert (found["model_hashes"], found["model_fallback"]) == (
        "demand-daily/3@ab12cd34ef56" + "0" * 52,
        "new: 9 days observed",
    )


def test_forecasts_of_weeks_shorter_horizons_and_other_models_are_not_asked() -> None:
    weekly = [row for row in forecast() if row["frequency"] == "W"]
    short = [row for row in forecast() if row["target_date"] < DAY + timedelta(days=28)]
    for rows in (weekly, short, forecast(model="demand-hourly")):
        assert units("10", known(rows)) is None
    assert known(weekly).models == {}


def test_models_of_a_day_are_those_of_its_forecasts_with_the_whole_hash() -> None:
    of = known([*forecast(), *forecast(sku="T", model_version=4), *forecast(on=day(1), model_hash=None)])
    artifact = "ab12cd34ef56" + "0" * 52
    assert of.models == {DAY: [f"demand-daily/3@{artifact}", f"demand-daily/4@{artifact}"]}


def test_units_move_no_price_and_stand_beside_the_row_they_are_about() -> None:
    rows = [{"date": on, "sku": sku, "market": m} for on in (DAY, day(1)) for sku in "BA" for m in ("UK", "DE")]
    days = days_frame([DAY, day(1)]).drop("effective_from")
    per_day = {(row["date"], row["sku"], row["market"]): float(number) for number, row in enumerate(rows)}
    of = known([each for key, value in per_day.items() for each in forecast(*key, per_day=value)][::-1])
    plain, found = decide(features(*rows), [], days).decisions, decide(features(*rows), [], days, known=of).decisions
    assert {tuple(key): value for *key, value in found.select("date", "sku", "market", "expected_units").rows()} == {
        key: 28 * value for key, value in per_day.items()
    }
    mine = ["expected_units", "expected_profit", "model_hashes", "model_fallback"]
    assert found.drop(mine).equals(plain.drop(mine))
    assert plain.select(mine).unique().rows() == [(None, None, None, NO_FORECAST)]


PRICES = st.integers(1, 3000).map(lambda cents: Decimal(cents).scaleb(-2))
ROW = st.fixed_dictionaries(
    {
        "date": st.sampled_from([DAY, day(1)]),
        "sku": st.sampled_from("ABCDE"),
        "category": st.sampled_from(["TEA", "JAM", None]),
        "final_price": st.none() | PRICES,
        "current_price": PRICES,
        "list_price": st.none() | PRICES,
        "per_day": st.none() | st.floats(0, 500),
        "conditioning_price": st.none() | PRICES,
        "base": st.none() | st.floats(-5, 0),
        "promotion": st.none() | st.floats(-5, 0),
    }
)


@settings(max_examples=40)
@given(st.lists(ROW, min_size=1, max_size=6, unique_by=lambda row: (row["date"], row["sku"])))
def test_units_are_those_of_demand_response(rows: list[Row]) -> None:
    rows = sorted(rows, key=lambda row: (row["date"], row["sku"]))
    predicted = [row for row in rows if row["per_day"] is not None]
    forecasts = [
        each
        for row in predicted
        for each in forecast(
            row["date"], row["sku"], per_day=row["per_day"], conditioning_price=row["conditioning_price"]
        )[27:]
    ]
    answers = [
        elasticity(row[kind], row["date"], row["sku"], kind=kind)
        for row in rows
        for kind in ("base", "promotion")
        if row[kind] is not None
    ]
    of = known(forecasts, answers)
    types = dict.fromkeys(("final_price", "current_price", "list_price"), pl.Decimal(18, 4)) | {"category": pl.String}
    frame = pl.DataFrame(rows, schema_overrides=types).with_columns(
        market=pl.lit("UK"), method=pl.lit("rules"), cost=pl.lit(None, pl.Decimal(18, 4))
    )
    found = expected(frame, of)["expected_units"].to_list()
    for row, ours in zip(rows, found, strict=True):
        theirs = _responded(row, predicted, of)
        assert ours == (None if theirs is None else pytest.approx(theirs, rel=1e-9, abs=6e-5))


def _responded(row: Row, predicted: list[Row], of: Outlook) -> float | None:
    """What demand.response says of one row, beside the others of its day that are forecast and priced."""
    if row["final_price"] is None or row["per_day"] is None:
        return None
    of_day = [each for each in predicted if each["date"] == row["date"] and each["final_price"] is not None]
    planned = pl.DataFrame(
        {
            "sku": [each["sku"] for each in of_day],
            "market": ["UK"] * len(of_day),
            "category": pl.Series([each["category"] for each in of_day], dtype=pl.String),
            "units": [28 * each["per_day"] for each in of_day],
            "planned_price": [float(each["conditioning_price"] or each["current_price"]) for each in of_day],
            "list_price": pl.Series([each["list_price"] for each in of_day], dtype=pl.Decimal(18, 4)),
        }
    )
    candidates = planned.select("sku", "market").with_columns(
        candidate=pl.Series([float(each["final_price"]) for each in of_day]),
    )
    answer = respond(planned, of.elasticities.filter(date=row["date"]), candidates)
    return float(answer.filter(sku=row["sku"])["units"][0])


@settings(max_examples=40)
@given(PRICES, PRICES, st.lists(PRICES, min_size=2, max_size=2).map(sorted), st.floats(-5, 0), st.floats(-5, 0))
def test_units_never_rise_with_the_price_across_list(
    at: Decimal, listed: Decimal, prices: list[Decimal], base: float, promotion: float
) -> None:
    of = known(forecast(conditioning_price=at), [elasticity(base), elasticity(promotion, kind="promotion")])
    low, high = (units(str(price), of, list_price=str(listed)) for price in prices)
    assert low is not None and high is not None and high <= low * (1 + 1e-12) + 1e-4


def test_units_do_not_jump_at_the_list_price() -> None:
    of = known(forecast(conditioning_price=Decimal("8")), [elasticity(-1.0), elasticity(-3.0, kind="promotion")])
    assert units("10", of) == round(28 * 0.8**3, 4)
    assert units("9.9999", of) == pytest.approx(28 * 0.8**3, rel=1e-4)


def test_two_forecasts_of_one_sku_and_day_cannot_happen() -> None:
    with pytest.raises(pl.exceptions.ComputeError):
        told("10", known([*forecast(), *forecast(sku="T")])._replace(forecasts=_twice()))


def _twice() -> pl.DataFrame:
    rows = known(forecast()).forecasts
    return pl.concat([rows, rows])


def test_a_lake_is_asked_for_the_last_of_the_28_days_only(tmp_path: Any) -> None:
    lake = Lake(tmp_path / "lake")
    for on in (DAY, day(1)):
        expect(lake, on, "A", "B", elasticities=[elasticity(-2.0, on, "A")])
    assert _forecasts_read(lake) == [day(28)] * 2
    of = outlook_of(lake, [DAY, day(1)])
    assert of.forecasts.select("date", "sku", "sum_mean").rows() == [
        (on, sku, 28.0) for on in (DAY, day(1)) for sku in "AB"
    ]
    assert of.inputs == {on: _hashes(lake, on) for on in (DAY, day(1))}
    assert of.forecasts.equals(
        known([each for on in (DAY, day(1)) for sku in "AB" for each in forecast(on, sku)]).forecasts
    )
    assert outlook_of(lake, [DAY, day(2)]).inputs[day(2)] == {}


def test_a_lake_whose_shop_plans_prices_is_asked_for_all_of_them(tmp_path: Any) -> None:
    lake = Lake(tmp_path / "lake")
    rows = typed(DemandForecasts, planned({3: "5"}))
    lake.commit(DemandForecasts, rows, [DAY], Provenance("r"))
    plan = {"known_on": DAY, "target_date": day(3), "sku": "S", "market": "UK", "planned_price": Decimal(5)}
    lake.commit(Promotions, typed(Promotions, [plan | {"currency": "GBP"}]), [DAY], Provenance("r"))
    of = outlook_of(lake, [DAY])
    assert of.plans.equals(known(planned({3: "5"})).plans)
    assert of.forecasts.equals(known(planned({3: "5"})).forecasts)


def _forecasts_read(lake: Lake) -> list[date]:
    """The target dates that are read of a day."""
    asked = []
    read = lake.read_files

    def noting(*given: Any, **named: Any) -> pl.DataFrame:
        rows = read(*given, **named)
        if given[0] is DemandForecasts:
            asked.extend(rows["target_date"].to_list())
        return rows

    with mock.patch.object(lake, "read_files", noting):
        outlook_of(lake, [DAY])
    return asked


def _hashes(lake: Lake, on: date) -> dict[str, str]:
    from pricing_assets.tables.forecasts import Elasticities

    return {table.table_name(): lake.partitions(table)[on].hash for table in (DemandForecasts, Elasticities)}


def test_the_order_of_rows_in_a_table_does_not_matter() -> None:
    rows = [each for sku in "ABC" for each in forecast(sku=sku, per_day=ord(sku))]
    assert known(rows).forecasts.equals(known(rows[::-1]).forecasts)
    assert typed(DemandForecasts, rows).equals(typed(DemandForecasts, rows[::-1]))
