"""The closed loop: known best prices, policies that step through a market, and what is measured of them."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.errors import PricingError
from pricing_assets.simulation import MarketSettings, irregularities, promotions
from pricing_assets.simulation.assortment import assort
from pricing_assets.simulation.loop import KINDS, Outcome, Scene, World, claims, evaluate, scene
from pricing_assets.simulation.loop.blocks import Blocks, climb
from pricing_assets.simulation.loop.bounds import broken
from pricing_assets.simulation.loop.evaluation import ORACLE, STATIC, follow
from pricing_assets.simulation.loop.informed import Fit
from pricing_assets.simulation.loop.juice import juice_scene
from pricing_assets.simulation.loop.policies import Oracle, Static
from pricing_assets.simulation.loop.product import Product
from pricing_assets.simulation.loop.responses import Prices, respond
from pricing_assets.simulation.loop.testing import Trying, balanced
from pricing_assets.simulation.loop.world import View
from pricing_assets.simulation.randomness import Floats, Ints
from pricing_assets.simulation.trading import Market, trade
from pricing_assets.strategies import parse

SMALL = {"skus": 6, "markets": 1}
each_kind = pytest.mark.parametrize("kind", KINDS)


@cache
def small(kind: str = "log_log", off: float = 0.15, seed: int = 4, days: int = 28) -> Scene:
    return scene(kind, off, seed, days=days, **SMALL)


@cache
def world(kind: str = "log_log") -> World:
    return World(small(kind))


@cache
def outcome(kind: str) -> Outcome:
    return evaluate(
        None, kind, 0.15, 4, days=28, policies=["cost-plus", "competitor-matching", "naive elasticity"], **SMALL
    )


@each_kind
def test_the_best_prices_are_what_a_search_from_the_starting_prices_finds(kind: str) -> None:
    set_out = small(kind)
    start = set_out.start.astype(np.float64)
    found = climb(set_out.profit, start, 0.7 * start, 1.4 * start, blocks=set_out.blocks)
    assert found / set_out.best == pytest.approx(1, abs=0.01)
    assert set_out.profit(set_out.best).sum() > set_out.profit(start).sum()


def test_starting_prices_are_off_by_the_share_asked_for_up_and_down() -> None:
    away = scene("log_log", 0.07, 3).start / scene("log_log", 0.07, 3).best - 1
    assert np.abs(away) == pytest.approx(0.07, abs=0.002)
    assert 0.2 < (away > 0).mean() < 0.8


@given(seed=st.integers(0, 2**32))
@settings(max_examples=20, deadline=None)
def test_the_search_finds_what_trying_every_pair_of_prices_finds(seed: int) -> None:
    draw = np.random.default_rng(seed)
    peak, cross = 10 + 2 * draw.random(2), 0.3 * draw.random()

    def profit(price: np.ndarray) -> np.ndarray:
        away = price - peak
        return np.array([-(away[0] ** 2) + cross * away[0] * away[1], -(away[1] ** 2)])

    low, high = np.full(2, 9.0), np.full(2, 14.0)
    found = climb(profit, low, low, high, blocks=Blocks(np.zeros(2, dtype=np.int64)))
    grid = np.linspace(9, 14, 201)
    best = max(profit(np.array([a, b])).sum() for a in grid for b in grid[::4])
    assert profit(found).sum() >= best - 1e-3


def test_a_market_stepped_day_by_day_is_the_one_that_runs_by_itself() -> None:
    made = MarketSettings(skus=6, days=60, seed=3, irregular=False)
    assortment = assort(made)
    plans = promotions.plan(made, assortment)
    market = Market(made, assortment, plans, irregularities.plan(made, assortment, plans))
    for day in range(made.days):
        market.advance(day)
    whole = trade(made)
    for name in ("price", "sold", "expected", "rival_pull"):
        assert np.array_equal(market.days[name], getattr(whole, name))


def test_a_copied_world_goes_its_own_way_and_leaves_the_first_as_it_was() -> None:
    first = world().copy()
    other = first.copy()
    other.sell(first.view().current + 100)
    assert other.day == first.day + 1
    assert np.array_equal(first.market.days["price"][first.day + 1], np.zeros_like(first.view().current))
    first.sell(first.view().current)
    again = world().copy()
    again.sell(again.view().current)
    assert np.array_equal(first.view().sold, again.view().sold)


@each_kind
def test_nobody_earns_more_than_the_oracle_and_holding_gains_nothing(kind: str) -> None:
    gains = dict(outcome(kind).rows.select("policy", "gain").iter_rows())
    assert gains[STATIC] == 0
    assert all(gains[ORACLE] > gain for name, gain in gains.items() if name != ORACLE)
    assert gains[ORACLE] > 0


def test_the_same_seed_gives_the_same_outcome() -> None:
    again = evaluate(None, "log_log", 0.15, 4, days=28, policies=["naive elasticity"], **SMALL)
    known = outcome("log_log").rows.filter(pl.col("policy").is_in(again.rows["policy"].implode()))
    assert again.rows.equals(known)


@pytest.mark.parametrize("kind", ["log_log", "reference_price", "stockpiling"])
def test_a_whole_path_of_answers_is_what_customers_say_day_by_day(kind: str) -> None:
    branch, set_out = world(kind).branch(), small(kind)
    first = set_out.history
    draw = np.random.default_rng(1)
    price = np.rint(set_out.start * (1 + 0.2 * (draw.random((28, len(set_out.start))) - 0.5))).astype(np.int64)
    moved = np.log(price / set_out.assortment.anchor)
    others = (moved.sum(axis=1, keepdims=True) - moved) / (moved.shape[1] - 1)
    start = set_out.start.astype(np.float64)
    pulls, floats = np.zeros(price.shape), price.astype(np.float64)
    asked = Prices(floats, floats, start, np.asarray(others), pulls)
    path = respond(set_out.settings.law, asked, set_out.assortment.anchor.astype(np.float64), set_out.assortment.tastes)
    demand = branch._demand
    rows = []
    for step in range(28):
        rows.append(demand.expect(first + step, price[step], price[step], pulls[step])[0])
    weights = set_out.daily_weights
    # after the last cut of the history memory is nearly, not quite, at the starting prices, and pantries are not empty
    assert np.stack(rows) / weights == pytest.approx(path, rel=0.12)
    assert (np.stack(rows) / weights)[20:] == pytest.approx(path[20:], rel=0.03)


def test_after_a_cut_buyers_who_stockpiled_stay_away_and_come_back() -> None:
    branch, set_out = world("stockpiling").branch(), small("stockpiling")
    held = np.tile(set_out.start, (60, 1))
    cut = held.copy()
    cut[:7] = np.rint(0.8 * set_out.start)
    ratio = branch.units(cut) / branch.units(held)
    assert (ratio[0] > 1.2).all()
    assert (ratio[8] < 0.95).all()
    assert ratio[-1] == pytest.approx(1, abs=0.05)


def test_an_endogenous_shop_asks_more_when_demand_is_strong() -> None:
    def together(kind: str) -> float:
        market, days = World(scene(kind, 0.07, 2)).market, slice(0, 370)
        from pricing_assets.simulation.shocks import shocks_of

        shocks = shocks_of(market._settings)[days]
        prices = np.log(market.regular[days])
        return float(np.mean([np.corrcoef(a, b)[0, 1] for a, b in zip(prices.T, shocks.T, strict=True)]))

    assert together("endogenous") > 0.2
    assert abs(together("log_log")) < 0.1


def test_a_third_of_rivals_prices_are_misreported_where_they_are_and_customers_answer_the_true_ones() -> None:
    true, told = (World(small(kind)).market for kind in ("log_log", "misreported"))
    wrong = (true.seen["rival_prices"] != told.seen["rival_prices"])[40:400]
    assert 0.15 < wrong.any(axis=0).mean() < 0.5
    assert np.array_equal(true.days["rival_pull"], told.days["rival_pull"])
    assert np.array_equal(true.days["sold"], told.days["sold"])


class Cut:
    """Asks 30 % less for one SKU, and nothing else."""

    def ask(self, view: View) -> Ints:
        price = view.start.copy()
        price[0] = round(0.7 * price[0])
        return price


def test_a_changed_sku_counts_as_harmed_where_its_category_earns_less_by_it_and_a_gain_is_what_comes() -> None:
    from pricing_assets.simulation.loop import evaluation

    set_out = small()
    paths = {STATIC: follow(world().copy(), Static()), "cut": follow(world().copy(), Cut())}
    paths[ORACLE] = paths[STATIC]
    rows = evaluation._outcome(set_out, world().branch(), paths).rows
    cut = rows.row(1, named=True)
    assert (cut["changed"], cut["harmed"], cut["changes"]) == (1, 1, 1)
    asked = Cut().ask(world().view())
    assert claims.gain(world(), set_out.start, asked) / 100 == pytest.approx(cut["gain"])


def test_what_decisions_say_is_kept_beside_what_is_to_come_of_them() -> None:
    text = "strategy: learned\ntype: ml\nml: {bound_level: 0.5}\n"
    market = world().copy()
    product = Product(text, market, decide_every=4)
    rows = follow(market, product).claims
    told = rows.totals()
    changed = pl.concat(product.decisions).filter(pl.col("final_price") != pl.col("current_price"))
    assert changed.height > 0 and told["told"] == changed.height
    assert told["claimed"] == pytest.approx(float(changed["expected_gain"].sum()))
    assert sorted(sure for sure, _ in rows.sure) == sorted(changed["confidence"].to_list())
    assert told["came_true"] == sum(came for _, came in rows.sure) and told["violations"] == 0


def test_a_confidence_came_true_where_the_category_is_to_earn_more_by_the_change() -> None:
    """Told of the oracle's prices, which earn more, and of their mirror images, which earn less."""
    set_out = small()
    best = Oracle(set_out).ask(world().view())
    wrong = np.rint(set_out.start * set_out.start / best).astype(np.int64)
    branch = world().branch()

    def profit(price: Ints) -> Floats:
        return np.asarray((price - set_out.costs[-1]) * branch.units(np.tile(price, (claims.DAYS, 1))).sum(axis=0))

    every = np.ones(len(best), dtype=np.bool_)
    assert (set_out.blocks.worth(profit, set_out.start, best, every) > 0).all()
    assert (set_out.blocks.worth(profit, set_out.start, wrong, every) < 0).all()


def test_the_fit_finds_the_tastes_of_customers_who_leave_nothing_to_chance() -> None:
    set_out = small()
    sure = replace(set_out, settings=replace(set_out.settings, noise=0.0), assortment=replace(
        set_out.assortment, volume=30 * set_out.assortment.volume))  # fmt: skip
    fit = Fit("log_log", sure.assortment.sku, World(sure).view())
    tastes = sure.assortment.tastes
    for column, planted in ((0, tastes.base), (2, tastes.substitute), (3, tastes.rival)):
        assert np.abs(fit.tastes[:, column] - planted).mean() < 0.15


@given(clusters=st.lists(st.integers(0, 3), min_size=1, max_size=40), seed=st.integers(0, 1000))
def test_price_tests_are_balanced_within_each_cluster(clusters: list[int], seed: int) -> None:
    cluster = np.array(clusters)
    sign = balanced(cluster, (seed, 0))
    assert set(np.abs(sign)) == {1.0}
    assert all(abs(sign[cluster == each].sum()) <= 1 for each in np.unique(cluster))


def test_a_tested_policy_stays_around_its_own_prices() -> None:
    path = follow(world().copy(), Trying(Static(), 1, size=0.05, every=7))
    away = np.log(path.price / small().start)
    assert np.abs(away) == pytest.approx(0.05, abs=0.004)
    assert (np.diff(np.sign(away), axis=0) != 0).any()


def test_decisions_that_break_a_bound_are_counted_and_those_that_keep_it_are_not() -> None:
    text = "strategy: s\ntype: ml\nconstraints: [{min_price: {cost_times: 1.1}}, {max_daily_change: 0.1}]\n"
    amounts = {"cost": [9.5, 9.5, 5.0, 9.5]} | dict.fromkeys(
        ("map_price", "competitor_max", "competitor_min", "list_price"), [None] * 4
    )
    keys = {"sku": ["a", "b", "c", "d"], "market": ["DE"] * 4}
    features = pl.DataFrame(keys | amounts, schema_overrides=dict.fromkeys(amounts, pl.Float64))
    decided = pl.DataFrame(keys | {"current_price": [11.0, 11.0, 11.0, 10.0], "final_price": [10.5, 10.4, 12.2, 10.0]})
    assert broken(parse(text), features, decided) == 2


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"law": "cubic"}, "law: cubic"),
        ({"off": 0.7}, "off: 0.7"),
        ({"days": 0}, "days: 0"),
        ({"policies": ["luck"]}, "luck"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(wrong: dict[str, object], named: str) -> None:
    asked = {"law": "log_log", "off": 0.07, "seed": 1, **SMALL} | wrong
    with pytest.raises(PricingError, match=named):
        evaluate(None, **asked)  # type: ignore[arg-type]


def test_orange_juice_prices_earn_most_where_they_shall_and_the_history_is_what_stores_asked(tmp_path: Path) -> None:
    draw = np.random.default_rng(2)
    weeks = pl.DataFrame({"week": range(1, 101)}).join(pl.DataFrame({"store": [7, 8]}), how="cross")
    rows = weeks.join(pl.DataFrame({"brand": [1, 2, 3]}), how="cross")
    price = np.round(2 + rows["brand"].to_numpy() * 0.5 + 0.3 * draw.standard_normal(rows.height), 2)
    rows = rows.with_columns(price=pl.Series(price), unit_cost=pl.Series(0.7 * price), units=pl.lit(70.0))
    rows.write_parquet(tmp_path / "juice.parquet")
    made = juice_scene(tmp_path / "juice.parquet", 0.15, 1, days=7, stores=2)
    start = made.start.astype(np.float64)
    found = climb(made.profit, start, 0.7 * start, 1.4 * start, blocks=made.blocks)
    assert found / made.best == pytest.approx(1, abs=0.01)
    view = World(made).view()
    last = rows.filter(pl.col("week") == 100 - 57 + 1).sort("brand", "store")["price"].to_numpy()
    assert np.array_equal(view.price[0], np.rint(100 * last).astype(np.int64))
    assert np.array_equal(view.current, made.start)
