"""Panels: many series on one grid of dates, checked before anything is computed from them.

Here: reading a panel from a file, what it and its dates must be, and the regular grid. Not here: what its columns mean
(roles).

A panel has `unique_id` (text), `ds` (date), `y` (units; null is not observed), optionally `censored` (sold out: y is a
lower bound), and the known and static columns of its plan.
"""

from __future__ import annotations

import calendar
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pricing_assets.demand.plan import Plan
from pricing_assets.errors import PricingError

ID, DATE, Y, CENSORED = "unique_id", "ds", "y", "censored"
KEY = [ID, DATE]
_WEEK = 7
_WEEKLY_GAP = _WEEK - 1
"""Days between rows from which on they are no days of a daily series: a week whose date slipped by one."""


def read_panel(path: Path, plan: Plan) -> pl.DataFrame:
    """A panel from CSV or Parquet, checked. Raises PricingError naming file, column, row and value at fault."""
    if not path.is_file():
        raise PricingError(f"{path}: no file", "give a CSV or Parquet file with unique_id, ds, y")
    try:
        if path.suffix.lower() in {".parquet", ".pq"}:
            frame = pl.read_parquet(path)
        else:
            frame = pl.read_csv(path, infer_schema_length=None, try_parse_dates=True)
    except (pl.exceptions.PolarsError, OSError, UnicodeDecodeError) as error:
        reason = str(error).splitlines()[0]
        raise PricingError(f"{path}: cannot be read: {reason}", "give a CSV with a header, or Parquet") from error
    return checked(frame, plan, str(path))


def checked(frame: pl.DataFrame, plan: Plan, name: str = "panel") -> pl.DataFrame:
    """The panel with the plan's columns alone, in their types, sorted; raises PricingError for what cannot be meant.

    Refused: no rows, missing columns, text where numbers belong, dates that are none, infinite or negative `y`, two
    rows of one series and date, weeks of different weekdays, static columns that change.
    """
    _require_columns(frame, plan, name)
    optional = [CENSORED] if CENSORED in frame.columns else []
    frame = frame.select(*KEY, Y, *optional, *plan.known, *plan.static)
    if frame.is_empty():
        raise PricingError(f"{name}: no rows", "give at least one series")
    frame = frame.with_columns(
        _texts(frame, ID),
        _dates(frame, name),
        *(_numbers(frame, column, name) for column in (Y, *plan.known)),
        *(pl.col(column).cast(pl.Boolean) for column in optional),
        *(_kept(frame, column) for column in plan.static),
    ).sort(KEY)
    _require_rows(frame, plan, name)
    return frame


def require_days_or_weeks(frame: pl.DataFrame, name: str = "panel") -> None:
    """Refuses a series whose dates are neither days nor weeks of one weekday, with the first date that is not.

    A daily series may have gaps. Where the rows of the whole file are mostly days, a series that is seen rarely is a
    daily one, unless most of its gaps are a week. Raises PricingError.
    """
    gap = (pl.col(DATE) - pl.col(DATE).shift(1).over(ID)).dt.total_days()
    dated = frame.select(KEY).unique().sort(KEY).with_columns(gap.alias("gap"), pl.col(DATE).dt.weekday().alias("day"))
    is_daily = (dated["gap"].median() or 0) < _WEEKLY_GAP  # type: ignore[operator]
    is_week = pl.col("gap").is_between(_WEEKLY_GAP, _WEEK + 1)
    series = dated.group_by(ID).agg(
        pl.col("day").n_unique().alias("days"),
        pl.col("day").mode().min().alias("usual"),
        pl.col("gap").median(),
        (is_week.sum() > pl.col("gap").count() / 2).alias("weekly"),
    )
    wrong = series.filter(pl.col("days") > 1, pl.col("gap") >= _WEEKLY_GAP, pl.col("weekly") | (not is_daily))
    if wrong.is_empty():
        return
    of_it = dated.join(wrong.drop("gap"), on=ID).filter(pl.col("day") != pl.col("usual")).sort(KEY)
    row = of_it.row(0, named=True)
    usual = _weekday(row["usual"])
    others = f", and {wrong.height - 1} more series like it" if wrong.height > 1 else ""
    raise PricingError(
        f"{name}: {row[ID]} has a row on {row[DATE]}, a {_weekday(row['day'])}; its rows are mostly a week or more"
        f" apart, and most are of a {usual}: expected every row on a {usual}, or a row a day{others}",
        "let ds of a series be the same weekday throughout, or give its days",
    )


def _weekday(number: int) -> str:
    """Monday is 1, as Polars counts them."""
    return calendar.day_name[number - 1]


def gridded(frame: pl.DataFrame, plan: Plan, until: date | None = None) -> pl.DataFrame:
    """A checked panel on its whole grid: from a series' first row to `until` (default the panel's last date).

    Rows of `frame` are sorted by series and date. Rows added have null `y`; known columns keep their last value there,
    static ones their only value.
    """
    last = until or _last(frame)
    spans = frame.group_by(ID, maintain_order=True).agg(pl.col(DATE).min()).filter(pl.col(DATE) <= last)
    if _is_whole(frame, spans, last, plan):
        whole = frame.select(*KEY, pl.exclude(KEY))
    else:
        grid = spans.select(ID, pl.date_ranges(DATE, pl.lit(last), f"{plan.step}d").alias(DATE)).explode(DATE)
        whole = grid.join(frame, on=KEY, how="left", maintain_order="left")
    whole = whole.with_columns(held(column, ID) for column in (*plan.known, *plan.static))
    censored = pl.col(CENSORED).fill_null(value=False) if CENSORED in whole.columns else pl.lit(value=False)
    return whole.with_columns(censored.alias(CENSORED))


def _is_whole(frame: pl.DataFrame, spans: pl.DataFrame, last: date, plan: Plan) -> bool:
    """Whether no date is missing from a series' first one (`spans`) to the last; most panels of a shop are whole."""
    if frame.is_empty() or _last(frame) > last or frame[DATE].dt.weekday().n_unique() > 7 // plan.step:
        return False
    steps = (pl.lit(last) - pl.col(DATE)).dt.total_days() // plan.step + 1
    return bool(spans.select(steps.sum()).item() == frame.height)


def held(column: str, series: str) -> pl.Expr:
    """A column with the last value before where it is null, else the first one after, of the same `series`.

    The rows of a series stand together. Costs the same whatever the number of series, as a group each would not.
    """
    number, there = pl.col(series).rle_id(), pl.col(column).is_not_null()
    owner, value = pl.when(there).then(number), pl.col(column)
    after = pl.when(owner.backward_fill() == number).then(value.backward_fill())
    return pl.coalesce(carried(value, series), after).alias(column)


def carried(value: pl.Expr, series: str = ID) -> pl.Expr:
    """The value, or where it is null the last one before of the same `series`; the rows of a series stand together.

    As `forward_fill().over(series)`, which costs the square of the number of series where `value` itself is of a
    window: Polars 2.1 goes through the inner one for each group of the outer.
    """
    number = pl.col(series).rle_id()
    owner = pl.when(value.is_not_null()).then(number)
    return pl.when(owner.forward_fill() == number).then(value.forward_fill())


def lagged(value: pl.Expr, rows: int, otherwise: int | None = None, series: str = ID) -> pl.Expr:
    """The value so many rows before of the same `series`, `otherwise` where there is none; as `shift().over(series)`
    for a `value` of a window, see `carried`."""
    number = pl.col(series).rle_id()
    return pl.when(number.shift(rows) == number).then(value.shift(rows)).otherwise(otherwise)


def with_future(
    history: pl.DataFrame, future: pl.DataFrame, plan: Plan, origin: date | None = None, name: str = "future"
) -> pl.DataFrame:
    """The history and the horizon after the origin (default its last date) on one grid.

    `future` has unique_id, ds and the known columns.

    Raises PricingError where a known column is missing for a series and date of the horizon.
    """
    last = origin or _last(history)
    end = last + timedelta(days=plan.step * plan.horizon)
    if not plan.known:
        return gridded(history, plan, end)
    _require_known(history, future, plan, last, name)
    ahead = future.select(*KEY, *plan.known).filter((pl.col(DATE) > last) & (pl.col(DATE) <= end))
    ahead = ahead.with_columns(_texts(ahead, ID), *(pl.col(column).cast(pl.Float64) for column in plan.known))
    ahead = ahead.join(history.select(ID).unique(), on=ID, how="semi")
    return gridded(pl.concat([history, ahead], how="diagonal").sort(KEY), plan, end)


def _last(frame: pl.DataFrame) -> date:
    last = frame[DATE].max()
    assert isinstance(last, date)
    return last


def _require_known(history: pl.DataFrame, future: pl.DataFrame, plan: Plan, last: date, name: str) -> None:
    if missing := [column for column in (*KEY, *plan.known) if column not in future.columns]:
        raise PricingError(f"{name}: no column {missing[0]}", "known columns must be given for the horizon too")
    dates = [last + timedelta(days=plan.step * step) for step in range(1, plan.horizon + 1)]
    grid = history.select(pl.col(ID).unique()).join(pl.DataFrame({DATE: dates}), how="cross")
    given = future.with_columns(_texts(future, ID), pl.col(DATE).cast(pl.Date))
    ahead = grid.join(given, on=KEY, how="left")
    for column in plan.known:
        absent = ahead.filter(pl.col(column).is_null()).sort(KEY)
        if absent.height:
            row = absent.row(0, named=True)
            raise PricingError(
                f"{name}: {column} of {row[ID]} on {row[DATE]} is missing ({absent.height} rows)",
                f"give it for the whole horizon, or leave {column} out of the known columns",
            )


def _require_columns(frame: pl.DataFrame, plan: Plan, name: str) -> None:
    wanted = (ID, DATE, Y, *plan.known, *plan.static)
    if missing := [column for column in wanted if column not in frame.columns]:
        there = ", ".join(frame.columns)
        raise PricingError(f"{name}: no column {', '.join(missing)}; there are {there}", "name columns as in the file")
    if reserved := sorted({ID, DATE, Y, CENSORED} & {*plan.known, *plan.static}):
        raise PricingError(f"{reserved[0]}: cannot be a known or static column", "leave it out of --known and --static")


def _texts(frame: pl.DataFrame, column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String) if frame.schema[column] != pl.String else pl.col(column)


def _kept(frame: pl.DataFrame, column: str) -> pl.Expr:
    """Text, or a number; whole numbers are names, as of a store."""
    dtype = frame.schema[column]
    return pl.col(column).cast(pl.Float64 if dtype.is_float() or dtype.is_decimal() else pl.String)


def _dates(frame: pl.DataFrame, name: str) -> pl.Expr:
    dtype = frame.schema[DATE]
    if dtype == pl.String:
        wrong = frame.select(pl.col(DATE).str.to_date(strict=False).is_null().arg_true())[DATE]
        if wrong.len():
            at = f"{name}: ds {frame[DATE][wrong[0]]!r} is no date, {_place(frame, wrong[0])}"
            raise PricingError(at, "write dates as YYYY-MM-DD")
        return pl.col(DATE).str.to_date()
    if not dtype.is_temporal() or dtype in {pl.Duration, pl.Time}:
        raise PricingError(f"{name}: ds is {dtype}", "write dates as YYYY-MM-DD")
    return pl.col(DATE).cast(pl.Date)


def _numbers(frame: pl.DataFrame, column: str, name: str) -> pl.Expr:
    dtype = frame.schema[column]
    if not (dtype.is_numeric() or dtype in {pl.Boolean, pl.Null}):
        wrong = pl.col(column).is_not_null() & pl.col(column).cast(pl.Float64, strict=False).is_null()
        rows = frame.select(wrong.arg_true())[column]
        at = f"{frame[column][rows[0]]!r} is no number, {_place(frame, rows[0])}" if rows.len() else f"is {dtype}"
        raise PricingError(f"{name}: {column} {at}", "write numbers with a decimal point")
    number = pl.col(column).cast(pl.Float64)
    return pl.when(number.is_nan()).then(None).otherwise(number).alias(column)


def _place(frame: pl.DataFrame, index: int) -> str:
    """Where a row stands, counted without the header."""
    return f"row {index + 1}, {ID} {frame[ID][index]}"


def _require_rows(frame: pl.DataFrame, plan: Plan, name: str) -> None:
    for column in KEY:
        if frame[column].null_count():
            raise PricingError(f"{name}: {frame[column].null_count()} rows without {column}", "give it in every row")
    twice = frame.filter(pl.struct(KEY).is_duplicated())
    if twice.height:
        row = twice.row(0, named=True)
        raise PricingError(
            f"{name}: {row[ID]} has two rows on {row[DATE]} ({twice.height} rows like it)", "sum or drop them first"
        )
    for column in (Y, *plan.known):
        wrong = frame.filter(pl.col(column).is_infinite() | ((pl.col(column) < 0) & (pl.lit(column) == Y)))
        if wrong.height:
            row = wrong.row(0, named=True)
            what = f"{name}: {column} of {row[ID]} on {row[DATE]} is {row[column]}"
            raise PricingError(what, "give units sold, zero or more; returns are not negative sales")
    if plan.step > 1:
        _require_one_weekday(frame, name)
    _require_static(frame, plan, name)


def _require_one_weekday(frame: pl.DataFrame, name: str) -> None:
    days = frame.group_by(pl.col(DATE).dt.weekday().alias("day")).agg(pl.len(), pl.col(DATE).min()).sort("len")
    if days.height > 1:
        raise PricingError(
            f"{name}: weeks begin on {days.height} different weekdays, e.g. on {days[DATE][0]}",
            "let ds be the same weekday throughout, or forecast days with --freq D",
        )


def _require_static(frame: pl.DataFrame, plan: Plan, name: str) -> None:
    for column in plan.static:
        changing = frame.group_by(ID).agg(pl.col(column).drop_nulls().n_unique()).filter(pl.col(column) > 1).sort(ID)
        if changing.height:
            what = f"{name}: {column} of {changing[ID][0]} changes over time ({changing.height} series)"
            raise PricingError(what, f"leave {column} out of the static columns, or give it as known")
