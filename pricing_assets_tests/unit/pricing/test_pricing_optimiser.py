"""The optimiser: gains against a slow obvious oracle, their doubt against draws, and which price it takes."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.pricing.optimiser import Rows, choose, gain, units_at

ONE = {
    "base": 1000.0,
    "planned": 1000.0,
    "cost": 600.0,
    "units": 200.0,
    "spread": 0.0,
    "elasticity": -2.0,
    "error": 0.0,
    "curvature": 0.0,
    "others": 0.0,
    "others_error": 0.0,
    "stock": math.inf,
    "tested_low": math.log(500),
    "tested_high": math.log(2000),
    "label": 0.0,
}


def rows(*each: dict[str, float]) -> Rows:
    """Rows that differ from ONE in what each says."""
    full = [ONE | values for values in each] or [ONE]
    return Rows(**{name: np.array([values[name] for values in full]) for name in ONE})


def at(*prices: float) -> np.ndarray:
    return np.array(prices, dtype=np.float64)


def test_a_gain_is_what_the_price_earns_less_what_holding_earns() -> None:
    earned = 200 * 1.1**-2 * (1100 - 600) - 200 * (1000 - 600)
    assert gain(rows(), at(1100)).mean == pytest.approx([earned])
    assert units_at(rows(), at(1100)) == pytest.approx([200 * 1.1**-2])


def test_what_the_category_wins_and_what_a_change_costs_count() -> None:
    plain = gain(rows(), at(1100)).mean
    asked = rows({"others": 5000.0, "label": 70.0})
    assert gain(asked, at(1100)).mean == pytest.approx(plain + 5000 * math.log(1.1) - 70)
    assert gain(asked, at(1000)).mean == 0.0


def test_of_a_clearance_no_more_is_sold_than_there_is() -> None:
    asked = rows({"stock": 210.0, "cost": 0.0})
    assert gain(asked, at(900)).mean == pytest.approx([210 * 900 - 200 * 1000])


def test_the_doubt_of_the_elasticity_is_what_draws_of_it_say() -> None:
    draw = np.random.default_rng(1).normal(-2.0, 0.1, 40_000)
    drawn = 200 * np.exp(draw * math.log(1.1)) * 500 - 200 * 400
    found = gain(rows({"error": 0.1}), at(1100))
    by_form = gain(rows(), at(1100)).doubt
    assert np.sqrt(found.doubt**2 - by_form**2) == pytest.approx([drawn.std()], rel=0.02)


def test_a_forecast_that_is_wrong_for_both_prices_leaves_the_sign_alone() -> None:
    sure, unsure = (gain(rows({"spread": spread}), at(1100)) for spread in (0.0, 0.5))
    assert unsure.doubt > sure.doubt
    assert unsure.doubt**2 - sure.doubt**2 == pytest.approx((0.5 * sure.mean) ** 2)


def test_prices_nobody_tried_are_doubted_more() -> None:
    tried, untried = (gain(rows({"tested_high": math.log(high)}), at(1100)) for high in (1200, 1000))
    assert untried.doubt > tried.doubt
    assert untried.mean == tried.mean


def test_confidence_is_the_probability_that_the_lower_bound_states() -> None:
    found = gain(rows({"error": 0.3, "elasticity": -1.6}), at(1050))
    assert found.low(float(found.confidence()[0])) == pytest.approx([0.0], abs=0.1)


def test_a_price_is_taken_only_where_its_lower_bound_beats_holding() -> None:
    ladder = np.array([[1050], [1100], [0]], dtype=np.int64)
    surely, hardly = rows({"elasticity": -1.5, "error": 0.05}), rows({"elasticity": -1.5, "error": 2.0})
    sure, unsure = (choose(asked, ladder, 0.8) for asked in (surely, hardly))
    assert sure == [1100]
    assert gain(surely, sure.astype(np.float64)).low(0.8) > 0
    assert unsure == [1000]
    held = gain(hardly, unsure.astype(np.float64))
    assert (held.mean[0], held.low(0.8)[0]) == (0.0, 0.0)
    assert all(gain(hardly, at(price)).low(0.8) < 0 for price in (1050, 1100))


def test_of_prices_that_are_sure_the_one_expected_to_earn_most_is_taken() -> None:
    asked = rows({"error": 0.2})
    nearer, further, beyond = (gain(asked, at(price)) for price in (1100, 1200, 1250))
    assert nearer.low(0.8) > further.low(0.8) > 0 > beyond.low(0.8)
    assert nearer.mean < further.mean
    assert choose(asked, np.array([[1100], [1200], [1250]], dtype=np.int64), 0.8) == [1200]


def test_of_equals_the_nearest_to_the_base_then_the_lower_one_is_taken_in_any_order() -> None:
    asked = rows({"elasticity": 0.0, "cost": 0.0, "units": 0.0, "label": -5.0})
    for ladder in ([[1100], [950], [1050]], [[1050], [1100], [950]]):
        assert choose(asked, np.array(ladder, dtype=np.int64), 0.8) == [950]


CELL = st.fixed_dictionaries(
    {
        "cost": st.floats(1, 1500),
        "units": st.floats(0, 5000),
        "spread": st.floats(0, 1),
        "elasticity": st.floats(-5, -0.1),
        "error": st.floats(0, 2),
        "curvature": st.sampled_from([0.0, 0.5, 1.0]),
        "others": st.floats(-1e5, 1e5),
        "others_error": st.floats(0, 1e4),
        "stock": st.sampled_from([math.inf, 50.0]),
        "label": st.floats(0, 100),
    }
)


@settings(max_examples=60)
@given(st.lists(CELL, min_size=1, max_size=5), st.lists(st.integers(500, 2000), min_size=1, max_size=6))
def test_the_choice_is_that_of_trying_every_price_of_every_row_alone(
    cells: list[dict[str, float]], prices: list[int]
) -> None:
    asked = rows(*cells)
    found = choose(asked, np.array([[price] * len(cells) for price in prices], dtype=np.int64), 0.8)
    for number in range(len(cells)):
        alone = asked.take(slice(number, number + 1))
        made = {price: gain(alone, at(price)) for price in prices}
        sure = {price: round(float(each.mean[0]), 3) for price, each in made.items() if each.low(0.8)[0] > 0}
        best = max(sure.values(), default=0.0)
        wanted = min(
            (price for price, mean in sure.items() if mean == best), key=lambda p: (abs(p - 1000), p), default=1000
        )
        assert found[number] == wanted


def test_a_row_does_not_depend_on_the_rows_beside_it() -> None:
    asked = rows({}, {"elasticity": -3.0}, {"curvature": 1.0})
    ladder = np.array([[900] * 3, [1100] * 3], dtype=np.int64)
    together = choose(asked, ladder, 0.8)
    again = choose(replace(asked).take([2, 0, 1]), ladder, 0.8)
    assert together[[2, 0, 1]].tolist() == again.tolist()
