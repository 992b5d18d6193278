"""Prospects: what is known of the demand of rows beside each other, against plain Python."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pricing_frames import DAY
from pricing_outlooks import elasticity, forecast, typed

from pricing_assets.demand.elasticity.substitution import APART
from pricing_assets.pricing.outlook import Outlook, outlook
from pricing_assets.pricing.prospects import prospects
from pricing_assets.strategies.learned import DEFAULT
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

Row = dict[str, Any]


def known(forecasts: list[Row], elasticities: list[Row]) -> Outlook:
    """What a model is told of demand."""
    return outlook(typed(DemandForecasts, forecasts), typed(Elasticities, elasticities), {}, learned=True)


def found(rows: list[Row]) -> pl.DataFrame:
    """The prospects of rows at 10.00, each beside all others."""
    names = [f"S{number}" for number in range(len(rows))]
    forecasts = [
        each for name, row in zip(names, rows, strict=True) for each in forecast(sku=name, per_day=row["units"])
    ]
    said = [
        elasticity(-2.0, sku=name, cross=row["cross"], cross_error=row["cross_error"])
        for name, row in zip(names, rows, strict=True)
    ]
    frame = pl.DataFrame(
        {"date": DAY, "sku": names, "market": "UK", "category": "HOME", "scale": 100, "current": 1000}
        | {"cost": [row["cost"] for row in rows]}
    )
    return prospects(frame.with_columns(cost=pl.col("cost").cast(pl.Decimal(18, 4))), known(forecasts, said), DEFAULT)


ROW = st.fixed_dictionaries(
    {
        "units": st.floats(0.5, 50),
        "cost": st.floats(1, 12).map(lambda cost: round(cost, 2)),
        "cross": st.floats(0, 2),
        "cross_error": st.floats(0, 1),
    }
)


@settings(max_examples=25)
@given(st.lists(ROW, min_size=2, max_size=6))
def test_doubt_of_the_others_adds_up_as_far_as_they_share_it(rows: list[Row]) -> None:
    said = found(rows)["others_error"]
    for number in range(len(rows)):
        others = [row for place, row in enumerate(rows) if place != number]
        earned = [abs(1000 - 100 * row["cost"]) * 28 * row["units"] for row in others]
        own = [min(row["cross_error"] / 2**0.5, APART) for row in others]
        shared = sum(e * (row["cross_error"] ** 2 - o**2) ** 0.5 for e, o, row in zip(earned, own, others, strict=True))
        apart = sum((e * o) ** 2 for e, o in zip(earned, own, strict=True))
        assert said[number] == pytest.approx((shared**2 + apart) ** 0.5 / len(others), rel=1e-3, abs=1.0)


def test_many_others_are_doubted_less_than_one_of_their_size_where_each_strays_for_itself() -> None:
    row = {"units": 5.0, "cost": 6.0, "cross": 0.5, "cross_error": APART * 2**0.5}  # half of its square is shared
    alone, many = found([row] * 2)["others_error"][0], found([row] * 10)["others_error"][0]
    assert many == pytest.approx(alone * ((1 + 1 / 9) / 2) ** 0.5, rel=1e-3)


def test_a_sku_whose_cross_effect_nobody_estimated_adds_no_doubt() -> None:
    row = {"units": 5.0, "cost": 6.0, "cross": 0.5, "cross_error": 0.3}
    unknown = row | {"units": 5_000.0, "cross": None, "cross_error": None}
    assert found([row, row, unknown])["others_error"][0] == pytest.approx(
        found([row] * 2)["others_error"][0] / 2, rel=1e-3
    )


@pytest.mark.parametrize(("low", "high", "doubt"), [(-2.0, -2.0, 0.25), (-2.3, -1.9, 0.25), (-4.0, -1.0, 3 / 12**0.5)])
def test_an_elasticity_is_doubted_by_its_error_or_by_what_specifications_differ_in(
    low: float, high: float, doubt: float
) -> None:
    frame = pl.DataFrame({"date": [DAY], "sku": "S", "market": "UK", "category": "HOME", "scale": 100, "current": 1000})
    frame = frame.with_columns(cost=pl.lit(6).cast(pl.Decimal(18, 4)))
    told = known(forecast(), [elasticity(-2.0, spec_low=low, spec_high=high)])
    assert prospects(frame, told, DEFAULT)["error"].to_list() == pytest.approx([doubt])
