"""How forecasts did: those of the last four weeks against the sales known now, by segment.

Here: from forecasts in the lake and what a day knows of sales to rows of forecasts.accuracy. Not here: backtests
(backtest), whether an error is a drift (monitoring/).

All sums are of whole numbers (millionths of a unit), so that no order of adding shows in them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

import numpy as np
import polars as pl

from pricing_assets.cores import side_by_side
from pricing_assets.demand.inputs import read
from pricing_assets.demand.numbering import NUMBER, PAIR
from pricing_assets.demand.outcomes import WEEK, Floats, Ints, Outcomes, outcomes
from pricing_assets.demand.panels import NO_CATEGORY, Frames
from pricing_assets.demand.simple import NAIVE, RATE, SEASONAL
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake
from pricing_assets.lake.entries import PartitionFile
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Accuracy, DemandForecasts

ORIGINS = 28
"""Days back of the oldest forecasts that are scored."""
WINDOW = 182
"""Days of sales that errors are scaled by."""
SIMPLE = {"D": SEASONAL, "W": NAIVE}
"""The simple method scored beside the model: the same weekday of the week up to the origin, or that week as a whole."""
SEGMENTS = ("market", "category", "method")
ALL = "all"
AT_ONCE = 1_000_000
"""Rows of forecasts from which on no further origin is read with them."""
MICRO = 1_000_000
_RANGES = ("q10", "q90", "sum_q10", "sum_q90")
_READ = ["date", "target_date", *PAIR, "frequency", "model", "model_hash", "method", "mean", *_RANGES]
_SERIES = ["model", "method", *PAIR]


def accuracy_of(lake: Lake, days: Sequence[date], calendar: Calendar) -> pl.DataFrame:
    """Rows of forecasts.accuracy for the days, in canonical order; none of a day without trade, or without forecasts of
    the 28 days before it.

    A day's rows rest on the sales that day may see and on the forecasts in the lake. These are read some origins after
    the others: those of four weeks are many times what a day is.
    """
    wanted = sorted(set(days))
    first, last = wanted[0] - timedelta(days=ORIGINS), wanted[-1]
    files = [file for day, file in sorted(lake.partitions(DemandForecasts).items()) if first <= day < last]
    known = _known_on(lake, wanted, calendar) if files else []
    parts: list[pl.DataFrame] = [Accuracy.create_empty()]
    for some in _together(files):
        parts.append(scored(lake.read_files(DemandForecasts, some, _READ, where=pl.col("target_date") <= last), known))
    return pl.concat(parts).sort(Accuracy.order())


@dataclass(frozen=True)
class Known:
    """What a day knows: `pairs` (sku, market, NUMBER, category) and what was sold of each, by NUMBER."""

    day: date
    pairs: pl.DataFrame
    sold: dict[str, Outcomes]


def known_of(seen: Frames, pairs: pl.DataFrame, day: date) -> Known:
    """What a day knows by the rows it sees, which are numbered as `pairs` are."""
    named = pairs.join(_categories(seen), on="sku", how="left", maintain_order="left")
    return Known(
        day, named.with_columns(pl.col("category").fill_null(NO_CATEGORY)), outcomes(seen, pairs, ORIGINS + WEEK)
    )


def scored(made: pl.DataFrame, known: Sequence[Known]) -> pl.DataFrame:
    """Rows of forecasts.accuracy of some days that number pairs alike, from rows of forecasts.demand_forecasts.

    To a day those count that were made 1 to ORIGINS days before.
    """
    schema = Accuracy.create_empty().schema
    if not (summed := list(_summed_series(made, known))):
        return Accuracy.create_empty()
    series = pl.concat(summed)
    whole = pl.concat(_by(series, name) for name in (ALL, *SEGMENTS))
    return whole.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _together(files: Sequence[PartitionFile]) -> Iterator[list[PartitionFile]]:
    """The files in order, as many together as have AT_ONCE rows."""
    some: list[PartitionFile] = []
    for file in files:
        some.append(file)
        if sum(each.rows for each in some) >= AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _trades(seen: Frames, day: date) -> bool:
    return seen["raw.listings"].filter((pl.col("date") == day) & pl.col("on_sale")).height > 0


def _known_on(lake: Lake, days: Sequence[date], calendar: Calendar) -> list[Known]:
    """What each day knows that trades."""
    tables = [raw.Products, raw.Listings, raw.Sales, raw.Stock]
    raws = read(lake, days, calendar, WINDOW, tables)

    def known(day: date) -> Known | None:
        seen = raws.seen(day)
        return known_of(seen, raws.pairs, day) if _trades(seen, day) else None

    return [each for each in side_by_side(known, days) if each]


@dataclass(frozen=True)
class _Forecasts:
    """Of one origin and frequency: `series` (model, method, sku, market), their `numbers` among the pairs, and figures
    (dates, series) that are NaN where there is no row.
    """

    series: pl.DataFrame
    numbers: Ints
    dates: list[date]
    figures: dict[str, Floats]


def _laid_out(rows: pl.DataFrame, pairs: pl.DataFrame) -> _Forecasts:
    """Forecasts of the pairs; where no model could be asked that day, the model is RATE."""
    if rows["model_hash"].is_null().all():
        rows = rows.with_columns(model=pl.lit(RATE))
    series = rows.select(_SERIES).unique(maintain_order=True).join(pairs.select(*PAIR, NUMBER), on=PAIR)
    rows = rows.join(series.with_row_index("place"), on=_SERIES)
    dates = rows["target_date"].unique().sort()
    at = dates.search_sorted(rows["target_date"]).to_numpy(), rows["place"].to_numpy()
    figures = {name: np.full((len(dates), series.height), np.nan) for name in ("mean", *_RANGES)}
    for name, values in figures.items():
        values[at] = rows[name].to_numpy()
    return _Forecasts(series.drop(NUMBER), series[NUMBER].to_numpy().astype(np.int64), dates.to_list(), figures)


def _summed_series(made: pl.DataFrame, known: Sequence[Known]) -> Iterator[pl.DataFrame]:
    """What each series came to, of each origin, frequency and day."""
    for (origin, frequency), rows in made.group_by("date", "frequency", maintain_order=True):
        assert isinstance(origin, date)
        due = [day for day in known if 1 <= (day.day - origin).days <= ORIGINS]
        if due:
            forecasts = _laid_out(rows, due[0].pairs)
            over = [day for day in due if forecasts.dates and forecasts.dates[0] <= day.day]
            yield from side_by_side(partial(_of_day, forecasts, origin=origin, frequency=str(frequency)), over)


def _of_day(forecasts: _Forecasts, known: Known, origin: date, frequency: str) -> pl.DataFrame:
    """What each series came to: of the model's forecasts, and of the simple method's on the same dates."""
    sold, numbers = known.sold[frequency], forecasts.numbers
    dates = [each for each in forecasts.dates if each <= known.day]
    mean, *ranges = (values[: len(dates)] for values in forecasts.figures.values())
    units, censored = sold.at(dates, numbers)
    units[censored] = np.nan  # what was sold out says too little
    weeks_before = [each - timedelta(days=7 * (((each - origin).days - 1) // 7 + 1)) for each in dates]
    simple = np.where(np.isnan(mean), np.nan, sold.at(weeks_before, numbers)[0])
    no_ranges = [np.full(mean.shape, np.nan)] * len(ranges)
    constants = {"date": known.day, "origin": origin, "frequency": frequency}
    series = forecasts.series.with_columns(
        *(pl.lit(value).alias(name) for name, value in constants.items()),
        known.pairs["category"].gather(numbers),
        scale=pl.Series(sold.scale[numbers], nan_to_null=True),
    )
    rows = [
        series.hstack(_summed(units, mean, ranges)),
        series.with_columns(model=pl.lit(SIMPLE[frequency])).hstack(_summed(units, simple, no_ranges)),
    ]
    return pl.concat(rows).filter(pl.col("n") > 0)


def _summed(units: Floats, mean: Floats, ranges: Sequence[Floats]) -> list[pl.Series]:
    """Sums per series over its dates in stock that are known, and whether the sum of all of them fell in its range.

    Raises PricingError for an error that is too large to be squared.
    """
    q10, q90, sum_q10, sum_q90 = ranges
    forecast, usable = ~np.isnan(mean), ~np.isnan(mean - units)
    error, sold = np.where(usable, mean - units, 0.0), np.where(usable, units, 0.0).sum(axis=0)
    last = len(mean) - 1 - forecast[::-1].argmax(axis=0)
    low, high = (each[last, np.arange(len(last))] for each in (sum_q10, sum_q90))
    in_range = pl.Series((low <= sold) & (sold <= high))
    known_whole = (usable | ~forecast).all(axis=0) & ~np.isnan(low)
    return [
        pl.Series("n", usable.sum(axis=0)),
        pl.Series("units", sold.astype(np.int64)),
        _whole_sum(np.abs(error)).alias("off"),
        _whole_sum(error).alias("above"),
        _whole_sum(error * error).alias("squared"),
        pl.Series("inside", (usable & (q10 <= units) & (units <= q90)).sum(axis=0)),
        pl.Series("ranged", (~np.isnan(q10)).any(axis=0)),
        in_range.set(pl.Series(~known_whole), None).alias("sum_inside"),
    ]


def _whole_sum(values: Floats) -> pl.Series:
    whole = np.rint(values * MICRO)
    if np.abs(whole).max(initial=0.0) >= 2.0**62:
        raise PricingError(
            f"forecasts.accuracy: {values.max():g} units (or units squared) are too many to be added up exactly",
            "look for units that cannot be meant: `pricing query` over raw.sales and forecasts.demand_forecasts",
        )
    return pl.Series(whole.astype(np.int64).sum(axis=0))


def _categories(seen: Frames) -> pl.DataFrame:
    if "raw.products" not in seen:
        return pl.DataFrame(schema={"sku": pl.String, "category": pl.String})
    last = seen["raw.products"].sort("sku", "date").unique("sku", keep="last", maintain_order=True)
    return last.select("sku", "category")


def _by(rows: pl.DataFrame, name: str) -> pl.DataFrame:
    """The figures of all series, or of those of each value of a column, from what each came to."""
    root = (pl.col("squared") / MICRO / pl.col("n") / pl.col("scale")).sqrt()
    units, total = pl.col("units").sum(), pl.col("n").sum()
    sums = pl.col("sum_inside").cast(pl.Int64)
    scaled = (root * MICRO).round().cast(pl.Int64)
    some = pl.when(units > 0)
    segment = pl.lit(ALL) if name == ALL else pl.format(name + ": {}", name)
    groups = rows.group_by("date", "origin", "frequency", "model", *([] if name == ALL else [name])).agg(
        pl.len().alias("n_series"),
        total.alias("n_dates"),
        units.alias("units"),
        some.then(pl.col("off").sum() / (units * MICRO)).alias("wape"),
        (scaled.sum() / (scaled.count() * MICRO)).fill_nan(None).alias("rmsse"),
        some.then(pl.col("above").sum() / (units * MICRO)).alias("bias"),
        pl.when(pl.col("ranged").all()).then(pl.col("inside").sum() / total).alias("coverage"),
        pl.when(pl.col("ranged").all()).then(sums.sum() / sums.count()).fill_nan(None).alias("sum_coverage"),
    )
    return groups.select(segment.alias("segment"), pl.exclude(SEGMENTS))
