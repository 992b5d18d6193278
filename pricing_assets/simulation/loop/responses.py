"""How a law answers prices over many days at once, customers' memory and pantries in it.

Here: the path of answers to a path of prices. Not here: the laws, and whose tastes they are given.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import lfilter  # type: ignore[import-untyped]

from pricing_assets.simulation.demand import MEMORY
from pricing_assets.simulation.laws import LAWS, PANTRY_DAYS, Offer, Tastes, forward
from pricing_assets.simulation.loop.blocks import Blocks
from pricing_assets.simulation.randomness import Floats

REMEMBERING = ("reference_price", "stockpiling")
"""Laws by which a price answers for days after it."""


@dataclass(frozen=True)
class Prices:
    """Prices of a span of days, day × cell, as customers see them; `memory` is what they remember on its first day.

    `substitutes` and `rivals` are logs of price ÷ usual price.
    """

    price: Floats
    regular: Floats
    memory: Floats
    substitutes: Floats
    rivals: Floats


def respond(law: str, prices: Prices, anchor: Floats, tastes: Tastes) -> Floats:
    """Units of each day and cell as a multiple of the volume at anchor prices; pantries are empty on the first day."""
    memory = np.exp(remembered(np.log(prices.price), np.log(prices.memory)))
    seen = (prices.price, prices.regular, anchor, memory, prices.substitutes, prices.rivals)
    if law != "stockpiling":
        return LAWS[law](Offer(*seen), tastes)
    pantry = _lagged(forward(Offer(*seen), tastes), 1 - 1 / PANTRY_DAYS)
    return LAWS[law](Offer(*seen, pantry=pantry), tastes)


def remembered(logs: Floats, first: Floats) -> Floats:
    """The log price customers remember on each day, before they see that day's."""
    return np.asarray(first + _lagged((1 - MEMORY) * (logs - first), MEMORY))


def mean_of_others(logs: Floats, blocks: Blocks) -> Floats:
    """Of each cell the mean of its block's others, day × cell; 0 without any."""
    total = np.stack([blocks.sums(day) for day in logs])
    others = blocks.size - 1
    return np.where(others > 0, (total - logs) / np.maximum(others, 1), 0.0)


def _lagged(values: Floats, kept: float) -> Floats:
    """x of each day where x tomorrow is `kept` × x + today's value, 0 at first."""
    summed = lfilter([1.0], [1.0, -kept], values, axis=0)
    return np.asarray(np.vstack([np.zeros_like(summed[:1]), summed[:-1]]))
