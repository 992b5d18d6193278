"""What a market is made from: its size, its last day, its seed, its law, and what may be switched off.

Here: the settings of a simulation and the version of the generator. Not here: how anything is drawn from them.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from datetime import date, timedelta
from typing import Any

import polars as pl

from pricing_assets.errors import PricingError

VERSION = 1
"""Version of the generator. Any change that alters a byte of what a seed yields raises it by one."""

LAWS = ("log_log", "logit", "linear", "reference_price", "stockpiling")
CATEGORIES = ("COFFEE", "HOME", "GARDEN", "TOYS", "CARE")
TRAITS = ("endogenous", "misreported", "rivals_follow")
_MOST_RIVALS = 8
_LARGEST_SHIFT = 10


@dataclass(frozen=True)
class MarketSettings:
    """Size and seed of a market.

    From `shift_from` on customers want `shift` times as much of `shift_category` as they would have.

    `irregular` plants labelled irregularities and late corrections, `faulty` malformed rows and rows delivered twice;
    `noise` scales the spread of demand around its expectation: 0 leaves whole units of the expectation itself.

    Traits no ordinary market has: in an `endogenous` one the shop sees shocks of demand that nobody records and prices
    by them; of rivals' prices a share of `misreported` is wrong, old or another product's; rivals follow a lasting move
    of our price by a share of `rivals_follow`.
    """

    skus: int = 60
    markets: int = 2
    days: int = 400
    last_day: date = date(2026, 10, 31)
    seed: int = 1
    law: str = "log_log"
    rivals: int = 3
    irregular: bool = True
    faulty: bool = True
    noise: float = 1.0
    shift_category: str | None = None
    shift_from: date | None = None
    shift: float = 1.0
    endogenous: bool = False
    misreported: float = 0.0
    rivals_follow: float = 1.0

    def __post_init__(self) -> None:
        bounds = {"skus": (1, 10_000_000), "markets": (1, 99), "days": (1, 5_000), "rivals": (0, _MOST_RIVALS)}
        for name, (least, most) in bounds.items():
            if not least <= getattr(self, name) <= most:
                raise PricingError(f"{name}: {getattr(self, name)}", f"expected a number from {least} to {most:,}")
        if self.seed < 0:
            raise PricingError(f"seed: {self.seed}", "expected 0 or more")
        if self.law not in LAWS:
            raise PricingError(f"law: {self.law}", f"expected one of {', '.join(LAWS)}")
        if self.noise < 0:
            raise PricingError(f"noise: {self.noise}", "expected 0 or more")
        for name in ("misreported", "rivals_follow"):
            if not 0 <= getattr(self, name) <= 1:
                raise PricingError(f"{name}: {getattr(self, name)}", "expected a share from 0 to 1")
        if (self.shift_category is None) != (self.shift_from is None):
            raise PricingError("shift: a category and a first day go together", "give both, or neither")
        if self.shift_category not in (None, *CATEGORIES):
            raise PricingError(f"shift: no category {self.shift_category}", f"expected one of {', '.join(CATEGORIES)}")
        if not 0 < self.shift <= _LARGEST_SHIFT:
            raise PricingError(f"shift: {self.shift}", f"expected a factor above 0, at most {_LARGEST_SHIFT}")

    @property
    def first_day(self) -> date:
        """The first day of the market."""
        return self.last_day - timedelta(days=self.days - 1)

    @property
    def cells(self) -> int:
        """How many SKU-markets there are."""
        return self.skus * self.markets

    def day(self, number: int) -> date:
        """The day of a day number, 0 is the first."""
        return self.first_day + timedelta(days=number)

    def sku_names(self) -> pl.Series:
        """SKU-0001, SKU-0002, … with as many digits as the last one needs."""
        width = max(4, len(str(self.skus)))
        number = pl.int_range(1, self.skus + 1, eager=True).cast(pl.String).str.zfill(width)
        return ("SKU-" + number).rename("sku")

    def market_names(self) -> list[str]:
        """DE and UK, then M03, M04, …"""
        return ["DE", "UK", *(f"M{number:02}" for number in range(3, self.markets + 1))][: self.markets]

    def currencies(self) -> list[str]:
        """The currency of each market."""
        return ["GBP" if name == "UK" else "EUR" for name in self.market_names()]

    def described(self) -> dict[str, Any]:
        """The settings and the generator's version as JSON holds them; a shift and traits only where there are any."""
        said = {"version": VERSION, **asdict(self), "last_day": self.last_day.isoformat()}
        usual = {field.name: field.default for field in fields(self) if field.name in TRAITS}
        said = {name: value for name, value in said.items() if name not in usual or value != usual[name]}
        if self.shift_from is None:
            return {name: value for name, value in said.items() if not name.startswith("shift")}
        return {**said, "shift_from": self.shift_from.isoformat()}
