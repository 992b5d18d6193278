"""The horizon: a simulated market as it was known on one of its days, the rest still to come.

Here: which rows had arrived by then. Not here: making the market, writing it anywhere.
"""

from __future__ import annotations

from datetime import date

import polars as pl

from pricing_assets.simulation.market import Simulated

_DAYS = ("date", "known_on")


def known_by(simulated: Simulated, day: date) -> Simulated:
    """The market with the rows dated, and known, by the end of a day; truth and labels are of the whole market."""
    frames = {name: _arrived(frame, day) for name, frame in simulated.frames.items()}
    return simulated._replace(
        frames=frames, faults={name: _arrived(rows, day) for name, rows in simulated.faults.items()}
    )


def _arrived(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Rows whose day, and whose `known_at`, is not after `day`; malformed rows whose day is none came at the start."""
    for name in _DAYS:
        if name in frame.columns:
            kind = frame.schema[name]
            dated = pl.col(name).str.to_date("%Y-%m-%d", strict=False) if kind == pl.String else pl.col(name)
            frame = frame.filter((dated <= day).fill_null(True))
    if "known_at" in frame.columns and frame.schema["known_at"].is_temporal():
        return frame.filter((pl.col("known_at").dt.date() <= day).fill_null(True))
    return frame
