"""Windows over series: no window looks at another, which would cost the square of the number of series."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_series_equal

from pricing_assets.demand import Plan, checked
from pricing_assets.demand.design import opened, rows_of
from pricing_assets.demand.panel import carried, gridded, lagged
from pricing_assets.demand.rates import rate_forecasts
from pricing_assets.demand.roles import roles_of

FIRST = date(2026, 1, 5)
GAPS = st.lists(st.tuples(st.sampled_from("aab"), st.none() | st.integers(0, 9)), min_size=1, max_size=30)


def by_series(rows: list[tuple[str, int | None]]) -> pl.DataFrame:
    return pl.DataFrame(
        sorted(rows, key=lambda row: row[0]), schema={"unique_id": pl.String, "y": pl.Int64}, orient="row"
    )


@settings(max_examples=50)
@given(GAPS)
def test_a_value_is_carried_to_later_rows_of_its_series_alone(rows: list[tuple[str, int | None]]) -> None:
    frame, y = by_series(rows), pl.col("y")
    found = frame.select(carried(y), expected=y.forward_fill().over("unique_id"))
    assert_series_equal(found["y"], found["expected"], check_names=False)


@settings(max_examples=50)
@given(GAPS, st.integers(1, 5), st.none() | st.just(0))
def test_a_value_so_many_rows_before_is_one_of_its_series(
    rows: list[tuple[str, int | None]], back: int, otherwise: int | None
) -> None:
    frame, y = by_series(rows), pl.col("y")
    found = frame.select(lagged(y, back, otherwise), expected=y.shift(back, fill_value=otherwise).over("unique_id"))
    assert found["y"].to_list() == found["expected"].to_list()


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Windows by series that look at a window, as they are written."""
    nested: list[str] = []
    over = pl.Expr.over

    def looked_at(inner: pl.Expr, by: Any = None, *more: Any, **options: Any) -> pl.Expr:
        if "over(" in str(inner):
            nested.append(f"{str(inner)[:300]} over {by}")
        return over(inner, by, *more, **options)

    monkeypatch.setattr(pl.Expr, "over", looked_at)
    yield nested


@pytest.mark.parametrize("plan", [Plan("D", 28), Plan("W", 8)], ids=["days", "weeks"])
def test_no_window_of_a_forecast_looks_at_a_window(plan: Plan, windows: list[str]) -> None:
    dates = [FIRST + timedelta(days=plan.step * number) for number in range(60)]
    rows = [(name, day, float(number % 4)) for name in "ab" for number, day in enumerate(dates)]
    panel = pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")
    pl.col("y").cum_sum().over("unique_id").shift(1).over("unique_id")
    assert len(windows) == 1, "one is seen"
    rate_forecasts(panel, plan, "none is in force")
    grid = gridded(checked(panel, plan), plan)
    rows_of(opened(grid, plan, roles_of(grid, plan)), [dates[40]])
    assert len(windows) == 1, windows[1:]
