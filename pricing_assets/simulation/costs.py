"""Costs: they drift week by week, and some jump for good.

Here: the cost of each cell and day, as the shop knows it. Not here: wrong costs, which irregularities plant.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Ints, stream, whole
from pricing_assets.simulation.settings import MarketSettings

_PULL, _SPREAD = 0.97, 0.006
_STEP_EVERY = 250  # days


def drift(settings: MarketSettings, assortment: Assortment) -> Ints:
    """Cost in cents, day × cell. A SKU's cost moves alike in all markets."""
    usual = assortment.cost.astype(np.float64)
    level, steps = np.zeros(settings.skus), np.zeros(settings.skus)
    rows = []
    for day in range(settings.days):
        if day % 7 == 0:
            level = _PULL * level + _SPREAD * stream(settings.seed, "cost", day).standard_normal(settings.skus)
        draw = stream(settings.seed, "cost step", day).random((settings.skus, 2))
        size = (0.03 + 0.05 * draw[:, 1]) * np.where(draw[:, 0] < 0.7 / _STEP_EVERY, 1, -1)
        steps = steps + np.where(draw[:, 0] < 1 / _STEP_EVERY, size, 0.0)
        rows.append(whole(usual * np.exp(level + steps)[assortment.sku]))
    return np.stack(rows)
