"""Shocks of demand that a shop sees and nobody records: a match in town, a heat wave, talk of the day.

Here: how they come and go. Not here: what the shop makes of them (pricing.py), what they do to sales (demand.py).
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.randomness import Floats, stream
from pricing_assets.simulation.settings import MarketSettings

PERSISTENCE, SPREAD = 0.98, 0.12
"""Of the log of demand, day by day: a shock has lost half of itself after five weeks."""


def shocks_of(settings: MarketSettings) -> Floats:
    """Shocks in the log of demand, day × cell."""
    rows = [SPREAD * stream(settings.seed, "first shock").standard_normal(settings.cells)]
    fresh = SPREAD * np.sqrt(1 - PERSISTENCE**2)
    for day in range(1, settings.days):
        draw = stream(settings.seed, "shock", day).standard_normal(settings.cells)
        rows.append(PERSISTENCE * rows[-1] + fresh * draw)
    return np.stack(rows)
