"""Features of rivals' prices.

Here: everything read from raw.competitor_snapshots. Not here: what to do about a rival (strategies/).

Of each rival the latest snapshot in (D − 7, D] counts, if it is in the currency of our price and not out of stock. A
snapshot says nothing about our price, so without a current price all of them are null.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pricing_assets.features.cells import amount, count, percent, ratio, ten_thousandths
from pricing_assets.features.prices import Current
from pricing_assets.features.targets import Targets, same_text
from pricing_assets.features.visibility import Ints, day_numbers
from pricing_assets.features.windows import Bools, History

RIVAL_DAYS = 7


def rival_features(rivals: Rivals, targets: Targets, current: Current) -> dict[str, pl.Series]:
    """The feature columns that come from raw.competitor_snapshots of the last week."""
    target, price = _faced(rivals, targets, current)
    number = np.bincount(target, minlength=targets.keys.height).astype(np.int64)
    start = np.cumsum(number) - number
    cheaper = np.bincount(target[price < current.price[target]], minlength=len(number)).astype(np.int64)
    some = number > 0
    at = np.where(some, start, 0)
    held = price if len(price) else np.zeros(1, dtype=np.int64)
    lowest, middle, highest = (held[np.where(some, at + step, 0)] for step in (0, (number - 1) // 2, number - 1))
    return {
        "competitor_count": count(number, current.known),
        "competitor_min": amount(lowest, some),
        "competitor_median": amount(middle, some),
        "competitor_max": amount(highest, some),
        "competitor_delta_pct": percent(current.price - lowest, lowest, some),
        "price_position": ratio(cheaper, number, some),
    }


@dataclass(frozen=True)
class Rivals:
    """Snapshots of listed pairs: the rows, each row's pair, and the days [first, until) it is its rival's latest."""

    rows: pl.DataFrame
    pair: Ints
    first: Ints
    until: Ints

    @classmethod
    def of(cls, snapshots: pl.DataFrame, targets: Targets) -> Rivals:
        """The snapshots of pairs listed on a target day, by pair, rival and day."""
        pairs = targets.number(snapshots)
        rows, pairs = snapshots.filter(pl.Series(pairs >= 0)), pairs[pairs >= 0]
        (rival,) = same_text(rows["competitor"])
        number = int(rival.max(initial=0)) + 1
        history = History(pairs * number + rival, day_numbers(rows["date"]))
        until = np.minimum(history.days + RIVAL_DAYS, _next_day(history))
        return cls(rows[history.rows], pairs[history.rows], history.days, until)

    @property
    def price(self) -> Ints:
        """Price of each row in ten-thousandths."""
        return ten_thousandths(self.rows["price"])

    @property
    def offered(self) -> Bools:
        """Whether each row says the rival can deliver, or does not say that it cannot."""
        return self.rows["in_stock"].fill_null(True).to_numpy()

    def on(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Row and day of every snapshot that is its rival's latest on a day of [first, last]."""
        start = np.maximum(self.first, first)
        lengths = np.maximum(np.minimum(self.until, last + 1) - start, 0)
        row = np.repeat(np.arange(len(start)), lengths)
        return row, start[row] + np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)


def _faced(rivals: Rivals, targets: Targets, current: Current) -> tuple[Ints, Ints]:
    """Target row and price of every rival price that counts, sorted by both."""
    row, day = rivals.on(targets.day.min(), targets.day.max())
    target, listed = targets.find(rivals.pair[row], day)
    ours = rivals.rows["currency"].gather(row) == current.currency.gather(target)
    counts = listed & ours.fill_null(False).to_numpy() & rivals.offered[row]
    target, price = target[counts], rivals.price[row[counts]]
    order = np.lexsort((price, target))
    return target[order], price[order]


def _next_day(history: History) -> Ints:
    """Day of the group's next row, far off after its last."""
    following = np.full(len(history), np.iinfo(np.int64).max)
    same = history.groups[1:] == history.groups[:-1]
    following[:-1][same] = history.days[1:][same]
    return following
