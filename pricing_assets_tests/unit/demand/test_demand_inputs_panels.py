"""Panels of a shop: what a day knows of units and prices, and nothing it could not know."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from demand_shop import CALENDAR, PAIRS, DemandShop, frame, on, price, promoted, units
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand import numbering, panels
from pricing_assets.demand.inputs import COLUMNS
from pricing_assets.demand.panels import Panels, days_to_holiday, series_id, series_pair
from pricing_assets.features import visible
from pricing_assets.tables import raw

DAYS = 60
LAST = on(DAYS - 1)
IDS = [f"{market}/{sku}" for sku, market in PAIRS]


def of_day(shop: DemandShop, day: date = LAST, **how: Any) -> Panels:
    return shop.read(**how).daily(day)


def values(panel: pl.DataFrame, column: str = "y") -> dict[tuple[date, str], Any]:
    """Date and series → a column's value."""
    found = {(day, series): value for day, series, value in panel.select("ds", "unique_id", column).iter_rows()}
    assert len(found) == panel.height
    return found


def value(panel: pl.DataFrame, number: int, pair: int, column: str = "y") -> Any:
    return values(panel, column)[on(number), IDS[pair]]


def test_units_are_those_sold_and_zero_where_it_was_listed_and_did_not_sell() -> None:
    history = of_day(DemandShop(DAYS)).history
    assert values(history) == {(on(n), IDS[pair]): units(n, pair) for n in range(DAYS) for pair in range(len(PAIRS))}
    assert 0 in history["y"].to_list()


def test_a_closed_market_and_a_delisted_sku_are_not_observed() -> None:
    shop = DemandShop(DAYS, closed=[20])
    shop.drop(raw.Listings, 30, 1)
    shop.correct(raw.Listings, 31, 1, 31, on_sale=False)
    history = of_day(shop).history
    assert history.filter(pl.col("ds") == on(20))["y"].to_list() == [None] * 4
    listed = history.filter(pl.col("unique_id") == IDS[1])["ds"].to_list()
    assert on(30) not in listed
    assert on(31) not in listed, "taken back before its own cut-off"
    assert on(29) in listed


@pytest.mark.parametrize("stock", [{"on_hand": 0}, {"on_hand": 3, "sold_out_hours": 0.5}])
def test_a_day_sold_out_is_censored(stock: dict[str, Any]) -> None:
    shop = DemandShop(DAYS)
    shop.find(raw.Stock, 50, 2).update(stock)
    history = of_day(shop).history
    assert history.filter("censored").select("ds", "unique_id").rows() == [(on(50), IDS[2])]


def test_past_prices_are_those_in_force_and_marks_those_planned() -> None:
    history = of_day(DemandShop(DAYS)).history
    every = [(number, pair) for number in range(DAYS) for pair in range(len(PAIRS))]
    assert values(history, "price") == {(on(number), IDS[pair]): price(number, pair) for number, pair in every}
    on_promotion = {(on(number), IDS[pair]): promoted(number, pair) for number, pair in every}
    assert values(history, "promoted") == on_promotion == values(history, "feature")
    assert history["display"].sum() == 0


def test_the_future_has_the_plans_known_on_the_day_and_else_the_price_at_rest() -> None:
    shop = DemandShop(DAYS)
    last = DAYS - 1
    shop.plan(last - 1, last + 3, 0, 7)
    shop.plan(last, last + 3, 0, 6)  # known last
    shop.plan(last + 1, last + 4, 0, 5)  # known tomorrow
    shop.plan(last, last + 1, 1, 4, currency="GBP")  # not the currency of the pair
    shop.plan(last, last + 5, 2, 8, currency="GBP", display=True)
    panels = of_day(shop)
    assert panels.future.height == 56 * len(PAIRS)
    rest = price(last, 0)
    assert [value(panels.future, last + ahead, 0, "price") for ahead in (1, 3, 4, 56)] == [rest, 6, rest, rest]
    assert [value(panels.future, last + ahead, 0, "promoted") for ahead in (1, 3, 4)] == [0, 1, 0]
    assert value(panels.future, last + 1, 1, "price") == price(last, 1)
    assert value(panels.future, last + 5, 2, "price") == 8
    assert value(panels.future, last + 5, 2, "display") == 1


def test_the_past_is_the_same_where_nobody_looks_ahead() -> None:
    shop = DemandShop(DAYS)
    for number in range(DAYS):
        for table in (raw.Prices, raw.Prices):  # current and list
            shop.drop(table, number, 1)
    shop.rows[raw.Promotions] = [row for row in shop.rows[raw.Promotions] if (row["sku"], row["market"]) != PAIRS[1]]
    shop.plan(DAYS - 1, DAYS + 6, 1, 7)  # all that is known of its price is a plan
    shop.plan(DAYS - 1, DAYS, 2, 5)
    raws = shop.read()
    whole, past = raws.daily(LAST), raws.daily(LAST, ahead=False)
    assert whole.history.filter(unique_id=IDS[1])["price"].unique().to_list() == [7.0]
    assert past.history.equals(whole.history)
    assert past.keys.equals(whole.keys)
    assert (past.future.height, past.future.schema) == (0, whole.future.schema)


@pytest.mark.parametrize("block", [1, 3])
def test_it_does_not_matter_how_many_pairs_are_put_together_at_a_time(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    shop = DemandShop(DAYS)
    shop.plan(DAYS - 1, DAYS + 2, 0, 7)
    together = shop.read().panels(LAST)
    monkeypatch.setattr(panels, "BLOCK", block)
    for frequency, parts in shop.read().panels(LAST).items():
        whole = together[frequency]
        assert (parts.plan, parts.keys.equals(whole.keys)) == (whole.plan, True)
        assert parts.history.equals(whole.history)
        assert parts.future.equals(whole.future)


def _busy_shop() -> DemandShop:
    """With late and corrected rows, plans, a pair that came later and one without a price."""
    shop = DemandShop(DAYS, closed=[DAYS - 3])
    shop.correct(raw.Sales, 40, 2, 50, units=99)
    shop.correct(raw.Prices, 41, 0, 44, price=17)
    shop.correct(raw.Stock, 43, 1, 46, on_hand=0)
    shop.plan(DAYS - 1, DAYS + 2, 0, 7)
    for number in range(20):
        shop.drop(raw.Listings, number, 3)
    return shop


def test_rows_that_are_numbered_for_a_range_come_to_what_a_day_numbers_itself() -> None:
    shop = _busy_shop()
    raws = shop.read()
    for day in (on(30), on(45), LAST):
        bare = {
            table.table_name(): visible(frame(table, rows), table, day, CALENDAR).sample(
                fraction=1.0, shuffle=True, seed=7
            )
            for table, rows in shop.rows.items()
        }
        span = [day + timedelta(days=number) for number in range(-399, panels.AHEAD + 1)]
        made, itself = raws.daily(day), panels.daily(bare, CALENDAR.holidays(span), day)
        assert made.keys.drop(numbering.NUMBER).equals(itself.keys.drop(numbering.NUMBER))
        assert made.history.equals(itself.history)
        assert made.future.equals(itself.future)


def test_where_nobody_asks_for_known_columns_units_and_what_is_to_come_are_the_same() -> None:
    raws = _busy_shop().read()
    told, untold = raws.panels(LAST), raws.panels(LAST, with_known=False)
    for frequency, whole in told.items():
        bare = untold[frequency]
        assert bare.history.equals(whole.history.drop(whole.plan.known))
        assert bare.future.equals(whole.future)
        assert bare.keys.equals(whole.keys)


def test_a_plan_for_a_date_that_cannot_be_meant_is_no_plan_of_another_pair() -> None:
    shop, plain = DemandShop(DAYS), DemandShop(DAYS).read().panels(LAST)["D"]
    for year in (1925, 2205, 9999):
        for pair in range(len(PAIRS)):
            shop.plan(DAYS - 1, (date(year, 9, 27) - on(0)).days, pair, 3)
    made = shop.read().panels(LAST)["D"]
    assert made.history.equals(plain.history)
    assert made.future.equals(plain.future)


def test_after_a_promotion_the_price_rests_at_list() -> None:
    number = next(day for day in range(45, DAYS) if promoted(day, 0) and not promoted(day + 1, 0))
    panels = of_day(DemandShop(number + 1), on(number))
    assert value(panels.history, number, 0, "price") == price(number, 0)
    assert value(panels.future, number + 1, 0, "price") == price(number, 0) + 2


def test_a_realised_price_is_no_known_column() -> None:
    panels = of_day(DemandShop(DAYS, posted=False))
    assert "price" not in panels.plan.known
    assert "price" not in panels.history.columns
    assert not panels.keys["priced"].any()


def test_optional_tables_may_be_absent() -> None:
    panels = of_day(DemandShop(DAYS), without=[raw.Products, raw.Stock, raw.Promotions])
    assert panels.plan.known == ("price", "days_to_holiday")
    assert panels.history["category"].unique().to_list() == ["(none)"]
    assert not panels.history["censored"].any()
    assert panels.future["price"].null_count() == 0


def test_a_day_sees_what_was_known_before_its_cut_off_and_the_days_after_what_was_corrected() -> None:
    shop = DemandShop(DAYS)
    before = units(40, 2)
    shop.correct(raw.Sales, 40, 2, 50, units=99)
    both = shop.read()
    assert value(both.daily(on(49)).history, 40, 2) == before
    assert value(both.daily(on(50)).history, 40, 2) == 99


def test_a_day_sees_nothing_after_it_and_nothing_before_its_window() -> None:
    wide = of_day(DemandShop(DAYS), on(30), window=25)
    assert (wide.history["ds"].min(), wide.history["ds"].max()) == (on(6), on(30))
    narrow = of_day(DemandShop(31), on(30), window=25)
    assert wide.history.equals(narrow.history)
    assert wide.future.equals(narrow.future)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.integers(0, 14)), max_size=8), st.integers(0, 9))
def test_what_a_day_sees_is_what_the_rule_of_visibility_lets_through(
    late: list[tuple[int, int, int]], day: int
) -> None:
    shop = DemandShop(10)
    for at, pair, known in sorted(set(late)):
        shop.correct(raw.Stock, at, pair, 1 + max(at, known), on_hand=50 + known)
    raws = shop.read(window=5)
    seen = raws.seen(on(day))["raw.stock"].join(raws.pairs, on=numbering.NUMBER)
    whole = visible(frame(raw.Stock, shop.rows[raw.Stock]), raw.Stock, on(day), CALENDAR)
    expected = whole.filter(pl.col("date") > on(day) - timedelta(days=5)).sort("date", "sku", "market")
    told = [name for name in COLUMNS[raw.Stock] if name != "known_at"]
    assert seen.sort("date", "sku", "market").select(told).equals(expected.select(told))


def test_weeks_end_on_the_day_and_sum_their_days() -> None:
    shop = DemandShop(DAYS, closed=[DAYS - 3])
    shop.drop(raw.Listings, DAYS - 9, 1)
    shop.find(raw.Stock, DAYS - 10, 0)["on_hand"] = 0
    week = shop.read().panels(LAST)["W"]
    assert sorted(week.history["ds"].unique()) == [LAST - timedelta(days=7 * back) for back in range(7, -1, -1)]
    for pair in range(len(PAIRS)):
        days = range(DAYS - 7, DAYS)
        assert value(week.history, DAYS - 1, pair) == sum(units(d, pair) for d in days if d != DAYS - 3)
        assert value(week.history, DAYS - 1, pair, "price") == pytest.approx(sum(price(d, pair) for d in days) / 7)
        assert value(week.history, DAYS - 1, pair, "promoted") == pytest.approx(
            sum(promoted(d, pair) for d in days) / 7
        )
    assert value(week.history, DAYS - 8, 1) is None, "it was not listed on one of the days"
    assert value(week.history, DAYS - 8, 2) == sum(units(d, 2) for d in range(DAYS - 14, DAYS - 7))
    assert week.history.filter("censored").select("unique_id", "ds").rows() == [(IDS[0], LAST - timedelta(days=7))]
    assert sorted(week.future["ds"].unique()) == [LAST + timedelta(days=7 * ahead) for ahead in range(1, 9)]


def test_days_to_holiday_count_down_and_are_far_where_none_is_known() -> None:
    days = [date(2026, 12, 20) + timedelta(days=number) for number in range(9)]
    made = days_to_holiday(CALENDAR.holidays(days))
    assert made["days_to_holiday"].to_list() == [5, 4, 3, 2, 1, 0, 0, 1, 0]  # Boxing Day 2026 is observed on the 28th
    assert made["market"].unique().to_list() == ["UK"]


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=6) | st.sampled_from(
    ["a/b", "%2F", "%", "/", "a%b/c"]
)


@given(names, names)
def test_a_series_says_which_sku_and_market_it_is(sku: str, market: str) -> None:
    made = pl.DataFrame({"sku": [sku], "market": [market]}).with_columns(series_id())
    assert made.select(*series_pair()).row(0) == (sku, market)


@given(st.lists(st.tuples(names, names), min_size=2, max_size=5, unique=True))
def test_no_two_pairs_are_one_series(pairs: list[tuple[str, str]]) -> None:
    made = pl.DataFrame(pairs, schema=["sku", "market"], orient="row").select(series_id())
    assert made["unique_id"].n_unique() == len(pairs)
