"""Promotions, planned days ahead.

Here: which promotions a shop plans, and on which days each cell has one announced or running. Not here: the planned
price, which depends on the price in force when the plan is made.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Bools, Floats, Ints, stream
from pricing_assets.simulation.settings import MarketSettings

SLOT = 45  # days in which a cell has at most one promotion
SHARE = 0.6  # of slots with one
_LONGEST, _SETTLED = 10, 14
KINDS = ("leaflet", "display", "price")


@dataclass(frozen=True)
class Plans:
    """Promotions of all cells, one row each: announced on day `known`, running from `start` to `end`, in day numbers.

    `announced[day, cell]` and `running[day, cell]` hold the number of the promotion plus one, 0 where there is none.
    """

    cell: Ints
    known: Ints
    start: Ints
    end: Ints
    depth: Floats
    kind: Ints
    announced: Ints
    running: Ints


def plan(settings: MarketSettings, assortment: Assortment) -> Plans:
    """Draw the promotions of a market. Each is known before it starts, and no cell has two at a time."""
    draw = stream(settings.seed, "promotions")
    offset = (draw.random(settings.cells) * SLOT).astype(np.int64) - SLOT
    found = [_slot(settings, assortment, offset + SLOT * slot, slot) for slot in range(settings.days // SLOT + 3)]
    cell, known, start, end, kind = (np.concatenate([part[i] for part in found]) for i in range(5))
    depth = np.concatenate([part[5] for part in found])
    number = np.arange(1, len(cell) + 1)
    announced, running = (np.zeros((settings.days, settings.cells), dtype=np.int64) for _ in range(2))
    for days, first, last in ((announced, known, start - 1), (running, start, end)):
        for step in range(int(np.max(last - first, initial=0)) + 1):
            day = first + step
            wanted = (day <= last) & (day >= 0) & (day < settings.days)
            days[day[wanted], cell[wanted]] = number[wanted]
    return Plans(cell, known, start, end, depth, kind, announced, running)


def _slot(
    settings: MarketSettings, assortment: Assortment, first: Ints, slot: int
) -> tuple[Ints, Ints, Ints, Ints, Ints, Floats]:
    """The promotions of one slot: cell, known, start, end, kind, depth. What began before the first day begins late."""
    draw = stream(settings.seed, "promotion", slot).random((settings.cells, 6))
    start = first + 14 + (18 * draw[:, 0]).astype(np.int64)
    end = start + 4 + ((_LONGEST - 4) * draw[:, 1]).astype(np.int64)
    known = np.maximum(start - 7 - (7 * draw[:, 2]).astype(np.int64), 0)
    start = np.maximum(start, 1)
    fits = (known >= assortment.listed + _SETTLED) & (end <= assortment.until)
    cell = np.flatnonzero(fits & (draw[:, 3] < SHARE) & (start <= end) & (known < settings.days))
    kind = (len(KINDS) * draw[:, 4]).astype(np.int64)
    return cell, known[cell], start[cell], end[cell], kind[cell], 0.10 + 0.20 * draw[cell, 5]


def near(plans: Plans, settings: MarketSettings, margin: int) -> Bools:
    """Days on which a cell has a promotion within `margin` days."""
    busy = plans.running > 0
    wide = busy.copy()
    for step in range(1, min(margin, settings.days - 1) + 1):
        wide[step:] |= busy[:-step]
        wide[:-step] |= busy[step:]
    return wide
