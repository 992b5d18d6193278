from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from demand_panels import WEEKLY, split, weekly

from pricing_assets.demand import Plan, checked, read_panel
from pricing_assets.demand.panel import gridded, require_days_or_weeks, with_future
from pricing_assets.demand.past import uncensored
from pricing_assets.demand.roles import roles_of
from pricing_assets.errors import PricingError

SMALL = weekly(3, 20)


def _with(column: str, value: object) -> pl.DataFrame:
    first = pl.int_range(pl.len()) == 5
    return SMALL.with_columns(pl.when(first).then(pl.lit(value)).otherwise(pl.col(column)).alias(column))


@pytest.mark.parametrize(
    ("panel", "said"),
    [
        (SMALL.drop("y"), "no column y"),
        (SMALL.clear(), "no rows"),
        (pl.concat([SMALL, SMALL.head(1)]), "s00 has two rows on 2024-01-01"),
        (_with("y", -3.0), "y of s00 on 2024-02-05 is -3.0"),
        (_with("price", float("inf")), "price of s00 on 2024-02-05 is inf"),
        (
            _with("y", None).with_columns(pl.col("y").cast(pl.String).fill_null("many")),
            "'many' is no number, row 6, unique_id s00",
        ),
        (SMALL.with_columns(ds=pl.lit("soon")), "'soon' is no date, row 1, unique_id s00"),
        (_with("store", "store 9"), "store of s00 changes"),
        (_with("ds", date(2024, 2, 6)), "different weekdays"),
        (_with("unique_id", None), "1 rows without unique_id"),
    ],
)
def test_a_panel_that_cannot_be_meant_is_refused_by_name(panel: pl.DataFrame, said: str) -> None:
    with pytest.raises(PricingError, match=said) as refused:
        checked(panel, WEEKLY)
    assert refused.value.remedy


def test_csv_and_parquet_are_read_alike(tmp_path: Path) -> None:
    SMALL.write_csv(tmp_path / "p.csv")
    SMALL.write_parquet(tmp_path / "p.parquet")
    assert read_panel(tmp_path / "p.csv", WEEKLY).equals(read_panel(tmp_path / "p.parquet", WEEKLY))


def test_a_file_that_is_no_panel_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.parquet").write_text("not parquet")
    for name in ("none.csv", "p.parquet"):
        with pytest.raises(PricingError, match=name):
            read_panel(tmp_path / name, WEEKLY)


def test_gaps_become_rows_that_were_not_observed_and_known_columns_hold() -> None:
    gappy = SMALL.filter(pl.int_range(pl.len()) % 5 != 2)
    grid = gridded(checked(gappy, WEEKLY), WEEKLY)
    assert grid.height == 60
    assert grid["y"].null_count() == 60 - gappy.height
    assert grid["price"].null_count() == 0


def test_as_many_rows_as_a_whole_grid_has_do_not_make_one() -> None:
    gappy = SMALL.filter((pl.col("unique_id") == "s00") & (pl.int_range(pl.len()) != 1))
    stray = gappy.tail(1).with_columns(pl.col("ds") + pl.duration(days=2))
    until = gappy["ds"].max()
    assert isinstance(until, date)
    grid = gridded(pl.concat([gappy, stray]).sort("ds"), WEEKLY, until + timedelta(days=7))
    assert grid["ds"].diff().drop_nulls().unique().to_list() == [timedelta(days=7)]
    assert gridded(gappy.clear(), WEEKLY, until).is_empty()


def test_a_known_column_missing_in_the_future_is_named() -> None:
    history, future = split(SMALL)
    with pytest.raises(PricingError, match="no column price"):
        with_future(checked(history, WEEKLY), future.drop("price"), WEEKLY)
    holed = future.with_columns(pl.when(pl.int_range(pl.len()) == 1).then(None).otherwise("price").alias("price"))
    with pytest.raises(PricingError, match=r"price of s00 on 2024-04-29 is missing \(1 rows\)"):
        with_future(checked(history, WEEKLY), holed, WEEKLY)


def test_a_whole_date_missing_in_the_future_is_named() -> None:
    history, future = split(SMALL)
    gone = future.filter(~((pl.col("unique_id") == "s01") & (pl.col("ds") == date(2024, 5, 13))))
    with pytest.raises(PricingError, match="price of s01 on 2024-05-13 is missing"):
        with_future(checked(history, WEEKLY), gone, WEEKLY)


def test_a_sold_out_date_counts_as_what_usually_sells_and_never_less_than_was_sold() -> None:
    plan = Plan("W", 2)
    ds = [date(2024, 1, 1 + 7 * k) for k in range(5)]
    y, sold_out = [10.0, 12.0, 0.0, 30.0, 11.0], [False, False, True, True, False]
    panel = pl.DataFrame({"unique_id": "a", "ds": ds, "y": y, "censored": sold_out})
    assert uncensored(gridded(checked(panel, plan), plan), plan)["y"].to_list() == [10.0, 12.0, 11.0, 30.0, 11.0]


def test_columns_are_told_apart_by_name_and_values() -> None:
    roles = roles_of(checked(SMALL.with_columns(rival_price=pl.col("price") + 0.5), WEEKLY), WEEKLY)
    assert (roles.own, roles.rivals, roles.promotions) == ("price", ("rival_price",), ("feature",))


@pytest.mark.parametrize(("frequency", "horizon"), [("M", 4), ("W", 0), ("W", 27), ("D", 183)])
def test_a_plan_that_is_none_is_refused(frequency: str, horizon: int) -> None:
    with pytest.raises(PricingError):
        Plan(frequency, horizon)  # type: ignore[arg-type]


FIRST = date(2024, 1, 1)


def _dated(**series: list[int]) -> pl.DataFrame:
    """A row on each of so many days after a Monday."""
    rows = [(name, FIRST + timedelta(days=day)) for name, days in series.items() for day in days]
    return pl.DataFrame(rows, schema=["unique_id", "ds"], orient="row")


WEEKS, DAYS = list(range(0, 210, 7)), list(range(210))


@pytest.mark.parametrize(
    "frame",
    [
        _dated(a=DAYS),
        _dated(a=[day for day in DAYS if day % 7 < 5]),
        _dated(a=WEEKS, b=[day + 3 for day in WEEKS]),
        _dated(a=WEEKS[::2]),
        _dated(a=DAYS, b=WEEKS),
        _dated(a=DAYS, rarely=[0, 9, 30, 52, 80, 121]),
        _dated(a=[3]),
    ],
    ids=["days", "trading days", "a weekday each", "fortnights", "days and weeks", "sold rarely", "one row"],
)
def test_days_and_weeks_of_one_weekday_each_pass(frame: pl.DataFrame) -> None:
    require_days_or_weeks(frame)


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (_dated(a=WEEKS, b=[*WEEKS[:9], 64, *WEEKS[10:]]), "b has a row on 2024-03-05, a Tuesday"),
        (_dated(a=DAYS, b=[*WEEKS[:9], 64, *WEEKS[10:]]), "b has a row on 2024-03-05, a Tuesday"),
        (_dated(a=[*WEEKS[:20], *(day + 1 for day in WEEKS[20:])]), "a has a row on 2024-05-21, a Tuesday"),
        (_dated(a=[0, 31, 60, 91, 121, 152]), "a has a row on 2024-02-01, a Thursday"),
    ],
    ids=["one slip", "one slip beside days", "another weekday from then on", "months"],
)
def test_dates_that_are_neither_are_refused_by_series_and_date(frame: pl.DataFrame, said: str) -> None:
    with pytest.raises(PricingError, match=said):
        require_days_or_weeks(frame, "panel.csv")
