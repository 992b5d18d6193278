"""The effect of pricing against hold-outs: planted effects found, none where there is none, too few said, an oracle."""

from __future__ import annotations

from datetime import timedelta
from itertools import combinations

import numpy as np
import polars as pl
import pytest
from held_out_sales import SCHEMA, START, sold

from pricing_assets.experiments import effectiveness, period_rows, sentence
from pricing_assets.experiments.effectiveness import COLUMNS, effect


def test_a_planted_effect_is_found_with_its_amount() -> None:
    found = effectiveness(sold(lift=0.10))
    assert list(found.columns) == list(COLUMNS)
    profit, revenue, units = found.to_dicts()
    assert (profit["measure"], revenue["measure"], units["measure"]) == ("profit", "revenue", "units")
    # half of the revenue is profit, and only the first period has a past nobody priced
    assert revenue["effect_pct"] == pytest.approx(10, abs=5)
    assert profit["effect_pct"] == pytest.approx(revenue["effect_pct"] / 2, rel=1e-6)
    assert profit["low_pct"] > 0 and profit["p_value"] < 0.05
    assert profit["low_pct"] < profit["effect_pct"] < profit["high_pct"]
    assert profit["amount"] / profit["amount_low"] == pytest.approx(profit["effect_pct"] / profit["low_pct"])
    assert units["currency"] is None and units["amount"] is None


def test_the_range_holds_the_effect_nine_times_in_ten_whatever_the_noise() -> None:
    random, covered = np.random.default_rng(5), 0
    for _ in range(60):
        held = np.concatenate([random.permutation(20) < 1 for _ in range(4)])
        growth = 0.1 * random.standard_t(3, 80) + np.where(held, 0.0, 0.05)
        found = effect(pl.DataFrame({"period": np.repeat(range(4), 20), "held": held, "growth": growth}))
        covered += found.low <= 0.05 <= found.high
    assert covered >= 47, "90 % of 60, less three standard deviations"


def test_under_twenty_clusters_the_figure_reads_too_few() -> None:
    found = effectiveness(sold(clusters=19))
    assert found["reason"].to_list() == ["too few: 19 clusters can be compared, 20 are needed"] * 3
    figures = [name for name, dtype in COLUMNS.items() if dtype == pl.Float64]
    assert found.select(pl.col(figures).is_null().all()).row(0) == (True,) * len(figures)
    assert sentence(found) == "profit: too few: 19 clusters can be compared, 20 are needed"
    assert effectiveness(sold(clusters=20))["reason"].null_count() == 3
    assert effectiveness(pl.DataFrame(schema=SCHEMA))["reason"][0].startswith("too few: 0 clusters")


def test_a_cluster_held_before_is_no_past_to_compare_with() -> None:
    rows = period_rows(sold(), "units")
    assert rows.group_by("period").len().sort("period").rows() == [(0, 24), (1, 22)]


def test_only_days_of_the_span_count_and_the_past_may_lie_before_it() -> None:
    second = (START + timedelta(days=28), START + timedelta(days=55))
    rows = period_rows(sold(), "units", second)
    assert rows["period"].unique().to_list() == [1]
    assert rows["growth"].mean() == pytest.approx(0.1, abs=0.02)
    few = (START, START + timedelta(days=5))
    assert period_rows(sold(), "units", few).is_empty(), "six days are too few"


def test_a_cluster_whose_draw_changed_within_a_period_or_whose_costs_are_unknown_is_left_out() -> None:
    days = sold()
    one = pl.col("category") == "c05"
    mixed = days.with_columns(held=pl.when(one & (pl.col("date") == START)).then(True).otherwise("held"))
    assert "c05" not in period_rows(mixed, "units").filter(period=0)["category"]
    unknown = days.with_columns(profit=pl.when(~one).then("profit"))
    assert "c05" not in period_rows(unknown, "profit")["category"]
    assert "c05" in period_rows(unknown, "revenue")["category"]


def test_a_cluster_counts_in_the_currency_of_most_of_its_days() -> None:
    days = sold()
    other = days.filter(category="c05").head(3).with_columns(currency=pl.lit("EUR"))
    assert period_rows(pl.concat([days, other]), "revenue").equals(period_rows(days, "revenue"))


def test_amounts_are_told_for_each_currency() -> None:
    days = sold(lift=0.1)
    dear = days.with_columns(currency=pl.when(pl.col("category") < "c10").then(pl.lit("EUR")).otherwise("currency"))
    found = effectiveness(dear).filter(measure="revenue")
    whole = effectiveness(days).filter(measure="revenue").row(0, named=True)
    assert found["currency"].to_list() == ["EUR", "GBP"]
    assert found["effect_pct"].unique().to_list() == [whole["effect_pct"]]
    assert found["amount"].sum() == pytest.approx(whole["amount"])


def test_the_range_is_that_of_trying_every_effect_on_every_draw() -> None:
    """Oracle: all draws of 2 of 8, and for each effect on a fine grid the share that is as far from nothing."""
    random = np.random.default_rng(3)
    held = np.isin(np.arange(8), [1, 4])
    growth = random.normal(0, 1, 8) + np.where(held, 0, 2.0)
    found = effect(pl.DataFrame({"period": [0] * 8, "held": held, "growth": growth}))

    def difference(values: np.ndarray, mine: np.ndarray) -> float:
        return float(values[~mine].mean() - values[mine].mean())

    draws = [np.isin(np.arange(8), pair) for pair in combinations(range(8), 2)]

    def p_value(assumed: float) -> float:
        without = growth - assumed * ~held
        seen = abs(difference(without, held))
        return float(np.mean([abs(difference(without, each)) >= seen - 1e-9 for each in draws]))

    grid = np.arange(-4, 8, 0.01)
    kept = [assumed for assumed in grid if p_value(assumed) >= 0.10]
    assert found.value == pytest.approx(difference(growth, held))
    assert found.p_value == pytest.approx(p_value(0.0), abs=0.03)
    assert (found.low, found.high) == (pytest.approx(min(kept), abs=0.05), pytest.approx(max(kept), abs=0.05))


def test_the_same_days_give_the_same_figures_in_any_order() -> None:
    days = sold()
    assert effectiveness(days.sample(fraction=1.0, shuffle=True, seed=7)).equals(effectiveness(days))
