"""The market is made as planted: the same bytes for a seed, elasticities a regression finds, stock that adds up."""

import hashlib
import json
import os
import subprocess
import sys
from datetime import date, timedelta
from functools import cache

import numpy as np
import polars as pl
import pytest
from simulation_markets import DEFAULT, KEY, SMALL

from pricing_assets.errors import PricingError
from pricing_assets.simulation import LAWS, VERSION, MarketSettings, Simulated, simulate
from pricing_assets.simulation.horizon import known_by
from pricing_assets.simulation.seasons import Seasons, celebration
from pricing_assets.simulation.trading import Trade, trade
from pricing_assets.tables import RAW


def digest(simulated: Simulated) -> str:
    """A hash over every row of frames, faults and labels, and the truth."""
    whole = hashlib.sha256(json.dumps(simulated.truth, sort_keys=True).encode())
    for part in (simulated.frames, simulated.faults, {"labels": simulated.labels}):
        for name, frame in part.items():
            whole.update(f"{name} {frame.schema}".encode())
            whole.update(frame.write_csv().encode())
    return whole.hexdigest()


def small() -> str:
    """The digest of the small market, made anew."""
    return digest(simulate(SMALL))


small_once = cache(small)


def test_the_same_seed_and_version_give_the_same_bytes_in_another_process_too() -> None:
    here = small_once()
    code = "import sys; sys.path.insert(0, sys.argv[1]); import test_simulation_market as t; print(t.small())"
    env = os.environ | {"POLARS_MAX_THREADS": "1"}
    folder = __file__.rsplit("/", 1)[0]
    there = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, check=True, env=env)
    assert there.stdout.strip() == here == small()


def test_a_version_of_the_generator_stands_for_its_bytes() -> None:
    # if this fails on purpose, raise VERSION; markets written before cannot be made again
    assert (VERSION, small_once()) == (1, "eceacf4e156a2c0661ebf4f2dbb9d0530d99991c6ebad94435c0bb5a6e8b9198")


def test_another_seed_gives_another_market() -> None:
    other = MarketSettings(skus=12, days=150, seed=4)
    assert digest(simulate(other)) != small_once()


def test_more_skus_leave_the_costs_and_listings_of_those_before_as_they_were() -> None:
    few, more = (simulate(MarketSettings(skus=skus, days=60, seed=3)).frames for skus in (10, 15))
    known = few["products"]["sku"]
    for table in ("products", "listings"):
        assert few[table].equals(more[table].filter(pl.col("sku").is_in(known.implode())))


def test_columns_are_those_of_the_raw_tables(market: Simulated) -> None:
    classes = {table.table_name().removeprefix("raw."): table for table in RAW if table.__name__ != "Quarantine"}
    assert market.frames.keys() == classes.keys() == market.faults.keys()
    for name in ("sales", "stock", "promotions", "competitor_snapshots"):
        wanted = {column: kind.dtype for column, kind in classes[name].columns().items()}
        assert dict(market.frames[name].schema) == wanted


@pytest.mark.parametrize("law", LAWS[1:])
def test_all_laws_sell_comparable_volumes(law: str) -> None:
    usual, sold = (trade(MarketSettings(skus=30, days=120, law=each)).sold.sum() for each in ("log_log", law))
    assert sold / usual == pytest.approx(1, abs=0.1)


def test_a_plain_regression_on_noise_free_data_finds_the_planted_elasticities() -> None:
    settings = MarketSettings(skus=20, days=300, noise=0, irregular=False, faulty=False)
    market = trade(settings)
    seasons = Seasons(settings, market.assortment)
    season = np.log(np.stack([seasons.factor(day) for day in range(settings.days)]))
    tastes = market.assortment.tastes
    for cell in range(settings.cells):
        regular, price = (np.log(each[:, cell]) for each in (market.regular, market.price))
        x = np.stack(
            [np.ones(settings.days), regular, price - regular, market.substitutes[:, cell], market.rival_pull[:, cell]],
            axis=1,
        )
        found = np.linalg.lstsq(x, np.log(market.expected[:, cell]) - season[:, cell], rcond=None)[0]
        planted = [-tastes.base[cell], -tastes.promotion[cell], tastes.substitute[cell], tastes.rival[cell]]
        assert found[1:] == pytest.approx(planted, abs=1e-6)


def test_stock_adds_up_and_is_never_negative(kept: Trade) -> None:
    assert (kept.on_hand == kept.opening - kept.sold + kept.returned).all()
    assert (kept.opening[1:] == kept.on_hand[:-1] + kept.arrived[1:]).all()
    assert (kept.on_hand >= 0).all()


def test_sales_are_censored_by_stock_and_the_hours_without_it_say_so(kept: Trade, market: Simulated) -> None:
    assert (kept.sold == np.minimum(kept.wanted, kept.opening)).all()
    short = (kept.wanted > kept.opening).mean()
    assert 0.005 < short < 0.10
    stock = market.frames["stock"]
    assert stock.filter((pl.col("opening") == 0) & (pl.col("sold_out_hours") != 24)).is_empty()
    assert stock["sold_out_hours"].is_between(0, 24).all()


def test_the_oldest_unit_on_hand_is_the_one_a_queue_of_lots_says(kept: Trade) -> None:
    for cell in range(0, DEFAULT.cells, 17):
        first = int(kept.opening[0, cell] - kept.arrived[0, cell])
        rng_age = int(-kept.oldest[0, cell]) if kept.sold[0, cell] < first else None
        lots = [[None if rng_age is None else -rng_age, first]]
        for day in range(DEFAULT.days):
            lots.append([day, int(kept.arrived[day, cell])])
            left = int(kept.sold[day, cell])
            while left:
                taken = min(left, lots[0][1])
                lots[0][1] -= taken
                left -= taken
                lots = lots if lots[0][1] else lots[1:]
            lots.append([day, int(kept.returned[day, cell])])
            lots = [lot for lot in lots if lot[1]]
            if lots and lots[0][0] is not None:
                assert kept.oldest[day, cell] == lots[0][0]
            assert sum(lot[1] for lot in lots) == kept.on_hand[day, cell]


def test_some_sell_seldom_some_come_late_some_go(market: Simulated) -> None:
    listings = market.frames["listings"]
    assert listings.filter(pl.col("listed_from") > DEFAULT.first_day).height
    assert 0 < listings.filter(pl.col("listed_until").is_not_null()).height < 20
    days = market.frames["sales"].group_by("sku", "market").len()
    assert days.filter(pl.col("len") < 0.3 * DEFAULT.days).height > 5


def test_promotions_are_known_before_their_day_and_then_in_force(market: Simulated) -> None:
    plans = market.frames["promotions"].unique()
    assert (plans["known_on"] < plans["target_date"]).all()
    ahead = plans.filter(pl.col("known_on") > DEFAULT.first_day)
    assert (ahead["target_date"] - ahead["known_on"]).min() >= timedelta(days=7)
    assert plans.filter(pl.col("target_date") > DEFAULT.last_day).height
    prices = market.frames["prices"].sort("known_at").unique(KEY, keep="last")
    met = plans.join(prices, left_on=["target_date", "sku", "market"], right_on=KEY)
    assert met.filter(pl.col("planned_price") != pl.col("current_price")).is_empty()
    assert met.height > 2000
    cut = (met["current_price"] / met["list_price"]).cast(pl.Float64)
    assert 0.1 < 1 - cut.mean() < 0.3  # type: ignore[operator]


def test_costs_drift_and_some_step(kept: Trade) -> None:
    change = np.abs(np.diff(kept.usual_cost, axis=0) / kept.usual_cost[:-1])
    assert (change > 0.025).any(axis=0).mean() > 0.3
    moved = kept.usual_cost[-1] / kept.usual_cost[0]
    assert moved.std() > 0.02


def test_rivals_follow_with_a_lag_undercut_and_recover(kept: Trade) -> None:
    ratio = kept.rival_prices / kept.regular[:, None, :]
    level = np.broadcast_to(kept.rivals.level, ratio.shape)
    assert np.median(ratio / level) == pytest.approx(1, abs=0.02)
    under = ratio[30:] / level[30:] < 0.95
    assert 0.01 < under.mean() < 0.2
    ours, theirs = np.log(kept.regular[50:]), np.log(kept.rival_prices[50:])
    moved = np.abs(np.diff(ours, axis=0)) > 0.04
    day, cell = np.nonzero(moved[: -20 - 1])
    change = ours[day + 1, cell] - ours[day, cell]
    at_once, later = (theirs[day + 1 + lag, 0, cell] - theirs[day, 0, cell] for lag in (0, 20))
    assert np.polyfit(change, at_once, 1)[0] == pytest.approx(0, abs=0.1)
    assert np.polyfit(change, later, 1)[0] == pytest.approx(1, abs=0.3)


@pytest.mark.parametrize(
    ("day", "factor"),
    [
        (date(2026, 4, 5), 0.5),  # Easter Sunday
        (date(2026, 4, 6), 0.5),
        (date(2026, 4, 4), 1.2),
        (date(2025, 4, 20), 0.5),
        (date(2027, 3, 28), 0.5),
        (date(2026, 11, 27), 1.5),  # Black Friday
        (date(2026, 11, 26), 1.0),
        (date(2026, 12, 24), 1.5),
        (date(2026, 12, 25), 0.3),
        (date(2026, 6, 1), 1.0),
    ],
)
def test_days_of_celebration_are_those_of_the_calendar(day: date, factor: float) -> None:
    assert celebration(day) == pytest.approx(factor)


def test_a_size_that_makes_no_market_is_refused_by_name() -> None:
    for wrong in ({"skus": 0}, {"law": "cubic"}, {"seed": -1}, {"noise": -1.0}):
        with pytest.raises(PricingError, match=next(iter(wrong))):
            MarketSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "sizes", [{"skus": 1, "days": 1}, {"markets": 1, "rivals": 0}, {"skus": 3, "markets": 4, "rivals": 1}, {"days": 2}]
)
def test_a_market_of_any_size_has_its_tables(sizes: dict[str, int]) -> None:
    settings = MarketSettings(**({"skus": 5, "days": 90} | sizes))  # type: ignore[arg-type]
    frames = simulate(settings).frames
    assert frames["listings"].height == settings.cells
    assert frames["prices"]["date"].max() == settings.last_day
    assert frames["competitor_snapshots"].is_empty() == (settings.rivals == 0)


def test_a_shift_moves_what_is_wanted_of_its_category_from_its_day_on_and_nothing_else() -> None:
    first = date(2026, 10, 1)
    plain = MarketSettings(skus=10, days=150, seed=3, noise=0)
    shifted = MarketSettings(skus=10, days=150, seed=3, noise=0, shift_category="TOYS", shift_from=first, shift=0.5)
    before, after = trade(plain), trade(shifted)
    toys = before.assortment.category[before.assortment.sku] == 3
    day = (first - plain.first_day).days
    assert np.array_equal(before.expected[:day], after.expected[:day])
    assert np.array_equal(before.expected[day:, ~toys], after.expected[day:, ~toys])
    assert after.expected[day:, toys].sum() == pytest.approx(before.expected[day:, toys].sum() / 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"shift_category": "TOYS"},
        {"shift_from": date(2026, 10, 1)},
        {"shift_category": "BOOKS", "shift_from": date(2026, 10, 1)},
        {"shift_category": "TOYS", "shift_from": date(2026, 10, 1), "shift": 0.0},
    ],
)
def test_a_shift_that_is_none_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(PricingError, match="shift"):
        MarketSettings(**wrong)  # type: ignore[arg-type]


def test_what_was_known_by_a_day_is_all_that_came_by_then_and_no_more() -> None:
    whole, day = simulate(SMALL), SMALL.last_day - timedelta(days=20)
    known = known_by(whole, day)
    for name in ("prices", "sales", "stock"):
        rows = known.frames[name]
        assert rows["date"].max() == day
        assert rows["known_at"].dt.date().max() == day
        later = whole.frames[name].filter((pl.col("date") <= day) & (pl.col("known_at").dt.date() <= day))
        assert rows.equals(later)
    assert known.frames["promotions"]["known_on"].max() <= day < whole.frames["promotions"]["known_on"].max()
    assert known.labels.equals(whole.labels) and known.truth == whole.truth
