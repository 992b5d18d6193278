"""Beliefs: what prices a shop kept add to its estimates, in shops whose best prices are known."""

from __future__ import annotations

import numpy as np
import pytest
from test_pricing_optimiser import ONE

from pricing_assets.pricing.beliefs import USUAL, believed
from pricing_assets.pricing.optimiser import Rows


def shop(number: int, off: float, error: float, seed: int = 1) -> tuple[Rows, np.ndarray, np.ndarray]:
    """Rows of a shop whose prices are up to `off` from the best, their margins and true elasticities."""
    draw = np.random.default_rng(seed)
    true = -draw.uniform(1.8, 3.2, number)
    best = 600 * true / (true + 1)
    price = best * (1 + draw.choice([-off, off], number))
    columns = {name: np.full(number, value) for name, value in ONE.items()}
    columns |= {"base": price, "planned": price, "elasticity": true + error * draw.standard_normal(number)}
    columns["error"] = np.full(number, error)
    return Rows(**columns), 1 - 600 / price, true


def rmse(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - true) ** 2)))


def test_a_shop_that_prices_well_tells_more_than_its_sales() -> None:
    rows, margin, true = shop(200, 0.01, 0.5)
    assert rmse(believed(rows, margin).elasticity, true) < 0.3 * rmse(rows.elasticity, true)


def test_sales_count_where_prices_stray() -> None:
    rows, margin, true = shop(200, 0.30, 0.1)
    assert rmse(believed(rows, margin).elasticity, true) == pytest.approx(rmse(rows.elasticity, true), rel=0.15)


@pytest.mark.parametrize("off", [0.03, 0.07, 0.15])
def test_belief_is_never_much_worse_than_either_and_its_error_is_what_it_says(off: float) -> None:
    rows, margin, true = shop(500, off, 0.4)
    found = believed(rows, margin)
    implied = -1 / margin
    assert rmse(found.elasticity, true) < 1.05 * min(rmse(rows.elasticity, true), rmse(implied, true))
    assert np.mean(((found.elasticity - true) / found.error) ** 2) == pytest.approx(1.0, abs=0.35)


def test_what_a_margin_says_nothing_of_is_left_alone() -> None:
    rows, margin, _ = shop(20, 0.05, 0.4)
    margin[:3] = [np.nan, 0.0, -0.2]
    found = believed(rows, margin)
    assert found.elasticity[:3].tolist() == rows.elasticity[:3].tolist()
    assert found.error[:3].tolist() == rows.error[:3].tolist()


def test_few_rows_are_taken_for_those_of_a_usual_shop() -> None:
    rows, margin, _ = shop(3, 0.30, 0.4)
    reach = (1 - margin) / margin**2 * USUAL
    share = reach**2 / (reach**2 + 0.4**2)
    assert believed(rows, margin).error == pytest.approx(0.4 * np.sqrt(share))


def test_an_elasticity_stays_below_zero() -> None:
    rows, margin, _ = shop(30, 0.30, 3.0)
    assert (believed(rows, margin).elasticity <= 0).all()
