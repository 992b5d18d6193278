"""Members of the blend: which there are, what each learns by which trees, and what is thought of them beforehand.

Here: names, objectives, parameters of trees, weights before anything was learned. Not here: training (boosting), what
each sees (boosting.Encoding), weights after it (blend).

A blend lives on members that err elsewhere. `ratio` predicts the logarithm of sales over base: right for lifts that
multiply. `tweedie` predicts units, zeros and counts as they come. `line` goes on beyond the prices trees have seen.
These stand for the mean, and split at random thresholds (Geurts et al. 2006), which errs less where many series share
few prices. Weeks of shelf sales are skewed by promotions nobody foresees: there `median` (least absolute error) and
`levels` (logarithms of units, from sales and prices as they are), which do not follow them, err least.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pricing_assets.demand.simple import RATE

RATIO, TWEEDIE, LINE, MEDIAN, LEVELS = "ratio", "tweedie", "line", "median", "levels"
MEDIANS = (MEDIAN, LEVELS)
"""Members that learn logarithms of units and stand for the median, not the mean."""


class Prior(NamedTuple):
    """What is thought of a blend before anything was learned.

    `weights` per member; `trust`, the share of a blend's weights that is what was best on past dates; `near`, how much
    of the way from the scale that keeps the mean to that of least absolute error the whole goes.
    """

    weights: Mapping[str, float]
    trust: float
    near: float


PRIORS: Mapping[str, Prior] = {
    "D": Prior({RATIO: 1 / 3, TWEEDIE: 1 / 3, LINE: 1 / 3, RATE: 0.0}, trust=1 / 2, near=2 / 3),
    "W": Prior({RATIO: 0.0, TWEEDIE: 0.1, LINE: 0.0, MEDIAN: 0.5, LEVELS: 0.4, RATE: 0.0}, trust=0.25, near=0.85),
}
"""By frequency; its members in order."""
BINS: Mapping[str, Any] = {"max_bin": 63, "num_threads": 1, "verbosity": -1}
_ALIKE = {"learning_rate": 0.1, "deterministic": True, "force_row_wise": True, **BINS}
_RANDOM = {
    **_ALIKE,
    "num_leaves": 31,
    "min_data_in_leaf": 40,
    "extra_trees": True,
    "feature_fraction": 0.4,
    "lambda_l2": 1.0,
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
}
_EXACT = {**_ALIKE, "min_data_in_leaf": 20, "feature_fraction": 0.8, "bagging_fraction": 0.8, "bagging_freq": 1}
TREES: Mapping[str, Mapping[str, Any]] = {
    RATIO: {**_RANDOM, "objective": "regression"},
    TWEEDIE: {**_RANDOM, "objective": "tweedie", "tweedie_variance_power": 1.3},
    MEDIAN: {**_EXACT, "objective": "regression_l1", "num_leaves": 63},
    LEVELS: {**_EXACT, "objective": "regression", "num_leaves": 31},
}
ROUNDS = {RATIO: 120, TWEEDIE: 120, MEDIAN: 200, LEVELS: 200}
