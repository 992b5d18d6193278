"""The design of a regression: observations as arrays, with what may move demand besides price.

Here: columns, indices of series and of time effects, clusters. Not here: fitting.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.demand.elasticity.columns import DATE, ID, Y
from pricing_assets.demand.elasticity.observations import BASE, CENSORED, PROMOTION, Observations

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

PRICES, DAYS = 2, 7
"""How many columns of a design are prices: base and promotion, the first ones; and days of a week."""
LEAST_TOGETHER = 6
"""SKUs a category needs for an effect of each date: with fewer it would take the prices' own effect away."""
MOST_SHARED = 0.7
"""Share of the movement of prices that dates may explain; beyond, dates and prices cannot be told apart."""
TREND, YEAR_SIN, YEAR_COS = CALENDAR = ("trend", "year_sin", "year_cos")
_DAYS_OF_TREND, _DAYS_OF_YEAR = 120, 300
_BY_ROW = ("y", "x", "series", "time", "weekday", "block", "date", "day", "zone", "censored", "offset")


@dataclass(frozen=True)
class Design:
    """Rows sorted by series and date; `x` is rows × columns named by `names`, the two prices first.

    `start` holds the first row of each series, `series` the number of each row's. `time` numbers the time effects,
    `weekday` what they are like: the category and the day of the week, or the category alone in weeks.
    `block` numbers what errors may share within a series, `date` the weeks, `day` the days, `zone` the zones.
    `censored` is true where y is what was left to sell, `offset` the log of units that is known beforehand.
    """

    names: tuple[str, ...]
    y: Floats
    x: Floats
    series: Ints
    start: Ints
    time: Ints
    weekday: Ints
    block: Ints
    date: Ints
    day: Ints
    zone: Ints
    censored: npt.NDArray[np.bool_]
    offset: Floats

    @cached_property
    def end(self) -> Ints:
        """One past the last row of each series."""
        return np.append(self.start[1:], len(self.y))

    @cached_property
    def speaks(self) -> npt.NDArray[np.bool_]:
        """Which series have rows."""
        return self.end > self.start

    @property
    def calendar(self) -> list[int]:
        """The columns that the date alone decides: trend and season, of which each series has its own."""
        return [number for number, name in enumerate(self.names) if name in CALENDAR]

    @property
    def week(self) -> Ints:
        """The number of each row's category and block: what the dates of a time effect share."""
        return self.weekday // DAYS * (int(self.block.max(initial=0)) + 1) + self.block

    def without(self, names: set[str]) -> Design:
        """The design without some columns."""
        kept = [number for number, name in enumerate(self.names) if name not in names]
        return replace(self, names=tuple(self.names[number] for number in kept), x=self.x[:, kept])

    def among(self, first: int, last: int) -> Design:
        """The design of the series from `first` up to `last`, which is not among them; they are numbered from 0."""
        rows = slice(self.start[first], self.end[last - 1])
        parts = {name: getattr(self, name)[rows] for name in _BY_ROW}
        series = parts.pop("series") - first
        return replace(self, start=self.start[first:last] - self.start[first], series=series, **parts)

    def of(self, series: npt.NDArray[np.bool_]) -> Design:
        """The design of some series; they are numbered anew."""
        some = self.where(series[self.series])
        numbers = np.cumsum(series) - 1
        return replace(some, series=numbers[some.series], start=some.start[series])

    def where(self, rows: npt.NDArray[np.bool_]) -> Design:
        """The design of some rows; series keep their numbers, so that one may be left without rows."""
        start = np.searchsorted(self.series[rows], np.arange(len(self.start)))
        parts = {name: getattr(self, name)[rows] for name in _BY_ROW}
        return replace(self, start=start, **parts)


def design(observed: Observations, controls: tuple[str, ...]) -> Design:
    """The design of the observations; a series without any keeps its number.

    Beside prices, rivals, promotions and controls each series has its own trend and season where its dates allow it.
    """
    known = observed.series.select(ID, "category", "sku", "zone").with_row_index("series")
    rows = observed.rows.join(known, on=ID, how="left", maintain_order="left")
    day = rows[DATE].cast(pl.Int32).to_numpy().astype(np.int64)
    number = rows["series"].to_numpy().astype(np.int64)
    wanted = [name for name in observed.rows.columns if name not in (ID, DATE, Y, CENSORED)]
    x = {name: rows[name].to_numpy().astype(np.float64) for name in wanted}
    scaled = {name: _scaled(values) for name, values in x.items() if name in controls}
    x = {name: values for name, values in (x | scaled | _calendar(day)).items() if _moves(values, number, name)}
    x = {name: values for name, values in x.items() if np.ptp(values) > 0 or name in (BASE, PROMOTION)}
    block = (day - day.min()) // (DAYS if observed.step == 1 else 4 * DAYS)
    category = rows["category"].rank("dense").to_numpy().astype(np.int64) - 1
    weekday = category * DAYS + (day % DAYS if observed.step == 1 else 0)
    return Design(
        names=tuple(x),
        y=rows[Y].to_numpy().astype(np.float64),
        x=np.column_stack(list(x.values())),
        series=number,
        start=np.searchsorted(number, np.arange(known.height)),
        time=_time(rows, day, number, x, weekday),
        weekday=weekday,
        block=block,
        date=(day - day.min()) // DAYS,
        day=day,
        censored=rows[CENSORED].to_numpy(),
        zone=rows["zone"].rank("dense").to_numpy().astype(np.int64),
        offset=np.zeros(rows.height),
    )


def _moves(values: Floats, number: Ints, name: str) -> bool:
    """Whether a column moves within some series: what never does is what the series' own level says already."""
    if name in (BASE, PROMOTION):
        return True
    same = number[1:] == number[:-1]
    return bool(np.any((values[1:] != values[:-1]) & same))


def _scaled(values: Floats) -> Floats:
    spread = values.std()
    return np.asarray((values - values.mean()) / spread) if spread > 0 else values


def _calendar(day: Ints) -> dict[str, Floats]:
    """Trend and season, each series its own: what dates do to all is a time effect."""
    span = int(day.max() - day.min())
    made = {}
    if span >= _DAYS_OF_TREND:
        made[TREND] = (day - day.mean()) / 365.25
    if span >= _DAYS_OF_YEAR:
        angle = 2 * np.pi * day / 365.25
        made |= {YEAR_SIN: np.sin(angle), YEAR_COS: np.cos(angle)}
    return made


def _time(rows: pl.DataFrame, day: Ints, number: Ints, x: dict[str, Floats], weekday: Ints) -> Ints:
    """The number of each row's time effect: category and date, or weekday where dates and prices move together."""
    category = weekday // DAYS
    many = rows.group_by("category").agg(pl.col("sku").n_unique()).sort("category")["sku"].to_numpy()
    dated = category * (day.max() - day.min() + 1) + day - day.min()
    asked = x[BASE] + x[PROMOTION]
    within = asked - _means(asked, number)
    _, dates = np.unique(dated, return_inverse=True)
    explained = _means(within, dates)
    size = len(many)
    shared = np.bincount(category, explained**2, size) / np.maximum(np.bincount(category, within**2, size), 1e-12)
    apart = (many >= LEAST_TOGETHER) & (shared <= MOST_SHARED)
    _, time = np.unique(np.where(apart[category], dated, dated.max() + 1 + weekday), return_inverse=True)
    return np.asarray(time, dtype=np.int64)


def _means(values: Floats, group: Ints) -> Floats:
    """Each row's mean over its group."""
    return np.asarray((np.bincount(group, values) / np.maximum(np.bincount(group), 1))[group])


def gram(design: Design, x: Floats, weight: Floats) -> Floats:
    """Per series xᵀ W x, series × k × k."""
    columns = np.ascontiguousarray(x.T)
    made = np.zeros((len(design.start), len(columns), len(columns)))
    for i, column in enumerate(columns):
        weighted = column * weight
        for j in range(i, len(columns)):
            made[:, i, j] = made[:, j, i] = series_sums(design, weighted * columns[j])
    return made


def series_sums(design: Design, values: Floats) -> Floats:
    """Per series the sum of its rows, of one column or of each."""
    if values.ndim == 2:
        return np.column_stack([series_sums(design, column) for column in np.ascontiguousarray(values.T)])
    made = np.zeros(len(design.start))
    made[design.speaks] = np.add.reduceat(values, design.start[design.speaks], dtype=np.float64)
    return made
