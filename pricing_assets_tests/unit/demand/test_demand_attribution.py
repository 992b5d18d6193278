"""What drives an estimate: groups of features that leave nothing out, largest first, in a sentence each."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from demand_panels import WEEKLY, split, weekly

from pricing_assets.demand import DemandModel, fit
from pricing_assets.demand.attribution import AVERAGE, OTHER, attributed, driver_of, ranked
from pricing_assets.demand.design import rows_of
from pricing_assets.demand.members import RATIO
from pricing_assets.demand.past import BASE
from pricing_assets.demand.roles import Roles

HISTORY, FUTURE = split(weekly(series=6, weeks=70))
ROLES = Roles("price", ("rival_price",), ("feature", "season"), ("feature",), ("heat",), ("store",), ("store",), ())
DATES = [date(2026, 3, 1), date(2026, 3, 2)]


@pytest.fixture(scope="module")
def model() -> DemandModel:
    return fit(HISTORY, WEEKLY)


def test_the_groups_add_up_to_what_the_model_says(model: DemandModel) -> None:
    made = model.forecast(HISTORY, FUTURE)
    effects = attributed(model.contributions(HISTORY, FUTURE), made, model.roles)
    book, origin = model._asked(HISTORY, FUTURE)
    rows = model.members(rows_of(book, [origin]))
    score = ((pl.col(RATIO) / model.boosters[RATIO].factor + 0.5) / (pl.col(BASE) + 0.5)).log()
    own = rows.select("unique_id", "ds", score=score).join(made, on=["unique_id", "ds"])
    weighted = (pl.col("score") * pl.col("mean")).sum() / pl.col("mean").sum()
    own = own.group_by("unique_id").agg(score=weighted).sort("unique_id")
    summed = effects.group_by("unique_id").agg(pl.col("effect").sum()).sort("unique_id")
    assert summed["effect"].to_list() == pytest.approx(own["score"].to_list(), abs=1e-6)
    assert AVERAGE in effects["driver"].to_list() and OTHER not in effects["driver"].to_list()


def test_rows_asked_for_alone_contribute_what_they_do_among_all(model: DemandModel) -> None:
    everything = model.contributions(HISTORY, FUTURE)
    wanted = FUTURE.filter(unique_id="s03").select("unique_id", "ds").head(2)
    alone = model.contributions(HISTORY, FUTURE, wanted)
    assert alone.equals(everything.join(wanted, on=["unique_id", "ds"], how="semi", maintain_order="left"))
    assert alone["ds"].n_unique() == 2


@pytest.mark.parametrize(
    ("feature", "driver"),
    [
        ("depth", "price against its usual level"),
        ("price:regular", "price level"),
        ("rival_price:level", "rivals' prices"),
        ("price_to_cheapest", "rivals' prices"),
        ("feature", "promotion"),
        ("store:answer", "promotion"),
        ("feature:before_1", "recent promotions"),
        ("promoted_before_28", "recent promotions"),
        ("store:promoted_share", "promotions of other SKUs"),
        ("season", "season"),
        ("weekday_4", "weekday"),
        ("days_to_holiday", "holidays"),
        ("log_mean_28", "recent sales"),
        ("zero_share", "how steadily it sells"),
        (":momentum", "sales of the shop around it"),
        ("store", "its category and market"),
        ("heat", OTHER),
    ],
)
def test_a_feature_belongs_to_what_a_manager_calls_it(feature: str, driver: str) -> None:
    assert driver_of(feature, ROLES) == driver


def contributions(*values: tuple[str, float, float]) -> pl.DataFrame:
    """Of one series on two dates: a feature with what it adds on each."""
    rows = [("s", day, name, value) for name, *both in values for day, value in zip(DATES, both, strict=True)]
    return pl.DataFrame(rows, schema=["unique_id", "ds", "feature", "contribution"], orient="row")


def effects(mean: tuple[float, float], *values: tuple[str, float, float]) -> pl.DataFrame:
    forecasts = pl.DataFrame({"unique_id": ["s", "s"], "ds": DATES, "mean": list(mean)})
    return ranked(attributed(contributions(*values), forecasts, ROLES))


def test_dates_count_by_what_they_are_expected_to_sell() -> None:
    found = effects((30.0, 10.0), ("weekday", 0.4, 0.0), ("weekday_4", 0.0, 0.4), ("expected", 5.0, 5.0))
    assert found.rows() == [("s", 1, "weekday", round(100 * (math.exp(0.4) - 1), 1), found["sentence"][0])]
    assert found["sentence"][0] == "weekday: 49.2 % more units than on average"


def test_where_nothing_is_expected_dates_count_alike() -> None:
    assert effects((0.0, 0.0), ("weekday", 0.2, 0.0))["effect_pct"].to_list() == [10.5]


def test_the_largest_effect_is_first_whichever_way_it_goes() -> None:
    found = effects((1.0, 1.0), ("weekday", 0.1, 0.1), ("depth", -0.3, -0.3), ("step", 0.0, 0.0))
    assert found["driver_no"].to_list() == [1, 2, 3]
    assert found["sentence"].to_list() == [
        "price against its usual level: 25.9 % fewer units than on average",
        "weekday: 10.5 % more units than on average",
        "how far ahead it is: as on average",
    ]
