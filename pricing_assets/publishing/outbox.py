"""The outbox: which state each price is in, append-only and on disk before anything is done about it.

Here: the states of prices, read and added to, in the lake's table publishing.publications. Not here: why a price
changes its state (passes).

The lake, not the governance database, because a day may have a million prices: a state is one more file per day,
written, fsynced and put in force in one transaction, and analysts read the same files.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables.publishing import STATES, Publications

KEY = ["date", "sku", "market", "effective_from", "entry_no"]
"""What names an entry of the price book."""

PRICE = [*KEY, "price", "currency", "decision_id"]
OPEN = ["scheduled"]
UNDERWAY = ["sending", "failed"]
"""It may have arrived: the same dispatch goes out again until an answer says so."""

OUT = ["sent", "acknowledged", "live", "mismatched", "refused"]
"""The receiver has it, whatever it made of it."""

IN_FORCE = ["sent", "acknowledged", "live", "mismatched"]
_STATE = pl.Enum(STATES)

Step = tuple[str, str | pl.Expr | None]
"""A state, and why."""

Group = tuple[pl.DataFrame, Sequence[Step]]
"""Prices, and the states they come to one after the other."""


class Outbox:
    """The states of the prices of some days, those recorded here included."""

    def __init__(self, lake: Lake, days: Sequence[date], provenance: Provenance, clock: Callable[[], datetime]) -> None:
        self._lake, self._provenance, self._clock = lake, provenance, clock
        files = [file for file in lake.files(Publications) if file.partition in set(days)]
        self._rows = lake.read_files(Publications, files)
        self.recorded: list[pl.DataFrame] = []

    def latest(self) -> pl.DataFrame:
        """The state each price is in: the rows of publishing.publications with the highest step."""
        return latest(self._rows)

    def record(self, *groups: Group) -> None:
        """Adds states to groups of prices, all in one transaction; on disk when it returns.

        Prices have PRICE, connector, dispatch and step: the last one so far, 0 or null where there is none.
        """
        now = pl.lit(self._clock()).cast(pl.Datetime("us", "UTC")).alias("recorded_at")
        frames = [_states(prices, steps, now) for prices, steps in groups if prices.height]
        if not frames:
            return
        rows = pl.concat(frames)
        self._lake.append(Publications, rows, self._provenance)
        self._rows = pl.concat([self._rows, rows])
        self.recorded.append(rows)


def _states(prices: pl.DataFrame, steps: Sequence[Step], now: pl.Expr) -> pl.DataFrame:
    frames = [
        prices.select(
            *PRICE,
            (pl.col("step").fill_null(0) + number).alias("step"),
            pl.lit(state, dtype=_STATE).alias("state"),
            "connector",
            "dispatch",
            (message if isinstance(message, pl.Expr) else pl.lit(message, dtype=pl.String)).alias("message"),
            now,
        )
        for number, (state, message) in enumerate(steps, 1)
    ]
    return Publications.cast(pl.concat(frames).select(Publications.columns().keys()))


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each price the row with the highest step, in canonical order."""
    return rows.sort(*KEY, "step").unique(KEY, keep="last", maintain_order=True)
