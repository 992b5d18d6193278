from __future__ import annotations

import math
from datetime import date, timedelta

import polars as pl
import pytest

from pricing_assets.demand import Plan
from pricing_assets.demand.seasonality import seasonality, with_season

PLAN = Plan("W", 4)
DAYS = [date(2023, 1, 2) + timedelta(days=7 * k) for k in range(120)]


def _yearly(day: date) -> float:
    return 0.5 * math.sin(2 * math.pi * day.timetuple().tm_yday / 365.25)


PANEL = pl.DataFrame(
    {"unique_id": "a", "ds": DAYS, "y": [200 * math.exp(_yearly(day)) for day in DAYS], "category": "drinks"}
)


def test_a_planted_season_is_found_and_carried_beyond_the_origin(capfd: pytest.CaptureFixture[str]) -> None:
    until = DAYS[-1] + timedelta(days=28)
    cache: dict[str, list[float]] = {}
    made = seasonality(PANEL, PLAN, until, by=["category"], cache=cache)
    assert made["ds"].max() == until
    assert capfd.readouterr() == ("", "")
    wrong = [abs(value - _yearly(day)) for day, value in made.select("ds", "season").iter_rows()]
    assert max(wrong) < 0.1
    (key,) = cache
    cache[key] = [0.25] * made.height
    assert set(seasonality(PANEL, PLAN, until, by=["category"], cache=cache)["season"]) == {0.25}
    assert with_season(PANEL, made)["season"].null_count() == 0


def test_promotions_that_come_every_summer_are_no_season() -> None:
    promoted = [1.0 if 150 <= day.timetuple().tm_yday <= 200 and day.day % 3 else 0.0 for day in PANEL["ds"]]
    lifted = PANEL.with_columns(pl.Series("promoted", promoted)).with_columns(y=pl.col("y") * pl.col("promoted").exp())
    kept, confused = (seasonality(rows, PLAN, DAYS[-1]) for rows in (lifted, lifted.drop("promoted")))
    wrong, confused_wrong = (
        max(abs(value - _yearly(day)) for day, value in made.select("ds", "season").iter_rows())
        for made in (kept, confused)
    )
    assert wrong < 0.15 < confused_wrong


def test_processes_side_by_side_give_what_one_gives() -> None:
    groups = pl.concat([PANEL, PANEL.with_columns(pl.col("y") * 3 + 5, category=pl.lit("salt"))])
    one, two = (seasonality(groups, PLAN, DAYS[-1], by=["category"], workers=workers) for workers in (1, 2))
    assert one.equals(two) and one["category"].n_unique() == 2


def test_less_than_two_years_have_no_season() -> None:
    short = PANEL.head(60)
    made = seasonality(short, PLAN, DAYS[70])
    assert made.is_empty()
    assert with_season(short, made)["season"].to_list() == pytest.approx([0.0] * 60)
