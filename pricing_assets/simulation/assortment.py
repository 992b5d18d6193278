"""What is sold: SKUs, their markets, and the planted truth about each.

Here: everything drawn once per SKU or SKU-market. Not here: what happens day by day.

A cell is a SKU in a market, number `sku × markets + market`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pricing_assets.simulation.laws import Tastes
from pricing_assets.simulation.randomness import Bools, Floats, Ints, stream, whole
from pricing_assets.simulation.settings import CATEGORIES, MarketSettings

_USUAL_PRICE = (900.0, 2400.0, 3200.0, 1800.0, 700.0)  # cents
BRANDS = ("Alma", "Brook", "Cobalt", "Dune")
GROUP = 4  # SKUs of a category that substitute each other
OPEN = np.iinfo(np.int64).max  # day number of a listing without end
_INTERMITTENT, _SLOW, _LATE, _WITHDRAWN, _VOLATILE = 0.12, 0.12, 0.08, 0.06, 0.12
_SETTLED = 30  # days a cell is on sale before it may be withdrawn


@dataclass(frozen=True)
class Assortment:
    """Planted truth, by SKU (`category`, `group`, `mapped`) and by cell (all else). Amounts are in cents.

    `volume` is expected units a day at anchor prices, `cover` the days of demand an order brings, `dispersion` the
    variance of a day's demand rate around 1 (0: Poisson), `volatility` the daily standard deviation of the price around
    the regular one as a share of it (0: none), `listed` and `until` the first and last day number on sale, `first` the
    price on the first day and `around` the one that rivals' prices are around, where it is not the anchor.
    """

    category: Ints
    group: Ints
    mapped: Bools
    sku: Ints
    market: Ints
    anchor: Ints
    cost: Ints
    margin: Floats
    volume: Floats
    dispersion: Floats
    volatility: Floats
    tastes: Tastes
    listed: Ints
    until: Ints
    lead: Ints
    cover: Floats
    safety: Floats
    first: Ints | None = None
    around: Ints | None = None

    def on_sale(self, day: int) -> Bools:
        """Which cells are listed on a day."""
        return (self.listed <= day) & (day <= self.until)


def assort(settings: MarketSettings) -> Assortment:
    """Draw the assortment of a market."""
    skus, markets = settings.skus, settings.markets
    number = np.arange(skus)
    category = number % len(CATEGORIES)
    sku, market = np.repeat(number, markets), np.tile(np.arange(markets), skus)
    anchor, cost, margin = _prices(settings, category, sku, market)
    volume = _volume(settings, sku, market)
    listed, until = _listings(settings, sku)
    draw = stream(settings.seed, "replenishment").random((settings.cells, 3))
    slow = stream(settings.seed, "slow").random(skus)[sku] < _SLOW
    return Assortment(
        category=category,
        group=number // (len(CATEGORIES) * GROUP) * len(CATEGORIES) + category,
        mapped=stream(settings.seed, "map_price").random(skus) < 0.15,
        sku=sku,
        market=market,
        anchor=anchor,
        cost=cost,
        margin=margin,
        volume=volume,
        dispersion=np.where(stream(settings.seed, "dispersion").random(settings.cells) < 0.5, 0.0, 0.2),
        volatility=_volatility(settings),
        tastes=_tastes(settings, sku),
        listed=listed,
        until=until,
        lead=3 + whole(6 * draw[:, 0]),
        cover=np.where(slow, 120 + 130 * draw[:, 1], 14 + 16 * draw[:, 1]),
        safety=4 * draw[:, 2],
    )


def _prices(settings: MarketSettings, category: Ints, sku: Ints, market: Ints) -> tuple[Ints, Ints, Floats]:
    """Anchor price, cost and margin: a SKU costs the same everywhere but for the currency of the market."""
    level = np.array(_USUAL_PRICE)[category] * np.exp(
        0.55 * stream(settings.seed, "price").standard_normal(len(category))
    )
    rate = np.array([0.86 if currency == "GBP" else 1.0 for currency in settings.currencies()])[market]
    local = 1 + 0.08 * (stream(settings.seed, "local price").random(settings.cells) - 0.5)
    anchor = ending_in_nine(np.maximum(level, 299)[sku] * rate * local)
    margin = 0.30 + 0.18 * stream(settings.seed, "margin").random(len(category))[sku]
    return anchor, whole(anchor * (1 - margin)), margin


def _volume(settings: MarketSettings, sku: Ints, market: Ints) -> Floats:
    draw = stream(settings.seed, "volume")
    normal = draw.standard_normal(settings.skus)
    rare = stream(settings.seed, "intermittent").random((settings.skus, 2))
    volume = np.where(rare[:, 0] < _INTERMITTENT, 0.05 + 0.25 * rare[:, 1], 7 * np.exp(0.7 * normal))
    size = np.concatenate([[1.0, 0.7], np.full(max(settings.markets - 2, 0), 0.5)])[: settings.markets]
    taste = np.exp(0.2 * stream(settings.seed, "local volume").standard_normal(settings.cells))
    return np.asarray(volume[sku] * size[market] * taste)


def _tastes(settings: MarketSettings, sku: Ints) -> Tastes:
    draw = stream(settings.seed, "elasticity").random((settings.skus, 4))[sku]
    base = 1.2 + 1.4 * draw[:, 0]
    return Tastes(base, base + 0.6 + draw[:, 1], 0.2 + 0.5 * draw[:, 2], 0.2 + 0.4 * draw[:, 3])


def _volatility(settings: MarketSettings) -> Floats:
    """Some cells are priced by a machine that never rests."""
    draw = stream(settings.seed, "volatility").random((settings.cells, 2))
    return np.where(draw[:, 0] < _VOLATILE, 0.02 + 0.05 * draw[:, 1], 0.0)


def _listings(settings: MarketSettings, sku: Ints) -> tuple[Ints, Ints]:
    """First and last day on sale. Some SKUs are launched late, some cells withdrawn."""
    draw = stream(settings.seed, "launch").random((settings.skus, 2))
    late = 1 + (draw[:, 1] * 0.8 * settings.days).astype(np.int64)
    listed = np.where(draw[:, 0] < _LATE, late, -30 - (870 * draw[:, 1]).astype(np.int64))[sku]
    draw = stream(settings.seed, "withdrawal").random((settings.cells, 2))
    end = np.maximum(listed, 0) + _SETTLED + (draw[:, 1] * settings.days).astype(np.int64)
    withdrawn = (draw[:, 0] < _WITHDRAWN) & (end < settings.days - 1)
    return listed, np.where(withdrawn, end, OPEN)


def ending_in_nine(cents: Floats) -> Ints:
    """The price ending in 9 cents nearest to each."""
    return np.maximum(whole(cents / 10) * 10 - 1, 9)
