"""Which of many tests count: false-discovery control.

Here: adjusted p-values. Not here: the tests.

Benjamini & Hochberg (1995) hold where tests are independent or positively dependent, as SKUs that share a market's
shocks are; Benjamini & Yekutieli (2001) under any dependence, at ln(m) times the price.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def q_values(p_values: Floats, dependence: str = "positive") -> Floats:
    """Adjusted p-values in the order given; NaN, a test that was not made, stays NaN and counts for nothing.

    Rejecting where `q ≤ level` keeps the expected share of false discoveries at `level`. `dependence` is `positive`
    (Benjamini–Hochberg) or `arbitrary` (Benjamini–Yekutieli).
    """
    made = np.flatnonzero(~np.isnan(p_values))
    adjusted = np.full(len(p_values), np.nan)
    number = len(made)
    if not number:
        return adjusted
    order = made[np.argsort(p_values[made], kind="stable")]
    rank = np.arange(1, number + 1)
    price = float(np.sum(1 / rank)) if dependence == "arbitrary" else 1.0
    steps = p_values[order] * number * price / rank
    adjusted[order] = np.minimum(np.minimum.accumulate(steps[::-1])[::-1], 1.0)
    return adjusted
