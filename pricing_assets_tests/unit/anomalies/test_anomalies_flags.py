"""What is flagged and what is not: just below and just above each threshold, volatile SKUs, planned promotions."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from anomalies_rows import DAY, row, snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pricing_assets.anomalies import anomalies
from pricing_assets.anomalies.thresholds import EXTREMES, FLOORS, FOLLOWS_FROM, TIMES_OWN
from pricing_assets.lake.hashing import content_hash
from pricing_assets.tables.anomalies import REASONS, PriceAnomalies


def found(**changes: Any) -> list[str]:
    return anomalies(snapshot(row(**changes)))["reason"].to_list()


def told(**changes: Any) -> str:
    (text,) = anomalies(snapshot(row(**changes)))["explanation"].to_list()
    return str(text)


@pytest.mark.parametrize(
    ("reason", "below", "above"),
    [
        ("PRICE_SPIKE", {"current_price": "9.58"}, {"current_price": "9.59"}),
        ("PRICE_TOO_LOW", {"current_price": "6.40"}, {"current_price": "6.39"}),
        ("LOW_MARGIN", {"cost": "5.80"}, {"cost": "5.81"}),
        ("NEGATIVE_MARGIN", {"margin_pct": 0.0, "usual_margin_pct": 1.0}, {"margin_pct": -0.01, "cost": "8"}),
        (
            "COMPETITOR_UNDERCUT",
            {"competitor_delta_pct": 14.9, "competitor_min": "6.95"},
            {"competitor_delta_pct": 15.1, "competitor_min": "6.94"},
        ),
        (
            "STALE_PRICE",
            {"current_price": None, "price_age_days": 2, "missing_data": ""},
            {"current_price": None, "price_age_days": 3, "missing_data": "price"},
        ),
        ("MISSING_DATA", {"missing_data": ""}, {"missing_data": "stock"}),
    ],
)
def test_a_reason_is_flagged_from_its_threshold_on(reason: str, below: dict[str, Any], above: dict[str, Any]) -> None:
    assert found(**below) == []
    assert found(**above) == [reason]


def test_an_ordinary_day_is_silent() -> None:
    assert found() == []


def test_without_a_past_nothing_deviates_but_a_loss_still_counts() -> None:
    new = dict.fromkeys(("usual_price", "usual_price_move_pct", "usual_margin_pct", "usual_margin_move"))
    assert found(**new, current_price="99", margin_pct=1.0) == []
    assert found(**new, current_price="4.99", margin_pct=-0.2) == ["NEGATIVE_MARGIN"]


@given(move=st.floats(8, 30), share=st.floats(0, 1))
@settings(max_examples=40)
def test_an_ordinary_move_of_a_volatile_sku_is_not_flagged(move: float, share: float) -> None:
    moved = {"usual_price": "100.00", "usual_price_move_pct": move}
    size = TIMES_OWN * move * share
    for price in (100 + size, max(100 - size, 1)):
        flagged = found(**moved, current_price=f"{price:.4f}")
        assert flagged == [] or size > 0.999 * min(TIMES_OWN * move, EXTREMES["PRICE_TOO_LOW"])


def test_no_sku_is_so_volatile_that_a_fifth_or_five_times_its_price_is_ordinary() -> None:
    assert found(current_price="0.79", usual_price_move_pct=90.0, cost="0.50") == ["PRICE_TOO_LOW"]
    assert found(current_price="1.65", usual_price_move_pct=90.0, cost="0.50") == []
    assert found(current_price="39.96", usual_price_move_pct=300.0) == ["PRICE_SPIKE"]
    assert found(current_price="39.90", usual_price_move_pct=300.0) == []


@given(size=st.integers(0, 300).filter(lambda size: size % 10), times=st.sampled_from(["0.01", "3", "100", "12345"]))
@settings(max_examples=40)
def test_another_currency_changes_no_flag_and_no_severity(size: int, times: str) -> None:
    rate = Decimal(times)
    price = Decimal("7.99") * (1 + round(Decimal(size) / 100, 2))
    plain = anomalies(snapshot(row(current_price=price), row(sku="B")))
    money = {"usual_price": "7.99", "cost": "5.00", "competitor_min": "7.99", "revenue_28d": "2237.20"}
    scaled = {name: Decimal(value) * rate for name, value in money.items()}
    rows = row(**scaled, current_price=price * rate), row(**scaled, sku="B", current_price=Decimal("7.99") * rate)
    other = anomalies(snapshot(*rows))
    same = ["sku", "market", "reason", "severity"]
    assert_frame_equal(plain.select(same), other.select(same))


@pytest.mark.parametrize(("price", "reasons"), [("5.99", []), ("4.79", ["PRICE_TOO_LOW"]), ("9.59", ["PRICE_SPIKE"])])
def test_a_planned_price_is_expected_and_what_goes_beyond_it_is_not(price: str, reasons: list[str]) -> None:
    margin = 100 * (float(price) - 5) / float(price)
    flagged = found(current_price=price, planned_price_today="5.99", margin_pct=margin)
    assert [reason for reason in flagged if reason != "NEGATIVE_MARGIN"] == reasons


def test_a_margin_thinned_by_a_planned_promotion_is_expected_and_one_thinned_by_cost_is_not() -> None:
    promoted = {"current_price": "5.99", "planned_price_today": "5.99"}
    assert found(**promoted, margin_pct=100 * (5.99 - 5) / 5.99) == []
    assert found(**promoted, cost="5.80", margin_pct=100 * (5.99 - 5.8) / 5.99) == ["LOW_MARGIN"]


def test_a_price_planned_above_the_usual_one_is_no_spike() -> None:
    assert found(current_price="11.99", planned_price_today="11.99", margin_pct=58.0) == []


def test_what_another_reason_explains_is_not_flagged_beside_it() -> None:
    low = {"current_price": "5.20", "margin_pct": 3.8}
    assert found(**low) == ["PRICE_TOO_LOW"]
    spike = {"current_price": "11.99", "margin_pct": 58.0, "competitor_delta_pct": 50.1}
    assert found(**spike) == ["PRICE_SPIKE"]
    assert "LOW_MARGIN" in FOLLOWS_FROM
    assert "COMPETITOR_UNDERCUT" in FOLLOWS_FROM


def test_a_price_below_cost_is_named_beside_a_price_too_low() -> None:
    assert found(current_price="2.50", margin_pct=-100.0) == ["NEGATIVE_MARGIN", "PRICE_TOO_LOW"]


def test_a_stale_price_is_not_also_a_missing_one_but_missing_stock_is() -> None:
    none = {"current_price": None, "currency": None, "price_age_days": 5}
    assert found(**none, missing_data="price") == ["STALE_PRICE"]
    assert found(**none, missing_data="price,stock") == ["STALE_PRICE", "MISSING_DATA"]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        (
            {"current_price": "4.99", "cost": "2.00", "margin_pct": 60.0, "usual_margin_pct": 60.0},
            "4.99 GBP is 38 % below the usual 7.99; no promotion was planned; a week at this price costs about 210 GBP",
        ),
        (
            {"current_price": "4.79", "planned_price_today": "5.99", "cost": "2.00", "margin_pct": 58.0},
            "4.79 GBP is 20 % below the planned 5.99; a week at this price costs about 84 GBP",
        ),
        (
            {"current_price": "79.90", "units_28d": 0},
            "79.90 GBP is 900 % above the usual 7.99; no promotion was planned; nothing was sold in the last 28 days",
        ),
        (
            {"cost": "8.50", "cost_source": "assumed", "margin_pct": -6.38, "units_28d": 28},
            "7.99 GBP is below the assumed cost of 8.50: each unit loses 0.51; a week at this price costs about "
            "3.57 GBP",
        ),
        (
            {"cost": "7.03", "margin_pct": 12.0},
            "the margin is 12.0 %: the cost of 7.03 takes 25.4 points more of 7.99 GBP than is usual; a week at this "
            "price costs about 140 GBP",
        ),
        (
            {"competitor_min": "5.99", "competitor_delta_pct": 33.4, "usual_competitor_delta_pct": 5.0},
            "the lowest rival asks 5.99 GBP; 7.99 is 33 % above him, usually 5 % above; a week at this price costs, "
            "if he is matched, about 140 GBP",
        ),
        (
            {"current_price": None, "price_age_days": 3, "missing_data": "price"},
            f"the last price is of {DAY - timedelta(days=3)}, 3 days ago: nothing says what the SKU costs today",
        ),
        ({"missing_data": "price", "current_price": None}, "it is on sale but has no price"),
        (
            {"missing_data": "price,rivals,stock", "current_price": None},
            "it is on sale but has no price; no rival's price and no stock came, as usually on such a day",
        ),
    ],
)
def test_a_manager_is_told_in_a_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert told(**changes) == sentence


@pytest.mark.parametrize(
    ("price", "units", "severity"),
    [
        ("6.39", 0, "low"),  # just low, nothing sold
        ("6.39", 280, "medium"),  # a fifth of a median week
        ("1.90", 0, "medium"),  # very low, nothing sold
        ("1.59", 0, "severe"),  # a fifth: a slipped decimal point, though nobody buys
        ("0.80", 280, "severe"),
        ("5.50", 2800, "high"),  # dear, though no large deviation
        ("3.50", 2800, "severe"),
    ],
)
def test_severity_is_halfway_between_money_and_effect(price: str, units: int, severity: str) -> None:
    others = [row(sku=sku) for sku in "BCDEF"]
    rows = anomalies(snapshot(row(current_price=price, units_28d=units, cost=None, margin_pct=None), *others))
    assert rows["severity"].to_list() == [severity]


NEW = dict.fromkeys(("usual_price", "usual_price_move_pct", "usual_margin_pct", "usual_margin_move"))


@given(
    times=st.sampled_from([10, 100, 1000, 0.1, 0.01, 0.001]),
    units=st.sampled_from([0, 1, 280]),
    move=st.floats(0, 300),
    planned=st.sampled_from([None, "4.39", "7.19"]),
)
@settings(max_examples=40)
def test_a_slipped_decimal_point_is_severe_however_slow_or_volatile_the_sku(
    times: float, units: int, move: float, planned: str | None
) -> None:
    slipped = round(Decimal(planned or "7.99") * Decimal(str(times)), 4)
    odd = row(current_price=slipped, usual_price_move_pct=move, planned_price_today=planned, units_28d=units)
    rows = anomalies(snapshot(odd, *(row(sku=sku, revenue_28d="999999") for sku in "BCD")))
    worst = "PRICE_SPIKE" if times > 1 else "PRICE_TOO_LOW"
    assert rows.filter(reason=worst)["severity"].to_list() == ["severe"]


def test_a_price_far_below_cost_is_severe_though_nothing_is_usual_yet_and_nobody_buys() -> None:
    def severity(price: str) -> list[str]:
        margin = 100 * (float(price) - 2) / float(price)
        loss = row(**NEW, current_price=price, cost="2.00", margin_pct=margin, units_28d=0)
        return list(anomalies(snapshot(loss, row(sku="B")))["severity"])

    assert severity("0.04") == severity("0.99") == ["severe"]
    assert severity("1.01") == ["high"]


def test_a_rivals_slipped_decimal_point_is_severe_though_nobody_buys() -> None:
    rows = anomalies(snapshot(row(competitor_min="0.80", competitor_delta_pct=898.75, units_28d=0)))
    assert rows.select("reason", "severity").rows() == [("COMPETITOR_UNDERCUT", "severe")]


def test_money_is_judged_against_the_median_sku_of_its_own_market() -> None:
    low = {"current_price": "5.99", "cost": None, "margin_pct": None}
    rich = [row(market="DE", sku=sku, revenue_28d="99999") for sku in "BCD"]
    rows = anomalies(snapshot(row(**low), row(**low, market="DE", revenue_28d="99999"), *rich))
    assert dict(rows.select("market", "severity").iter_rows()) == {"UK": "medium", "DE": "low"}


def test_most_skus_of_a_market_make_it_the_markets_anomaly_at_least_high() -> None:
    missing = [row(sku=f"S{i:02}", missing_data="stock") for i in range(12)]
    rows = anomalies(snapshot(*missing, row(sku="ok"), row(market="DE", missing_data="stock")))
    by_market = dict(rows.select("market", "market_wide").unique().iter_rows())
    assert by_market == {"UK": True, "DE": False}
    assert rows.filter(market="UK")["severity"].unique().to_list() == ["high"]
    assert rows.filter(market="UK")["explanation"][0].startswith("most SKUs of UK alike: no stock came")


def test_a_range_gives_the_rows_of_its_days_whatever_the_order() -> None:
    rows = [
        row(sku=sku, date=DAY + timedelta(days=day), current_price=price, margin_pct=10.0 * day)
        for day in range(3)
        for sku, price in [("A", "3.99"), ("B", "12.10"), ("C", "7.99")]
    ]
    together = anomalies(snapshot(*rows[::-1]))
    alone = [anomalies(snapshot(*(each for each in rows if each["date"] == day))) for day in together["date"].unique()]
    assert_frame_equal(together, pl.concat(alone).sort(PriceAnomalies.order()))
    assert content_hash(together, PriceAnomalies) == content_hash(pl.concat(alone), PriceAnomalies)


def test_nothing_listed_gives_no_rows() -> None:
    assert anomalies(snapshot()).height == 0


def test_every_reason_has_a_floor() -> None:
    assert set(FLOORS) == set(REASONS)
