"""The rows asked for: every SKU and market listed on a target day, numbered.

Here: the listed (sku, market) pairs, their numbers, and the numbering of other tables' rows by them.
Not here: any feature.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl

from pricing_assets.features.calendar import Calendar
from pricing_assets.features.visibility import Cutoffs, Ints, day_numbers, unfold, visible
from pricing_assets.features.windows import Bools, History
from pricing_assets.tables.raw import Listings

KEY = ["date", "sku", "market"]


@dataclass(frozen=True)
class Targets:
    """Listed pairs of the target days: `keys` (date, sku, market) in that order, row for row `pair` and `day`.

    Pairs are numbered 0 … `pairs` − 1 in order of SKU and market; `day` is the day's ordinal.
    """

    keys: pl.DataFrame
    pair: Ints
    day: Ints
    codes: Ints
    skus: pl.DataFrame
    markets: pl.DataFrame

    @classmethod
    def of(cls, listings: pl.DataFrame, days: Sequence[date], cutoffs: Cutoffs) -> Targets:
        """The pairs that are on sale by the raw.listings row of the target day known latest before its cut-off."""
        rows = listings.filter(pl.col("date").is_in(list(days)))
        late = cutoffs.late(day_numbers(rows["date"]), micros(rows["known_at"]))
        latest = rows.filter(~pl.Series(late)).sort(*KEY, "known_at").unique(KEY, keep="last", maintain_order=True)
        listed = latest.filter("on_sale").select(KEY)
        skus = listed.select(pl.col("sku").unique().sort()).with_row_index("place")
        markets = listed.select(pl.col("market").unique().sort()).with_row_index("place")
        code = _codes(listed, skus, markets)
        codes = np.unique(code)
        return cls(listed, np.searchsorted(codes, code), day_numbers(listed["date"]), codes, skus, markets)

    @property
    def pairs(self) -> int:
        """How many different pairs there are."""
        return len(self.codes)

    def number(self, frame: pl.DataFrame) -> Ints:
        """The number of the pair of each row of `frame` (with sku and market), −1 where it is not listed."""
        code = _codes(frame, self.skus, self.markets)
        place = np.minimum(np.searchsorted(self.codes, code), self.pairs - 1)
        place[self.codes[place] != code] = -1
        return place

    def find(self, pair: Ints, day: Ints) -> tuple[Ints, Bools]:
        """The target row of each pair and day, and whether the pair is listed that day (row 0 if not)."""
        index = History(self.pair, self.day)
        place, found = index.on(pair, day)
        return index.rows[place], found


def listed(listings: pl.DataFrame, day: date, calendar: Calendar) -> pl.DataFrame:
    """The rows of raw.listings that put a pair on sale on `day`, as that day sees them."""
    return visible(listings, Listings, day, calendar).filter("on_sale", date=day)


@dataclass(frozen=True)
class Seen:
    """A table's rows of listed pairs as every target sees them.

    `order` holds for each position of `history` the row of `frame` that is there; `group` and `day` say for each
    target which group of `history` it looks at, and from when; `pair` is the pair of each position.
    """

    history: History
    frame: pl.DataFrame
    order: Ints
    pair: Ints
    group: Ints
    day: Ints

    @classmethod
    def of(cls, frame: pl.DataFrame, targets: Targets, cutoffs: Cutoffs, wanted: Bools | None = None) -> Seen:
        """The `wanted` rows of a table with `known_at`: beyond corrections one for each pair and day."""
        pair = targets.number(frame)
        rows = np.flatnonzero(pair >= 0 if wanted is None else (pair >= 0) & wanted)
        pair, day, known = (values[rows] for values in (pair, day_numbers(frame["date"]), micros(frame["known_at"])))
        unfolded = unfold(pair, day, known, targets.pairs, cutoffs)
        history = History(unfolded.group, day[unfolded.rows], known[unfolded.rows])
        order = rows[unfolded.rows[history.rows]]
        versions = unfolded.versions
        pairs, group = versions.of_groups(history.groups), versions.groups(targets.pair, targets.day)
        return cls(history, frame, order, pairs, group, targets.day)

    def today(self) -> tuple[pl.DataFrame, Ints, Bools]:
        """Each target's row of its own day (all null if none), its position in the history, whether there is one."""
        place, known = self.history.on(self.group, self.day)
        row = self.order[place] if len(self.order) else place
        index = pl.select(pl.when(pl.Series(known)).then(pl.Series(row))).to_series()
        return self.frame.select(pl.all().gather(index)), place, known


def same_text(*columns: pl.Series) -> list[Ints]:
    """Texts as numbers that are equal where the texts are, −1 for null; only good for comparing."""
    codes = pl.concat(columns).cast(pl.Categorical).to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
    return list(np.split(codes, np.cumsum([len(column) for column in columns])[:-1]))


def micros(moments: pl.Series) -> Ints:
    """Instants as microseconds since 1970, UTC."""
    return moments.to_physical().to_numpy()


def _codes(frame: pl.DataFrame, skus: pl.DataFrame, markets: pl.DataFrame) -> Ints:
    """SKU place × number of markets + market place; −1 where either is in no listing."""
    places = [
        frame.select(name).join(table, on=name, how="left", maintain_order="left")["place"].cast(pl.Int64)
        for name, table in (("sku", skus), ("market", markets))
    ]
    code = (places[0] * markets.height + places[1]).fill_null(-1)
    return code.to_numpy()
