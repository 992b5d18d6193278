"""Panels with many series or little history: which rows the trees are grown on, and that they can be."""

from __future__ import annotations

from datetime import date, timedelta
from unittest import mock

import numpy as np
import polars as pl
import pytest

from pricing_assets.demand import Plan, boosting, fit, model

FIRST = date(2026, 1, 5)


def panel(series: int, steps: int, every: int = 1) -> pl.DataFrame:
    draw = np.random.default_rng(5)
    dates = [FIRST + timedelta(days=every * number) for number in range(steps)]
    rows = [(f"UK/{sku:03}", day, float(draw.poisson(10 + sku % 7))) for sku in range(series) for day in dates]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "y"], orient="row")


@pytest.mark.parametrize("steps", [72, 84, 98, 140])
def test_a_short_history_is_learned_from(steps: int) -> None:
    """Of 72 days one origin has a past, and a horizon that is over."""
    made = fit(panel(20, steps), Plan("D", 28))
    assert made.boosters
    assert made.forecast(panel(20, steps))["fallback_reason"].null_count() == 20 * 28


def test_every_fold_leaves_something_out_and_something_in() -> None:
    for span in (1, 2, 5, 28, 42, 200):
        dates = pl.Series([FIRST + timedelta(days=number) for number in range(span)] * 8)
        folds = boosting.folds_of(dates, 28, seed=7)
        assert all(0 < (folds == fold).sum() < len(dates) for fold in np.unique(folds))
        assert len(np.unique(folds)) >= 2


def test_of_a_large_panel_some_series_teach_and_all_are_forecast() -> None:
    """The same dates and origins as ever: a season is not left out with the rows."""
    rows, plan = panel(60, 120), Plan("D", 28)
    learned_from: list[int] = []
    train = boosting.train

    def heard(found: pl.DataFrame, *rest: object) -> object:
        learned_from.append(found["unique_id"].n_unique())
        learned_from.append(found["ds"].n_unique())
        return train(found, *rest)  # type: ignore[arg-type]

    with mock.patch.object(boosting, "train", heard):
        fit(rows, plan)
        with mock.patch.object(model, "MOST_ROWS", rows.height // 3):
            made = fit(rows, plan)
    (all_series, all_dates), (some_series, some_dates) = learned_from[:2], learned_from[2:]
    assert (all_series, some_series) == (60, 20) and all_dates == some_dates
    found = made.forecast(rows)
    assert found["unique_id"].n_unique() == 60 and found["fallback_reason"].null_count() == found.height
