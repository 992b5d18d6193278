"""Price tests: as many up as down in every cluster, once a period, back in the next, admissible prices only."""

from __future__ import annotations

import math
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.experiments import Design, drawn, targets

DESIGN = Design(0.05, 28, "shop")
DAY = date(2026, 1, 14)
SIZE = 0.05


def rows(prices: list[tuple[str, int]], *days: date) -> pl.DataFrame:
    """Rows by category and current price in minor units, with the sides a test would like."""
    cells = [(day, f"sku{n}", "UK", *price) for day in days or (DAY,) for n, price in enumerate(prices)]
    schema: dict[str, Any] = {"date": pl.Date, "sku": pl.String, "market": pl.String}
    schema |= {"category": pl.String, "current": pl.Int64}
    return pl.DataFrame(cells, schema=schema, orient="row").with_row_index("row").with_columns(targets(SIZE))


def over_a_period(prices: list[tuple[str, int]], periods: int = 1) -> pl.DataFrame:
    """What is drawn on the days of so many periods, with category, current and day."""
    frame = rows(prices, *(DAY + timedelta(days=n) for n in range(28 * periods)))
    return frame.join(drawn(frame, SIZE, DESIGN), on="row", maintain_order="left")


PRICES = st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), st.integers(100, 100_000)), max_size=40)


@settings(max_examples=25)
@given(PRICES)
def test_as_many_go_up_as_down_in_each_cluster_and_an_odd_one_stays(prices: list[tuple[str, int]]) -> None:
    found = over_a_period(prices)
    for category in "ABC":
        mine = found.filter(category=category)
        ups = mine.filter(pl.col("tested") > pl.col("current")).height
        asked = sum(1 for name, _ in prices if name == category)
        assert ups == mine.height - ups == asked // 2


@settings(max_examples=25)
@given(PRICES)
def test_the_logs_of_all_moves_add_up_to_nothing_but_for_coins(prices: list[tuple[str, int]]) -> None:
    found = over_a_period(prices)
    moves = [math.log(tested / current) for tested, current in found.select("tested", "current").iter_rows()]
    assert abs(sum(moves)) <= sum(0.6 / current for _, current in prices)


def test_a_cluster_is_tested_on_one_day_of_its_period_and_clusters_on_different_days() -> None:
    found = over_a_period([(f"c{n // 2}", 1000) for n in range(40)], periods=2)
    days = found.group_by("category").agg(pl.col("date").unique().sort())
    assert all(len(each) == 2 and each[1] - each[0] == timedelta(days=28) for each in days["date"].to_list())
    assert found["date"].n_unique() > 10


def test_what_goes_up_in_one_period_comes_down_in_the_next_or_the_other_way_about() -> None:
    found = over_a_period([("A", 1000)] * 10, periods=4)
    signs = [
        tuple(part.sort("sku").select(pl.col("tested") > 1000).to_series())
        for _, part in found.group_by("date", maintain_order=True)
    ]
    assert len(signs) == 4
    flipped = [one == tuple(not up for up in two) for one, two in pairwise(signs)]
    assert flipped[0] or flipped[1], "of two neighbouring pairs of periods one is a turn and back"
    assert flipped[0] == flipped[2]


def test_a_price_that_cannot_go_both_ways_is_left_alone() -> None:
    frame = rows([("A", 1000)] * 6)
    day = over_a_period([("A", 1000)] * 6)["date"][0]
    frame = frame.with_columns(date=pl.lit(day))
    assert drawn(frame, SIZE, DESIGN).height == 6
    assert drawn(frame.with_columns(up=pl.lit(None, dtype=pl.Int64)), SIZE, DESIGN).is_empty()
    far = frame.with_columns(down=pl.lit(800, dtype=pl.Int64))
    assert drawn(far, SIZE, DESIGN).is_empty(), "an ending four times as far as asked is no test of that size"
    one_way = frame.with_columns(up=pl.when(pl.col("row") < 2).then(pl.lit(None, dtype=pl.Int64)).otherwise("up"))
    assert set(drawn(one_way, SIZE, DESIGN)["row"]) == {2, 3, 4, 5}


def test_a_test_says_what_it_is_until_when_and_how_many_others() -> None:
    found = over_a_period([("A", 1000)] * 2)
    said = found.sort("tested")["test"].to_list()
    until = found["date"][0] + timedelta(days=28)
    assert said == [
        f"price test until {until}: down by about 5 %, and as many others of its category up",
        f"price test until {until}: up by about 5 %, and as many others of its category down",
    ]
    assert sorted(found["tested"]) == [952, 1050]


def test_nothing_is_drawn_of_nothing() -> None:
    found = drawn(rows([]), SIZE, DESIGN)
    assert (found.columns, found.height) == (["row", "tested", "test"], 0)
