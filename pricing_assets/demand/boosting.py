"""Boosted trees: one LightGBM over all series per objective.

Here: training on a design matrix, forecasts from it, what each feature contributed. Not here: the matrix (design), how
the objectives are put together (blend).

Three boosters see the same rows. `tweedie` predicts units with the series' base as offset (exposure): right for zeros
and counts. `ratio` predicts the logarithm of sales over base: right for lifts that multiply. `level` predicts the
logarithm of sales from sales and prices as they are, not as ratios: it errs elsewhere, which is what a blend lives on.
What a mean of logarithms loses is given back by a factor (Duan 1983). Deterministic: the same rows grow the same trees,
with any number of threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from pricing_assets.demand.design import features
from pricing_assets.demand.drivers import LEVEL
from pricing_assets.demand.panel import Y
from pricing_assets.demand.past import BASE
from pricing_assets.demand.roles import Roles

if TYPE_CHECKING:
    import lightgbm

TWEEDIE, RATIO, LEVELS = "tweedie", "ratio", "level"
BOOSTERS = (TWEEDIE, RATIO, LEVELS)
OBJECTIVES: dict[str, dict[str, Any]] = {
    TWEEDIE: {"objective": "tweedie", "tweedie_variance_power": 1.3},
    RATIO: {"objective": "regression"},
    LEVELS: {"objective": "regression", "feature_fraction": 0.8},
}
RELATIVE = ("answer", "seen", "lift", "slope", ":ratio", ":depth", "momentum", "price_step", "recent_low")
PAST_RATIOS = ("mean_", "log_mean_", "plain_ratio_", "plain_", "last_", "weekday_", "year_ago")
PARAMETERS: dict[str, Any] = {
    "learning_rate": 0.05,
    "num_leaves": 48,
    "min_data_in_leaf": 40,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    "lambda_l2": 1.0,
    "max_bin": 127,
    "cat_smooth": 20.0,
    "cat_l2": 20.0,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
ROUNDS = 220
FACTORS = (0.7, 2.0)
OFFSET = 0.5
"""Units added before a logarithm, so that zero has one."""


@dataclass(frozen=True)
class Encoding:
    """Which columns the trees see, in order, and the code of each category; a category not seen has none."""

    features: tuple[str, ...]
    categories: dict[str, dict[str, int]]

    def matrix(self, rows: pl.DataFrame) -> np.ndarray:
        """float64, rows × (categories, features)."""
        coded = [
            pl.col(name).replace_strict(codes, default=None, return_dtype=pl.Float64)
            for name, codes in self.categories.items()
        ]
        return rows.select(*coded, pl.col(self.features).cast(pl.Float64)).to_numpy(order="fortran")

    def seen_by(self, name: str) -> list[int]:
        """Places of the columns a booster sees: `level` sees levels and what is known, the others all but levels."""
        ratios = [f for f in self.features if f.endswith(RELATIVE) or f.startswith(PAST_RATIOS)]
        relative = {f for f in ratios if not f.endswith(LEVEL)} | {"log_base"}
        hidden = relative if name == LEVELS else {f for f in self.features if f.endswith(LEVEL)}
        return [place for place, column in enumerate(self.names) if column not in hidden]

    @property
    def names(self) -> list[str]:
        """Column names of the matrix."""
        return [*self.categories, *self.features]


def encoding_of(rows: pl.DataFrame, roles: Roles) -> Encoding:
    """The encoding of training rows."""
    values = {name: sorted(rows[name].drop_nulls().unique().to_list()) for name in roles.categories}
    codes = {name: {value: code for code, value in enumerate(found)} for name, found in values.items()}
    return Encoding(tuple(features(rows, roles)), codes)


@dataclass(frozen=True)
class Grown:
    """A booster as LightGBM's text, and the factor that gives its forecasts the mean of what it was trained on."""

    text: str
    factor: float


def train(
    rows: pl.DataFrame, encoding: Encoding, seed: int, names: Sequence[str] = BOOSTERS, rounds: int = ROUNDS
) -> dict[str, Grown]:
    """Boosters trained on the rows with an observed `y`."""
    rows = rows.filter(pl.col(Y).is_not_null())
    matrix = encoding.matrix(rows)
    return {
        name: _grown(name, matrix[:, encoding.seen_by(name)], rows, len(encoding.categories), seed=seed, rounds=rounds)
        for name in names
    }


def _grown(name: str, matrix: np.ndarray, rows: pl.DataFrame, categories: int, *, seed: int, rounds: int) -> Grown:
    import lightgbm

    y, base = rows[Y].to_numpy(), rows[BASE].to_numpy()
    aims: dict[str, dict[str, Any]] = {
        TWEEDIE: {"label": y, "init_score": np.log(base)},
        RATIO: {"label": np.log((y + OFFSET) / (base + OFFSET)), "weight": np.sqrt(base)},
        LEVELS: {"label": np.log1p(y)},
    }
    data = lightgbm.Dataset(
        matrix,
        **aims[name],
        feature_name=[f"f{number}" for number in range(matrix.shape[1])],
        categorical_feature=list(range(categories)),
        params={"max_bin": PARAMETERS["max_bin"], "verbosity": -1},
    )
    booster = lightgbm.train({**PARAMETERS, **OBJECTIVES[name], "seed": seed}, data, rounds)
    made = predict(name, booster, matrix, base).sum()
    factor = float(np.clip(y.sum() / made, *FACTORS)) if made > 0 else 1.0
    return Grown(str(booster.model_to_string()), factor)


def loaded(text: str) -> lightgbm.Booster:
    """A booster from its text."""
    import lightgbm

    return lightgbm.Booster(model_str=text)


def predict(name: str, booster: lightgbm.Booster, matrix: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Units, 0 or more."""
    score = np.asarray(booster.predict(matrix, raw_score=True))
    if name == TWEEDIE:
        return np.asarray(np.exp(score) * base)
    if name == LEVELS:
        return np.asarray(np.maximum(np.expm1(score), 0.0))
    return np.asarray(np.maximum(np.exp(score) * (base + OFFSET) - OFFSET, 0.0))


def contributions(booster: lightgbm.Booster, matrix: np.ndarray) -> np.ndarray:
    """What each column adds to the score (a logarithm), rows × (columns, expected value); rows add up to the score.

    Exact Shapley values for trees (Lundberg et al. 2020), as LightGBM's pred_contrib gives them.
    """
    return np.asarray(booster.predict(matrix, pred_contrib=True))
