"""A shop's seasons: learned from years of sales as each day saw them, told to the model, kept with it."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from unittest import mock

import numpy as np
import polars as pl
import pytest

from pricing_assets.demand import Plan, fit, load, seasonality
from pricing_assets.demand.seasons import NONE, SERVED, Seasons, seasons_of
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables import raw

CALENDAR = Calendar("UTC", {"UK": None, "DE": None})
FIRST, DAYS = date(2023, 1, 2), 760
LAST = FIRST + timedelta(days=DAYS - 1)


def yearly(day: date) -> float:
    """Ice cream: e to this power, twice as much in July as usual."""
    return 0.7 * math.sin(2 * math.pi * (day.timetuple().tm_yday - 105) / 365.25)


def sales(days: int = DAYS, late: int = 0) -> pl.DataFrame:
    """raw.sales of two SKUs, one of which sells by the season; `late` units of its last day become known afterwards."""
    dates = [FIRST + timedelta(days=number) for number in range(days)]
    rows = [(day, sku, market, round(100 * math.exp(yearly(day) if sku == "ICE" else 0.0)), day) for day in dates
            for sku, market in (("ICE", "UK"), ("SALT", "DE"))]  # fmt: skip
    if late:
        rows.append((dates[-1], "ICE", "UK", late, dates[-1] + timedelta(days=3)))
    frame = pl.DataFrame(rows, schema=["date", "sku", "market", "units", "known"], orient="row")
    known = [datetime.combine(day, time(22), UTC) for day in frame["known"]]
    return raw.Sales.cast(
        frame.select(
            *("date", "sku", "market"),
            pl.Series("known_at", known, pl.Datetime("us", "UTC")),
            *("units", pl.lit(0).alias("returned_units"), pl.lit("1.00").alias("revenue")),
            pl.when(market="UK").then(pl.lit("GBP")).otherwise(pl.lit("EUR")).alias("currency"),
            pl.lit(1).alias("source_lines"),
        )
    )


def a_lake(folder: Path, rows: pl.DataFrame) -> Lake:
    lake = Lake(folder / "lake")
    provenance = Provenance("run-1")
    lake.commit(raw.Sales, rows, sorted(set(rows["date"])), provenance)
    named = {"date": [FIRST], "sku": ["ICE"], "name": ["Ice cream"], "category": ["FROZEN"]}
    products = pl.DataFrame(named)
    empty = raw.Products.create_empty()
    missing = [pl.lit(None, dtype).alias(name) for name, dtype in empty.schema.items() if name not in named]
    lake.commit(raw.Products, products.with_columns(missing).select(empty.columns), [FIRST], provenance)
    return lake


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Seasons:
    folder = tmp_path_factory.mktemp("seasons")
    return seasons_of(a_lake(folder, sales(late=9_000)), CALENDAR, "W", LAST, folder / "kept")


def test_a_category_that_sells_by_the_season_has_one_for_two_years_ahead(known: Seasons) -> None:
    found = known(LAST).filter(category="FROZEN", market="UK")
    assert found["ds"].max() == LAST + timedelta(days=SERVED)
    ahead = found.filter(pl.col("ds") > LAST)
    wrong = [abs(value - yearly(day)) for day, value in ahead.select("ds", "season").iter_rows()]
    assert max(wrong) < 0.15
    flat = known(LAST).filter(category="(none)", market="DE")["season"]
    assert flat.abs().max() < 0.02  # type: ignore[operator]


def test_a_day_learns_from_what_it_sees_alone(known: Seasons, tmp_path: Path) -> None:
    """Nine thousand units of the last day, known three days later, and all days after are nothing to it."""
    lake = a_lake(tmp_path, sales())
    assert seasons_of(lake, CALENDAR, "W", LAST, tmp_path / "kept")(LAST).equals(known(LAST))
    earlier = LAST - timedelta(days=7)
    ended = a_lake(tmp_path / "ended", sales(DAYS - 7))
    assert seasons_of(ended, CALENDAR, "W", earlier, tmp_path / "kept")(earlier).equals(known(earlier))


def test_what_was_learned_once_is_not_learned_again(known: Seasons, tmp_path: Path) -> None:
    lake = a_lake(tmp_path, sales())
    once = seasons_of(lake, CALENDAR, "W", LAST, tmp_path / "kept")(LAST)
    with mock.patch.object(seasonality, "_fitted", side_effect=AssertionError("asked Prophet again")):
        assert seasons_of(lake, CALENDAR, "W", LAST, tmp_path / "kept")(LAST).equals(once)
    for file in (tmp_path / "kept").iterdir():
        file.write_text("torn")
    assert seasons_of(lake, CALENDAR, "W", LAST, tmp_path / "kept")(LAST).equals(once)


def test_a_shop_of_less_than_two_years_has_none(tmp_path: Path) -> None:
    lake = a_lake(tmp_path, sales(600))
    last = FIRST + timedelta(days=599)
    assert seasons_of(lake, CALENDAR, "D", last, tmp_path / "kept")(last).equals(NONE)


def test_a_model_told_the_season_foresees_a_summer_it_has_seen_once_and_is_saved_with_it(tmp_path: Path) -> None:
    draw, plan = np.random.default_rng(3), Plan("W", 8, static=("category", "market"))
    weeks = [date(2024, 1, 7) + timedelta(days=7 * number) for number in range(74)]  # up to May of the next year
    series = [
        (f"UK/{sku}", week, float(draw.poisson(30 * math.exp(yearly(week))))) for sku in range(12) for week in weeks
    ]
    panel = pl.DataFrame(series, schema=["unique_id", "ds", "y"], orient="row").with_columns(
        category=pl.lit("FROZEN"), market=pl.lit("UK")
    )
    until = [weeks[0] + timedelta(days=7 * number) for number in range(74 + 52)]
    seasons = pl.DataFrame(
        {"category": "FROZEN", "market": "UK", "ds": until, "season": [yearly(day) for day in until]}
    )
    told, untold = fit(panel, plan, seasons=seasons), fit(panel, plan)
    ahead = [weeks[-1] + timedelta(days=7 * step) for step in range(1, 9)]
    future = panel.select(pl.col("unique_id").unique().sort()).join(pl.DataFrame({"ds": ahead}), how="cross")
    truth = pl.Series([30 * math.exp(yearly(day)) for day in ahead] * 12)
    wrong = {
        name: (model.forecast(panel, future)["mean"] - truth).abs().mean()
        for name, model in (("told", told), ("untold", untold))
    }
    assert wrong["told"] < 0.8 * wrong["untold"]  # type: ignore[operator]
    told.save(tmp_path / "model")
    again = load(tmp_path / "model")
    assert again.content_hash == told.content_hash != untold.content_hash
    assert again.forecast(panel, future).equals(told.forecast(panel, future))
