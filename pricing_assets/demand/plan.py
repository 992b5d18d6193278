"""The plan of a forecast: how often, how far, and what is known of the future.

Here: what a person chooses before a model sees a row. Not here: rows (panel), what a column means (roles).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pricing_assets.errors import PricingError

Frequency = Literal["D", "W"]
STEP_DAYS: dict[str, int] = {"D": 1, "W": 7}


@dataclass(frozen=True)
class Plan:
    """Frequency and horizon in steps; `known` columns are given for the future too, `static` ones never change.

    `country` (ISO 3166, e.g. "DE") adds its public holidays. Raises PricingError for what is
    no frequency or horizon.
    """

    frequency: Frequency
    horizon: int
    known: tuple[str, ...] = ()
    static: tuple[str, ...] = ()
    country: str | None = None
    seed: int = 7

    def __post_init__(self) -> None:
        if self.frequency not in STEP_DAYS:
            raise PricingError(f"frequency {self.frequency}: expected D or W", "give days or weeks")
        if not 1 <= self.horizon <= self.year // 2:
            most = f"horizon {self.horizon}: expected 1 to {self.year // 2} steps"
            raise PricingError(most, "give a number of days or weeks, half a year at most")
        if twice := sorted(set(self.known) & set(self.static)):
            raise PricingError(f"{', '.join(twice)}: both known and static", "a column is one or the other")

    @property
    def step(self) -> int:
        """Days from one row of a series to the next."""
        return STEP_DAYS[self.frequency]

    @property
    def season(self) -> int:
        """Steps of the season a simple method repeats: a week of days, a year of weeks."""
        return 7 if self.frequency == "D" else 52

    @property
    def year(self) -> int:
        """Steps of a year that keep the weekday."""
        return 364 if self.frequency == "D" else 52
