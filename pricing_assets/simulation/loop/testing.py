"""Price tests in a market whose shop prices by what nobody records: how far elasticities are off, before and after.

Here: a policy that tests, and the bias of what the product then believes. Not here: how a shop plans tests.
"""

from __future__ import annotations

import numpy as np
import polars as pl

from pricing_assets.demand.estimates import estimate
from pricing_assets.demand.panels import daily
from pricing_assets.simulation.loop.evaluation import follow
from pricing_assets.simulation.loop.policies import Policy, Static
from pricing_assets.simulation.loop.product import no_holidays
from pricing_assets.simulation.loop.raw import Rows
from pricing_assets.simulation.loop.scenes import scene
from pricing_assets.simulation.loop.world import View, World
from pricing_assets.simulation.randomness import Floats, Ints, whole
from pricing_assets.simulation.settings import CATEGORIES

WEEKS, SIZE, EVERY = 26, 0.05, 14


class Trying:
    """Another policy's prices, up or down by a share: half of each category and market each way, drawn anew in turn."""

    def __init__(self, policy: Policy, seed: int, *, size: float = SIZE, every: int = EVERY) -> None:
        self._policy, self._seed, self._size, self._every = policy, seed, size, every
        self._sign: Floats = np.zeros(0)
        self._asked: Ints | None = None

    def ask(self, view: View) -> Ints:
        """The policy's prices × (1 ± size)."""
        number = view.day + 1 - view.history
        if number % self._every == 0:
            self._sign = balanced(view.category * (view.market.max() + 1) + view.market, (self._seed, number))
        before = view.current if self._asked is None else self._asked
        self._asked = self._policy.ask(_as_if(view, before))
        return whole(self._asked * (1 + self._size * self._sign))


def balanced(cluster: Ints, seed: tuple[int, int]) -> Floats:
    """+1 for half of each cluster, −1 for the other half; an odd one is drawn."""
    draw = np.random.Generator(np.random.PCG64(seed))
    sign = np.zeros(len(cluster))
    for each in np.unique(cluster):
        cells = draw.permutation(np.flatnonzero(cluster == each))
        half = len(cells) // 2 + (draw.random() < 0.5) * (len(cells) % 2)
        sign[cells[:half]], sign[cells[half:]] = 1.0, -1.0
    return sign


def bias(seed: int, *, weeks: int = WEEKS, size: float = SIZE, off: float = 0.07) -> pl.DataFrame:
    """category, true, before, after: its mean base elasticity, what is believed after the history, after tests."""
    world = World(scene("endogenous", off, seed, days=7 * weeks))
    before = _believed(world)
    follow(world, Trying(Static(), seed, size=size))
    assortment = world.scene.assortment
    cells = pl.DataFrame({
        "sku": world.scene.settings.sku_names().gather(assortment.sku),
        "market": pl.Series(world.scene.settings.market_names()).gather(assortment.market),
        "category": pl.Series(CATEGORIES).gather(assortment.category[assortment.sku]),
        "true": -assortment.tastes.base,
    })  # fmt: skip
    rows = cells.join(before.rename({"elasticity": "before"}), on=["sku", "market"])
    rows = rows.join(_believed(world).rename({"elasticity": "after"}), on=["sku", "market"])
    return rows.group_by("category", maintain_order=True).agg(pl.col("true", "before", "after").mean())


def _believed(world: World) -> pl.DataFrame:
    """sku, market, elasticity: what the product's rooms make of all that is seen."""
    rows = Rows(world)
    seen, day = rows.seen(), rows.today()
    found = estimate(daily(seen, no_holidays(day), day), seen)
    return found.filter(pl.col("kind") == "base").select("sku", "market", "elasticity")


def _as_if(view: View, price: Ints) -> View:
    """The view with other prices in force: a policy must not take a test for its own price."""
    from dataclasses import replace

    shown = view.price.copy()
    shown[-1] = price
    return replace(view, price=shown)
