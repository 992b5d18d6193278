"""What the shop asks: regular prices that follow costs, promotions as planned, and what it does on a whim.

Here: the usual price of each cell and day. Not here: irregular prices (trading.py applies them).
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment, ending_in_nine
from pricing_assets.simulation.irregularities import Episodes
from pricing_assets.simulation.promotions import Plans
from pricing_assets.simulation.randomness import Floats, Ints, stream, whole
from pricing_assets.simulation.settings import MarketSettings

_CHANGES = 1 / 35  # chance a day that a regular price is looked at
_LEAST, _MOST = 0.02, 0.08  # size of a change
_REPOSITIONS = 1 / 500  # chance a day of a larger one, of 10 to 14 %
_CUTS, _LONGEST_CUT = 0.006, 3  # chance a day of a cut nobody planned, of 5 to 12 %; its days
_MOST_DEVIATIONS = 2.5  # standard deviations a volatile price strays at most
_TOO_THIN = 0.22  # margin below which it is looked at at once
_PROMOTED = 0.18  # least margin of a planned price
_SEEN = 0.5  # of a shock of demand that the shop sees, what it adds to the price
_WORTH = 0.95  # a planned price above this share of the regular one is not worth a leaflet


class Shop:
    """Prices in cents, day × cell: `regular`, `usual` (regular or promoted), `costs`; `planned` by promotion."""

    def __init__(
        self,
        settings: MarketSettings,
        assortment: Assortment,
        plans: Plans,
        episodes: Episodes,
        costs: Ints,
        *,
        shocks: Floats | None = None,
    ) -> None:
        self._seed, self._plans, self._margin = settings.seed, plans, assortment.margin
        self._volatility = assortment.volatility
        self._calm = episodes.number > 0
        self._kept = episodes.frozen | (plans.announced > 0) | (plans.running > 0)
        self.costs = costs
        self.regular: Ints = np.zeros_like(costs)
        self.usual: Ints = np.zeros_like(costs)
        self.planned: Ints = np.zeros(len(plans.cell), dtype=np.int64)
        self._shocks = shocks
        self._now = assortment.anchor.copy() if assortment.first is None else assortment.first.copy()
        self._cut = np.zeros(settings.cells)
        self._cut_until = np.full(settings.cells, -1)

    def price(self, day: int) -> Ints:
        """The usual prices of `day`."""
        if day:
            self._reconsider(day)
        self.regular[day] = self._now
        self._plan(day)
        running = self._plans.running[day]
        cell = np.flatnonzero(running)
        planned = self.planned[running[cell] - 1]
        price = self._unplanned(day)
        price[cell] = np.where(planned > 0, planned, price[cell])
        self.usual[day] = price
        return price

    def obey(self, day: int, price: Ints) -> None:
        """Ask `price` on `day` and from then on: somebody else decides."""
        self._now = self.regular[day] = self.usual[day] = price

    def _reconsider(self, day: int) -> None:
        """Change some regular prices by a few percent, towards the margin the shop wants; a few by more."""
        draw = stream(self._seed, "regular price", day).random((len(self._now), 3))
        thin = 1 - self.costs[day] / self._now < _TOO_THIN
        moved = draw[:, 0] > 1 - _REPOSITIONS
        wanted = self._target(day) / self._now - 1
        little = np.where(draw[:, 1] < 0.5, -1, 1) * (_LEAST + 0.02 * draw[:, 2])
        change = np.clip(np.where(np.abs(wanted) < _LEAST, little, wanted), -_MOST, _MOST)
        change = np.where(moved, np.sign(wanted) * (0.10 + 0.04 * draw[:, 2]), change)
        looked_at = ((draw[:, 0] < _CHANGES) | moved | thin) & ~self._kept[day]
        self._now = np.where(looked_at, ending_in_nine(self._now * (1 + change)), self._now)

    def _target(self, day: int) -> Floats:
        """The price the shop would like: its margin, and more where it sees that customers want more."""
        target: Floats = self.costs[day] / (1 - self._margin)
        return target if self._shocks is None else np.asarray(target * np.exp(_SEEN * self._shocks[day]))

    def _unplanned(self, day: int) -> Ints:
        """The regular prices with what no plan says: cuts of a few days, and the unrest of volatile prices."""
        draw = stream(self._seed, "unplanned cut", day).random((len(self._now), 3))
        begins = (draw[:, 0] < _CUTS) & (self._cut_until < day)
        self._cut = np.where(begins, 0.05 + 0.07 * draw[:, 1], self._cut)
        self._cut_until = np.where(begins, day + (_LONGEST_CUT * draw[:, 2]).astype(np.int64), self._cut_until)
        cut = np.where((self._cut_until >= day) & ~self._kept[day], self._cut, 0.0)
        unrest = stream(self._seed, "volatile price", day).standard_normal(len(self._now))
        unrest = self._volatility * np.clip(unrest, -_MOST_DEVIATIONS, _MOST_DEVIATIONS)
        return whole(self._now * (1 - cut + np.where(self._calm[day], 0.0, unrest)))

    def _plan(self, day: int) -> None:
        """Fix the price of the promotions that become known on `day`."""
        new = np.flatnonzero(self._plans.known == day)
        cell = self._plans.cell[new]
        floor = self.costs[day, cell] / (1 - _PROMOTED)
        price = ending_in_nine(np.maximum(self._now[cell] * (1 - self._plans.depth[new]), floor))
        self.planned[new] = np.where(price < _WORTH * self._now[cell], price, 0)
