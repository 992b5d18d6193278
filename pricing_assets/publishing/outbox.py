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

    def record(self, prices: pl.DataFrame, *steps: Step) -> None:
        """Adds states to prices, all in one transaction; on disk when it returns.

        `prices` has PRICE, connector, dispatch and step: the last one so far, 0 or null where there is none.
        """
        if not prices.height or not steps:
            return
        now = self._clock()
        frames = [
            prices.select(
                *PRICE,
                (pl.col("step").fill_null(0) + number).alias("step"),
                pl.lit(state, dtype=_STATE).alias("state"),
                "connector",
                "dispatch",
                (message if isinstance(message, pl.Expr) else pl.lit(message, dtype=pl.String)).alias("message"),
                pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("recorded_at"),
            )
            for number, (state, message) in enumerate(steps, 1)
        ]
        rows = Publications.cast(pl.concat(frames).select(Publications.columns().keys()))
        self._lake.append(Publications, rows, self._provenance)
        self._rows = pl.concat([self._rows, rows])
        self.recorded.append(rows)


def latest(rows: pl.DataFrame) -> pl.DataFrame:
    """Of each price the row with the highest step, in canonical order."""
    return rows.sort(*KEY, "step").unique(KEY, keep="last", maintain_order=True)
