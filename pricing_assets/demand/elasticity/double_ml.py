"""Double machine learning: the effect of prices once learners have taken everything else out of prices and units.

Here: cross-fitted residuals and the regression of one on the other, for the partially linear model (Chernozhukov et al.
2018). Not here: fixed effects, what the answer is compared with (specifications).

Folds are whole blocks of weeks: rows of one promotion share what moved units, so that a learner which saw half of a
promotion would know the other half.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from pricing_assets.demand.elasticity.clusters import Floats, Ints, Regression, least_squares
from pricing_assets.demand.elasticity.design import PRICES, Design, gram, series_sums
from pricing_assets.demand.elasticity.information import Residuals, Slopes, information

FOLDS = 5
LEAST_ROWS = 2
"""Rows a learner asks for at least."""
BLOCK_WEEKS = 8
"""Weeks of a block: longer than promotions and what customers still have of them at home."""


class Learner(Protocol):
    """A regressor as scikit-learn has them."""

    def fit(self, x: Floats, y: Floats) -> object:
        """Learn y from x (rows × columns)."""
        ...

    def predict(self, x: Floats) -> Floats:
        """Expected y of each row of x."""
        ...


def week_folds(week: Ints) -> Ints:
    """The fold of each row: blocks of BLOCK_WEEKS weeks, in turn to FOLDS folds."""
    return np.asarray((week - week.min()) // BLOCK_WEEKS % FOLDS, dtype=np.int64)


def has_other_folds(design: Design) -> bool:
    """Whether a learner has rows to learn from for each fold: a young shop's dates may all lie in one block."""
    sold = (design.y > 0) & ~design.censored
    if not sold.any():
        return False
    return int(sold.sum() - np.bincount(week_folds(design.date[sold])).max()) >= LEAST_ROWS


def boosted_trees() -> Learner:
    """The learner the product uses: boosted trees, the same on one thread and on two."""
    from lightgbm import LGBMRegressor

    return LGBMRegressor(
        n_estimators=150,
        learning_rate=0.08,
        num_leaves=15,
        min_child_samples=40,
        random_state=7,
        deterministic=True,
        force_row_wise=True,
        n_jobs=1,
        verbose=-1,
    )


def residuals(outcome: Floats, controls: Floats, fold: Ints, learner: Callable[[], Learner] = boosted_trees) -> Floats:
    """What each row's outcome is beside its expectation given controls, learned on the other folds."""
    left = np.zeros_like(outcome)
    for number in np.unique(fold):
        out = fold == number
        model = learner()
        model.fit(controls[~out], outcome[~out])
        left[out] = outcome[out] - model.predict(controls[out])
    return left


def partially_linear(
    y: Floats,
    prices: Floats,
    controls: Floats,
    fold: Ints,
    *,
    clusters: Sequence[Ints],
    learner: Callable[[], Learner] = boosted_trees,
) -> Regression:
    """Effects of `prices` (rows × columns) on y given `controls`, with errors clustered one or two ways.

    Residuals of y are regressed on those of the prices; both come from folds their row was not in.
    """
    left = residuals(y, controls, fold, learner)
    moved = np.column_stack([residuals(column, controls, fold, learner) for column in prices.T])
    return least_squares(left, moved, clusters)


def series_slopes(design: Design, sku: Ints, learner: Callable[[], Learner] = boosted_trees) -> Slopes:
    """Slopes of both prices of each series of a design, by double ML over all series together.

    Log units and log prices are taken beside their series' mean; the learner sees the other columns of the design,
    which SKU it is, its usual volume, the season and the weekday. Dates without sales and sold-out ones are left out.
    Only for a design that has_other_folds.
    """
    design = design.where((design.y > 0) & ~design.censored)
    count = np.maximum(series_sums(design, np.ones_like(design.y)), 1.0)
    wanted = np.column_stack([np.log(design.y), design.x[:, :PRICES]])
    level = series_sums(design, wanted) / count[:, None]
    season = 2 * np.pi * design.day / 365.25
    seen = [sku[design.series], level[design.series, 0], design.day % 7, np.sin(season), np.cos(season)]
    controls = np.column_stack([design.x[:, PRICES:], *(np.asarray(each, dtype=np.float64) for each in seen)])
    fold = week_folds(design.date)
    left = np.column_stack([residuals(column, controls, fold, learner) for column in (wanted - level[design.series]).T])
    made = replace(design, names=design.names[:PRICES], x=left[:, 1:])
    normal = gram(made, made.x, np.ones_like(made.y)) + 1e-6 * np.eye(PRICES)
    weighted = series_sums(made, made.x * left[:, :1])
    slopes = np.asarray(np.linalg.solve(normal, weighted[:, :, None])[:, :, 0], dtype=np.float64)
    error = left[:, 0] - np.einsum("nk,nk->n", made.x, slopes[made.series])
    return information(made, slopes, Residuals(np.ones_like(error), error, error**2), sku)
