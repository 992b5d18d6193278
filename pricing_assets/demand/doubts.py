"""What a panel may be meant to say, but makes forecasts worse in silence.

Here: sentences on what is missing or odd in it. Not here: what cannot be meant and is refused (panel.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.demand.panel import DATE, ID, Y
from pricing_assets.demand.plan import Plan

_NAMED = 5


def doubts(panel: pl.DataFrame, plan: Plan, cutoffs: Sequence[date]) -> list[str]:
    """A sentence per series and known column that is missing, or a price of 0 or below, on dates to be forecast after
    the cutoffs, the first few by name; and how many rows of a checked panel have no y."""
    told = []
    if empty := panel[Y].null_count():
        told.append(f"{counted(empty, 'row')} without y: they count as not observed")
    for cut in cutoffs:
        end = cut + timedelta(days=plan.step * plan.horizon)
        ahead = panel.filter((pl.col(DATE) > cut) & (pl.col(DATE) <= end)).sort(ID, DATE)
        for column in plan.known:
            told += _of(ahead, column, pl.col(column).is_null(), "missing")
            if "price" in column:
                told += _of(ahead, column, pl.col(column) <= 0, "0 or below")
    return told if len(told) <= _NAMED else [*told[:_NAMED], f"and {len(told) - _NAMED:,} more like it"]


def _of(ahead: pl.DataFrame, column: str, odd: pl.Expr, word: str) -> list[str]:
    rows = ahead.group_by(ID, maintain_order=True).agg(odd.sum().alias("odd"), pl.len(), pl.col(DATE).min())
    return [
        f"{name}: {column} {word} on {number} of {dates} dates to forecast from {first}"
        for name, number, dates, first in rows.filter(pl.col("odd") > 0).iter_rows()
    ]
