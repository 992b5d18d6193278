"""The planted truth as JSON holds it.

Here: what was planted, per SKU and SKU-market, and the calendar. Not here: labels of irregularities.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pricing_assets.simulation import seasons
from pricing_assets.simulation.assortment import OPEN
from pricing_assets.simulation.demand import PERSISTENCE, SPREAD
from pricing_assets.simulation.rivals import NAMES
from pricing_assets.simulation.settings import CATEGORIES, MarketSettings
from pricing_assets.simulation.trading import Trade

DIGITS = 6  # of figures: processors differ in the last bits of an exponential
MOST_CELLS = 20_000  # cells of which the truth is written out; beyond, settings and seed say it


def truth_of(settings: MarketSettings, trade: Trade) -> dict[str, Any]:
    """Settings, version, and the truth of each SKU-market: elasticities, volume, anchor, listing, rivals' lags."""
    known = {"settings": settings.described(), "seasons": seasons.described()}
    known["noise"] = {"persistence": PERSISTENCE, "spread": SPREAD * settings.noise}
    if settings.cells > MOST_CELLS:
        return known
    names, markets = settings.sku_names().to_list(), settings.market_names()
    return known | {"cells": [_cell(trade, cell, names, markets) for cell in range(settings.cells)]}


def _cell(trade: Trade, cell: int, names: list[str], markets: list[str]) -> dict[str, Any]:
    assortment = trade.assortment
    sku, tastes = int(assortment.sku[cell]), assortment.tastes
    group = np.flatnonzero(assortment.group == assortment.group[sku])
    lags = {NAMES[rival]: int(trade.rivals.lag[rival, cell]) for rival in range(len(trade.rivals.lag))}
    return {
        "sku": names[sku],
        "market": markets[assortment.market[cell]],
        "category": CATEGORIES[assortment.category[sku]],
        "substitutes": [names[other] for other in group if other != sku],
        "anchor_price": int(assortment.anchor[cell]) / 100,
        "volume": round(float(assortment.volume[cell]), DIGITS),
        "price_volatility": round(float(assortment.volatility[cell]), DIGITS),
        "dispersion": round(float(assortment.dispersion[cell]), DIGITS),
        "base_elasticity": round(-float(tastes.base[cell]), DIGITS),
        "promotion_elasticity": round(-float(tastes.promotion[cell]), DIGITS),
        "substitute_elasticity": round(float(tastes.substitute[cell]), DIGITS),
        "rival_elasticity": round(float(tastes.rival[cell]), DIGITS),
        "listed_from_day": int(assortment.listed[cell]),
        "listed_until_day": None if assortment.until[cell] == OPEN else int(assortment.until[cell]),
        "rival_lags": lags,
        "replenishment": {
            "lead_days": int(assortment.lead[cell]),
            "cover_days": round(float(assortment.cover[cell]), DIGITS),
        },
    }
