"""Which rows a day may see: dated on or before it and known before its cut-off; of each key the latest known.

Here: that rule, once for one day as a frame (`visible`) and once for many days as arrays (`unfold`).
Not here: windows over the rows (windows.py).

Most rows are on time: known before the cut-off of their own date, so every later day sees them. A late row, a
correction say, becomes visible on a later day and changes the past as seen from then on. It changes the history of its
own SKU and market only; so that history alone is kept in several versions, each with the first day that sees it, and
everything else is computed once. The cost is that of the on-time rows plus that of the corrected histories.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.features.calendar import Calendar
from pricing_assets.tables.base import Table

Ints = npt.NDArray[np.int64]
SPAN = 1 << 22
"""More than there are day numbers: `group * SPAN + day number` sorts by group, then by day."""


def visible(frame: pl.DataFrame, table: type[Table], day: date, calendar: Calendar) -> pl.DataFrame:
    """The rows of `frame`, some rows of `table`, that `day` sees, in canonical order.

    A row is seen if its partition day is not after `day` and, where the table has `known_at`, it was known before the
    cut-off of `day`; among rows that differ in `known_at` only, the latest known one is.
    """
    rows = frame.filter(pl.col(table.partition()) <= day)
    if "known_at" not in table.columns():
        return rows.sort(table.order())
    key = [name for name in table.order() if name != "known_at"]
    rows = rows.filter(pl.col("known_at") < calendar.cutoff(day)).sort([*key, "known_at"])
    return rows.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in key))


def day_numbers(days: pl.Series) -> Ints:
    """Dates as proleptic ordinals, `date.toordinal`."""
    return days.to_physical().cast(pl.Int64).to_numpy() + date(1970, 1, 1).toordinal()


@dataclass(frozen=True)
class Cutoffs:
    """The cut-offs of all days from `first` to the last target day, in microseconds since 1970, UTC."""

    first: int
    start: int
    last: int
    micros: Ints

    @classmethod
    def of(cls, calendar: Calendar, days: list[date], lookback: int) -> Cutoffs:
        """Cut-offs for target days `days`, sorted, and `lookback` days before them."""
        first = days[0] - timedelta(days=lookback)
        number = (days[-1] - first).days + 1
        instants = [calendar.cutoff(first + timedelta(days=i)).timestamp() for i in range(number)]
        micros = np.array(instants, dtype=np.int64) * 1_000_000
        return cls(first.toordinal(), days[0].toordinal(), days[-1].toordinal(), micros)

    def late(self, day: Ints, known: Ints) -> npt.NDArray[np.bool_]:
        """Whether each row was known only after the cut-off of its own day."""
        return known >= self.micros[day - self.first]

    def visible_from(self, known: Ints) -> Ints:
        """The first day whose cut-off is after `known`; after `last` if there is none up to it."""
        return self.first + np.searchsorted(self.micros, known, side="right")


@dataclass(frozen=True)
class Versions:
    """The later versions of corrected histories: sorted keys `pair * SPAN + first day that sees the version`.

    Version j is group `pairs + j`; the first version of a pair's history is the group with the pair's own number.
    """

    pairs: int
    keys: Ints

    def groups(self, pair: Ints, day: Ints) -> Ints:
        """The group that holds a pair's history as the given day sees it."""
        if not len(self.keys):
            return pair
        place = np.searchsorted(self.keys, pair * SPAN + day, side="right") - 1
        corrected = (place >= 0) & (self.keys[place] // SPAN == pair)
        return np.where(corrected, self.pairs + place, pair)

    def of_groups(self, groups: Ints) -> Ints:
        """The pair whose history each group holds."""
        if not len(self.keys):
            return groups
        return np.where(groups < self.pairs, groups, self.keys[np.maximum(groups - self.pairs, 0)] // SPAN)


@dataclass(frozen=True)
class Unfolded:
    """Rows sorted into groups: `rows[i]`, a row number of what was given, belongs to group `group[i]`."""

    rows: Ints
    group: Ints
    versions: Versions


def unfold(pair: Ints, day: Ints, known: Ints, pairs: int, cutoffs: Cutoffs) -> Unfolded:
    """Give every row the group of its pair, and repeat rows of corrected histories once for each version.

    `pair` (0 … pairs−1), `day` (ordinals within the cut-offs) and `known` (microseconds) describe the rows.
    """
    late = cutoffs.late(day, known)
    if not late.any():
        return Unfolded(np.arange(len(pair)), pair, Versions(pairs, np.empty(0, dtype=np.int64)))
    seen = day.copy()
    seen[late] = cutoffs.visible_from(known[late])
    changing = late & (seen > cutoffs.start) & (seen <= cutoffs.last)
    keys = np.unique(pair[changing] * SPAN + seen[changing])
    always = np.flatnonzero(~late | (seen <= cutoffs.start))
    corrected = np.zeros(pairs, dtype=bool)
    corrected[keys // SPAN] = True
    touched = np.flatnonzero(corrected[pair] & (seen <= cutoffs.last))
    rows = pl.DataFrame(
        {"row": touched, "pair": pair[touched], "seen": np.where(changing, seen, cutoffs.start)[touched]}
    )
    later = pl.DataFrame({"pair": keys // SPAN, "start": keys % SPAN, "group": pairs + np.arange(len(keys))})
    copies = rows.join(later, on="pair").filter(pl.col("seen") <= pl.col("start"))
    return Unfolded(
        np.concatenate([always, copies["row"].to_numpy()]),
        np.concatenate([pair[always], copies["group"].to_numpy()]),
        Versions(pairs, keys),
    )
