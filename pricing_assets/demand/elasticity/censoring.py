"""Sold-out dates: what customers would have bought, given that they bought all there was.

Here: expected demand above what was sold, and how much such a date says. Not here: which dates were sold out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pricing_assets.demand.elasticity.clusters import Floats


def sold_out(expected: Floats, y: Floats, censored: npt.NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """Demand of each row, and the share of a row's information that is left.

    Where `censored` is false, y and 1. Where it is true demand is that of a Poisson variable known to be at least y,
    E[Y | Y ≥ y] = μ P(Y ≥ y − 1) ÷ P(Y ≥ y), and the share 1 − Var[Y | Y ≥ y] ÷ μ (the missing information principle,
    Louis 1982): a date that began sold out says nothing.
    """
    if not censored.any():
        return y, np.ones_like(y)
    mean, least = np.maximum(expected[censored], 1e-9), y[censored]
    at_least = np.maximum(_reaches(mean, least), 1e-12)
    once = np.where(at_least > 1e-10, mean * _reaches(mean, least - 1) / at_least, least)
    twice = np.where(at_least > 1e-10, mean**2 * _reaches(mean, least - 2) / at_least, least * (least - 1))
    variance = twice + once - once**2
    demand, share = y.copy(), np.ones_like(y)
    demand[censored] = np.maximum(once, least)
    share[censored] = np.clip(1 - variance / mean, 0.0, 1.0)
    return demand, share


def _reaches(mean: Floats, least: Floats) -> Floats:
    """P(Y ≥ least) of a Poisson variable; 1 at 0 and below."""
    from scipy.special import gammainc  # type: ignore[import-untyped]

    return np.where(least > 0, gammainc(np.maximum(least, 1e-9), mean), 1.0)
