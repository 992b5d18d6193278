"""What each SKU-market may cost, and what each of its prices is expected to bring.

Here: the arrays a choice is made among, and which rows of them are unfit. Not here: where they come from (features,
demand, constraints), what is wanted of them (kinds).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

TIE = 1e-9
"""What two values may differ by, of their size, and still count as equal: then the hold wins, then the lower price."""


@dataclass(frozen=True, eq=False)
class Options:
    """n SKU-markets × k prices.

    `price` in minor units, not falling along a row; a shorter ladder repeats its last price, not `open`. `value` is
    what the objective maximises beyond holding, 0 at `hold`, the column of the current price. `profit` and `revenue`
    are expected over the 28 days, in major units. A row may always be held, also where its hold is not open: such a
    hold breaks a constraint, and is only chosen where nothing else may be.
    """

    price: Ints
    open: Flags
    value: Floats
    profit: Floats
    revenue: Floats
    hold: Ints
    names: Sequence[str] = ()
    scale: Ints | int = 100

    def __post_init__(self) -> None:
        shape = self.price.shape
        if len(shape) != 2 or any(each.shape != shape for each in (self.open, self.value, self.profit, self.revenue)):
            raise ValueError(f"price, open, value, profit, revenue: expected one shape n × k, got {shape} and others")
        if self.hold.shape != shape[:1] or ((self.hold < 0) | (self.hold >= shape[1])).any():
            raise ValueError(f"hold: expected a column of 0 to {shape[1] - 1} for each of {shape[0]} rows")
        if self.value[np.arange(shape[0]), self.hold].any():
            raise ValueError("value: expected 0 at the hold of every row")

    @property
    def rows(self) -> int:
        """How many SKU-markets there are."""
        return len(self.price)

    def name(self, row: int) -> str:
        """The SKU-market as a person knows it."""
        return self.names[row] if self.names else f"row {row}"

    def money(self, row: int, minor: float) -> str:
        """An amount in minor units of the row's currency, in major units."""
        scale = int(self.scale if isinstance(self.scale, int) else self.scale[row])
        return f"{minor / scale:.{max(len(str(scale)) - 1, 0)}f}"


def unfit(options: Options) -> dict[int, str]:
    """Row → why it cannot be chosen for, so that it must hold."""
    finite = np.isfinite(options.value) & np.isfinite(options.profit) & np.isfinite(options.revenue)
    empty = ~options.open.any(axis=1)
    unknown = (options.open & ~finite).any(axis=1)
    falling = (np.diff(options.price, axis=1) < 0).any(axis=1)
    found = dict.fromkeys(np.flatnonzero(falling).tolist(), "its prices are not in ascending order")
    found |= dict.fromkeys(np.flatnonzero(unknown).tolist(), "what a price of it would bring is not known")
    found |= dict.fromkeys(np.flatnonzero(empty).tolist(), "its ladder has no admissible price")
    return dict(sorted(found.items()))


def pick(score: Floats, hold: Ints) -> Ints:
    """The best column of each row: of equal ones the hold, else the lowest price. −inf is not to be had."""
    best = score.max(axis=1, keepdims=True)
    size = np.where(np.isfinite(best), np.abs(best), 0.0)
    near = score >= best - TIE * (1.0 + size)
    rows = np.arange(len(score))
    return np.where(near[rows, hold], hold, near.argmax(axis=1))
