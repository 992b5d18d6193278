"""The scene of a closed loop: a market whose best prices are known, and a shop that asks others.

Here: kinds of markets, tastes, costs that make given prices the best, starting prices. Not here: what happens then.

Costs are such that the anchor prices earn the most by category, with cross effects and with what rivals make of prices
that last; at the anchor all laws answer alike. The shop's own prices are off by a share, up or down by SKU. A history
comes first, in which costs drift to where they are and the shop follows them, changes, cuts and promotes as it does.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np

from pricing_assets.errors import PricingError
from pricing_assets.simulation import costs as costs_of
from pricing_assets.simulation import irregularities, promotions
from pricing_assets.simulation.assortment import OPEN, Assortment, assort
from pricing_assets.simulation.irregularities import Episodes
from pricing_assets.simulation.laws import LAWS, Offer, Tastes
from pricing_assets.simulation.loop.blocks import Blocks
from pricing_assets.simulation.loop.responses import Prices, mean_of_others, respond
from pricing_assets.simulation.promotions import Plans
from pricing_assets.simulation.randomness import Floats, Ints, stream, whole
from pricing_assets.simulation.seasons import Seasons
from pricing_assets.simulation.settings import CATEGORIES, MarketSettings

KINDS: Mapping[str, Mapping[str, object]] = {
    "log_log": {"law": "log_log"},
    "logit": {"law": "logit"},
    "linear": {"law": "linear"},
    "reference_price": {"law": "reference_price"},
    "stockpiling": {"law": "stockpiling"},
    "endogenous": {"law": "log_log", "endogenous": True},
    "misreported": {"law": "log_log", "misreported": 0.3},
}
"""The markets policies are held against, by name: a law, and for two of them what is wrong with the data."""

HISTORY = 400
"""Days a shop has traded before."""
SETTLED = 28
"""Last days of the history, at the starting prices: no cut and no promotion is still at work."""
FOLLOW = 0.3
"""Share of a lasting move of our price that rivals follow."""
_APART = 0.06
"""Log standard deviation of what rivals ask around the shop's own starting price, by SKU: they know no more than it."""
_SIZES = (12, 6, 6)
"""SKUs of a category, in turn: twelve that substitute each other, and twice six."""
_LEAST_COST = 0.15
"""Share of the price below which a cost is no cost of a shop."""
_UNITS, _SPREAD = 9.0, 0.25
"""Units a day of a usual SKU in the first market, and the log standard deviation of revenues: a SKU that sold next to
nothing would be dearest without end, for its price still helps its substitutes."""
_BUMP = 1e-5
_LAST_DAY = date(2026, 10, 31)


@dataclass(frozen=True)
class Scene:
    """A market before its first day. Amounts are in cents, `costs` day × cell.

    The first `history` days are past when policies take over; `start` are the shop's own prices, `best` those that earn
    the most. `asked`, where there is one, are the prices of the history, day × cell: else the shop makes them.
    Tastes are of SKUs, or `of_cells`.
    """

    settings: MarketSettings
    assortment: Assortment
    plans: Plans
    episodes: Episodes
    costs: Ints
    history: int
    start: Ints
    best: Floats
    blocks: Blocks
    asked: Ints | None = None
    of_cells: bool = False

    @cached_property
    def daily_weights(self) -> Floats:
        """Units of each cell at anchor prices on each of the days to come, day × cell."""
        seasons = Seasons(self.settings, self.assortment)
        days = range(self.history, self.settings.days)
        return np.stack([self.assortment.volume * seasons.factor(day) for day in days])

    def units(self, price: Floats) -> Floats:
        """Units a day of each cell, mean over the days to come, once `price` has lasted."""
        return settled_units(self.settings, self.assortment, self.blocks, self.weights(), price)

    def weights(self) -> Floats:
        """Units a day of each cell at anchor prices, mean over the days to come."""
        return np.asarray(self.daily_weights.mean(axis=0))

    def window(self, price: Floats) -> Floats:
        """Profit of each cell over the days to come if `price` is asked from the first of them on."""
        days = self.settings.days - self.history
        path = np.broadcast_to(price, (days, len(price)))
        anchor = self.assortment.anchor.astype(np.float64)
        others = mean_of_others(np.log(price / anchor)[None], self.blocks)
        rivals = followed(self.settings, self.assortment, price)
        asked = Prices(path, path, self.start.astype(np.float64), others, np.broadcast_to(rivals, path.shape))
        units = respond(self.settings.law, asked, anchor, self.assortment.tastes)
        return np.asarray((price - self.costs[-1]) * (self.daily_weights * units).sum(axis=0))

    def profit(self, price: Floats) -> Floats:
        """Profit a day of each cell, once `price` has lasted."""
        return np.asarray((price - self.costs[-1]) * self.units(price))


def scene(
    kind: str, off: float, seed: int, *, days: int = 90, skus: int = 24, markets: int = 2, history: int = HISTORY
) -> Scene:
    """The scene of a kind of market, of a share by which prices are off, and of a seed."""
    if kind not in KINDS:
        raise PricingError(f"law: {kind}", f"expected one of {', '.join(KINDS)}")
    if not 0 < off < 0.5:
        raise PricingError(f"off: {off}", "expected a share above 0 and below 0.5, e.g. 0.07")
    if days < 1 or history < 2 * SETTLED:
        raise PricingError(f"days: {days} after {history}", f"expected 1 or more after {2 * SETTLED} or more")
    size = {"skus": skus, "markets": markets, "days": history + days, "last_day": _LAST_DAY}
    settings = MarketSettings(**size, seed=seed, irregular=False, faulty=False, rivals_follow=FOLLOW, **KINDS[kind])  # type: ignore[arg-type]
    assortment = _assortment(settings)
    blocks = Blocks(assortment.group[assortment.sku] * markets + assortment.market)
    empty = Scene(
        settings=settings,
        assortment=assortment,
        plans=_past(promotions.plan(settings, assortment), history - SETTLED),
        episodes=irregularities.plan(settings, assortment, promotions.plan(settings, assortment)),
        costs=np.zeros((settings.days, settings.cells), dtype=np.int64),
        history=history,
        start=assortment.anchor,
        best=assortment.anchor.astype(np.float64),
        blocks=blocks,
    )
    return _priced(empty, off)


def settled_units(
    settings: MarketSettings, assortment: Assortment, blocks: Blocks, volume: Floats, price: Floats
) -> Floats:
    """Units of each cell once `price` has lasted: customers remember it, and rivals have followed it."""
    moved = price / assortment.anchor
    logs = np.log(moved)
    others = blocks.sums(np.ones_like(logs)) - 1
    substitutes = np.where(others > 0, (blocks.sums(logs) - logs) / np.maximum(others, 1), 0.0)
    rivals = followed(settings, assortment, price)
    offer = Offer(price, price, assortment.anchor.astype(np.float64), price, substitutes, rivals)
    return volume * LAWS[settings.law](offer, assortment.tastes)


def followed(settings: MarketSettings, assortment: Assortment, price: Floats) -> Floats:
    """How dear rivals are once they have followed `price`: log of their price ÷ usual price."""
    if not settings.rivals or assortment.around is None:
        return np.zeros(len(price))
    return np.asarray(np.log(1 + settings.rivals_follow * (price / assortment.around - 1)))


def _assortment(settings: MarketSettings) -> Assortment:
    """An assortment in which all is on sale all the time, in stock, and has a price that earns the most."""
    drawn = assort(settings)
    group = np.repeat(np.arange(settings.skus), np.resize(_SIZES, settings.skus))[: settings.skus]
    draw = stream(settings.seed, "tastes of a loop").random((settings.skus, 4))[drawn.sku]
    base = 2.4 + 0.8 * draw[:, 0]
    tastes = Tastes(base, base + 0.6 + draw[:, 1], 0.2 + 0.6 * draw[:, 2], 0.1 + 0.3 * draw[:, 3])
    cells = settings.cells
    size = np.concatenate([[1.0, 0.7], np.full(max(settings.markets - 2, 0), 0.5)])[drawn.market]
    spread = np.exp(_SPREAD * stream(settings.seed, "sizes of a loop").standard_normal(settings.skus))[drawn.sku]
    usual = np.exp(np.array([np.log(drawn.anchor[group[drawn.sku] == each]).mean() for each in group])[drawn.sku])
    return replace(
        drawn,
        category=group % len(CATEGORIES),
        group=group,
        mapped=np.zeros(settings.skus, dtype=np.bool_),
        tastes=tastes,
        volume=_UNITS * size * spread * usual / drawn.anchor,
        volatility=np.zeros(cells),
        listed=np.full(cells, -365),
        until=np.full(cells, OPEN),
        cover=np.full(cells, 30.0),
        safety=np.full(cells, 25.0),
    )


def _priced(empty: Scene, off: float) -> Scene:
    """The scene with the costs that make the anchor prices the best, and starting prices `off` from them."""
    assortment, settings = empty.assortment, empty.settings
    draw = stream(settings.seed, "off").random(settings.skus)[assortment.sku]
    start = whole(assortment.anchor * (1 + np.where(draw < 0.5, -off, off)))
    far = stream(settings.seed, "rivals of a loop").standard_normal(settings.skus)[assortment.sku]
    assortment = replace(assortment, around=np.rint(start * np.exp(_APART * far)).astype(np.int64))
    cost = _costs(replace(empty, assortment=assortment))
    costs = _until_now(costs_of.drift(settings, replace(assortment, cost=cost)), cost, empty.history - SETTLED)
    own = replace(assortment, cost=cost, margin=1 - cost / start, first=whole(start * (costs[0] / cost)))
    return replace(empty, assortment=own, costs=costs, start=start)


def _until_now(drifting: Ints, cost: Ints, now: int) -> Ints:
    """Costs that drifted as they do to where they are on day `now`, and stay there."""
    costs = np.broadcast_to(cost, drifting.shape).copy()
    costs[:now] = np.rint(cost * (drifting[:now] / drifting[now])).astype(np.int64)
    return costs


def _costs(empty: Scene) -> Ints:
    """The costs at which no price of a block can be moved for more profit of the block.

    Where price p_i is the best, q_i + Σ_j (p_j − c_j) ∂q_j/∂p_i = 0: of given prices that is linear in the margins.
    """
    price, blocks = empty.best, empty.blocks
    units = empty.units(price)
    moved = np.zeros((len(price), len(price)))  # ∂q_column ÷ ∂log p_row
    for mine in blocks.places:
        change = (empty.units(price * np.exp(np.where(mine, _BUMP, 0.0))) - units) / _BUMP
        row = np.flatnonzero(mine)
        of = np.full(int(blocks.of.max()) + 1, -1)
        of[blocks.of[row]] = row
        cells = np.flatnonzero(of[blocks.of] >= 0)
        moved[of[blocks.of[cells]], cells] = change[cells]
    margin = np.linalg.solve(moved, -units * price)
    return np.maximum(whole(price - margin), whole(_LEAST_COST * price))


def _past(plans: Plans, end: int) -> Plans:
    """The promotions that are over before the day number `end`."""
    kept = plans.end < end
    number = np.concatenate([[0], np.where(kept, np.cumsum(kept), 0)])
    rows = {name: getattr(plans, name)[kept] for name in ("cell", "known", "start", "end", "depth", "kind")}
    return Plans(**rows, announced=number[plans.announced], running=number[plans.running])


def none_planned(plans: Plans) -> Plans:
    """The same days without any promotion."""
    return _past(plans, -1)
