"""Exact windows over many histories at once: one sort, then every window is two positions in it.

Here: positions, sums, last values, runs of equal values. Integers only, so a result depends on the rows inside its
window and on nothing else: not on the days computed with it, nor on threads. Not here: what the values mean.

Rows of all groups lie in one array sorted by `group * SPAN + day`. The window of the last w days before and with day D
of a group is the rows between two binary searches, `(D − w, D]`. A sum is the difference of a running Int64 sum at
both ends; a sum that runs over 2⁶³ on the way still has exact differences, since Int64 arithmetic is modulo 2⁶⁴.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pricing_assets.features.visibility import SPAN, Ints

Bools = npt.NDArray[np.bool_]


class History:
    """Rows sorted by group and day, at most one for each: of rows for the same day the latest known counts."""

    def __init__(self, group: Ints, day: Ints, known: Ints | None = None) -> None:
        keys = group * SPAN + day
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        again = ordered[1:] == ordered[:-1]
        if known is not None and again.any():
            several = np.flatnonzero(np.append(again, False) | np.append(False, again))
            rows = order[several]
            order[several] = rows[np.lexsort((known[rows], keys[rows]))]
            last = np.append(~again, True)
            order, ordered = order[last], ordered[last]
        self.keys: Ints = ordered
        self.rows: Ints = order

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def days(self) -> Ints:
        """Day number of each row."""
        return self.keys % SPAN

    @property
    def groups(self) -> Ints:
        """Group of each row."""
        return self.keys // SPAN

    def after(self, group: Ints, day: Ints) -> Ints:
        """Position after the last row of the group dated on or before `day`."""
        return np.searchsorted(self.keys, group * SPAN + day, side="right")

    def where(self, wanted: Bools) -> History:
        """The history of the wanted rows alone; `rows` keeps saying where each came from."""
        part = History.__new__(History)
        part.keys, part.rows = self.keys[wanted], self.rows[wanted]
        return part

    def on(self, group: Ints, day: Ints) -> tuple[Ints, Bools]:
        """Position of the group's row of exactly `day`, and whether there is one (position 0 if not)."""
        place = self.after(group, day) - 1
        found = place >= 0
        place = np.where(found, place, 0)
        if len(self):
            found &= self.keys[place] == group * SPAN + day
        return place, found


def running(values: Ints) -> Ints:
    """Running sum with a leading zero: the sum of rows [a, b) is `running[b] - running[a]`."""
    sums = np.zeros(len(values) + 1, dtype=np.int64)
    np.cumsum(values, out=sums[1:])
    return sums


class Runs:
    """Stretches of neighbouring rows of one group with equal values: prices change seldom, so there are few."""

    def __init__(self, groups: Ints, values: Ints) -> None:
        begins = np.ones(len(values), dtype=bool)
        begins[1:] = (values[1:] != values[:-1]) | (groups[1:] != groups[:-1])
        self.starts: Ints = np.flatnonzero(begins).astype(np.int64)
        self.of_row: Ints = np.cumsum(begins) - 1
        self.values: Ints = values[self.starts]

    def highest(self, left: Ints, right: Ints) -> Ints:
        """Highest value of the rows [left, right), each window at least one row long.

        A sparse table over the runs (Bender, Farach-Colton 2000: two overlapping powers of two cover a range), of
        which only one level is held at a time.
        """
        first, last = self.of_row[left], self.of_row[right - 1]
        level = np.frexp((last - first + 1).astype(np.float64))[1] - 1
        result = np.empty(len(left), dtype=np.int64)
        table = self.values
        for power in range(int(level.max(initial=-1)) + 1):
            here = np.flatnonzero(level == power)
            result[here] = np.maximum(table[first[here]], table[last[here] - (1 << power) + 1])
            half = 1 << power
            table = np.maximum(table[:-half], table[half:]) if len(table) > half else table
        return result

    def last_change(self, left: Ints, right: Ints) -> tuple[Ints, Bools]:
        """Position of the last row of [left, right) whose value differs from the row before it in the window."""
        start = self.starts[self.of_row[np.maximum(right - 1, 0)]] if len(self.of_row) else np.zeros_like(right)
        return start, (start > left) & (right > left)
