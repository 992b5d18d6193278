"""Features of our own prices: in force, list, cost, margin, changes, volatility.

Here: everything read from raw.prices and raw.promotions. Not here: rivals' prices (rivals.py).

All of them start from the current price row of the day D: without one they are null. A history counts only as far as
it is in the currency of D: a change of currency is not a change of price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from pricing_assets.features.cells import amount, count, percent, ratio, ten_thousandths
from pricing_assets.features.targets import KEY, Seen, Targets, same_text
from pricing_assets.features.visibility import SPAN, Cutoffs, Ints
from pricing_assets.features.windows import Bools, History, Runs

YEAR = 365
VOLATILITY_DAYS = 14
CHANGE_DAYS = (1, 7, 28)
LOWEST_DAYS = (30, YEAR)


@dataclass(frozen=True)
class Current:
    """The price in force for each target: whether there is one, in ten-thousandths, and its currency."""

    known: Bools
    price: Ints
    currency: pl.Series


@dataclass(frozen=True)
class Past:
    """The history each target looks back on: rows of its pair in the currency of its day.

    `place` is where each of them stands in `seen`, which also holds prices in other currencies.
    """

    seen: Seen
    place: Ints
    history: History
    prices: Ints
    group: Ints
    day: Ints
    known: Bools

    def window(self, width: int) -> tuple[Ints, Ints]:
        """Positions [left, right) of the rows dated in (D − width, D]."""
        return self.history.after(self.group, self.day - width), self.history.after(self.group, self.day)


class Priced(NamedTuple):
    """The price in force for each target, what it looks back on, and the columns made from them."""

    current: Current
    past: Past
    columns: dict[str, pl.Series]


def price_features(prices: pl.DataFrame, targets: Targets, cutoffs: Cutoffs) -> Priced:
    """The price in force for each target, and the feature columns that come from raw.prices alone."""
    seen = Seen.of(prices, targets, cutoffs, (prices["price_type"] == "current").to_numpy())
    today, place, known = seen.today()
    price = ten_thousandths(today["price"])
    current = Current(known, price, today["currency"])
    past = _past(seen, place, known)
    listed = _list_price(prices, targets, cutoffs, current, past)
    cost, costed = ten_thousandths(today["cost"]), known & today["cost"].is_not_null().to_numpy()
    columns = {
        "currency": today["currency"],
        "current_price": amount(price, known),
        "list_price": amount(listed, known),
        "price_kind": today["price_kind"].cast(pl.String),
        "cost": today["cost"],
        "cost_source": today["cost_source"].cast(pl.String),
        "cost_pct": percent(cost, price, costed),
        "margin_pct": percent(price - cost, price, costed),
        **{f"price_change_{width}d_pct": _change(past, price, width) for width in CHANGE_DAYS},
        "price_volatility_14d": _volatility(past),
        "days_since_price_change": _days_since_change(past),
        **{f"lowest_price_{width}d": _lowest(past, width) for width in LOWEST_DAYS},
        f"highest_price_{YEAR}d": _highest(past, YEAR),
        "promotion_depth_pct": percent(listed - price, listed, known),
        "price_age_days": _age(seen),
    }
    return Priced(current, past, columns)


def map_price(attributes: pl.Series) -> pl.Series:
    """The attribute `map_price` of products as Decimal(18,4); null where it is absent, no number, or not positive."""
    text = attributes.to_frame("attributes").select(pl.col("attributes").str.json_path_match("$.map_price"))
    price = text.to_series().cast(pl.Decimal(18, 4), strict=False)
    return pl.select(pl.when(price > 0).then(price)).to_series()


def planned_price(promotions: pl.DataFrame, targets: Targets, current: Current, ahead: int) -> pl.Series:
    """The price planned for D + `ahead` (1 or 0), as the plan known last before that day says.

    Null if that is in another currency.
    """
    day = pl.col("target_date").dt.offset_by("-1d")
    plans = promotions.filter(pl.col("known_on").is_between(day.dt.offset_by(f"-{YEAR - 2 + ahead}d"), day))
    plans = plans.with_columns(date=pl.col("target_date").dt.offset_by(f"-{ahead}d"))
    plans = plans.sort(*KEY, "known_on").unique(KEY, keep="last")
    planned = targets.keys.join(plans, on=KEY, how="left", maintain_order="left")
    ours = pl.col("currency").fill_null(current.currency) == current.currency
    return planned.select(pl.when(ours).then(pl.col("planned_price"))).to_series()


def _past(seen: Seen, place: Ints, known: Bools) -> Past:
    (codes,) = same_text(seen.frame["currency"])
    codes, prices = codes[seen.order], ten_thousandths(seen.frame["price"])[seen.order]
    mixed = (codes[1:] != codes[:-1]) & (seen.history.groups[1:] == seen.history.groups[:-1])
    if not mixed.any():
        return Past(seen, np.arange(len(prices)), seen.history, prices, seen.group, seen.day, known)
    number = int(codes.max()) + 1
    history = History(seen.history.groups * number + codes, seen.history.days)
    group = seen.group * number + codes[place]
    return Past(seen, history.rows, history, prices[history.rows], group, seen.day, known)


def _list_price(prices: pl.DataFrame, targets: Targets, cutoffs: Cutoffs, current: Current, past: Past) -> Ints:
    """The list price row of D in the currency of D, else the highest current price of the trailing 365 days."""
    list_rows = prices.filter((pl.col("price_type") == "list") & pl.col("date").is_in(targets.keys["date"].implode()))
    row, _, _ = Seen.of(list_rows, targets, cutoffs).today()
    own = (row["currency"] == current.currency).fill_null(False).to_numpy() & current.known
    listed = np.where(own, ten_thousandths(row["price"]), 0)
    rest = current.known & ~own
    left, right = past.window(YEAR)
    runs = Runs(past.history.groups, past.prices)
    listed[rest] = runs.highest(left[rest], right[rest])
    return listed


def _change(past: Past, price: Ints, width: int) -> pl.Series:
    """% change against the last price dated in (D − 365, D − width]."""
    place = past.history.after(past.group, past.day - width) - 1
    known = past.known & (place >= past.history.after(past.group, past.day - YEAR))
    if not known.any():
        return percent(price, price, known)
    before = past.prices[np.where(known, place, 0)]
    return percent(price - before, before, known)


def _volatility(past: Past) -> pl.Series:
    """Standard deviation ÷ mean over 14 days, from two prices on.

    With n prices of sum S and the integers dᵢ = n·pᵢ − S it is √(Σdᵢ²/n) ÷ S. The squares are added day by day in
    the order of time, for each target by itself: nothing is carried from one window to the next.
    """
    left, right = past.window(VOLATILITY_DAYS)
    number = np.where(past.known, right - left, 0)
    offsets = range(int(number.max(initial=0)))
    held = [past.prices[np.minimum(left + i, len(past.prices) - 1)] * (i < number) for i in offsets]
    total = sum(held, np.zeros_like(number))
    squares = np.zeros(len(number), dtype=np.float64)
    for i, price in enumerate(held):
        squares += ((number * price - total) * (i < number)).astype(np.float64) ** 2
    deviation = np.sqrt(squares / np.maximum(number, 1))
    return ratio(deviation, total, number >= 2)


def _age(seen: Seen) -> pl.Series:
    """Days since the last price of the trailing year, in any currency; 0 where D has one."""
    place = seen.history.after(seen.group, seen.day) - 1
    known = place >= seen.history.after(seen.group, seen.day - YEAR)
    if not known.any():
        return count(seen.day, known)
    return count(seen.day - seen.history.days[np.where(known, place, 0)], known)


def _lowest(past: Past, width: int) -> pl.Series:
    """The lowest price of the trailing days, D among them."""
    return -_extreme(past, -past.prices, width)


def _highest(past: Past, width: int) -> pl.Series:
    return _extreme(past, past.prices, width)


def _extreme(past: Past, values: Ints, width: int) -> pl.Series:
    """The highest of `values`, one per row of the history, over the trailing days; null without a current price."""
    left, right = past.window(width)
    highest = np.zeros(len(past.known), dtype=np.int64)
    highest[past.known] = Runs(past.history.groups, values).highest(left[past.known], right[past.known])
    return amount(highest, past.known)


def _days_since_change(past: Past) -> pl.Series:
    left, right = past.window(YEAR)
    runs = Runs(past.history.groups, past.prices)
    place, changed = runs.last_change(left, right)
    changed &= past.known
    if not changed.any():
        return count(past.day, changed)
    return count(past.day - past.history.keys[np.where(changed, place, 0)] % SPAN, changed)
