"""Clustered errors: how sure a regression is when what moves units moves many rows at once.

Here: sums of scores by cluster, one-way and two-way (Cameron, Gelbach and Miller 2011), and least squares with them.
Not here: what the clusters are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


class Regression(NamedTuple):
    """Coefficients and their covariance matrix."""

    coefficients: Floats
    covariance: Floats

    @property
    def std_errors(self) -> Floats:
        """Standard errors of the coefficients."""
        return np.sqrt(np.maximum(np.diag(self.covariance), 0.0))


def meat(scores: Floats, clusters: Sequence[Ints]) -> Floats:
    """Sum of outer products of cluster sums of `scores` (rows × columns), over one or two ways of clustering.

    Two-way is first + second − both at once; each term is scaled by G ÷ (G − 1) of its own number of clusters, as in
    Cameron, Gelbach and Miller (2011), and directions of negative variance are set to none.
    """
    if len(clusters) == 1:
        return _one_way(scores, clusters[0])
    first, second = clusters
    both = np.unique(first * (second.max() + 1) + second, return_inverse=True)[1]
    total = _one_way(scores, first) + _one_way(scores, second) - _one_way(scores, both)
    values, vectors = np.linalg.eigh(total)
    return np.asarray((vectors * np.maximum(values, 0.0)) @ vectors.T)


def least_squares(y: Floats, x: Floats, clusters: Sequence[Ints]) -> Regression:
    """Ordinary least squares of y on x (rows × columns, no column added), errors clustered one or two ways."""
    inverse = np.linalg.pinv(x.T @ x)
    coefficients = inverse @ (x.T @ y)
    scores = x * (y - x @ coefficients)[:, None]
    rows, width = x.shape
    scale = (rows - 1) / max(rows - width, 1)
    return Regression(coefficients, scale * inverse @ meat(scores, clusters) @ inverse)


def _one_way(scores: Floats, cluster: Ints) -> Floats:
    _, number = np.unique(cluster, return_inverse=True)
    size = int(number.max()) + 1
    sums = np.column_stack([np.bincount(number, column, size) for column in scores.T])
    return np.asarray(size / max(size - 1, 1) * (sums.T @ sums))
