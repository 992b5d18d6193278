from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest
from demand_panels import WEEKLY, weekly
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand import Plan, checked
from pricing_assets.demand.design import KEYS, Book, opened, rows_of
from pricing_assets.demand.holidays import holiday_features
from pricing_assets.demand.panel import gridded
from pricing_assets.demand.roles import roles_of
from pricing_assets.errors import PricingError

PANEL = weekly(4, 70)
ORIGIN = date(2024, 1, 1) + timedelta(days=7 * 55)


def _book(panel: pl.DataFrame, plan: Plan = WEEKLY) -> Book:
    grid = gridded(checked(panel, plan), plan)
    return opened(grid, plan, roles_of(gridded(checked(PANEL, plan), plan), plan))


def test_no_feature_knows_sales_after_its_origin() -> None:
    after = pl.col("ds") > ORIGIN
    other = PANEL.with_columns(pl.when(after).then(pl.col("y") * 7 + 13).otherwise("y").alias("y"))
    before, changed = (rows_of(_book(panel), [ORIGIN]).drop("y") for panel in (PANEL, other))
    assert before.equals(changed)


def test_no_feature_knows_prices_after_its_own_date() -> None:
    late = ORIGIN + timedelta(days=14)
    other = PANEL.with_columns(pl.when(pl.col("ds") > late).then(pl.col("price") * 3).otherwise("price").alias("price"))
    before, changed = (rows_of(_book(panel), [ORIGIN]).filter(pl.col("ds") <= late) for panel in (PANEL, other))
    assert before.equals(changed)


def test_sales_before_the_origin_do_change_features() -> None:
    other = PANEL.with_columns(pl.when(pl.col("ds") == ORIGIN).then(999.0).otherwise("y").alias("y"))
    before, changed = (rows_of(_book(panel), [ORIGIN]).drop("y") for panel in (PANEL, other))
    assert not before.equals(changed)


@settings(max_examples=12, deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(0, 500)), min_size=30, max_size=45))
def test_window_means_are_those_of_a_plain_loop(values: list[int | None]) -> None:
    plan = Plan("W", 1)
    days = [date(2024, 1, 1) + timedelta(days=7 * k) for k in range(len(values) + 1)]
    y = [5.0, *(None if value is None else float(value) for value in values)]
    panel = pl.DataFrame({"unique_id": "a", "ds": days, "y": y}, schema_overrides={"y": pl.Float64})
    grid = gridded(checked(panel, plan), plan)
    rows = rows_of(opened(grid, plan, roles_of(grid, plan)), days[:-1])
    for row in rows.select("ds", "base", "mean_8").iter_rows(named=True):
        origin = days.index(row["ds"]) - 1
        seen = [value for value in y[max(0, origin - 7) : origin + 1] if value is not None]
        if not seen:
            assert row["mean_8"] is None
        else:
            mean = row["base"] * pl.select(pl.lit(row["mean_8"]).exp()).item() - 0.01
            assert mean == pytest.approx(sum(seen) / len(seen), rel=1e-9, abs=1e-6)


def test_a_series_own_column_among_the_rivals_is_no_rival() -> None:
    other = pl.col("rival_price") + pl.col("ds").dt.month() * 0.01
    panel = PANEL.with_columns(rival_price=pl.when(pl.col("unique_id") == "s00").then("price").otherwise(other))
    grid = gridded(checked(panel, WEEKLY), WEEKLY)
    rows = rows_of(opened(grid, WEEKLY, roles_of(grid, WEEKLY)), [ORIGIN])
    own = rows.filter(pl.col("unique_id") == "s00")
    assert own["price_to_cheapest"].null_count() == own.height
    assert rows.filter(pl.col("unique_id") == "s01")["price_to_cheapest"].null_count() == 0


def test_keys_are_no_features_of_their_own() -> None:
    rows = rows_of(_book(PANEL), [ORIGIN])
    assert set(KEYS) <= set(rows.columns)
    assert rows.height == 4 * WEEKLY.horizon


def test_holidays_are_counted_in_the_week_and_told_how_far_they_are() -> None:
    dates = pl.Series("ds", [date(2026, 12, 21), date(2026, 12, 7)])
    count, ahead, ago = holiday_features(dates, Plan("W", 1, country="DE"))
    assert (count.to_list(), ahead.to_list(), ago.to_list()) == ([2.0, 0.0], [4.0, 14.0], [14.0, 14.0])
    assert holiday_features(dates, Plan("W", 1)) == []
    with pytest.raises(PricingError, match="XX"):
        holiday_features(dates, Plan("W", 1, country="XX"))
