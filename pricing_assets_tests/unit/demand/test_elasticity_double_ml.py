from __future__ import annotations

import numpy as np
import pytest
from elasticity_panels import panel

from pricing_assets.demand.elasticity import Columns, checked
from pricing_assets.demand.elasticity.design import design
from pricing_assets.demand.elasticity.double_ml import (
    BLOCK_WEEKS,
    has_other_folds,
    partially_linear,
    residuals,
    series_slopes,
    week_folds,
)
from pricing_assets.demand.elasticity.observations import observe


def _confounded(rows: int = 1500):
    draw = np.random.default_rng(5)
    controls = draw.standard_normal((rows, 3))
    price = np.sin(controls[:, 0]) + 0.5 * controls[:, 1] + 0.5 * draw.standard_normal(rows)
    y = -2.0 * price + 2 * np.sin(controls[:, 0]) + controls[:, 1] ** 2 + 0.5 * draw.standard_normal(rows)
    return y, price, controls, draw.integers(0, 5, rows)


def test_effects_and_errors_are_those_of_econml_with_the_same_learner_and_folds():
    from econml.dml import LinearDML
    from sklearn.linear_model import LinearRegression

    y, price, controls, fold = _confounded()
    splits = [(np.flatnonzero(fold != number), np.flatnonzero(fold == number)) for number in range(5)]
    theirs = LinearDML(
        model_y=LinearRegression(), model_t=LinearRegression(), cv=splits, fit_cate_intercept=True, random_state=1
    ).fit(y, price, X=None, W=controls)
    every = [np.arange(len(y))]
    ours = partially_linear(y, price[:, None], controls, fold, clusters=every, learner=LinearRegression)
    assert ours.coefficients[0] == pytest.approx(float(theirs.effect()[0]), abs=1e-3)
    error = float(theirs.effect_inference().stderr[0])
    assert ours.std_errors[0] == pytest.approx(error, rel=0.02)


def test_what_learners_know_of_prices_and_units_does_not_pass_for_an_effect():
    y, price, controls, fold = _confounded()
    naive = np.polyfit(price, y, 1)[0]
    ours = partially_linear(y, price[:, None], controls, fold, clusters=[np.arange(len(y))])
    assert abs(naive + 2.0) > 0.5
    assert ours.coefficients[0] == pytest.approx(-2.0, abs=0.15)


def test_a_row_is_judged_by_folds_it_was_not_in():
    class Remembers:
        def fit(self, x, y):
            self.known = dict(zip(x[:, 0], y, strict=True))

        def predict(self, x):
            return np.array([self.known.get(each, 0.0) for each in x[:, 0]])

    rows = np.arange(20.0)
    assert (residuals(rows + 1, rows[:, None], np.arange(20) % 4, Remembers) == rows + 1).all()


def test_folds_are_whole_blocks_of_weeks():
    week = np.repeat(np.arange(100), 3)
    fold = week_folds(week)
    assert len(np.unique(fold)) == 5
    assert all(len(np.unique(fold[week // BLOCK_WEEKS == block])) == 1 for block in range(12))


def test_dates_within_one_block_leave_no_other_fold_to_learn_from():
    columns = Columns(regular_price="regular_price", promotions=("feature",), sku="sku")
    young, older = (
        design(observe(checked(panel(days=days), columns), columns), ())
        for days in (BLOCK_WEEKS * 7 - 14, BLOCK_WEEKS * 7 + 21)
    )
    assert not has_other_folds(young) and has_other_folds(older)
    assert not has_other_folds(older.where(np.zeros(len(older.y), dtype=bool)))


def test_slopes_of_series_find_what_was_planted():
    frame = panel(skus=6, volume=80.0, spread=0.0, days=360)
    columns = Columns(regular_price="regular_price", promotions=("feature",), rivals=("rival_a",), sku="sku")
    made = design(observe(checked(frame, columns), columns), ())
    slopes = series_slopes(made, np.repeat(np.arange(6), 2))
    weight = 1 / slopes.own_error**2
    mean = (slopes.own * weight).sum(axis=0) / weight.sum(axis=0)
    assert mean[1] == pytest.approx(-3.0, abs=0.35)
    assert mean[0] == pytest.approx(-2.0, abs=0.6)
