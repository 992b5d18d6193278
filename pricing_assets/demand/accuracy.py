"""How forecasts did: those of the last four weeks against the sales known now, by segment.

Here: from forecasts in the lake and what a day knows of sales to rows of forecasts.accuracy. Not here: backtests
(backtest), whether an error is a drift (monitoring/).

All sums are of whole numbers (millionths of a unit), so that no order of adding shows in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.inputs import read
from pricing_assets.demand.panel import CENSORED, Y
from pricing_assets.demand.panels import NO_CATEGORY, PAIR, Frames, observations
from pricing_assets.demand.plan import STEP_DAYS
from pricing_assets.demand.simple import NAIVE, RATE, SEASONAL
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake
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
MICRO = 1_000_000
_RANGES = ("q10", "q90", "sum_q10", "sum_q90")
_READ = ["date", "target_date", *PAIR, "frequency", "model", "model_hash", "method", "mean", *_RANGES]
_SERIES = ["origin", "frequency", "model", "method", *PAIR]


def accuracy_of(lake: Lake, days: Sequence[date], calendar: Calendar) -> pl.DataFrame:
    """Rows of forecasts.accuracy for the days, in canonical order; none of a day without trade, or without forecasts of
    the 28 days before it.

    A day's rows rest on the sales that day may see and on the forecasts in the lake.
    """
    wanted = sorted(set(days))
    parts: list[pl.DataFrame] = [Accuracy.create_empty()]
    made = _made(lake, wanted[0] - timedelta(days=ORIGINS), wanted[-1])
    if made.height:
        raws = read(lake, wanted, calendar, WINDOW, [raw.Products, raw.Listings, raw.Sales, raw.Stock])
        for day in wanted:
            seen = raws.seen(day)
            parts += [score(made, seen, day)] if _trades(seen, day) else []
    return pl.concat(parts).sort(Accuracy.order())


def score(made: pl.DataFrame, seen: Frames, day: date) -> pl.DataFrame:
    """Rows of forecasts.accuracy of a day: `made` are rows of forecasts.demand_forecasts, `seen` what the day sees."""
    made = made.filter(pl.col("date").is_between(day - timedelta(days=ORIGINS), day - timedelta(days=1)))
    made = made.filter(pl.col("target_date") <= day).select(pl.col("date").alias("origin"), *_READ[1:])
    without = pl.col("model_hash").is_null().all().over("origin", "frequency")  # no model could be asked that day
    made = made.with_columns(model=pl.when(without).then(pl.lit(RATE)).otherwise("model")).drop("model_hash")
    known = observations(seen)
    parts = [_series(made.filter(pl.col("frequency") == each), known, each) for each in STEP_DAYS]
    rows = pl.concat(parts).join(_categories(seen), on="sku", how="left")
    rows = rows.with_columns(pl.col("category").fill_null(NO_CATEGORY))
    names = [pl.lit(ALL), *(pl.format(name + ": {}", name) for name in SEGMENTS)]
    whole = pl.concat([_by(rows.with_columns(segment=name)) for name in names])
    schema = Accuracy.create_empty().schema
    return whole.with_columns(date=pl.lit(day)).select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _trades(seen: Frames, day: date) -> bool:
    return seen["raw.listings"].filter((pl.col("date") == day) & pl.col("on_sale")).height > 0


def _made(lake: Lake, first: date, last: date) -> pl.DataFrame:
    """The forecasts of the days from `first` on whose target dates are over on `last`."""
    files = [file for day, file in sorted(lake.partitions(DemandForecasts).items()) if first <= day < last]
    return lake.read_files(DemandForecasts, files, _READ, where=pl.col("target_date") <= last)


def _series(made: pl.DataFrame, known: pl.DataFrame, frequency: str) -> pl.DataFrame:
    """One row per origin, model and series: sums over the dates scored, and the scale of its errors."""
    units = known if frequency == "D" else _weeks(known)
    actual = units.select(pl.col("date").alias("target_date"), *PAIR, Y, CENSORED)
    rows = made.join(actual, on=["target_date", *PAIR], how="left")
    simple = rows.drop("mean").join(_simple(made, units), on=["origin", "target_date", *PAIR], how="left")
    simple = simple.with_columns(
        pl.lit(SIMPLE[frequency]).alias("model"), *(pl.lit(None, pl.Float64).alias(name) for name in _RANGES)
    )
    scored = pl.concat([rows, simple.select(rows.columns)]).sort(*_SERIES, "target_date")
    return _summed(scored).join(_scales(units), on=PAIR, how="left")


def _simple(made: pl.DataFrame, units: pl.DataFrame) -> pl.DataFrame:
    """origin, target_date, sku, market, mean: units whole weeks before the date, up to the origin."""
    keys = made.select("origin", "target_date", *PAIR).unique()
    steps = (pl.col("target_date") - pl.col("origin")).dt.total_days()
    before = pl.col("target_date") - pl.duration(days=7 * ((steps - 1) // 7 + 1))
    then = units.select(pl.col("date").alias("before"), *PAIR, pl.col(Y).alias("mean"))
    return keys.with_columns(before=before.cast(pl.Date)).join(then, on=["before", *PAIR], how="left").drop("before")


def _weeks(known: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, y, censored of the seven days up to each date; null where a day of trade was not observed."""
    known = known.sort(*PAIR, "date")
    traded = known.group_by("market", "date").agg(pl.col(Y).is_not_null().any().cast(pl.Int64)).sort("market", "date")
    traded = traded.with_columns(pl.col(Y).rolling_sum_by("date", "7d").over("market").alias("traded"))
    observed = pl.col(Y).is_not_null().cast(pl.Int64).rolling_sum_by("date", "7d").over(PAIR).alias("observed")
    units = pl.col(Y).cast(pl.Int64).fill_null(0).rolling_sum_by("date", "7d").over(PAIR).alias("units")
    out = (pl.col(CENSORED).cast(pl.Int64).rolling_sum_by("date", "7d").over(PAIR) > 0).alias(CENSORED)
    rows = known.select("date", *PAIR, observed, units, out)
    rows = rows.join(traded.select("market", "date", "traded"), on=["market", "date"], how="left")
    whole = (pl.col("observed") == pl.col("traded")) & (pl.col("traded") > 0)
    return rows.select("date", *PAIR, pl.when(whole).then("units").cast(pl.Float64).alias(Y), CENSORED)


def _whole(value: pl.Expr) -> pl.Expr:
    return (value * MICRO).round().cast(pl.Int64)


def _summed(rows: pl.DataFrame) -> pl.DataFrame:
    """Sums per series over its dates in stock that are known, and whether the sum of all of them fell in its range."""
    usable = pl.col(Y).is_not_null() & ~pl.col(CENSORED) & pl.col("mean").is_not_null()
    error = pl.when(usable.fill_null(value=False)).then(pl.col("mean") - pl.col(Y)).alias("error")
    rows = rows.with_columns(error, inside=pl.col(Y).is_between(pl.col("q10"), pl.col("q90")).cast(pl.Int64))
    scored = pl.col("error").is_not_null()
    total = pl.when(scored.all()).then(pl.col(Y).sum())
    summed = rows.group_by(_SERIES, maintain_order=True).agg(
        scored.sum().cast(pl.Int64).alias("n"),
        pl.col(Y).filter(scored).cast(pl.Int64).sum().alias("units"),
        _whole(pl.col("error").abs()).sum().alias("off"),
        _whole(pl.col("error")).sum().alias("above"),
        _whole(pl.col("error") ** 2).sum().alias("squared"),
        pl.col("inside").filter(scored).sum().alias("inside"),
        pl.col("q10").is_not_null().any().alias("ranged"),
        total.is_between(pl.col("sum_q10").last(), pl.col("sum_q90").last()).alias("sum_inside"),
    )
    return summed.filter(pl.col("n") > 0)


def _scales(units: pl.DataFrame) -> pl.DataFrame:
    """sku, market, scale: the mean squared difference of units a week apart, as RMSSE divides by; above 0."""
    before = units.select((pl.col("date") + pl.duration(days=7)).cast(pl.Date).alias("date"), *PAIR, before=Y)
    pairs = units.join(before, on=["date", *PAIR]).drop_nulls([Y, "before"])
    squared = ((pl.col(Y) - pl.col("before")) ** 2).cast(pl.Int64)
    scales = pairs.group_by(PAIR).agg((squared.sum() / squared.count()).alias("scale"))
    return scales.filter(pl.col("scale") > 0)


def _categories(seen: Frames) -> pl.DataFrame:
    if "raw.products" not in seen:
        return pl.DataFrame(schema={"sku": pl.String, "category": pl.String})
    last = seen["raw.products"].sort("sku", "date").unique("sku", keep="last", maintain_order=True)
    return last.select("sku", "category")


def _by(rows: pl.DataFrame) -> pl.DataFrame:
    """The figures of each segment, from what its series came to."""
    root = (pl.col("squared") / MICRO / pl.col("n") / pl.col("scale")).sqrt()
    units, total = pl.col("units").sum(), pl.col("n").sum()
    sums = pl.col("sum_inside").cast(pl.Int64)
    scaled = _whole(root)
    some = pl.when(units > 0)
    return rows.group_by("origin", "segment", "frequency", "model").agg(
        pl.len().alias("n_series"),
        total.alias("n_dates"),
        units.alias("units"),
        some.then(pl.col("off").sum() / (units * MICRO)).alias("wape"),
        (scaled.sum() / (scaled.count() * MICRO)).fill_nan(None).alias("rmsse"),
        some.then(pl.col("above").sum() / (units * MICRO)).alias("bias"),
        pl.when(pl.col("ranged").all()).then(pl.col("inside").sum() / total).alias("coverage"),
        pl.when(pl.col("ranged").all()).then(sums.sum() / sums.count()).fill_nan(None).alias("sum_coverage"),
    )
