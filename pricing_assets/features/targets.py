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

from pricing_assets.features.visibility import Cutoffs, Ints, Unfolded, day_numbers, unfold
from pricing_assets.features.windows import Bools, History

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
        """The pairs that raw.listings rows dated on a target day, known before its cut-off, put on sale."""
        listed = listings.filter(pl.col("date").is_in(list(days)))
        late = cutoffs.late(day_numbers(listed["date"]), micros(listed["known_at"]))
        listed = listed.filter(~pl.Series(late)).select(KEY).unique().sort(KEY)
        skus = listed.select(pl.col("sku").unique().sort()).with_row_index("place")
        markets = listed.select(pl.col("market").unique().sort()).with_row_index("place")
        code = _codes(listed, skus, markets)
        codes = np.unique(code)
        return cls(listed, np.searchsorted(codes, code), day_numbers(listed["date"]), codes, skus, markets)

    @property
    def pairs(self) -> int:
        """How many different pairs there are."""
        return len(self.codes)

    def numbered(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of `frame` (with sku and market) of listed pairs, and the number of their pair as `pair`."""
        code = _codes(frame, self.skus, self.markets)
        place = np.searchsorted(self.codes, code)
        found = self.codes[np.minimum(place, self.pairs - 1)] == code
        rows = frame.drop("sku", "market").with_columns(pl.Series("pair", place, dtype=pl.Int64))
        return rows if found.all() else rows.filter(pl.Series(found))

    def find(self, pair: Ints, day: Ints) -> tuple[Ints, Bools]:
        """The target row of each pair and day, and whether the pair is listed that day (row 0 if not)."""
        index = History(self.pair, self.day)
        place, found = index.on(pair, day)
        return index.rows[place], found


@dataclass(frozen=True)
class Seen:
    """A table's rows of listed pairs as every target sees them.

    `rows` are in the order of `history`; `group` is the group of `history` that each target looks at.
    """

    history: History
    rows: pl.DataFrame
    group: Ints

    @classmethod
    def of(cls, frame: pl.DataFrame, targets: Targets, cutoffs: Cutoffs) -> Seen:
        """Rows of a table with `known_at`, of which a day and pair may have one beyond corrections."""
        rows = targets.numbered(frame)
        day, known = day_numbers(rows["date"]), micros(rows["known_at"])
        unfolded: Unfolded = unfold(rows["pair"].to_numpy(), day, known, targets.pairs, cutoffs)
        history = History(unfolded.group, day[unfolded.rows], known[unfolded.rows])
        values = rows.drop("date", "known_at", "pair")[unfolded.rows[history.rows]]
        return cls(history, values, unfolded.versions.groups(targets.pair, targets.day))


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
