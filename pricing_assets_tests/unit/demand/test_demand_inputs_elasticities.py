"""Elasticities of days in the lake: estimated on the first day of a week, carried to its end."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

import polars as pl
import pytest
from demand_shop import CALENDAR, PAIRS, DemandShop, frame, on

from pricing_assets.demand.elasticity.substitution import ALONE, published
from pricing_assets.demand.estimates import ONLY_REALISED, elasticities_of, estimate
from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Elasticities

DAYS = 60
MONDAY = on(49)


@pytest.fixture(scope="module")
def shop() -> DemandShop:
    made = DemandShop(DAYS, closed=[42])
    for pair in range(len(PAIRS)):
        made.drop(raw.Listings, 42, pair)  # a Monday with nothing on sale
    made.drop(raw.Listings, 51, 3)
    made.correct(raw.Sales, 30, 2, 51, units=70)  # known only after the Monday
    return made


@pytest.fixture(scope="module")
def lake(shop: DemandShop, tmp_path_factory: pytest.TempPathFactory) -> Lake:
    return shop.lake(tmp_path_factory.mktemp("elasticities"))


def in_turn(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """Day after day, each committed to a copy of the lake before the next."""
    lake = Lake(shutil.copytree(lake.root, lake.root.with_name("in turn")))
    parts = []
    for day in days:
        parts.append(elasticities_of(lake, [day], CALENDAR))
        lake.commit(Elasticities, parts[-1], [day], Provenance("test"))
    return pl.concat(parts).sort(Elasticities.order())


def test_a_range_gives_what_its_days_give_whatever_the_lake_has(lake: Lake) -> None:
    days = [on(number) for number in range(42, 52)]
    whole = Elasticities.validate(elasticities_of(lake, days, CALENDAR))
    late = elasticities_of(lake, days[-1:], CALENDAR)  # alone, with nothing before it in the lake
    assert in_turn(lake, days).equals(whole)
    assert late.equals(whole.filter(pl.col("date") == days[-1]))
    assert elasticities_of(lake, days[3:], CALENDAR).equals(whole.filter(pl.col("date") >= days[3]))


def test_an_estimate_holds_from_the_first_trading_day_of_a_week_to_its_end(lake: Lake) -> None:
    rows = elasticities_of(lake, [on(number) for number in range(42, 57)], CALENDAR)
    made = dict(rows.unique("date").select("date", "estimated_on").iter_rows())
    assert made == {
        **{on(number): on(43) for number in range(43, 49)},
        **{on(number): MONDAY for number in range(49, 56)},
        on(56): on(56),
    }
    assert rows.filter(pl.col("date") == MONDAY).height == 2 * len(PAIRS)
    columns = [name for name in rows.columns if name != "date"]
    monday, sunday = (
        rows.filter(pl.col("date") == day).select(columns) for day in (MONDAY, MONDAY + timedelta(days=6))
    )
    assert monday.equals(sunday)


def test_the_estimate_of_a_day_sees_what_the_day_saw(lake: Lake, shop: DemandShop) -> None:
    carried = elasticities_of(lake, [on(53)], CALENDAR)
    before = DemandShop(50, closed=[42])
    for pair in range(len(PAIRS)):
        before.drop(raw.Listings, 42, pair)
    seen = before.read()
    alone = estimate(seen.daily(MONDAY), seen.seen(MONDAY))
    assert carried.drop("date").equals(alone.drop("date"))


def test_only_what_is_on_sale_has_rows(lake: Lake) -> None:
    rows = elasticities_of(lake, [on(50), on(51)], CALENDAR)
    skus = {day: set(part["sku"]) for (day,), part in rows.group_by("date")}
    assert skus == {on(50): {"A", "B", "C"}, on(51): {"A", "B"}}


def test_a_shop_of_realised_prices_gets_what_is_published_and_is_told_so() -> None:
    seen = DemandShop(DAYS, posted=False).read()
    rows = Elasticities.validate(estimate(seen.daily(MONDAY), seen.seen(MONDAY)))
    assert rows["fallback_reason"].unique().to_list() == [ONLY_REALISED]
    assert rows["elasticity"].unique().to_list() == [-2.62]
    assert rows.height == 2 * len(PAIRS)
    assert rows["cross_reason"].drop_nulls().unique().to_list() == [ALONE]


def test_a_shop_of_realised_prices_gets_published_cross_effects_where_a_category_has_others() -> None:
    seen = DemandShop(DAYS, posted=False).read()
    panels = seen.daily(MONDAY)
    together = replace(panels, history=panels.history.with_columns(category=pl.lit("TEA")))
    rows = Elasticities.validate(estimate(together, seen.seen(MONDAY)))
    assert rows.filter(kind="promotion")["cross"].null_count() == len(PAIRS)
    base = rows.filter(kind="base")
    assert set(base["cross"]) == {published()[0]}
    assert set(base["cross_reason"]) == {ONLY_REALISED}


def test_an_estimate_of_a_release_without_cross_effects_is_carried_and_has_none(lake: Lake) -> None:
    older = Lake(shutil.copytree(lake.root, lake.root.with_name("older")))
    older.commit(Elasticities, elasticities_of(older, [MONDAY], CALENDAR), [MONDAY], Provenance("test"))
    names = ["cross", "cross_error", "cross_reason"]
    assert older.read(Elasticities).filter(kind="base")["cross_reason"].null_count() == 0
    for path in (older.root / "forecasts" / "elasticities").rglob("*.parquet"):
        pl.read_parquet(path, hive_partitioning=False).drop(names).write_parquet(path)
    rows = elasticities_of(older, [MONDAY + timedelta(days=1)], CALENDAR)
    assert rows.select(names).null_count().row(0) == (rows.height,) * 3


def test_rival_prices_of_our_currency_are_looked_at() -> None:
    made = DemandShop(DAYS)
    seen = made.read().seen(MONDAY)
    rows = []
    for number in range(DAYS):
        for pair, (sku, market) in enumerate(PAIRS):
            offer = {"date": on(number), "sku": sku, "market": market, "competitor": "rival", "currency": "GBP"}
            rows.append({**offer, "price": 5 + (number * (pair + 2)) % 7, "tax_basis": "gross"})
    panels = made.read().daily(MONDAY)
    without = estimate(panels, seen)
    offers = frame(raw.CompetitorSnapshots, rows).filter(pl.col("date") <= MONDAY)
    with_rivals = estimate(panels, {**seen, "raw.competitor_snapshots": offers})
    foreign = estimate(panels, {**seen, "raw.competitor_snapshots": offers.with_columns(currency=pl.lit("USD"))})
    assert not with_rivals.equals(without)
    assert foreign.drop("spec_low", "spec_high").equals(without.drop("spec_low", "spec_high"))
