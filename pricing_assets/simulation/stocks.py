"""Stock: orders, deliveries, lots that age, days sold out.

Here: what is on hand and what can be sold. Not here: how much customers want.

Deliveries arrive before the day begins, returns at its end. The oldest lot is sold first; what comes back counts as a
lot received that day.
"""

from __future__ import annotations

import numpy as np

from pricing_assets.simulation.assortment import Assortment
from pricing_assets.simulation.randomness import Bools, Floats, Ints, stream
from pricing_assets.simulation.settings import MarketSettings

_LONGEST_LEAD = 10
_RETURN_RATE, RETURN_AFTER = 0.04, 5
_RUN_OUT = 20  # days before a withdrawal from which nothing is ordered any more


class Stocks:
    """State of all cells: units on hand, on order, and the pipeline of deliveries by day."""

    def __init__(self, settings: MarketSettings, assortment: Assortment) -> None:
        self._settings, self._assortment = settings, assortment
        draw = stream(settings.seed, "first stock").random((2, settings.cells))
        self.quantity: Ints = np.maximum(3, np.ceil(assortment.volume * assortment.cover)).astype(np.int64)
        self.reorder: Ints = np.ceil(assortment.volume * (assortment.lead + assortment.safety)).astype(np.int64)
        there = assortment.listed <= 0
        first = np.ceil((0.3 + 0.7 * draw[0]) * self.quantity).astype(np.int64) + self.reorder // 2
        self.on_hand: Ints = np.where(there, first, 0)
        self.age: Ints = 1 + (draw[1] * np.minimum(1.2 * assortment.cover, 260)).astype(np.int64)
        self._due = np.zeros((settings.days + _LONGEST_LEAD, settings.cells), dtype=np.int32)
        launched = np.flatnonzero((assortment.listed > 0) & (assortment.listed < settings.days))
        self._due[assortment.listed[launched], launched] = (self.quantity + self.reorder)[launched]
        self._ordered = self._due.sum(axis=0).astype(np.int64)

    def open(self, day: int) -> tuple[Ints, Ints]:
        """What arrives before `day` begins, and what is on hand then."""
        arrived = self._due[day].astype(np.int64)
        self._ordered -= arrived
        return arrived, self.on_hand + arrived

    def close(self, day: int, opening: Ints, sold: Ints, returned: Ints) -> Ints:
        """What is on hand at the end of `day`; orders are placed then."""
        self.on_hand = opening - sold + returned
        short = self.on_hand + self._ordered <= self.reorder
        short &= self._assortment.on_sale(day) & (day + _RUN_OUT < self._assortment.until)
        cell = np.flatnonzero(short)
        self._due[day + self._assortment.lead[cell], cell] += self.quantity[cell]
        self._ordered[cell] += self.quantity[cell]
        return self.on_hand


def sold_out_hours(wanted: Ints, opening: Ints) -> Floats:
    """Hours of a day without stock, if customers come evenly over 24 hours."""
    share = np.where(wanted > opening, 1 - opening / np.maximum(wanted, 1), 0.0)
    return np.round(24 * np.where(opening == 0, 1.0, share), 1)


def returns(settings: MarketSettings, day: int, sold: Ints) -> Ints:
    """Units that come back on `day`, of those sold some days before (`sold` is day × cell)."""
    if day < RETURN_AFTER:
        return np.zeros(settings.cells, dtype=np.int64)
    draw = stream(settings.seed, "returns", day)
    return np.asarray(draw.binomial(sold[day - RETURN_AFTER], _RETURN_RATE), dtype=np.int64)


def oldest_lots(age: Ints, first: Ints, received: Ints, sold: Ints, on_hand: Ints) -> tuple[Ints, Bools]:
    """Day number the oldest unit on hand was received on, day × cell, and whether there is a unit at all.

    `age` is how many days before day 0 the units of `first` were received; `received` (deliveries and returns) and
    `sold` are units, day × cell.
    """
    days = len(received)
    lots = np.concatenate([first[None], received]).cumsum(axis=0)  # up to and with lot 0, 1, …; lot d + 1 came on day d
    gone = sold.cumsum(axis=0)
    lot, cell = np.zeros(len(age), dtype=np.int64), np.arange(len(age))
    oldest = np.zeros(received.shape, dtype=np.int64)
    for day in range(days):
        while (behind := (lots[lot, cell] <= gone[day]) & (lot <= day)).any():
            lot = lot + behind
        oldest[day] = np.where(lot == 0, -age, lot - 1)
    return oldest, on_hand > 0
