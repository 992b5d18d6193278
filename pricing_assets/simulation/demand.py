"""Demand: what a law expects at the day's prices, and what comes of it by chance.

Here: expected units and drawn units. Not here: the laws themselves, and what stock lets through.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.laws import LAWS, PANTRY_DAYS, Offer, forward
from pricing_assets.simulation.randomness import Floats, Ints, stream
from pricing_assets.simulation.seasons import Seasons
from pricing_assets.simulation.settings import MarketSettings

PERSISTENCE, SPREAD = 0.6, 0.15  # of the noise in the log of demand, day by day
MEMORY = 0.9  # share of the price remembered that the next day's price does not replace


class Demand:
    """Customers of a market: their season, their memory of prices, their pantry, the noise they carry from day to day.

    `shocks` (day × cell) move the log of demand, beside the noise; no expectation knows them.
    """

    def __init__(self, settings: MarketSettings, assortment: Assortment, shocks: Floats | None = None) -> None:
        self._settings, self._assortment = settings, assortment
        self._seasons = Seasons(settings, assortment)
        self._law = LAWS[settings.law]
        self._shocks = shocks
        self._memory: Floats = np.log(assortment.anchor)
        self._pantry: Floats = np.zeros(settings.cells)
        first = stream(settings.seed, "first noise").standard_normal(settings.cells)
        self._noise: Floats = SPREAD * first
        self._group = assortment.group[assortment.sku] * settings.markets + assortment.market

    def expect(self, day: int, price: Ints, regular: Ints, rivals: Floats) -> tuple[Floats, Floats]:
        """Expected units of each cell, and what its substitutes' prices were: mean log of price ÷ anchor."""
        anchor = self._assortment.anchor
        substitutes = self._substitutes(day, np.log(price / anchor))
        offer = Offer(
            price=price.astype(np.float64),
            regular=regular.astype(np.float64),
            anchor=anchor.astype(np.float64),
            memory=np.exp(self._memory),
            substitutes=substitutes,
            rivals=rivals,
            pantry=self._pantry,
        )
        response = self._law(offer, self._assortment.tastes)
        self._memory = MEMORY * self._memory + (1 - MEMORY) * np.log(price)
        if self._settings.law == "stockpiling":
            bought = forward(offer, self._assortment.tastes)
            self._pantry = self._pantry * (1 - 1 / PANTRY_DAYS) + bought
        return self._assortment.volume * self._seasons.factor(day) * response, substitutes

    def draw(self, day: int, expected: Floats) -> Ints:
        """Units customers want: Poisson, or negative binomial where demand is dispersed, around noise that persists."""
        scale = self._settings.noise
        if self._shocks is not None:
            expected = expected * np.exp(self._shocks[day])
        if scale == 0:
            return np.rint(expected).astype(np.int64)
        draw = stream(self._settings.seed, "demand", day)
        shock = SPREAD * np.sqrt(1 - PERSISTENCE**2) * draw.standard_normal(len(expected))
        self._noise = PERSISTENCE * self._noise + shock
        rate = expected * np.exp(scale * self._noise - (scale * SPREAD) ** 2 / 2)
        spread = self._assortment.dispersion * scale
        shape = 1 / np.maximum(spread, 1e-9)
        mixed = draw.standard_gamma(np.where(spread > 0, shape, 1.0)) / shape
        return draw.poisson(np.where(spread > 0, rate * mixed, rate)).astype(np.int64)

    def _substitutes(self, day: int, logs: Floats) -> Floats:
        """Of each cell the mean of its group's others that are on sale; 0 without any."""
        there = self._assortment.on_sale(day).astype(np.float64)
        total = np.bincount(self._group, logs * there)[self._group] - logs * there
        others = np.bincount(self._group, there)[self._group] - there
        return np.asarray(np.where(others > 0, total / np.maximum(others, 1), 0.0))
