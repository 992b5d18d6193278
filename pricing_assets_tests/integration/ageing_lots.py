"""First in, first out, unit by unit: slow, and plain to see. The oracle for marts.inventory_ageing.

Here: the store room itself, and what is written down of it each day. Not here: the mart.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

BUCKETS = {"0_30": range(31), "31_60": range(31, 61), "61_90": range(61, 91), "91_180": range(91, 181)}
FIRST = date(2026, 1, 1)


@dataclass(frozen=True)
class Happening:
    """One day's receipt, sale and return, and the days until the next one. Impossible sales are cut short."""

    received: int
    sold: int
    returned: int
    next_in: int


@dataclass
class StoreRoom:
    """Units in the order they came; the first `gone` of them are sold. A return is the unit sold last."""

    before: int
    units: list[date | None]
    gone: int = 0
    stock: list[dict[str, Any]] = field(default_factory=list)
    sales: list[dict[str, Any]] = field(default_factory=list)
    aged: list[dict[str, int]] = field(default_factory=list)

    def live(self, happenings: list[Happening], oldest_stated: bool) -> None:
        """Goes through the days; units from before the record came `before` days earlier, or nobody knows when."""
        day = FIRST
        for happening in happenings:
            opening = len(self.units) - self.gone
            self.units += [day] * happening.received
            sold = min(happening.sold, len(self.units) - self.gone)
            returned = min(happening.returned, self.gone + sold)
            self.gone += sold - returned
            self._write_down(day, opening, sold, returned, oldest_stated)
            day += timedelta(days=happening.next_in)

    def _write_down(self, day: date, opening: int, sold: int, returned: int, oldest_stated: bool) -> None:
        left = [unit or FIRST - timedelta(days=self.before) for unit in self.units[self.gone :]]
        oldest = min(left) if left and oldest_stated else None
        row = {"date": day, "sku": "A", "market": "UK"}
        self.stock.append({**row, "on_hand": len(left), "opening": opening, "oldest_received_on": oldest})
        if sold or returned:
            self.sales.append({**row, "units": sold, "returned_units": returned})
        self.aged.append(self._ages(day, oldest_stated))

    def _ages(self, day: date, oldest_stated: bool) -> dict[str, int]:
        found = dict.fromkeys((*BUCKETS, "over_180", "unknown"), 0)
        for unit in self.units[self.gone :]:
            since = unit or FIRST - timedelta(days=self.before if oldest_stated else 0)
            age = (day - since).days
            name = next((name for name, ages in BUCKETS.items() if age in ages), "over_180")
            found["unknown" if unit is None and not oldest_stated and age <= 180 else name] += 1
        return found
