"""Features of what was sold, returned and left on the shelf.

Here: everything read from raw.sales and raw.stock. Not here: what a category sold (categories.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pricing_assets.features.cells import amount, count, percent, ratio, ten_thousandths
from pricing_assets.features.prices import Current
from pricing_assets.features.targets import Seen, Targets, same_text
from pricing_assets.features.visibility import Ints, day_numbers
from pricing_assets.features.windows import Bools, History, running

SALES_DAYS = 56
WIDTHS = (7, 28, 56)


@dataclass(frozen=True)
class Sold:
    """Units of each target's last 28 days, and of the 28 days before."""

    units: Ints
    before: Ints


def sales_features(seen: Seen, targets: Targets, current: Current) -> tuple[Sold, dict[str, pl.Series]]:
    """Units and the feature columns that come from raw.sales."""
    sales = seen.frame
    right = seen.history.after(seen.group, targets.day)
    left = {width: seen.history.after(seen.group, targets.day - width) for width in WIDTHS}
    units_sold = sales["units"].to_numpy()[seen.order]
    units = running(units_sold)
    returned = running(sales["returned_units"].to_numpy()[seen.order])
    revenue = running(ten_thousandths(sales["revenue"])[seen.order])
    uniform = _Currencies.of(seen, current)
    sold = Sold(units[right] - units[left[28]], units[left[28]] - units[left[56]])
    ours = {width: uniform.ours(left[width], right) for width in WIDTHS}
    return sold, {
        **{f"units_{width}d": count(units[right] - units[left[width]]) for width in WIDTHS},
        **{f"revenue_{width}d": amount(revenue[right] - revenue[left[width]], ours[width]) for width in WIDTHS},
        "returned_units_28d": count(returned[right] - returned[left[28]]),
        "units_trend_pct": percent(sold.units - sold.before, sold.before, np.ones(len(right), dtype=bool)),
        "days_since_sale": _days_since_sale(seen.history, units_sold > 0, targets.day, left[SALES_DAYS], right),
    }


def stock_features(seen: Seen, targets: Targets, sold: Sold) -> dict[str, pl.Series]:
    """The feature columns that come from the stock row of D."""
    row, _, known = seen.today()
    on_hand = row["on_hand"].fill_null(0).to_numpy()
    received = row["oldest_received_on"]
    age = targets.day - day_numbers(received.fill_null(targets.keys["date"]))
    return {
        "on_hand": count(on_hand, known),
        "days_of_cover": ratio(on_hand, sold.units, known, 28.0),
        "stock_age_days": count(age, received.is_not_null().to_numpy() & (age >= 0)),
    }


@dataclass(frozen=True)
class _Currencies:
    """Currency of each row, running count of changes of it, and the currency of each target's price, as numbers."""

    of_row: Ints
    changes: Ints
    of_target: Ints
    known: Bools

    @classmethod
    def of(cls, seen: Seen, current: Current) -> _Currencies:
        sale, target = same_text(seen.frame["currency"], current.currency)
        sale = sale[seen.order]
        changes = np.zeros(len(sale), dtype=np.int64)
        changes[1:] = sale[1:] != sale[:-1]
        return cls(sale, running(changes), target, current.known)

    def ours(self, left: Ints, right: Ints) -> Bools:
        """Whether all rows [left, right) of each target are in the currency of its price; so if there are none."""
        if not len(self.of_row):
            return self.known
        uniform = self.changes[right] == self.changes[np.minimum(left + 1, right)]
        same = uniform & (self.of_row[np.maximum(right - 1, 0)] == self.of_target)
        ours: Bools = self.known & (same | (right <= left))
        return ours


def _days_since_sale(history: History, sold: Bools, day: Ints, left: Ints, right: Ints) -> pl.Series:
    last = np.maximum.accumulate(np.where(sold, np.arange(len(history)), -1))
    if not len(last):
        return count(day, np.zeros(len(right), dtype=bool))
    place = np.where(right > left, last[np.maximum(right - 1, 0)], -1)
    known = place >= left
    return count(day - history.days[np.where(known, place, 0)], known)
