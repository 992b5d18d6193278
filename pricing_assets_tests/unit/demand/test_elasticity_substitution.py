from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from elasticity_panels import FIRST
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import truncnorm

from pricing_assets.demand.elasticity import Columns, checked, elasticities
from pricing_assets.demand.elasticity.categories import as_a_whole, categories
from pricing_assets.demand.elasticity.design import Design, design
from pricing_assets.demand.elasticity.observations import Observations, observe
from pricing_assets.demand.elasticity.substitution import ALONE, UNKNOWN, UNPLACED, between, published, switching

COLUMNS = Columns(regular_price="regular_price", sku="sku", category="category", zone="market")


def _panel(
    *, cross: float = 0.8, skus: int = 6, categories: int = 4, days: int = 300, moving: bool = True, seed: int = 1
) -> pl.DataFrame:
    """Two markets of some categories whose SKUs' units follow the mean log price of the others by `cross`."""
    draw = np.random.default_rng(seed)
    frames = []
    for category in range(categories):
        for market in range(2):
            change = np.where(draw.random((skus, days)) < 0.04, draw.choice([-0.08, 0.08], (skus, days)), 0.0)
            regular = np.cumsum(change, axis=1).clip(-0.3, 0.3)
            cut = np.repeat(draw.random((skus, days // 7 + 1)) < 0.15, 7, axis=1)[:, :days] * 0.2
            if not moving:  # what one SKU's price does another's undoes
                regular = np.where(np.arange(skus)[:, None] % 2, regular[:1], -regular[:1]) / 4
                cut = np.zeros_like(cut)
            price = regular - cut
            others = (price.sum(axis=0) - price) / max(skus - 1, 1)
            units = draw.poisson(40 * np.exp(-2.0 * regular + 3.0 * cut + cross * others))
            frames += [
                pl.DataFrame(
                    {
                        "unique_id": f"{category}{sku}|M{market}",
                        "sku": f"{category}{sku}",
                        "market": f"M{market}",
                        "category": "ABCDEFGH"[category],
                        "ds": [FIRST + timedelta(days=day) for day in range(days)],
                        "y": units[sku].astype(np.float64),
                        "price": 10 * np.exp(price[sku]),
                        "regular_price": 10 * np.exp(regular[sku]),
                    }
                )
                for sku in range(skus)
            ]
    return pl.concat(frames)


@pytest.fixture(scope="module")
def found() -> pl.DataFrame:
    return elasticities(_panel(), COLUMNS)


def _base(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(kind="base")


def test_the_effect_of_others_prices_is_what_was_planted(found: pl.DataFrame):
    assert _base(found)["cross"].mean() == pytest.approx(0.8, abs=0.15)
    assert (_base(found)["cross_error"] < 0.35).all()
    assert (
        found.filter(kind="promotion").select("cross", "cross_error", "cross_reason").null_count().row(0) == (48,) * 3
    )


def test_where_nobody_switches_little_is_left_of_what_is_published():
    rows = _base(elasticities(_panel(cross=0.0), COLUMNS))
    assert rows["cross"].mean() < 0.25 < switching(2.0).mean


def test_own_elasticities_are_what_they_are_beside_substitutes(found: pl.DataFrame):
    assert _base(found)["elasticity"].mean() == pytest.approx(-2.0, abs=0.1)


def test_a_category_whose_prices_never_moved_together_has_what_is_published_and_says_so():
    rows = _base(elasticities(_panel(moving=False, categories=2), COLUMNS))
    prior = switching(-rows["elasticity"].mean())
    believed = truncnorm(-prior.mean / 0.65, (2.1 - prior.mean) / 0.65, prior.mean, 0.65)
    assert rows["cross"].to_list() == pytest.approx([believed.mean()] * rows.height, abs=0.05)
    assert rows["cross_reason"].str.contains("hardly moved together: .* % of it is what is published").all()
    assert rows["cross_error"].to_list() == pytest.approx([believed.std()] * rows.height, abs=0.05)


def test_a_category_without_data_borrows_from_the_others():
    panel = _panel()
    short = panel.filter((pl.col("category") != "A") | (pl.col("ds") < FIRST + timedelta(days=20)))
    rows = _base(elasticities(short, COLUMNS)).filter(pl.col("unique_id").str.starts_with("0"))
    assert rows["cross"].mean() == pytest.approx(0.8, abs=0.3)
    assert rows["cross_reason"].str.contains("hardly moved together").all()


def test_nobody_beside_it_is_said():
    alone = _base(elasticities(_panel(skus=1, days=60), COLUMNS))
    assert alone["cross"].is_null().all()
    assert set(alone["cross_reason"]) == {ALONE}
    nowhere = Columns(regular_price="regular_price", sku="sku", category="category")
    assert set(_base(elasticities(_panel(skus=2, categories=1, days=60), nowhere))["cross_reason"]) == {UNPLACED}


def test_a_panel_in_which_nothing_speaks_gives_what_is_published():
    rows = _base(elasticities(_panel(days=10), COLUMNS))
    effect, error = published()
    assert rows["cross"].to_list() == pytest.approx([effect] * rows.height)
    assert rows["cross_error"].to_list() == pytest.approx([error] * rows.height)
    assert set(rows["cross_reason"]) == {UNKNOWN}


def test_all_prices_together_never_sell_more_by_being_dearer(found: pl.DataFrame):
    odd = [elasticities(_panel(cross=planted, categories=2, days=120), COLUMNS) for planted in (4.0, -3.0)]
    for rows in (found, *odd):
        assert _base(rows).select((pl.col("cross") >= 0) & (pl.col("cross") <= -pl.col("elasticity"))).to_series().all()


def test_order_of_rows_changes_nothing():
    panel = _panel(skus=3, categories=2, days=80)
    shuffled = panel.sample(fraction=1.0, shuffle=True, seed=3)
    assert elasticities(panel, COLUMNS).equals(elasticities(shuffled, COLUMNS))


@settings(max_examples=40, deadline=None)
@given(mean=st.floats(-2, 4), error=st.floats(0.05, 2), most=st.floats(0.05, 5))
def test_a_bounded_effect_is_the_truncated_normals(mean: float, error: float, most: float):
    known = truncnorm(-mean / error, (most - mean) / error, mean, error)
    found, doubt = (float(each[0]) for each in between(*(np.array([each]) for each in (mean, error, most))))
    assert 0 <= found <= most
    if -4 < -mean / error < 4 and most > 0.2 * error:
        assert found == pytest.approx(known.mean(), abs=1e-4)
        assert doubt == pytest.approx(known.std(), abs=1e-3)


def test_others_prices_are_those_on_sale_that_day_beside_their_usual_ones():
    frame = _panel(categories=2, days=40, skus=3)
    gone = frame.filter(~((pl.col("sku") == "00") & (pl.col("ds") >= FIRST + timedelta(days=30))))
    observed = observe(checked(gone, COLUMNS), COLUMNS)
    made = design(observed, ())
    slopes = np.tile([-2.0, -3.0] + [0.0] * (len(made.names) - 2), (len(made.start), 1))
    whole = as_a_whole(observed, made, slopes, categories(observed.series))
    assert whole is not None
    wanted = _by_hand(observed, made)
    for row, (day, place) in enumerate(zip(whole.day, whole.series, strict=True)):
        expected, base, promotion = wanted[(int(day), int(place))]
        assert (np.exp(whole.offset[row]), whole.x[row, 0]) == pytest.approx((expected, base))
        assert whole.x[row, whole.names.index("promotion")] == pytest.approx(promotion)
    assert len(whole.y) == len(wanted)


def _by_hand(observed: Observations, made: Design) -> dict[tuple[int, int], tuple[float, float, float]]:
    """Per day and category in a market: units expected, and the mean of the others' prices weighed by them; slowly."""
    rows = observed.rows.join(observed.series, on="unique_id", how="left", maintain_order="left")
    rows = rows.with_columns(
        usual=pl.col("base").mean().over("unique_id"), reduced=pl.col("promotion").mean().over("unique_id")
    ).with_columns(shape=(-2.0 * pl.col("base") - 3.0 * pl.col("promotion")).exp())
    rows = rows.with_columns(
        m=pl.col("shape") * pl.col("y").sum().over("unique_id") / pl.col("shape").sum().over("unique_id")
    )
    places = sorted({(row["category"], row["zone"]) for row in rows.iter_rows(named=True)})
    told = {}
    for number, place in enumerate(places):
        for day in rows["ds"].unique().to_list():
            there = rows.filter(
                pl.col("category") == place[0], pl.col("zone") == place[1], pl.col("ds") == day
            ).to_dicts()
            total, sums = sum(row["m"] for row in there), [0.0, 0.0]
            for row in there:
                others = [other for other in there if other is not row]
                for kind, (price, usual) in enumerate((("base", "usual"), ("promotion", "reduced"))):
                    sums[kind] += row["m"] * sum(other[price] - other[usual] for other in others) / len(others)
            told[((day - date(1970, 1, 1)).days, number)] = (total, sums[0] / total, sums[1] / total)
    return told
