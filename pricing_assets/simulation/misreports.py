"""Rivals' prices misreported: wrong, old, or of another product.

Here: which rival's price of which cell is misreported, and what is reported instead. Not here: what the rival really
asks, which is what customers answer (rivals.py).
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.randomness import Ints, stream
from pricing_assets.simulation.settings import MarketSettings

_OLD = 28  # days
_WRONG, _OLDER, _ANOTHER = range(3)
_FAR = 0.35  # log standard deviation of a wrong price around the true one, anew every week


class Misreports:
    """What is reported of each rival's price of a cell, rival × cell: a pair is misreported always in the same way."""

    def __init__(self, settings: MarketSettings) -> None:
        shape = (settings.rivals, settings.cells)
        draw = stream(settings.seed, "misreports").random((3, *shape))
        self.wrong = draw[0] < settings.misreported
        self.way: Ints = (3 * draw[1]).astype(np.int64)
        self._other: Ints = (settings.cells * draw[2]).astype(np.int64)
        self._seed = settings.seed
        self._before: list[Ints] = []

    def reported(self, day: int, prices: Ints) -> Ints:
        """What is reported of the `prices` of `day`; days come one after the other."""
        self._before = [*self._before[-_OLD:], prices]
        noise = stream(self._seed, "misreport", day // 7).standard_normal(prices.shape)
        slips = np.maximum(np.rint(prices * np.exp(_FAR * noise)).astype(np.int64), 1)
        another = np.take_along_axis(prices, self._other, axis=1)
        instead = np.choose(self.way, [slips, self._before[0], another])
        return np.where(self.wrong, instead, prices)
