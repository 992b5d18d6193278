"""A market that is stepped day by day: somebody asks prices, customers and rivals answer.

Here: the history, one day more, what of it the shop sees, and what was to be expected at other prices. Not here: who
asks (policies), and rows of raw tables (raw).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from datetime import date

import numpy as np

from pricing_assets.simulation.loop.blocks import Blocks
from pricing_assets.simulation.loop.scenes import SETTLED, Scene
from pricing_assets.simulation.randomness import Bools, Floats, Ints
from pricing_assets.simulation.trading import Market


@dataclass(frozen=True)
class View:
    """What the shop sees at the end of day number `day`: day × cell up to it, of rivals day × rival × cell, in cents.

    `rivals` is not a number where nothing was captured; `short` says where customers found nothing left. `start` are
    the prices at which policies took over.
    """

    day: int
    history: int
    dates: list[date]
    price: Ints
    regular: Ints
    cost: Ints
    sold: Ints
    short: Bools
    rivals: Floats
    start: Ints
    category: Ints
    market: Ints
    blocks: Blocks

    @property
    def current(self) -> Ints:
        """The prices in force."""
        return np.asarray(self.price[-1])

    @property
    def costs(self) -> Ints:
        """What a unit costs now."""
        return np.asarray(self.cost[-1])


class World:
    """A market after its history, and then a day further with every call of `sell`."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.market = Market(scene.settings, scene.assortment, scene.plans, scene.episodes, scene.costs)
        self.day = -1
        while self.day < scene.history - 1:
            self._advance(self._past(self.day + 1))

    def copy(self) -> World:
        """The same market, to be led elsewhere."""
        return copy.deepcopy(self)

    def sell(self, price: Ints) -> None:
        """One day more, at these prices."""
        self._advance(price)

    def view(self) -> View:
        """What the shop sees."""
        scene, until = self.scene, slice(self.day + 1)
        seen = self.market.seen
        there = seen["captured"][until] & seen["deliverable"][until]
        return View(
            day=self.day,
            history=scene.history,
            dates=[scene.settings.day(number) for number in range(self.day + 1)],
            price=self.market.days["price"][until],
            regular=self.market.regular[until],
            cost=scene.costs[until],
            sold=self.market.days["sold"][until],
            short=self.market.days["wanted"][until] > self.market.days["opening"][until],
            rivals=np.where(there, seen["rival_prices"][until], np.nan),
            start=scene.start,
            category=scene.assortment.category[scene.assortment.sku],
            market=scene.assortment.market,
            blocks=scene.blocks,
        )

    def branch(self) -> Branch:
        """Customers and rivals as they are at the end of the day, to ask what they would do."""
        return Branch(self)

    def _past(self, day: int) -> Ints | None:
        scene = self.scene
        if scene.asked is not None:
            return np.asarray(scene.asked[day])
        return scene.start if day >= scene.history - SETTLED else None

    def _advance(self, price: Ints | None) -> None:
        self.day += 1
        self.market.advance(self.day, price)


class Branch:
    """Customers and rivals at the end of a day of a world. Asking them changes nothing, in the world nor here."""

    def __init__(self, world: World) -> None:
        market = world.market
        self._first = world.day + 1
        self._demand, self._rivals = copy.copy(market.demand), copy.copy(market.rivals)
        self._regular, self._usual = market.regular[: self._first].copy(), market.usual[: self._first].copy()

    def units(self, price: Ints) -> Floats:
        """Units customers were to buy from the next day on, without chance, day × cell as `price`. Rivals follow."""
        demand, rivals = copy.copy(self._demand), copy.copy(self._rivals)
        regular, usual = (np.concatenate([past, price]) for past in (self._regular, self._usual))
        rows = []
        for step, asked in enumerate(price):
            day = self._first + step
            rivals.react(day, usual, regular)
            rows.append(demand.expect(day, asked, asked, rivals.pull())[0])
        return np.stack(rows)
