from __future__ import annotations

from functools import cache

import numpy as np
import polars as pl
import pytest
from elasticity_panels import panel
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand.elasticity import Columns, checked, elasticities, fixed_effects, parts, traits
from pricing_assets.demand.elasticity.dates import drawn
from pricing_assets.demand.elasticity.design import Design, design
from pricing_assets.demand.elasticity.estimation import tree
from pricing_assets.demand.elasticity.fixed_effects import fit, said, settled
from pricing_assets.demand.elasticity.observations import observe
from pricing_assets.simulation import MarketSettings, simulate

KEY = ["date", "sku", "market"]
COLUMNS = Columns(regular_price="regular_price", sku="sku", category="category", zone="market")


@cache
def _market(seed: int) -> pl.DataFrame:
    """A simulated market whose shelves share many dates: 40 SKUs, 180 days."""
    made = simulate(MarketSettings(skus=40, markets=1, days=180, seed=seed)).frames
    prices = made["prices"].select(*KEY, price="current_price", regular_price="list_price")
    rows = prices.join(made["sales"].select(*KEY, "units"), on=KEY, how="left")
    rows = rows.join(made["products"].select("sku", "category"), on="sku")
    y = pl.col("units").fill_null(0).cast(pl.Float64)
    return rows.select(
        *("sku", "market", "category"),
        pl.col("price", "regular_price").cast(pl.Float64),
        unique_id="sku",
        ds="date",
        y=y,
    )


def _design(rows: pl.DataFrame, columns: Columns = COLUMNS) -> Design:
    return design(observe(checked(rows, columns), columns), ())


@pytest.mark.parametrize("seed", [1, 5, 8])
def test_a_date_at_the_edge_of_standing_out_moves_no_slope_for_ever(monkeypatch: pytest.MonkeyPatch, seed: int):
    made = _design(_market(seed))
    series = np.arange(len(made.start))
    whole = fit(made, series).own
    monkeypatch.setattr(fixed_effects, "_ROUNDS", fixed_effects._ROUNDS + 1)
    np.testing.assert_allclose(fit(made, series).own, whole, atol=1e-3)


@pytest.mark.parametrize("days", [160, 320])  # a trend; a season beside it
def test_what_series_and_dates_both_could_say_does_not_wander_between_them(monkeypatch: pytest.MonkeyPatch, days: int):
    more = 1 + pl.col("ds").rank("dense") / days  # of everything twice as much is sold in the end
    rows = panel(skus=32, markets=8, days=days, volume=4.0).with_columns(y=(pl.col("y") * more).round())
    made = _design(rows, Columns(regular_price="regular_price", sku="sku", category="category", zone="market"))
    assert [made.names[number] for number in made.calendar] == ["trend", "year_sin", "year_cos"][
        : 1 if days < 300 else 3
    ]
    rounds: list[int] = []
    monkeypatch.setattr(fixed_effects, "drawn", lambda *asked: rounds.append(1) or drawn(*asked))
    state = settled(made)
    assert len(rounds) < 40
    dates = state.time[np.unique(made.time[made.series == 0])]
    assert np.polyfit(np.arange(days), dates, 1)[0] * days == pytest.approx(0.0, abs=0.01)


@pytest.mark.parametrize("family", ["counts", "log_linear"])
def test_it_does_not_matter_how_many_series_take_a_step_together(
    monkeypatch: pytest.MonkeyPatch, family: fixed_effects.Family
):
    made = _design(_market(1))
    made = made if family == "counts" else made.where((made.y > 0) & ~made.censored)
    skus = np.arange(len(made.start)) // 2
    state = settled(made, family)
    whole = said(made, state, skus, family)
    monkeypatch.setattr(parts, "AT_ONCE", 400)
    assert len(parts.parts(made)) > 5
    in_parts = said(made, state, skus, family)
    for name, values in whole._asdict().items():
        np.testing.assert_array_equal(getattr(in_parts, name), values, name)
    settled_in_parts = said(made, settled(made, family), skus, family)
    np.testing.assert_allclose(settled_in_parts.own, whole.own, atol=1e-6)
    np.testing.assert_allclose(settled_in_parts.own_error, whole.own_error, atol=1e-6)


def test_what_begins_near_ends_where_the_rest_does():
    made = _design(_market(2))
    few = made.without({"newness"})
    kept = np.array([name in few.names for name in made.names])
    assert not kept.all()
    near = settled(few, begun=settled(made).where(kept))
    alone = settled(few)
    series = np.arange(len(made.start))
    own, error = said(few, alone, series).own[:, :2], said(few, alone, series).own_error[:, :2]
    away = (said(few, near, series).own[:, :2] - own) / error
    assert np.nanmax(np.abs(away)) < 0.2


def test_traits_of_a_large_panel_are_told_by_some_of_its_skus(monkeypatch: pytest.MonkeyPatch):
    columns = Columns(regular_price="regular_price", sku="sku", category="category")
    observed = observe(checked(panel(skus=32, days=300, volume=80.0, curvature=2.0), columns), columns)
    whole, place = design(observed, ()), tree(observed.series)
    every = traits.traits(whole, *place)
    monkeypatch.setattr(traits, "MOST_SKUS", 12)
    some = traits.traits(whole, *place)
    assert some.remember == every.remember
    assert some.curvature == pytest.approx(2.0, abs=3 * some.curvature_error)
    assert every.curvature_error < some.curvature_error < 1.0


@settings(max_examples=100)
@given(st.lists(st.integers(1, 90), min_size=1, max_size=60), st.integers(30, 90), st.integers(0, 5))
def test_some_skus_are_about_as_many_as_are_wanted_enough_of_a_category_and_have_rows(
    sizes: list[int], most: int, seed: int
):
    category = np.repeat(np.arange(len(sizes)), sizes)
    sku = np.repeat(np.arange(len(category)), 2)  # two series each
    speaks = np.random.default_rng(seed).random(len(category)) < 0.7  # the others have no row
    whole = _rows(speaks[sku])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traits, "MOST_SKUS", most)
        made, of_series, of_sku = traits._some(whole, sku, category)
    if speaks.sum() <= most:
        assert made is whole
        return
    assert len(of_series) == len(made.start) == len(made.y) == 2 * len(of_sku), "each has its rows"
    assert np.array_equal(np.bincount(of_series), np.full(len(of_sku), 2))
    assert np.all(np.diff(of_sku) >= 0)
    assert most / 2 <= len(of_sku) <= 1.5 * most
    there = np.bincount(category[speaks])
    assert all(number in there or number >= traits.LEAST_OF_CATEGORY for number in np.bincount(of_sku))


def test_a_design_without_rows_settles_where_it_begins():
    empty = _rows(np.zeros(3, dtype=np.bool_))
    for family in ("counts", "log_linear"):
        assert not settled(empty, family).slopes.any()


def test_a_panel_that_is_always_sold_out_is_answered_without_its_logs():
    columns = Columns(regular_price="regular_price", sku="sku", category="category", censored="censored")
    rows = panel(skus=2, days=60).with_columns(pl.col("y") + 1, censored=pl.lit(value=True))
    found = elasticities(rows, columns)
    assert found["elasticity"].is_finite().all()
    assert (found["spec_low"] <= found["spec_high"]).all()


def _rows(there: np.ndarray) -> Design:
    """A design of a row a series, for those that have one."""
    series = np.flatnonzero(there)
    ones, zero = np.ones(len(series)), np.zeros(len(series), dtype=np.int64)
    names = dict.fromkeys(("time", "weekday", "block", "date", "day", "zone"), zero)
    return Design(
        names=("base", "promotion"),
        y=ones,
        x=np.ones((len(series), 2)),
        series=series,
        start=np.searchsorted(series, np.arange(len(there))),
        censored=ones < 0,
        offset=ones,
        **names,
    )
