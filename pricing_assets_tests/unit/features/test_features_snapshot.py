"""The fast snapshot against the slow reference, and against itself: day by day, other threads, other futures."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from features_market import CALENDAR, FIRST, Shop
from features_reference import OPTIONAL, reference
from polars.testing import assert_frame_equal

from pricing_assets.features import COLUMNS, LOOKBACK, snapshot
from pricing_assets.lake.hashing import content_hash
from pricing_assets.tables.features import FeatureSnapshots

HERE = Path(__file__).parent


def days_of(shop: Shop, first: int, last: int) -> list[date]:
    return shop.days[first:last]


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_slow_reference(seed: int) -> None:
    shop = Shop(seed)
    days = days_of(shop, 55, 75)[:: 1 + seed % 2]  # half of the shops with gaps between their days
    assert_frame_equal(snapshot(shop.raw(), days, CALENDAR), reference(shop.raw(), days, CALENDAR), check_exact=True)


@pytest.mark.parametrize("seed", [101, 102])
def test_equals_the_reference_without_optional_tables(seed: int) -> None:
    shop = Shop(seed, days=60)
    raw = shop.raw()
    for name in OPTIONAL if seed == 101 else OPTIONAL[:2]:
        del raw[name]
    days = [shop.days[40], shop.days[43], shop.days[59]]
    fast = snapshot(raw, days, CALENDAR)
    assert_frame_equal(fast, reference(raw, days, CALENDAR), check_exact=True)
    assert fast["absent_tables"].unique().to_list() == [",".join(OPTIONAL if seed == 101 else OPTIONAL[:2])]


@pytest.mark.parametrize("seed", [201, 202])
def test_a_range_and_its_days_have_the_same_hash(seed: int) -> None:
    shop = Shop(seed)
    days = days_of(shop, 10, 80)
    raw = shop.raw()
    together = snapshot(raw, days, CALENDAR)
    single = days[seed % 5 :: 5]
    windows = [{name: rows.filter(_window(name, rows, day)) for name, rows in raw.items()} for day in single]
    alone = pl.concat(snapshot(window, [day], CALENDAR) for window, day in zip(windows, single, strict=True))
    part = together.filter(pl.col("date").is_in(single))
    assert_frame_equal(alone, part, check_exact=True)
    assert content_hash(alone, FeatureSnapshots) == content_hash(part, FeatureSnapshots)


def test_the_future_and_later_knowledge_change_nothing() -> None:
    shop, other = Shop(301), Shop(302)
    day = shop.days[60]
    raw = shop.raw()
    before = snapshot(raw, [day], CALENDAR)
    future = {
        name: pl.concat(
            [
                rows.filter(pl.col(COLUMNS[name][0]) <= day),
                other.raw()[name].filter(pl.col(COLUMNS[name][0]) > day),
            ]
        )
        for name, rows in raw.items()
    }
    assert_frame_equal(snapshot(future, [day], CALENDAR), before, check_exact=True)
    later = CALENDAR.cutoff(day)
    for name in ("raw.prices", "raw.sales", "raw.stock", "raw.listings"):
        known_later = other.raw()[name].filter(pl.col("date") <= day).with_columns(known_at=later)
        known_later = known_later.unique([*COLUMNS[name][:3], *(["price_type"] if name == "raw.prices" else [])])
        future[name] = pl.concat([future[name].filter(pl.col("known_at") < later), known_later])
    assert_frame_equal(snapshot(future, [day], CALENDAR), before, check_exact=True)
    after = snapshot(future, [shop.days[61]], CALENDAR)
    assert not after.drop("date").equals(snapshot(raw, [shop.days[61]], CALENDAR).drop("date"))


def test_order_of_rows_and_extra_rows_change_nothing() -> None:
    shop = Shop(303)
    days = days_of(shop, 50, 60)
    raw = shop.raw()
    shuffled = {name: rows.sample(fraction=1.0, shuffle=True, seed=1) for name, rows in raw.items()}
    narrow = {name: rows.filter(_window(name, rows, days[0], days[-1])) for name, rows in raw.items()}
    expected = snapshot(raw, days, CALENDAR)
    assert_frame_equal(snapshot(shuffled, days[::-1], CALENDAR), expected, check_exact=True)
    assert_frame_equal(snapshot(narrow, days, CALENDAR), expected, check_exact=True)


def test_another_number_of_threads_gives_the_same_hash() -> None:
    code = (
        "from features_market import CALENDAR, Shop\n"
        "from pricing_assets.features import snapshot\n"
        "from pricing_assets.lake.hashing import content_hash\n"
        "from pricing_assets.tables.features import FeatureSnapshots\n"
        "shop = Shop(401)\n"
        "print(content_hash(snapshot(shop.raw(), shop.days[50:70], CALENDAR), FeatureSnapshots))\n"
    )
    threads = "4" if pl.thread_pool_size() == 1 else "1"
    env = {**os.environ, "POLARS_MAX_THREADS": threads, "PYTHONPATH": f"{HERE}{os.pathsep}{HERE.parents[2]}"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    shop = Shop(401)
    assert done.stdout.strip() == content_hash(snapshot(shop.raw(), shop.days[50:70], CALENDAR), FeatureSnapshots)


def test_rows_satisfy_the_table() -> None:
    shop = Shop(501)
    rows = snapshot(shop.raw(), days_of(shop, 50, 70), CALENDAR)
    identified = rows.with_columns(inputs_hash=pl.lit("hash"), inputs=pl.lit("[]"))
    assert FeatureSnapshots.validate(identified).equals(identified)


def test_a_withdrawn_pair_has_no_row_from_the_moment_it_is_known() -> None:
    raw = {name: rows for name, rows in Shop(505).raw().items() if name != "raw.products"}
    day, after = raw["raw.listings"]["date"].max() - timedelta(days=3), timedelta(days=1)  # type: ignore[operator]
    days, cutoff = [day - after, day, day + after], CALENDAR.cutoff(day)
    before = snapshot(raw, days, CALENDAR)
    sku, market = before.filter(date=day).select("sku", "market").row(0)
    pair = (pl.col("date") == day) & (pl.col("sku") == sku) & (pl.col("market") == market)

    def told(known_at: datetime) -> pl.DataFrame:
        word = raw["raw.listings"].filter(pair).head(1).with_columns(on_sale=pl.lit(False), known_at=pl.lit(known_at))
        listings = pl.concat([raw["raw.listings"], word.cast(raw["raw.listings"].schema)])
        return snapshot({**raw, "raw.listings": listings}, days, CALENDAR)

    assert_frame_equal(told(cutoff), before, check_exact=True)
    assert_frame_equal(told(cutoff - timedelta(microseconds=1)), before.filter(~pair), check_exact=True)


def test_nothing_listed_gives_an_empty_frame() -> None:
    raw = Shop(502, days=5).raw()
    empty = FeatureSnapshots.create_empty()
    assert_frame_equal(snapshot(raw, [], CALENDAR), empty)
    assert_frame_equal(snapshot(raw, [FIRST + timedelta(days=900)], CALENDAR), empty)


def test_listed_pairs_without_any_other_row() -> None:
    raw = {name: rows.clear() for name, rows in Shop(503, days=5).raw().items()}
    raw["raw.listings"] = Shop(503, days=5).raw()["raw.listings"]
    days = Shop(503, days=5).days
    rows = snapshot(raw, days, CALENDAR)
    assert_frame_equal(rows, reference(raw, days, CALENDAR), check_exact=True)


def test_large_amounts_neither_overflow_nor_become_infinite() -> None:
    shop = Shop(504, days=30)
    raw = shop.raw()
    raw["raw.prices"] = raw["raw.prices"].with_columns(price=pl.col("price") * 10**9, cost=pl.col("cost") * 10**9)
    rows = snapshot(raw, shop.days, CALENDAR)
    numbers = rows.select(pl.col(pl.Float64).is_finite().all())
    assert all(all(column) for column in numbers.iter_columns())


def _window(name: str, rows: pl.DataFrame, first: date, last: date | None = None) -> pl.Expr:
    return pl.col(COLUMNS[name][0]).is_between(first - timedelta(days=LOOKBACK[name] - 1), last or first)
