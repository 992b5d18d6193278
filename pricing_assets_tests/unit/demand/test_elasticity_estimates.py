from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from elasticity_panels import panel

from pricing_assets.demand.elasticity import Columns, checked, elasticities, found
from pricing_assets.demand.elasticity.design import design
from pricing_assets.demand.elasticity.fixed_effects import fit
from pricing_assets.demand.elasticity.observations import observe
from pricing_assets.errors import PricingError
from pricing_assets.tables.forecasts import Elasticities

COLUMNS = Columns(
    regular_price="regular_price", promotions=("feature",), rivals=("rival_a",), sku="sku", category="category"
)


@pytest.fixture(scope="module")
def healthy() -> pl.DataFrame:
    return elasticities(panel(spread=0.3), COLUMNS)


def _middle(rows: pl.DataFrame, kind: str, column: str = "elasticity") -> float:
    return rows.filter(kind=kind)[column].median()


def test_base_and_promotion_elasticities_are_told_apart(healthy: pl.DataFrame):
    assert _middle(healthy, "base") == pytest.approx(-2.0, abs=0.35)
    assert _middle(healthy, "promotion") == pytest.approx(-3.0, abs=0.35)


def test_shrunken_estimates_are_nearer_the_truth_than_what_series_say_alone():
    rows = elasticities(panel(volume=6.0, seed=4), COLUMNS).filter(kind="base")
    alone, shrunken = (rows["own"] + 2.0).pow(2).mean(), (rows["elasticity"] + 2.0).pow(2).mean()
    assert shrunken < 0.5 * alone


def test_poisson_slopes_with_effects_of_dates_taken_whole_are_those_of_statsmodels():
    import statsmodels.api as sm

    frame = panel(skus=6, markets=1, days=60, volume=60.0, seed=2)
    columns = Columns(regular_price="regular_price", rivals=("rival_a",))
    made = design(observe(checked(frame, columns), columns), ())
    made = replace(made, weekday=made.time)  # no date is like another: none is drawn to others
    ours = fit(made, np.arange(6)).own.ravel()
    levels = np.eye(6)[made.series]
    dates = np.eye(made.time.max() + 1)[made.time][:, 1:]
    slopes = (levels[:, :, None] * made.x[:, None, :]).reshape(len(made.y), -1)
    known = np.isfinite(ours)  # a price that never moved is one with the level: no design may have both
    assert known.sum() >= 16
    whole = np.hstack([levels, dates, slopes[:, known]])
    theirs = sm.GLM(made.y, whole, family=sm.families.Poisson()).fit()
    np.testing.assert_allclose(ours[known], theirs.params[-known.sum() :], atol=0.02)


def test_every_row_says_how_well_it_is_known(healthy: pl.DataFrame):
    assert healthy.height == 2 * 16
    assert (healthy["std_error"] > 0).all()
    assert (healthy["spec_low"] <= healthy["elasticity"]).all()
    assert (healthy["spec_high"] >= healthy["elasticity"]).all()
    assert healthy["shrinkage"].is_between(0, 1).all()
    assert healthy.filter(kind="base")["price_variation"].is_between(0.01, 0.3).all()
    assert (healthy["elasticity"] < 0).all()


def test_the_rows_are_what_the_table_keeps(healthy: pl.DataFrame):
    names = pl.col("unique_id").str.split_exact("|", 1)
    rows = healthy.with_columns(
        date=pl.date(2024, 1, 1),
        estimated_on=pl.date(2024, 1, 1),
        sku=names.struct.field("field_0"),
        market=names.struct.field("field_1"),
    )
    assert Elasticities.validate(rows.select(Elasticities.column_names()), cast=True).height == rows.height


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: f.filter(pl.col("ds") < pl.col("ds").min() + timedelta(days=10)), "too few rows: 10"),
        (lambda f: f.with_columns(price=9.99, regular_price=9.99), "the price never changed"),
        (lambda f: pl.concat([f, f.head(40)]), "wrong: 80 duplicated"),
        (lambda f: f.with_columns(y=-pl.col("y") - 1), "rows are wrong: 160 negative"),
        (lambda f: f.with_columns(y=0.0), "nothing was ever sold"),
        (lambda f: f.with_columns(price=None), "without price"),
        (lambda f: pl.concat([f.head(30), f.tail(1).with_columns(ds=pl.col("ds") + timedelta(days=90))]), "gappy: 31"),
        (lambda f: f.with_columns(price=pl.col("regular_price")), "below the regular one hardly moved"),
    ],
)
def test_a_series_that_cannot_speak_borrows_and_says_why(spoil, reason: str):
    whole = panel(skus=4)
    sick = spoil(whole.filter(unique_id="S00|M0"))
    rows = elasticities(pl.concat([whole.filter(pl.col("unique_id") != "S00|M0"), sick]), COLUMNS)
    borrowed = rows.filter(unique_id="S00|M0", kind="promotion").row(0, named=True)
    assert reason in borrowed["fallback_reason"]
    assert borrowed["elasticity"] == pytest.approx(-3.0, abs=0.6)
    assert borrowed["own"] is None


def test_a_wrong_sign_is_never_passed_on_and_says_so():
    rows = elasticities(panel(skus=3, markets=1, base=1.5, promotion=-2.0), COLUMNS)
    base = rows.filter(kind="base")
    assert (base["elasticity"] < 0).all()
    assert base["fallback_reason"].str.starts_with("wrong sign").all()


def test_few_wrong_rows_are_left_out_and_named():
    whole = panel(skus=3)
    spoiled = whole.with_columns(
        y=pl.when((pl.col("unique_id") == "S00|M0") & (pl.col("ds") == pl.col("ds").min())).then(-3.0).otherwise("y")
    )
    rows = elasticities(spoiled, COLUMNS)
    assert rows.filter(unique_id="S00|M0")["left_out"].to_list() == ["1 negative"] * 2
    assert rows.filter(pl.col("unique_id") != "S00|M0")["left_out"].null_count() == 10


def test_a_panel_in_which_nothing_speaks_gives_what_is_published():
    rows = elasticities(panel(skus=1, days=12), COLUMNS)
    assert rows["elasticity"].to_list() == [-2.62] * 4
    assert rows["fallback_reason"].str.starts_with("too few rows").all()


def test_sold_out_dates_do_not_flatten_the_response():
    whole = panel(skus=6, volume=30.0, seed=5)
    stock = 45.0
    cut = whole.with_columns(pl.col("y").clip(upper_bound=stock), sold_out=pl.col("y") >= stock)
    naive = elasticities(cut.drop("sold_out"), COLUMNS)
    aware = elasticities(cut, found(cut.columns, COLUMNS))
    assert abs(_middle(aware, "promotion") + 3.0) < 0.35 < abs(_middle(naive, "promotion") + 3.0)


def test_order_of_rows_changes_nothing():
    whole = panel(skus=3)
    assert elasticities(whole, COLUMNS).equals(elasticities(whole.sample(fraction=1.0, shuffle=True, seed=3), COLUMNS))


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda f: f.drop("price"), "no column price"),
        (lambda f: f.with_columns(y=pl.lit("many")), "y 'many' is no number"),
        (lambda f: f.with_columns(ds=pl.lit("soon")), "ds 'soon' is no date"),
        (lambda f: f.clear(), "no rows"),
        (lambda f: f.with_columns(category=pl.col("ds").cast(pl.String)), "category of S00|M0 changes over time"),
    ],
)
def test_a_panel_that_cannot_be_meant_is_refused_by_name(spoil, what: str):
    with pytest.raises(PricingError, match="P:") as refused:
        elasticities(spoil(panel(skus=1)), COLUMNS, "P")
    assert what in refused.value.what


def test_columns_are_found_by_their_usual_names():
    there = found(panel(skus=1).columns, Columns())
    assert there == COLUMNS
