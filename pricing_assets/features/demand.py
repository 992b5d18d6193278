"""Features of what was sold, returned and left on the shelf.

Here: everything read from raw.sales and raw.stock. Not here: what a category sold (categories.py).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from pricing_assets.features.cells import amount, count, percent, ratio, ten_thousandths
from pricing_assets.features.prices import Current
from pricing_assets.features.targets import Seen, Targets
from pricing_assets.features.visibility import Cutoffs, Ints, day_numbers
from pricing_assets.features.windows import Bools, History, running

SALES_DAYS = 56
WIDTHS = (7, 28, 56)


@dataclass(frozen=True)
class Sold:
    """Units of each target's last 28 days, and of the 28 days before."""

    units: Ints
    before: Ints


def sales_features(
    sales: pl.DataFrame, targets: Targets, cutoffs: Cutoffs, current: Current
) -> tuple[Sold, dict[str, pl.Series]]:
    """Units and the feature columns that come from raw.sales."""
    seen = Seen.of(sales, targets, cutoffs)
    right = seen.history.after(seen.group, targets.day)
    left = {width: seen.history.after(seen.group, targets.day - width) for width in WIDTHS}
    units = running(seen.rows["units"].to_numpy())
    returned = running(seen.rows["returned_units"].to_numpy())
    revenue = running(ten_thousandths(seen.rows["revenue"]))
    sold = Sold(units[right] - units[left[28]], units[left[28]] - units[left[56]])
    ours = {width: _in_our_currency(seen, left[width], right, current) for width in WIDTHS}
    return sold, {
        **{f"units_{width}d": count(units[right] - units[left[width]]) for width in WIDTHS},
        **{f"revenue_{width}d": amount(revenue[right] - revenue[left[width]], ours[width]) for width in WIDTHS},
        "returned_units_28d": count(returned[right] - returned[left[28]]),
        "units_trend_pct": percent(sold.units - sold.before, sold.before, np.ones(len(right), dtype=bool)),
        "days_since_sale": _days_since_sale(seen, targets, left[SALES_DAYS], right),
    }


def stock_features(stock: pl.DataFrame, targets: Targets, cutoffs: Cutoffs, sold: Sold) -> dict[str, pl.Series]:
    """The feature columns that come from the stock row of D."""
    seen = Seen.of(stock, targets, cutoffs)
    place, known = seen.history.on(seen.group, targets.day)
    index = pl.select(pl.when(pl.Series(known)).then(pl.Series(place))).to_series()
    row = seen.rows.select(pl.all().gather(index))
    on_hand = row["on_hand"].fill_null(0).to_numpy()
    received = row["oldest_received_on"]
    age = targets.day - day_numbers(received.fill_null(targets.keys["date"]))
    return {
        "on_hand": count(on_hand, known),
        "days_of_cover": ratio(on_hand, sold.units, known, 28.0),
        "stock_age_days": count(age, received.is_not_null().to_numpy() & (age >= 0)),
    }


def _in_our_currency(seen: Seen, left: Ints, right: Ints, current: Current) -> Bools:
    """Whether all rows [left, right) of each target are in the currency of its price; so if there are none."""
    codes = pl.concat([seen.rows["currency"], current.currency]).rank("dense").cast(pl.Int64).fill_null(0).to_numpy()
    sale, ours = codes[: seen.rows.height], codes[seen.rows.height :]
    changes = np.zeros(len(sale), dtype=np.int64)
    changes[1:] = sale[1:] != sale[:-1]
    changed = running(changes)
    empty = right <= left
    if not len(sale):
        return current.known
    one = changed[right] == changed[np.minimum(left + 1, right)]
    same: Bools = empty | (one & (sale[np.maximum(right - 1, 0)] == ours))
    return current.known & same


def _days_since_sale(seen: Seen, targets: Targets, left: Ints, right: Ints) -> pl.Series:
    history: History = seen.history
    rows = np.arange(len(history))
    last = np.maximum.accumulate(np.where(seen.rows["units"].to_numpy() > 0, rows, -1))
    if not len(last):
        return count(targets.day, np.zeros(len(right), dtype=bool))
    place = np.where(right > left, last[np.maximum(right - 1, 0)], -1)
    sold = place >= left
    return count(targets.day - history.days[np.where(sold, place, 0)], sold)
