"""The design matrix: one row per series, origin and step ahead, for training and for forecasting alike.

Here: which rows, and their features put side by side. Not here: how a feature is computed (drivers, past, responses).

Forecasts are direct: a row for a date h steps ahead has the past as it stood h steps before, and h itself. One model
serves all steps, and nothing it sees was unknown on the origin.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.demand.drivers import drivers
from pricing_assets.demand.panel import CENSORED, DATE, ID, Y
from pricing_assets.demand.past import BASE, past, uncensored
from pricing_assets.demand.plan import Plan
from pricing_assets.demand.responses import CELL, ORIGIN, answers, lifts, with_cells
from pricing_assets.demand.roles import Roles
from pricing_assets.demand.simple import NAIVE, RATE, SEASONAL, fallback, simple_states

Ints = npt.NDArray[np.int64]

STEP = "step"
REASON = "fallback_reason"
SIMPLE = [NAIVE, SEASONAL, RATE]
KEYS = [ID, DATE, ORIGIN, Y, CENSORED, BASE, *SIMPLE, REASON]
"""What names a row or scores it; all other columns are features, or text that becomes codes."""


@dataclass(frozen=True)
class Book:
    """Everything computed once per panel: its rows, drivers and past, row by row on one grid."""

    panel: pl.DataFrame
    known: pl.DataFrame
    past: pl.DataFrame
    cells: pl.Series
    seen: pl.DataFrame
    simple: pl.DataFrame
    plan: Plan
    roles: Roles


def opened(panel: pl.DataFrame, plan: Plan, roles: Roles) -> Book:
    """The book of a gridded panel."""
    panel = uncensored(panel, plan).with_columns(pl.int_range(pl.len(), dtype=pl.Int64).over(ID).alias("row"))
    known = drivers(panel, plan, roles)
    stood = past(panel, known, plan, roles)
    cells = with_cells(known, roles)
    before = pl.select(stood[BASE].shift(1)).to_series()
    first = panel["row"] == 0
    before = pl.select(pl.when(first).then(None).otherwise(before)).to_series()
    simple = simple_states(panel, plan).with_columns(fallback(plan)).select(NAIVE, RATE, REASON)
    return Book(panel, known, stood, cells, lifts(panel, before, cells, roles), simple, plan, roles)


def rows_of(book: Book, origins: list[date], series: pl.Series | None = None) -> pl.DataFrame:
    """KEYS and features of every series with a past, or of some, for all steps ahead of the origins, by origin, series.

    What groups of series do is of all of them.
    """
    stood, target, step = _places(book, origins, series)
    past = book.past[stood]
    parts = [
        book.panel[target].select(ID, DATE, Y, CENSORED, *book.roles.categories),
        book.known[target],
        past,
        book.simple[stood],
        book.cells[target].to_frame(),
        _seasonal(book, target, step, past[BASE]),
        book.panel[stood].select(pl.col(DATE).alias(ORIGIN), pl.Series(STEP, step.astype(np.float64))),
    ]
    rows = pl.concat(parts, how="horizontal").filter(pl.col(BASE).is_not_null()).sort(ORIGIN, ID, DATE)
    return rows.hstack(answers(rows, book.seen, book.roles)).drop(CELL)


def features(rows: pl.DataFrame, roles: Roles) -> list[str]:
    """Names of the features, in order; categories are the codes of text columns."""
    return [name for name in rows.columns if name not in {*KEYS, *roles.categories}]


def _places(book: Book, origins: list[date], series: pl.Series | None) -> tuple[Ints, Ints, Ints]:
    """Rows of the panel: where each origin stands, the date so many steps ahead of it, and how many."""
    row, horizon = book.panel["row"].to_numpy(), book.plan.horizon
    asked = book.panel[DATE].is_in(origins)
    asked = asked if series is None else asked & book.panel[ID].is_in(series.implode())
    origin = asked.arg_true().to_numpy().astype(np.int64)
    ends = np.append(np.flatnonzero(row[1:] == 0), len(row) - 1)
    ahead = np.minimum(ends[np.searchsorted(ends, origin)] - origin, horizon)  # a series is one run of rows
    stood = np.repeat(origin, ahead)
    step = np.arange(len(stood)) - np.repeat(np.cumsum(ahead) - ahead, ahead) + 1
    return stood, stood + step, step


def _seasonal(book: Book, target: Ints, step: Ints, base: pl.Series) -> pl.DataFrame:
    """Sales of the same season before: the same weekdays of the last weeks, the same weeks of last year."""
    y, within, level = book.panel[Y].to_numpy(), book.panel["row"].to_numpy()[target], base.to_numpy()
    made: dict[str, np.ndarray] = {}
    if book.plan.frequency == "D":
        back = 7 * -(-step // 7)
        for weeks in (4, 8):
            made[f"weekday_{weeks}"] = _log_ratio(_mean(y, target, within, [back + 7 * k for k in range(weeks)]), level)
    year, season = book.plan.year, book.plan.season
    around = (-1, 0, 1) if book.plan.frequency == "W" else tuple(range(-3, 4))
    then = _mean(y, target, within, [year + k for k in around])
    base_then = _mean(book.past[BASE].to_numpy(), target, within, [year + step])
    made["year_ago"] = _log_ratio(then, base_then)
    made[SEASONAL] = _mean(y, target, within, [season * -(-step // season)])
    return pl.DataFrame(made).with_columns(pl.all().fill_nan(None))


def _mean(values: np.ndarray, at: Ints, within: Ints, back: Sequence[int | Ints]) -> np.ndarray:
    """Mean of a series' values so many rows back, of those that exist."""
    total, seen = np.zeros(len(at)), np.zeros(len(at))
    for k in back:
        value = np.where(within >= k, values[np.maximum(at - k, 0)], np.nan)
        there = ~np.isnan(value)
        total += np.where(there, value, 0.0)
        seen += there
    return np.where(seen > 0, total / np.maximum(seen, 1), np.nan)


def _log_ratio(value: np.ndarray, base: np.ndarray) -> np.ndarray:
    return np.asarray(np.log((value + 0.01) / base))
