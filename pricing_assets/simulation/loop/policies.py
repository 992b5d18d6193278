"""Policies: who asks prices, day by day, from what the shop has seen.

Here: what a policy is, and the plain ones: hold, follow cost, follow rivals, own elasticities, and who knows it all.
Not here: the best policy with the same information (informed), the product itself (product).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from pricing_assets.simulation.loop.blocks import climb
from pricing_assets.simulation.loop.scenes import Scene
from pricing_assets.simulation.loop.world import View
from pricing_assets.simulation.randomness import Floats, Ints, whole

REACH = 0.25
"""Share of its starting price that no policy goes beyond, the oracle too: a price nobody tested is a leap."""
EVERY = 28
"""Days from one look at all prices to the next, of policies that learn."""
_LEAST_MARKUP = 1.02
_LEAST_ELASTIC, _MOST_ELASTIC = 1.2, 6.0
_RIVAL_DAYS = 7


class Policy(Protocol):
    """Asks prices for the next day."""

    def ask(self, view: View) -> Ints:
        """The prices of the day after `view.day`, in cents."""
        ...


class Static:
    """Leaves prices as they are."""

    def ask(self, view: View) -> Ints:
        """The prices in force."""
        return view.current


class CostPlus:
    """Asks the same markup on cost for all SKUs of a category: that which the category had all along."""

    def ask(self, view: View) -> Ints:
        """Cost × the category's markup, within reach."""
        past = slice(view.history)
        paid, cost = (view.sold[past] * each[past] for each in (view.price, view.cost))
        of = view.category
        markup = np.bincount(of, paid.sum(axis=0)) / np.maximum(np.bincount(of, cost.sum(axis=0)), 1)
        return within_reach(view, view.costs * markup[of])


class Matching:
    """Asks what rivals ask in the middle, by the last week's captures."""

    def ask(self, view: View) -> Ints:
        """The median rival, not below cost, within reach; the price in force where nothing was captured."""
        recent = view.rivals[-_RIVAL_DAYS:].reshape(-1, view.rivals.shape[-1])
        seen = np.isfinite(recent).any(axis=0)
        middle = view.current.astype(np.float64)
        middle[seen] = np.nanmedian(recent[:, seen], axis=0)
        return within_reach(view, np.maximum(middle, _LEAST_MARKUP * view.costs))


class Naive:
    """Takes each SKU-market's own elasticity from a regression of log units on log prices, and its own best price."""

    def ask(self, view: View) -> Ints:
        """The price in force between looks; else cost × e ÷ (e − 1), within reach."""
        if not is_look(view):
            return view.current
        elastic = np.clip(-_slopes(view), _LEAST_ELASTIC, _MOST_ELASTIC)
        return within_reach(view, view.costs * elastic / (elastic - 1))


class Oracle:
    """Knows the law, tastes, seasons and what rivals make of prices: asks what earns the most over all days to come."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._best: Ints | None = None

    def ask(self, view: View) -> Ints:
        """The best prices within reach, from the first day on."""
        if self._best is None:
            low, high = reach(view)
            self._best = whole(climb(self._scene.window, self._scene.best, low, high, blocks=self._scene.blocks))
        return self._best


def is_look(view: View) -> bool:
    """Whether policies that learn look at all prices at the end of this day."""
    return (view.day + 1 - view.history) % EVERY == 0


def reach(view: View) -> tuple[Floats, Floats]:
    """The lowest and the highest price of each cell that policies go to."""
    return np.asarray(view.start * (1 - REACH)), np.asarray(view.start * (1 + REACH))


def within_reach(view: View, price: Floats) -> Ints:
    """Whole cents within reach."""
    low, high = reach(view)
    return np.clip(whole(price), np.ceil(low), np.floor(high)).astype(np.int64)


def _slopes(view: View) -> Floats:
    """Of each cell the slope of log units a week on log price, and on rivals beside it."""
    weeks = len(view.price) // 7
    last = slice(len(view.price) - 7 * weeks, None)
    units = np.log(view.sold[last].reshape(weeks, 7, -1).sum(axis=1) + 0.5)
    price = np.log(view.price[last].reshape(weeks, 7, -1).mean(axis=1))
    units, price = units - units.mean(axis=0), price - price.mean(axis=0)
    return np.asarray((units * price).sum(axis=0) / np.maximum((price**2).sum(axis=0), 1e-9))
