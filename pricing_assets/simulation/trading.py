"""The market day by day: the shop prices, rivals react, customers buy, stock moves.

Here: the loop over days and what it keeps. Not here: the parts it turns, and rows made of what it keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pricing_assets.anomalies.thresholds import FLOORS, TIMES_OWN
from pricing_assets.simulation import costs, gaps, irregularities, promotions, stocks
from pricing_assets.simulation.assortment import Assortment, assort
from pricing_assets.simulation.demand import Demand
from pricing_assets.simulation.irregularities import Episodes
from pricing_assets.simulation.misreports import Misreports
from pricing_assets.simulation.pricing import Shop
from pricing_assets.simulation.promotions import Plans
from pricing_assets.simulation.randomness import Bools, Floats, Ints
from pricing_assets.simulation.rivals import Rivals
from pricing_assets.simulation.settings import MarketSettings
from pricing_assets.simulation.shocks import shocks_of
from pricing_assets.simulation.stocks import Stocks

Progress = Callable[[int], None]
"""Told the number of each day that is over."""


@dataclass(frozen=True)
class Trade:
    """What happened, day × cell; of rivals day × rival × cell. Amounts are in cents.

    `price` is what customers paid and `cost` what was recorded, irregular or not; `usual_cost` is what it really cost.
    `magnitude` is what each episode planted, in the unit of its threshold.
    `planned` is the price of each promotion of `plans`, 0 where the shop found none worth it.
    """

    assortment: Assortment
    plans: Plans
    episodes: Episodes
    gaps: Mapping[str, Bools]
    rivals: Rivals
    magnitude: Floats
    planned: Ints
    price: Ints
    regular: Ints
    cost: Ints
    usual_cost: Ints
    expected: Floats
    substitutes: Floats
    rival_pull: Floats
    arrived: Ints
    opening: Ints
    wanted: Ints
    sold: Ints
    returned: Ints
    on_hand: Ints
    oldest: Ints
    rival_prices: Ints
    captured: Bools
    deliverable: Bools
    minute: Ints


def trade(settings: MarketSettings, progress: Progress | None = None) -> Trade:
    """Run the market from its first day to its last."""
    assortment = assort(settings)
    plans = promotions.plan(settings, assortment)
    episodes = irregularities.plan(settings, assortment, plans)
    market = Market(settings, assortment, plans, episodes)
    for day in range(settings.days):
        market.advance(day)
        if progress is not None:
            progress(day)
    return market.kept()


class Market:
    """The moving parts, and what is kept of each day: `days` by name, day × cell; `seen`, day × rival × cell."""

    def __init__(
        self,
        settings: MarketSettings,
        assortment: Assortment,
        plans: Plans,
        episodes: Episodes,
        usual_costs: Ints | None = None,
    ) -> None:
        self._settings, self._assortment, self._plans, self._episodes = settings, assortment, plans, episodes
        shocks = shocks_of(settings) if settings.endogenous else None
        drifting = costs.drift(settings, assortment) if usual_costs is None else usual_costs
        self._shop = Shop(settings, assortment, plans, episodes, drifting, shocks=shocks)
        self.rivals, self._stocks = Rivals(settings, assortment), Stocks(settings, assortment)
        self.demand = Demand(settings, assortment, shocks)
        self._misreports = Misreports(settings) if settings.misreported else None
        flat, deep = (settings.days, settings.cells), (settings.days, settings.rivals, settings.cells)
        money = ("price", "cost", "arrived", "opening", "wanted", "sold", "returned", "on_hand")
        self.days: dict[str, Any] = {name: np.zeros(flat, dtype=np.int64) for name in money}
        self.days |= {name: np.zeros(flat) for name in ("expected", "substitutes", "rival_pull")}
        self.seen: dict[str, Any] = {"rival_prices": np.zeros(deep, np.int64), "minute": np.zeros(deep, np.int64)}
        self.seen |= {"captured": np.zeros(deep, np.bool_), "deliverable": np.zeros(deep, np.bool_)}
        self._magnitude = episodes.magnitude.copy()
        self._first_stock = self._stocks.on_hand

    def advance(self, day: int, asked: Ints | None = None) -> None:
        """One day, from the morning's prices to the evening's stock; at the shop's own prices unless some are asked."""
        if asked is None:
            self.days["price"][day] = self._mispriced(day, self._shop.price(day))
        else:
            self._shop.obey(day, asked)
            self.days["price"][day] = asked
        self.days["cost"][day] = self._miscosted(day)
        if day:
            self.rivals.react(day, self._shop.usual, self._shop.regular)
        self._watch(day)
        self._sell(day)

    @property
    def regular(self) -> Ints:
        """The prices without promotion, day × cell."""
        return self._shop.regular

    @property
    def usual(self) -> Ints:
        """The prices without what is irregular, day × cell."""
        return self._shop.usual

    @property
    def planned(self) -> Ints:
        """The price of each promotion planned, 0 where none was found worth it."""
        return self._shop.planned

    def kept(self) -> Trade:
        """Everything, once the last day is over."""
        days = self.days
        received = days["arrived"] + days["returned"]
        oldest, _ = stocks.oldest_lots(self._stocks.age, self._first_stock, received, days["sold"], days["on_hand"])
        return Trade(
            assortment=self._assortment,
            plans=self._plans,
            episodes=self._episodes,
            rivals=self.rivals,
            gaps=gaps.plan(self._settings),
            magnitude=self._magnitude,
            planned=self._shop.planned,
            regular=self._shop.regular,
            usual_cost=self._shop.costs,
            oldest=oldest,
            **days,
            **self.seen,
        )

    def _mispriced(self, day: int, usual: Ints) -> Ints:
        """The day's prices, irregular ones among them."""
        price = usual.copy()
        for reason, sign in (("PRICE_SPIKE", 1), ("PRICE_TOO_LOW", -1)):
            episode, cell = self._episodes.on(day, reason)
            share = sign * self._magnitude[episode] / 100
            price[cell] = np.rint(usual[cell] * (1 + share)).astype(np.int64)
        return price

    def _miscosted(self, day: int) -> Ints:
        """The day's costs as recorded: in a margin collapse they leave the margin its size says."""
        cost: Ints = self._shop.costs[day].copy()
        price: Ints = self.days["price"][day]
        episode, cell = self._episodes.on(day, "LOW_MARGIN")
        usual = 1 - cost[cell] / price[cell]
        margin = usual - self._magnitude[episode] / 100
        cost[cell] = np.floor(price[cell] * (1 - np.maximum(margin, 0.0))).astype(np.int64)
        episode, cell = self._episodes.on(day, "NEGATIVE_MARGIN")
        cost[cell] = np.ceil(price[cell] * (1 + self._magnitude[episode] / 100)).astype(np.int64)
        return cost

    def _watch(self, day: int) -> None:
        """What is captured of the rivals; one that undercuts is seen."""
        captured, deliverable, minute = self.rivals.seen(day)
        prices = self.rivals.prices.copy()
        if self._misreports is not None:
            prices = self._misreports.reported(day, prices)
        episode, cell = self._episodes.on(day, "COMPETITOR_UNDERCUT")
        if len(prices) and len(cell):
            usual, threshold = self._usual_gap(self._episodes.start[episode], cell)
            self._magnitude[episode] = threshold * self._episodes.effect[episode]
            gap = usual + self._magnitude[episode]
            prices[0, cell] = np.rint(self.days["price"][day, cell] / (1 + gap / 100)).astype(np.int64)
            captured[0, cell] = deliverable[0, cell] = True
        seen = (prices, captured, deliverable, minute)
        for name, values in zip(("rival_prices", "captured", "deliverable", "minute"), seen, strict=True):
            self.seen[name][day] = values

    def _usual_gap(self, start: Ints, cell: Ints) -> tuple[Floats, Floats]:
        """Of the 28 days before each episode: median gap to the lowest rival, in % of his price, and its threshold."""
        day = start[None] - np.arange(1, 29)[:, None]
        prices = self.seen["rival_prices"][day, :, cell]  # day × episode × rival
        visible = (self.seen["captured"] & self.seen["deliverable"])[day, :, cell]
        lowest = np.where(visible, prices, np.inf).min(axis=2)
        gap = np.where(np.isfinite(lowest), 100 * (self.days["price"][day, cell] / lowest - 1), np.nan)
        usual = np.asarray(np.nanmedian(gap, axis=0))
        own = np.nanquantile(np.abs(gap - usual), 0.8, axis=0)
        return usual, np.maximum(FLOORS["COMPETITOR_UNDERCUT"], TIMES_OWN * own)

    def _sell(self, day: int) -> None:
        """Customers come and take what there is."""
        on_sale = self._assortment.on_sale(day)
        pull = self.rivals.pull()
        expected, substitutes = self.demand.expect(day, self.days["price"][day], self._shop.regular[day], pull)
        wanted = np.where(on_sale, self.demand.draw(day, expected), 0)
        arrived, opening = self._stocks.open(day)
        sold = np.minimum(wanted, opening)
        self.days["sold"][day] = sold
        returned = np.where(on_sale, stocks.returns(self._settings, day, self.days["sold"]), 0)
        on_hand = self._stocks.close(day, opening, sold, returned)
        values = {"expected": expected, "substitutes": substitutes, "rival_pull": pull, "wanted": wanted}
        values |= {"arrived": arrived, "opening": opening, "returned": returned, "on_hand": on_hand}
        for name, value in values.items():
            self.days[name][day] = value
