"""Beliefs: what prices a shop kept add to its estimates, in shops whose best prices are known."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest
from test_pricing_optimiser import ONE

from pricing_assets.pricing.beliefs import COMMON, TOGETHER, USUAL, believed
from pricing_assets.pricing.optimiser import Rows

COST = 600.0


class Shop(NamedTuple):
    """Rows of a shop whose prices are off from the best, their margins and categories, and what is true of them."""

    rows: Rows
    margin: np.ndarray
    group: np.ndarray
    elasticity: np.ndarray
    others: np.ndarray

    def slope(self, rows: Rows) -> np.ndarray:
        """What a small move earns the category by these rows, per unit of revenue."""
        return np.asarray(1 + self.per_revenue(rows.others) + rows.elasticity * self.margin)

    def per_revenue(self, amounts: np.ndarray) -> np.ndarray:
        return np.asarray(amounts / (self.rows.units * self.rows.planned))

    @property
    def true(self) -> np.ndarray:
        return np.asarray(1 + self.per_revenue(self.others) + self.elasticity * self.margin)


def shop(size: int, off: float, error: float, crossed: float = 0.0, *, categories: int = 30) -> Shop:
    """Categories of `size` SKUs; errors of elasticities are partly the category's, those of cross effects all its."""
    draw = np.random.default_rng(1)
    number = size * categories
    group = np.repeat(np.arange(categories), size)
    true = -draw.uniform(1.8, 3.2, number)
    best = COST / (1 + 1.25 / true)
    strays = draw.standard_normal(number) + TOGETHER * draw.standard_normal(categories)[group]
    price = best * (1 + off * strays).clip(0.5, 1.5)
    # what the others earn more per unit of log price is a quarter of the revenue at the best price, wherever it is
    share = 0.25 * (price / best) ** -(1 + true)
    columns = {name: np.full(number, value) for name, value in ONE.items()}
    revenue = columns["units"] * price
    common, own = draw.standard_normal(categories)[group], draw.standard_normal(number)
    columns |= {"base": price, "planned": price, "cost": np.full(number, COST), "error": np.full(number, error)}
    columns["elasticity"] = true + error * (np.sqrt(COMMON) * common + np.sqrt(1 - COMMON) * own)
    columns["others"] = revenue * (share + crossed * draw.standard_normal(categories)[group])
    columns["others_error"] = revenue * crossed
    return Shop(Rows(**columns), 1 - COST / price, group, true, revenue * share)


def rmse(found: np.ndarray, true: np.ndarray) -> float:
    return float(np.sqrt(np.mean((found - true) ** 2)))


@pytest.mark.parametrize("crossed", [0.0, 0.2])
def test_a_shop_that_prices_well_tells_more_than_its_sales(crossed: float) -> None:
    made = shop(8, 0.01, 0.5, crossed)
    found = believed(made.rows, made.margin, made.group)
    assert rmse(made.slope(found), made.true) < 0.4 * rmse(made.slope(made.rows), made.true)


def test_sales_count_where_prices_stray() -> None:
    made = shop(8, 0.30, 0.1)
    found = believed(made.rows, made.margin, made.group)
    assert rmse(found.elasticity, made.elasticity) == pytest.approx(
        rmse(made.rows.elasticity, made.elasticity), rel=0.2
    )


@pytest.mark.parametrize("off", [0.07, 0.10, 0.15])
@pytest.mark.parametrize("crossed", [0.05, 0.2])
def test_what_a_move_earns_is_better_known_than_by_sales_alone_and_its_error_is_what_it_says(
    off: float, crossed: float
) -> None:
    made = shop(8, off, 0.4, crossed, categories=100)
    found = believed(made.rows, made.margin, made.group)
    assert rmse(made.slope(found), made.true) < 0.8 * rmse(made.slope(made.rows), made.true)
    doubt = np.hypot(found.error * made.margin, made.per_revenue(found.others_error))
    assert np.mean(((made.slope(found) - made.true) / doubt) ** 2) == pytest.approx(1.0, abs=0.4)


@pytest.mark.parametrize("off", [0.07, 0.15])
def test_what_is_expected_of_a_move_is_what_comes_on_average(off: float) -> None:
    made = shop(8, off, 0.4, 0.1, categories=200)
    found = made.slope(believed(made.rows, made.margin, made.group))
    assert 0.8 < float(found @ made.true / (found @ found)) < 1.4, "no more is claimed than comes, nor much less"


def test_beliefs_are_those_of_normal_variables_told_what_sales_say() -> None:
    """The whole joint distribution of a category, all rows beside each other, against the sums by category."""
    made = shop(2, 0.1, 0.4, 0.15, categories=1)
    found, rows = believed(made.rows, made.margin, made.group), made.rows
    kept, crossed = made.margin, made.per_revenue(rows.others_error)
    reach = np.full(2, (1 - kept.mean()) / kept.mean())
    own = kept * rows.error
    # what sales say = what is so (strays alone and together) + errors (own, of the category, of the cross effect)
    so = np.diag((USUAL * reach) ** 2) + TOGETHER**2 * USUAL**2 * np.outer(reach, reach)
    said = so + np.diag((1 - COMMON) * own**2) + COMMON * np.outer(own, own) + np.outer(crossed, crossed)
    weights = so @ np.linalg.inv(said)
    assert made.slope(found) == pytest.approx(weights @ made.slope(rows), abs=1e-5)
    doubt = np.sqrt(np.diag(so - weights @ so))
    assert np.hypot(found.error * kept, crossed * found.error / rows.error) == pytest.approx(doubt, abs=1e-5)


def test_a_category_whose_prices_all_seem_off_has_a_misjudged_elasticity_rather() -> None:
    made = shop(12, 0.05, 0.4, categories=6)
    shifted = Rows(**{**vars(made.rows), "elasticity": made.rows.elasticity - 0.4 * (made.group == 0)})
    apart = made.slope(believed(shifted, made.margin, made.group)) - made.slope(
        believed(made.rows, made.margin, made.group)
    )
    first = made.group == 0
    assert abs(apart[first].mean()) < 0.3 * 0.4 * made.margin[first].mean()


@pytest.mark.parametrize("units", [50.0, 3.0, 0.0])
def test_a_sku_that_sells_little_says_little_of_what_its_category_shares(units: float) -> None:
    made = shop(20, 0.05, 0.4, 0.1, categories=1)
    sold = np.where(np.arange(20) == 0, units / 100, 1.0) * made.rows.units
    few = Rows(**{**vars(made.rows), "units": sold})
    usual, found = (believed(rows, made.margin, made.group) for rows in (made.rows, few))
    assert found.others[1:] == pytest.approx(usual.others[1:], rel=0.35)
    assert found.elasticity[1:] == pytest.approx(usual.elasticity[1:], abs=0.15)


@pytest.mark.parametrize("off", [0.07, 0.15])
def test_prices_are_hardly_taken_to_stray_more_where_skus_of_a_category_differ_in_size(off: float) -> None:
    even = shop(8, off, 0.3, 0.1, categories=100)
    size = np.exp(np.random.default_rng(3).standard_normal(len(even.margin)))
    # what the others earn is of their size, not of the row's own
    away = even.rows.others - even.others
    uneven = Rows(**{**vars(even.rows), "units": even.rows.units * size, "others": even.others * size + away})
    usual, found = (believed(rows, even.margin, even.group) for rows in (even.rows, uneven))
    alike = size > 1
    assert 0.8 < found.error[alike].mean() / usual.error[alike].mean() < 1.6


def test_what_a_margin_says_nothing_of_is_left_alone() -> None:
    made = shop(20, 0.05, 0.4, 0.1, categories=1)
    margin = made.margin.copy()
    margin[:3] = [np.nan, 0.0, -0.2]
    found = believed(made.rows, margin, made.group)
    for name in ("elasticity", "error", "others", "others_error"):
        assert getattr(found, name)[:3].tolist() == getattr(made.rows, name)[:3].tolist()
    unsure = Rows(**{**vars(made.rows), "error": np.where(np.arange(20) < 3, np.nan, made.rows.error)})
    assert np.isfinite(believed(unsure, made.margin, made.group).elasticity).all()
    nothing = believed(made.rows, np.full(20, np.nan), made.group)
    assert nothing == made.rows


def test_the_order_of_the_rows_changes_nothing() -> None:
    made = shop(6, 0.1, 0.4, 0.1)
    order = np.random.default_rng(5).permutation(len(made.margin))
    here = believed(made.rows.take(order), made.margin[order], made.group[order])
    there = believed(made.rows, made.margin, made.group).take(order)
    for name in ("elasticity", "error", "others", "others_error"):
        assert getattr(here, name) == pytest.approx(getattr(there, name), rel=3e-6, abs=3e-6)


def test_an_elasticity_stays_below_zero() -> None:
    made = shop(5, 0.30, 3.0)
    told = made.margin > 0
    assert (made.rows.elasticity[told] > 0).any()
    assert (believed(made.rows, made.margin, made.group).elasticity[told] <= 0).all()
