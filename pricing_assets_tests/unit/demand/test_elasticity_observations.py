from __future__ import annotations

from datetime import date, timedelta
from statistics import median

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.demand.elasticity.censoring import sold_out
from pricing_assets.demand.elasticity.columns import Columns, checked
from pricing_assets.demand.elasticity.observations import _median, observe


def _regular(prices: list[float], step: int = 1) -> list[float]:
    days = [date(2024, 1, 1) + timedelta(days=step * number) for number in range(len(prices))]
    frame = pl.DataFrame({"unique_id": "A", "ds": days, "y": 1.0, "price": prices})
    rows = observe(checked(frame, Columns()), Columns()).rows
    return [round(float(np.exp(each)), 6) for each in rows["base"]]


def test_a_cut_that_ends_is_a_promotion_of_the_regular_price():
    prices = [10.0] * 30 + [8.0] * 10 + [10.0] * 30
    assert _regular(prices) == [10.0] * 70


def test_a_cut_that_stays_is_a_new_regular_price_from_its_first_day():
    prices = [10.0] * 40 + [9.0] * 40
    assert _regular(prices) == prices


def test_a_rise_is_a_new_regular_price_from_its_first_day():
    prices = [10.0] * 40 + [11.0] * 40
    assert _regular(prices) == prices


def test_a_price_far_from_the_regular_one_is_left_out_and_counted():
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(40)]
    frame = pl.DataFrame({"unique_id": "A", "ds": days, "y": 1.0, "price": [10.0] * 20 + [0.1] + [10.0] * 19})
    seen = observe(checked(frame, Columns()), Columns())
    assert seen.series["n_obs"].item() == 39
    assert seen.series["left_out"].item() == "1 of irregular price"


def test_weeks_are_told_from_days():
    prices = [10.0] * 12 + [8.0] * 3 + [10.0] * 8 + [9.0] * 9
    assert _regular(prices, step=7) == [10.0] * 23 + [9.0] * 9


@pytest.mark.parametrize(("mean", "least"), [(5.0, 3.0), (5.0, 9.0), (0.5, 1.0), (40.0, 45.0)])
def test_demand_of_a_sold_out_date_is_that_of_a_poisson_variable_of_at_least_what_was_sold(mean: float, least: float):
    from scipy.stats import poisson

    counts = np.arange(int(least), 400)
    weights = poisson.pmf(counts, mean) / poisson.pmf(counts, mean).sum()
    expectation = (counts * weights).sum()
    variance = (counts**2 * weights).sum() - expectation**2
    demand, share = sold_out(np.array([mean]), np.array([least]), np.array([True]))
    assert demand[0] == pytest.approx(expectation, rel=1e-9)
    assert share[0] == pytest.approx(1 - variance / mean, rel=1e-6)


def test_a_date_that_began_sold_out_says_nothing():
    demand, share = sold_out(np.array([7.0]), np.array([0.0]), np.array([True]))
    assert (demand[0], share[0]) == (7.0, 0.0)


def test_one_misread_rival_does_not_hide_what_all_rivals_do():
    days = [date(2024, 1, 1) + timedelta(days=number) for number in range(40)]
    frame = pl.DataFrame({"unique_id": "A", "ds": days, "y": 1.0, "price": [10.0] * 20 + [9.0] * 20})
    dearer = [8.0] * 20 + [8.0 * 1.05] * 20
    misread = [8.0 * 0.5 if number % 4 == 0 else price for number, price in enumerate(dearer)]
    rivals = ("rival_a", "rival_b", "rival_c")
    frame = frame.with_columns(rival_a=pl.Series(dearer), rival_b=pl.Series(dearer), rival_c=pl.Series(misread))
    rows = observe(checked(frame, Columns(rivals=rivals)), Columns(rivals=rivals)).rows.sort("ds")
    told = (rows["rivals"] - rows["rivals"][1]).to_numpy()
    assert told[1::4] == pytest.approx([0.0] * 5 + [np.log(1.05)] * 5)
    assert np.abs(told[::4] - told[1::4]).max() < 0.05  # a third of log 2 without


@given(st.lists(st.lists(st.none() | st.floats(-1, 1), min_size=3, max_size=3), min_size=1, max_size=20))
def test_the_usual_rival_is_the_median_of_those_that_are_seen(rows: list[list[float | None]]):
    found = _median(np.array(rows, dtype=np.float64))
    for row, middle in zip(rows, found, strict=True):
        seen = [each for each in row if each is not None]
        assert middle == pytest.approx(median(seen)) if seen else np.isnan(middle)
