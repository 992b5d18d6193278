"""A straight line through logarithms: what trees cannot do, go on beyond the prices they have seen.

Here: one ridge regression of log sales over base on all features and a few products of them. Not here: trees
(boosting), weights (blend).

Deterministic to the bit with any number of threads: features, weights and coefficients are whole numbers of a small
unit, so that every sum is exact in whatever order it is taken.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np

from pricing_assets.demand.drivers import DEPTH, PROMOTED

PENALTY = 100.0
"""Rows of average weight that speak for a coefficient of 0."""
FAR, FINE = 4.0, 64
"""Standard deviations beyond which a feature is cut off; parts of one that are told apart."""
MICRO = 1_000_000
BEFORE = ":before_1"
"""Ends the names of promotions' past values (drivers): so a promotion is known by its name."""
STEEPEST = 3.0
"""Largest score believed: sales 20 times the base, or a 20th."""


@dataclass(frozen=True)
class Line:
    """Names of the columns it reads; centre and scale of each feature made of them; coefficients in millionths."""

    names: tuple[str, ...]
    centre: np.ndarray
    scale: np.ndarray
    slope: np.ndarray
    level: float

    def predict(self, matrix: np.ndarray, **_: Any) -> np.ndarray:
        """Scores (logarithms of sales over base) of rows × names."""
        whole = _whole(_widened(matrix, self.names), self.centre, self.scale) @ self.slope
        return np.asarray(np.clip(self.level + whole / (MICRO * FINE), -STEEPEST, STEEPEST))

    def model_to_string(self) -> str:
        """As JSON."""
        arrays = {name: getattr(self, name).tolist() for name in ("centre", "scale", "slope")}
        return json.dumps({"names": self.names, "level": self.level, **arrays}) + "\n"


def loaded(text: str) -> Line:
    """A line from its text."""
    told = json.loads(text)
    centre, scale, slope = (np.array(told[name], dtype=np.float64) for name in ("centre", "scale", "slope"))
    return Line(tuple(told["names"]), centre, scale, slope, float(told["level"]))


def fitted(
    matrix: np.ndarray, names: tuple[str, ...], label: np.ndarray, weight: np.ndarray, *, folds: np.ndarray, number: int
) -> list[Line]:
    """Lines of least squares, held back, one per fold left out of 0 … number - 1.

    `matrix` is rows × names; what is missing counts as average. Products are summed once per fold: a line is solved
    from the sums of the others, which costs one pass over the rows, not one per fold.
    """
    wide = _widened(matrix, names)
    centre, scale = _standard(wide)
    columns = np.column_stack([_whole(wide, centre, scale), np.full(len(wide), float(FINE))])
    heavy = np.maximum(np.round(np.minimum(weight / weight.mean(), 16.0) * FINE), 1.0)
    answer = np.round(label * FINE * FINE)
    sums = [_sums(columns[part], heavy[part], answer[part]) for part in (folds == fold for fold in range(number))]
    finite = np.where(np.isinf(scale), 0.0, scale)
    penalty = np.full(columns.shape[1], PENALTY)
    penalty[-1] = 1e-3
    lines = []
    for fold in range(number):
        crossed = sum(sums[other][0] for other in range(number) if other != fold)
        answered = sum(sums[other][1] for other in range(number) if other != fold)
        slope = np.round(np.linalg.solve(crossed + np.diag(penalty), answered) * MICRO)
        lines.append(Line(names, centre, finite, slope[:-1], float(slope[-1]) / MICRO))
    return lines


def _standard(wide: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each column; infinite where it never varies."""
    seen = ~np.isnan(wide)
    number = np.maximum(seen.sum(axis=0), 1)
    filled = np.where(seen, wide, 0.0)
    centre = np.round(filled.sum(axis=0) / number, 9)
    spread = np.sqrt((np.where(seen, wide - centre, 0.0) ** 2).sum(axis=0) / number)
    return centre, np.where(spread > 1e-6, np.round(spread, 9), np.inf)


def _sums(columns: np.ndarray, heavy: np.ndarray, answer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Weighted products of the columns with each other and with the answer."""
    weighted = columns * heavy[:, None]
    return (weighted.T @ columns) / FINE**3, (weighted.T @ answer) / FINE**4


def _whole(wide: np.ndarray, centre: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """Features in 64ths of a standard deviation; 0 where they are missing or never vary."""
    usable = np.isfinite(scale) & (scale > 0)
    told = np.where(usable, (wide - centre) / np.where(usable, scale, 1.0), 0.0)
    return np.asarray(np.round(np.clip(np.nan_to_num(told), -FAR, FAR) * FINE))


def _widened(matrix: np.ndarray, names: tuple[str, ...]) -> np.ndarray:
    """The columns and their products: promotions that deepen with the discount, answers a series gave before."""
    column = {name: matrix[:, place] for place, name in enumerate(names)}
    made = [matrix]
    if DEPTH in column:
        depth = column[DEPTH]
        flags = [name.removesuffix(BEFORE) for name in names if name.endswith(BEFORE) and not name.startswith(DEPTH)]
        made += [(depth * column[flag])[:, None] for flag in flags]
        made += [(depth**2)[:, None], (depth * column["own_slope"])[:, None]]
    made.append((column["own_lift"] * column[PROMOTED])[:, None])
    made += [np.log1p(column[name])[:, None] for name in ("promoted_for", "since_promotion")]
    return np.column_stack(made)
