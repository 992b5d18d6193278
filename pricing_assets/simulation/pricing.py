"""What the shop asks: regular prices that follow costs, and promotions as planned.

Here: the usual price of each cell and day. Not here: irregular prices (trading.py applies them).
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment, ending_in_nine
from pricing_assets.simulation.promotions import Plans
from pricing_assets.simulation.randomness import Bools, Ints, stream
from pricing_assets.simulation.settings import MarketSettings

_CHANGES = 1 / 35  # chance a day that a regular price is looked at
_LEAST, _MOST = 0.02, 0.08  # size of a change
_TOO_THIN = 0.22  # margin below which it is looked at at once
_PROMOTED = 0.18  # least margin of a planned price
_WORTH = 0.95  # a planned price above this share of the regular one is not worth a leaflet


class Shop:
    """Prices in cents, day × cell: `regular`, `usual` (regular or promoted), `costs`; `planned` by promotion."""

    def __init__(
        self, settings: MarketSettings, assortment: Assortment, plans: Plans, frozen: Bools, costs: Ints
    ) -> None:
        self._seed, self._plans, self._margin = settings.seed, plans, assortment.margin
        self._kept = frozen | (plans.announced > 0) | (plans.running > 0)
        self.costs = costs
        self.regular: Ints = np.zeros_like(costs)
        self.usual: Ints = np.zeros_like(costs)
        self.planned: Ints = np.zeros(len(plans.cell), dtype=np.int64)
        self._now = assortment.anchor.copy()

    def price(self, day: int) -> Ints:
        """The usual prices of `day`."""
        if day:
            self._reconsider(day)
        self.regular[day] = self._now
        self._plan(day)
        running = self._plans.running[day]
        cell = np.flatnonzero(running)
        planned = self.planned[running[cell] - 1]
        price = self._now.copy()
        price[cell] = np.where(planned > 0, planned, price[cell])
        self.usual[day] = price
        return price

    def _reconsider(self, day: int) -> None:
        """Change some regular prices by a few percent, towards the margin the shop wants."""
        draw = stream(self._seed, "regular price", day).random((len(self._now), 3))
        thin = 1 - self.costs[day] / self._now < _TOO_THIN
        looked_at = ((draw[:, 0] < _CHANGES) | thin) & ~self._kept[day]
        wanted = self.costs[day] / (1 - self._margin) / self._now - 1
        wanted = np.where(
            np.abs(wanted) < _LEAST, np.where(draw[:, 1] < 0.5, -1, 1) * (_LEAST + 0.02 * draw[:, 2]), wanted
        )
        change = np.clip(wanted, -_MOST, _MOST)
        self._now = np.where(looked_at, ending_in_nine(self._now * (1 + change)), self._now)

    def _plan(self, day: int) -> None:
        """Fix the price of the promotions that become known on `day`."""
        new = np.flatnonzero(self._plans.known == day)
        cell = self._plans.cell[new]
        floor = self.costs[day, cell] / (1 - _PROMOTED)
        price = ending_in_nine(np.maximum(self._now[cell] * (1 - self._plans.depth[new]), floor))
        self.planned[new] = np.where(price < _WORTH * self._now[cell], price, 0)
