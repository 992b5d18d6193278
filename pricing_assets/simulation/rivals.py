"""Rivals: they follow our prices with a lag, undercut for a while, and recover.

Here: what each rival asks on each day, and whether it was seen. Not here: undercutting beyond the ordinary, which
irregularities plant.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Bools, Floats, Ints, stream, whole
from pricing_assets.simulation.settings import MarketSettings

NAMES = ("Ashdown", "Birch & Co", "Castor", "Delmar", "Elkins", "Farrow", "Gilt", "Harbour")
LONGEST_LAG = 5
_FOLLOWS, _PASSES_ON = 0.6, 0.3
_MOVES = 0.25  # chance a day that a rival looks at a price at all
_UNDERCUTS = 0.004
_RESTLESS = 0.15


class Rivals:
    """State of all rivals, arrays rival × cell; prices in cents. Some rivals' prices of a cell are `restless`."""

    def __init__(self, settings: MarketSettings, assortment: Assortment) -> None:
        shape = (settings.rivals, settings.cells)
        self._seed = settings.seed
        self._from = assortment.anchor if assortment.around is None else assortment.around
        self._follows = settings.rivals_follow
        draw = stream(settings.seed, "rivals").random((6, *shape))
        self.level: Floats = 0.94 + 0.16 * draw[0]
        self.lag: Ints = 1 + (LONGEST_LAG * draw[1]).astype(np.int64)
        self.tracked: Bools = draw[2] < 0.8
        self.tracked[:2] = True
        self.confidence: Floats = np.round(0.75 + 0.25 * draw[3], 2)
        self.restless: Floats = np.where(draw[4] < _RESTLESS, 0.03 * draw[5], 0.0)
        self.usual: Floats = self.level * self._from
        self._settled: Floats = self.usual
        self.prices: Ints = whole(self.usual)
        self._campaign = np.zeros(shape, dtype=np.int64)  # days an undercut still lasts

    def react(self, day: int, ours: Ints, regular: Ints) -> None:
        """Move to `day`: look at our prices of some days before; `ours` and `regular` are day × cell up to day − 1."""
        draw = stream(self._seed, "rivals' day", day).random((4, *self.level.shape))
        seen = np.maximum(day - self.lag, 0)
        cell = np.arange(self.level.shape[1])
        base, price = regular[seen, cell], ours[seen, cell]
        lasting = self._from + self._follows * (base - self._from)
        target = self.level * (lasting + _PASSES_ON * np.minimum(price - base, 0))
        begins = (draw[0] < _UNDERCUTS) & (self._campaign == 0)
        self._campaign = np.where(begins, 5 + (6 * draw[1]).astype(np.int64), np.maximum(self._campaign - 1, 0))
        target = np.where(self._campaign > 0, target * (0.89 + 0.07 * draw[2]), target)
        moves = (draw[3] < _MOVES) | begins
        self._settled = np.where(moves, self._settled + _FOLLOWS * (target - self._settled), self._settled)
        unrest = stream(self._seed, "restless rivals", day).standard_normal(self.level.shape)
        self.prices = np.maximum(whole(self._settled * (1 + self.restless * np.clip(unrest, -2, 2))), 1)

    def pull(self) -> Floats:
        """How dear rivals are: mean log of price ÷ usual price over those a cell has, 0 without any."""
        if not len(self.prices):
            return np.zeros(self.level.shape[1])
        logs = np.where(self.tracked, np.log(self.prices / self.usual), 0.0)
        return np.asarray(logs.sum(axis=0) / np.maximum(self.tracked.sum(axis=0), 1))

    def seen(self, day: int) -> tuple[Bools, Bools, Ints]:
        """Which prices were captured on a day, which rivals could deliver, and the minute of the day of the capture."""
        draw = stream(self._seed, "captures", day).random((3, *self.level.shape))
        return self.tracked & (draw[0] < 0.985), draw[1] < 0.95, 240 + (960 * draw[2]).astype(np.int64)
