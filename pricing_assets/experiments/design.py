"""The design of experiments: clusters, periods counted from one fixed day, and draws by a salt.

Here: what a draw follows from, so that any machine draws the same on any day. Not here: what is drawn for
(holdouts, price_tests).

A price is decided on a day and takes effect on the next: periods are counted in effective days.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from pricing_assets.strategies import Strategy

CLUSTER = ["category", "market"]
NO_CATEGORY = "none"
"""The category of SKUs that have none, as the marts write it."""
SETTING = "experiments"
_DRAWS = 8  # bytes of a digest that make a draw; one is dropped to 63 bits, so that it is an Int64


@dataclass(frozen=True)
class Design:
    """The share of clusters held out, how many days a period has, and the salt of all draws."""

    share: float
    period_days: int
    salt: str

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> Design | None:
        """The design in the settings a day was decided under; None where they name none."""
        said = settings.get(SETTING)
        return cls(said["hold_out"], said["period_days"], said["salt"]) if said else None

    def settings(self) -> dict[str, Any]:
        """As part of the settings a day's decisions depend on."""
        return {SETTING: {"hold_out": self.share, "period_days": self.period_days, "salt": self.salt}}

    def period(self) -> pl.Expr:
        """The number of the period in which a price decided on `date` takes effect."""
        return effective().floordiv(self.period_days).alias("period")

    def first_day(self) -> pl.Expr:
        """The first effective day of the period numbered `period`."""
        return _day(pl.col("period") * self.period_days).alias("period_from")

    def last_day(self) -> pl.Expr:
        """The last effective day of the period numbered `period`."""
        return _day((pl.col("period") + 1) * self.period_days - 1).alias("period_until")

    def draw(self, purpose: str, *names: object) -> int:
        """A number that follows from salt, purpose and names alone: 63 bits of SHA-256."""
        text = json.dumps([self.salt, purpose, *names], separators=(",", ":"), ensure_ascii=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:_DRAWS], "big") >> 1

    def draws(self, rows: pl.DataFrame, purpose: str, names: Sequence[str]) -> pl.DataFrame:
        """The distinct values of `names` among the rows, each with its `draw`."""
        distinct = rows.select(names).unique().sort(names)
        found = [self.draw(purpose, *row) for row in distinct.iter_rows()]
        return distinct.with_columns(pl.Series("draw", found, dtype=pl.Int64))


def effective() -> pl.Expr:
    """The day a price decided on `date` takes effect, counted from 1970-01-01."""
    return pl.col("date").to_physical().cast(pl.Int64) + 1


def clustered(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows with a category each: SKUs without one are a cluster of their own in each market."""
    return frame.with_columns(pl.col("category").fill_null(NO_CATEGORY))


def settings_of(settings: Mapping[str, Any], strategies: Sequence[Strategy]) -> dict[str, Any]:
    """The settings that count on a day: those of experiments only where a strategy with a model is in force."""
    learned = any(strategy.ml is not None for strategy in strategies)
    return {name: value for name, value in settings.items() if learned or name != SETTING}


def _day(number: pl.Expr) -> pl.Expr:
    """The day so many days after 1970-01-01."""
    return number.cast(pl.Int32).cast(pl.Date)
