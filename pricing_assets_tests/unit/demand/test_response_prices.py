from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand.response import Diversion, respond, respond_together
from pricing_assets.errors import PricingError

FORECASTS = pl.DataFrame(
    {
        "sku": ["A", "B", "C"],
        "market": ["DE"] * 3,
        "category": ["X", "X", "Y"],
        "units": [100.0, 50.0, 10.0],
        "units_lo": [80.0, 30.0, 0.0],
        "units_hi": [125.0, 80.0, 25.0],
        "planned_price": [10.0, 20.0, 5.0],
    }
)
ELASTICITIES = pl.DataFrame(
    {
        "sku": ["A", "A", "B"],
        "market": ["DE"] * 3,
        "kind": ["base", "promotion", "base"],
        "elasticity": [-2.0, -3.0, -1.0],
        "std_error": [0.2, 0.3, 0.1],
    }
)


def _at(*prices: tuple[str, float]) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "sku": [sku for sku, _ in prices],
            "market": ["DE"] * len(prices),
            "candidate": [price for _, price in prices],
        }
    )


def test_units_are_the_forecast_times_one_ratio():
    rows = respond(FORECASTS, ELASTICITIES, _at(("A", 9.0), ("B", 22.0)))
    assert rows["units"].to_list() == pytest.approx([100 * 0.9**-2, 50 * 1.1**-1])


def test_a_promotion_answers_with_its_own_elasticity():
    rows = respond(FORECASTS, ELASTICITIES, _at(("A", 9.0)).with_columns(kind=pl.lit("promotion")))
    assert rows["units"].item() == pytest.approx(100 * 0.9**-3)


def test_a_curved_response_falls_ever_faster_above_the_list_price_and_not_below_it():
    curved = ELASTICITIES.with_columns(curvature=pl.Series([1.0, None, None]))
    forecasts = FORECASTS.with_columns(list_price=pl.Series([10.0, 20.0, 5.0]))
    rows = respond(forecasts, curved, _at(("A", 12.0), ("A", 8.0)))
    assert rows["units"].to_list() == pytest.approx([100 * math.exp(-2.0 * 0.2), 100 * 0.8**-3])


def test_at_the_planned_price_units_and_range_are_the_forecasts():
    rows = respond(FORECASTS, ELASTICITIES, _at(("A", 10.0), ("C", 5.0)))
    assert rows["units"].to_list() == pytest.approx([100.0, 10.0])
    assert rows["units_lo"].to_list() == pytest.approx([80.0, 0.0])
    assert rows["units_hi"].to_list() == pytest.approx([125.0, 25.0])


def test_the_range_is_that_of_drawn_elasticities_and_forecasts():
    draw = np.random.default_rng(1)
    elasticity = -2.0 + 0.6 * draw.standard_normal(200_000)
    log_units = math.log(100) + math.log(1.25) / 1.28155 * draw.standard_normal(200_000)
    drawn = np.exp(log_units + elasticity * math.log(0.7))
    rows = respond(FORECASTS, ELASTICITIES.with_columns(std_error=pl.lit(0.6)), _at(("A", 7.0)))
    low, high = np.quantile(drawn, [0.1, 0.9])
    assert rows["units_lo"].item() == pytest.approx(low, rel=0.02)
    assert rows["units_hi"].item() == pytest.approx(high, rel=0.02)


def test_disagreement_of_specifications_widens_the_range():
    wide = ELASTICITIES.with_columns(spec_low=pl.col("elasticity") - 1, spec_high=pl.col("elasticity") + 1)
    narrow, wider = (respond(FORECASTS, rows, _at(("A", 7.0))) for rows in (ELASTICITIES, wide))
    assert wider["units_hi"].item() > 1.02 * narrow["units_hi"].item()
    assert wider["units"].item() == narrow["units"].item()


def test_a_missing_elasticity_is_the_categorys_then_everyones_then_what_is_published():
    whole = ELASTICITIES.filter(pl.col("sku") != "B")
    rows = respond(FORECASTS, whole, _at(("B", 20.0), ("C", 5.0), ("A", 10.0)))
    assert rows["fallback_reason"].to_list() == [
        "no elasticity: the mean of its category",
        "no elasticity: the mean of all",
        None,
    ]
    assert rows["elasticity"].to_list() == [-2.0, -2.0, -2.0]
    none = respond(FORECASTS, ELASTICITIES.clear(), _at(("A", 9.0)))
    assert (none["elasticity"].item(), none["fallback_reason"].item()) == (-2.62, "no elasticity: what is published")


def test_a_candidate_without_forecast_has_no_units():
    rows = respond(FORECASTS, ELASTICITIES, _at(("Z", 9.0), ("A", 9.0)))
    assert rows["units"].is_null().to_list() == [True, False]


def test_what_a_sku_loses_others_of_its_category_gain_in_part():
    rows = respond(FORECASTS, ELASTICITIES, _at(("A", 11.0)), Diversion(0.4))
    assert rows["diverted"].item() == pytest.approx(0.4 * (100 - 100 * 1.1**-2))
    together = respond_together(FORECASTS, ELASTICITIES, _at(("A", 11.0)), Diversion(0.4))
    assert together["units"].to_list() == pytest.approx([100 * 1.1**-2, 50 + rows["diverted"].item(), 10.0])


def test_diversion_is_declared_by_category():
    beside = FORECASTS.tail(1).with_columns(sku=pl.lit("D"))
    rows = respond(
        pl.concat([FORECASTS, beside]), ELASTICITIES, _at(("A", 11.0), ("C", 6.0)), Diversion(0.5, {"X": 0.0})
    )
    assert rows["diverted"][0] == 0.0
    assert rows["diverted"][1] > 0.0


CROSSED = ELASTICITIES.with_columns(
    cross=pl.Series([0.6, None, 0.3], dtype=pl.Float64), cross_error=pl.Series([0.2, None, 0.1], dtype=pl.Float64)
)


def test_units_follow_the_mean_move_of_the_categorys_others():
    third = FORECASTS.head(1).with_columns(sku=pl.lit("D"), units=20.0)
    rows = respond_together(pl.concat([FORECASTS, third]), CROSSED, _at(("A", 11.0), ("B", 18.0)))
    up, down = math.log(1.1), math.log(0.9)
    assert rows["units"].to_list() == pytest.approx(
        [100 * math.exp(-2 * up + 0.6 * down / 2), 50 * math.exp(-down + 0.3 * up / 2), 10.0, 20.0]
    )


def test_a_price_given_away_or_out_of_reach_does_no_more_to_others_than_half_and_twice_it():
    for far, near in ((1.0, 5.0), (1e6, 20.0)):
        rows = [respond_together(FORECASTS, CROSSED, _at(("A", price)))["units"][1] for price in (far, near)]
        assert rows[0] == pytest.approx(rows[1])


def test_what_is_declared_counts_only_where_no_cross_effect_is_known():
    known = CROSSED.with_columns(cross=pl.when(pl.col("sku") == "B").then("cross"))
    third = FORECASTS.head(1).with_columns(sku=pl.lit("D"), units=20.0)
    forecasts = pl.concat([FORECASTS, third])
    rows = respond_together(forecasts, known, _at(("A", 11.0)), Diversion(0.7))
    lost = 100 * (1 - 1.1**-2)
    assert rows["units"][1] == pytest.approx(50 * 1.1 ** (0.3 / 2))
    assert rows["units"][3] == pytest.approx(20 + 0.7 * lost * 20 / 70)
    alone = respond(forecasts, known, _at(("A", 11.0)), Diversion(0.7))
    assert alone["diverted"].item() == pytest.approx(rows["units"][1] - 50 + rows["units"][3] - 20)


def test_doubt_about_a_cross_effect_widens_the_range_as_drawn_ones_do():
    draw = np.random.default_rng(2)
    log_units = math.log(125 / 100) / 1.28155 * draw.standard_normal(200_000)
    drawn = 100 * np.exp(log_units + (0.6 + 0.5 * draw.standard_normal(200_000)) * math.log(1.5))
    forecasts = FORECASTS.head(2)
    doubted = CROSSED.with_columns(cross_error=pl.lit(0.5))
    rows = respond_together(forecasts, doubted, _at(("B", 30.0)))
    low, high = np.quantile(drawn, [0.1, 0.9])
    assert rows["units_lo"][0] == pytest.approx(low, rel=0.02)
    assert rows["units_hi"][0] == pytest.approx(high, rel=0.02)


def _profit_by_hand(forecasts: list[dict], slopes: dict, crosses: dict, prices: dict, cost: float) -> float:
    """Profit of all SKUs, each by its own price and those of its category's others in the market, one by one."""
    profit = 0.0
    for row in forecasts:
        price = prices.get(row["sku"], row["planned_price"])
        beside = [each for each in forecasts if each["category"] == row["category"] and each["sku"] != row["sku"]]
        moves = [math.log(prices.get(each["sku"], each["planned_price"]) / each["planned_price"]) for each in beside]
        log = slopes[row["sku"]] * math.log(price / row["planned_price"])
        if moves:
            log += crosses[row["sku"]] * sum(moves) / len(moves)
        profit += (price - cost) * row["units"] * math.exp(log)
    return profit


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_profit_of_a_joint_move_is_that_of_every_sku_counted_one_by_one(seed):
    draw = np.random.default_rng(seed)
    skus = [f"S{number}" for number in range(9)]
    forecasts = pl.DataFrame(
        {
            "sku": skus,
            "market": "DE",
            "category": ["X"] * 4 + ["Y"] * 4 + ["Z"],
            "units": draw.uniform(1, 100, 9),
            "planned_price": draw.uniform(5, 20, 9),
        }
    )
    elasticities = pl.DataFrame(
        {
            "sku": skus,
            "market": "DE",
            "kind": "base",
            "elasticity": draw.uniform(-4, -1, 9),
            "std_error": 0.1,
            "cross": draw.uniform(0, 1.5, 9),
            "cross_error": 0.1,
        }
    )
    moved = dict(zip(skus[::2], forecasts["planned_price"][::2] * draw.uniform(0.8, 1.25, 5), strict=True))
    rows = respond_together(forecasts, elasticities, _at(*moved.items()))
    profit = ((rows["candidate"] - 3.0) * rows["units"]).sum()
    slopes, crosses = (dict(zip(skus, elasticities[name], strict=True)) for name in ("elasticity", "cross"))
    assert profit == pytest.approx(_profit_by_hand(forecasts.to_dicts(), slopes, crosses, moved, 3.0))


_prices = st.floats(0.01, 1e5, allow_nan=False)


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.floats(0, 1e6), min_size=3, max_size=3),
    slopes=st.lists(st.floats(-12, 12), min_size=3, max_size=3),
    planned=st.lists(_prices, min_size=3, max_size=3),
    prices=st.lists(_prices, min_size=2, max_size=2),
    other=_prices,
    share=st.floats(0, 1),
    crosses=st.lists(st.none() | st.floats(0, 3), min_size=3, max_size=3),
)
def test_units_never_rise_with_the_own_price(*, units, slopes, planned, prices, other, share, crosses):
    forecasts = FORECASTS.drop("units_lo", "units_hi").with_columns(
        units=pl.Series(units), planned_price=pl.Series(planned)
    )
    elasticities = ELASTICITIES.with_columns(
        elasticity=pl.Series(slopes), cross=pl.Series(crosses, dtype=pl.Float64), cross_error=pl.lit(0.3)
    )
    low, high = sorted(prices)
    alone = respond(forecasts, elasticities, _at(("A", low), ("A", high)), Diversion(share))
    assert alone["units"][1] <= alone["units"][0]
    assert (alone["units_lo"] <= alone["units"] * (1 + 1e-9)).all()
    assert (alone["units_hi"] >= alone["units"] * (1 - 1e-9)).all()
    at = [
        respond_together(forecasts, elasticities, _at(("A", price), ("B", other)), Diversion(share))
        for price in (low, high)
    ]
    assert at[1]["units"][0] <= at[0]["units"][0] * (1 + 1e-12)
    assert all((rows["units"] >= 0).all() for rows in at)


@settings(max_examples=60, deadline=None)
@given(
    planned=_prices,
    listed=_prices,
    prices=st.lists(_prices, min_size=2, max_size=2),
    slopes=st.tuples(*[st.floats(-8, 4)] * 2),
    curvature=st.floats(0, 4),
)
def test_across_the_list_price_units_fall_or_stay_without_a_jump(*, planned, listed, prices, slopes, curvature):
    forecasts = FORECASTS.head(1).with_columns(planned_price=planned, list_price=listed)
    elasticities = ELASTICITIES.head(2).with_columns(elasticity=pl.Series(slopes), curvature=curvature)
    low, high = sorted(prices)
    around = (listed * (1 - 1e-9), listed)
    rows = respond(forecasts, elasticities, _at(*(("A", price) for price in (low, high, *around))))
    for column in ("units", "units_lo", "units_hi"):
        assert rows[column][2] == pytest.approx(rows[column][3], rel=1e-6)
    assert rows["units"][1] <= rows["units"][0] * (1 + 1e-12)
    for price, found in zip((low, high), rows["units"][:2], strict=True):
        if max(price, planned) <= listed or min(price, planned) >= listed:
            kind = pl.lit("promotion" if max(price, planned) <= listed else "base")
            one_sided = _at(("A", price)).with_columns(kind=kind)
            old = respond(forecasts.drop("list_price"), elasticities, one_sided)
            assert found == pytest.approx(old["units"].item(), rel=1e-9)


def test_a_promotion_answers_for_the_way_up_to_list():
    forecasts = FORECASTS.head(1).with_columns(planned_price=8.0, list_price=10.0)
    rows = respond(
        forecasts,
        ELASTICITIES.with_columns(elasticity=pl.Series([-1.0, -3.0, -1.0])),
        _at(("A", 10.0), ("A", 9.99), ("A", 12.0)),
    )
    assert rows["units"].to_list() == pytest.approx([51.2, 100 * (8 / 9.99) ** 3, 51.2 / 1.2])


@settings(max_examples=20, deadline=None)
@given(price=st.floats(6.0, 20.0), share=st.floats(0, 1))
def test_no_unit_is_made_or_lost_on_the_way_to_other_skus(price, share):
    whole = respond_together(FORECASTS, ELASTICITIES, _at(("A", price)), Diversion(share))
    alone = respond(FORECASTS, ELASTICITIES, _at(("A", price)), Diversion(share))
    gained = whole["units"].sum() - 60.0 - alone["units"].item()
    assert gained == pytest.approx(alone["diverted"].item(), abs=1e-9) or whole["units"].min() == 0.0


@pytest.mark.parametrize(
    ("forecasts", "candidates", "what"),
    [
        (FORECASTS.drop("units"), _at(("A", 1.0)), "forecasts: no column units"),
        (FORECASTS, _at(("A", 0.0)), "candidates: candidate of A in DE is 0.0"),
        (FORECASTS, _at(("A", math.nan)), "candidates: candidate of A in DE is nan"),
        (pl.concat([FORECASTS, FORECASTS]), _at(("A", 1.0)), "forecasts: two rows of A in DE"),
        (FORECASTS.with_columns(units=-1.0), _at(("A", 1.0)), "forecasts: units of A are -1.0"),
        (FORECASTS.with_columns(planned_price=None), _at(("A", 1.0)), "forecasts: planned_price of A in DE is None"),
    ],
)
def test_inputs_that_cannot_be_meant_are_refused_by_name(forecasts, candidates, what):
    with pytest.raises(PricingError) as refused:
        respond(forecasts, ELASTICITIES, candidates)
    assert refused.value.what == what


def test_a_share_that_is_none_is_refused():
    with pytest.raises(PricingError, match="diversion X"):
        Diversion(0.2, {"X": 1.2})
