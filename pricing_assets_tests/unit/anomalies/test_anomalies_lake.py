"""Anomalies of days in the lake: causes over days, the isolation forest's past, and one pass against single days."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from anomalies_rows import full, row
from polars.testing import assert_frame_equal

from pricing_assets.anomalies import anomalies_of, forest
from pricing_assets.lake import Lake
from pricing_assets.lake.store import Provenance
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots

FIRST = date(2026, 1, 1)
RUN = Provenance("test")


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def lake_with(folder: Path, rows: Sequence[dict[str, Any]]) -> Lake:
    lake = Lake(folder / "lake")
    frame = full({"inputs_hash": "x", "inputs": "[]", **each} for each in rows)
    lake.commit(FeatureSnapshots, frame, frame["date"].unique().to_list(), RUN)
    return lake


def run(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    found = anomalies_of(lake, days)
    lake.commit(PriceAnomalies, found, days, RUN)
    return found


def one_by_one(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    return pl.concat([run(lake, [each]) for each in days])


def since(found: pl.DataFrame) -> dict[date, int]:
    return {each: (begun - FIRST).days for each, begun in found.select("date", "since").iter_rows()}


def test_the_same_reason_on_consecutive_days_is_one_cause(tmp_path: Path) -> None:
    low = {2, 3, 4, 6}
    rows = [row(date=day(i), current_price="3.99" if i in low else "7.99") for i in range(8)]
    found = run(lake_with(tmp_path, rows), [day(i) for i in range(8)]).filter(reason="PRICE_TOO_LOW")
    assert since(found) == {day(2): 2, day(3): 2, day(4): 2, day(6): 6}
    assert found["cause"].n_unique() == 2


def test_a_cause_goes_on_over_days_without_trade_but_not_over_weeks(tmp_path: Path) -> None:
    days = [0, 1, 4, 20]
    rows = [row(date=day(i), missing_data="stock") for i in days]
    assert since(run(lake_with(tmp_path, rows), [day(i) for i in days])) == {
        day(0): 0,
        day(1): 0,
        day(4): 0,
        day(20): 20,
    }


def test_other_missing_data_is_another_cause(tmp_path: Path) -> None:
    rows = [row(date=day(i), missing_data=kind) for i, kind in enumerate(["stock", "stock", "rivals,stock"])]
    assert list(since(run(lake_with(tmp_path, rows), [day(i) for i in range(3)])).values()) == [0, 0, 2]


def test_what_most_skus_of_a_market_have_is_one_cause_over_its_days(tmp_path: Path) -> None:
    rows = [
        row(date=day(i), sku=f"S{sku:02}", market=market, missing_data="stock" if i and market == "UK" else "")
        for i in range(3)
        for sku in range(12)
        for market in ("UK", "DE")
    ]
    found = run(lake_with(tmp_path, rows), [day(i) for i in range(3)])
    assert found.height == 24
    assert found["cause"].n_unique() == 1
    assert found["since"].unique().to_list() == [day(1)]


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> tuple[Lake, list[date]]:
    """Forty SKUs over ten weeks; every SKU is too cheap on some days, one most of the time."""
    rows = []
    for i in range(70):
        for sku in range(40):
            odd = (i * 7 + sku * 3) % 23 == 0 or (sku == 0 and i % 5 > 1)
            wave = float((i * 13 + sku * 7) % 17 - 8)
            values = {"units_trend_pct": wave, "days_of_cover": 20 + wave, "promotion_depth_pct": float(sku % 5)}
            rows.append(row(date=day(i), sku=f"S{sku:02}", current_price="3.99" if odd else "7.99", **values))
    lake = lake_with(tmp_path_factory.mktemp("trading"), rows)
    return lake, [day(i) for i in range(62, 69)]  # from a Wednesday to a Tuesday: two weeks


def test_one_pass_gives_the_rows_of_its_days(trading: tuple[Lake, list[date]]) -> None:
    lake, days = trading
    together = anomalies_of(lake, days)
    assert together.filter(pl.col("since") < pl.col("date")).height
    lake.commit(PriceAnomalies, PriceAnomalies.create_empty(), days, RUN)
    assert_frame_equal(one_by_one(lake, days), together, check_exact=True)


def test_a_forest_says_how_odd_a_flagged_day_is_and_by_which_training(trading: tuple[Lake, list[date]]) -> None:
    lake, days = trading
    found = anomalies_of(lake, days)
    assert found["ml_score"].is_between(0, 1).all()
    assert found["ml_score"].null_count() == 0
    weeks = found.group_by(pl.col("date").dt.truncate("1w")).agg(pl.col("model_hash").n_unique())
    assert weeks["model_hash"].to_list() == [1] * weeks.height
    assert found["model_hash"].n_unique() == weeks.height
    assert_frame_equal(anomalies_of(lake, days), found, check_exact=True)


def test_a_forest_knows_nothing_of_its_own_week_and_needs_some_past(tmp_path: Path) -> None:
    rows = [
        row(
            date=day(i), sku=f"S{sku:02}", current_price="3.99" if sku == i % 40 else "7.99", units_trend_pct=float(sku)
        )
        for i in range(40)
        for sku in range(40)
    ]
    lake = lake_with(tmp_path, rows)
    early, late = anomalies_of(lake, [day(6)]), anomalies_of(lake, [day(38)])
    assert early["ml_score"].null_count() == early.height > 0
    monday = day(38) - timedelta(days=day(38).weekday())
    changed = [each if each["date"] < monday else {**each, "price_change_28d_pct": 50.0} for each in rows]
    other = lake_with(tmp_path / "other", [each for each in changed if each["date"] < monday] + rows[38 * 40 : 39 * 40])
    assert_frame_equal(anomalies_of(other, [day(38)]), late, check_exact=True)


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("COLUMNS", (*forest.COLUMNS[:-1], "units_28d")),
        ("MATRIX_VERSION", forest.MATRIX_VERSION + 1),
        ("PARAMETERS", {**forest.PARAMETERS, "n_estimators": 3}),
    ],
)
def test_a_forest_that_looks_at_its_rows_in_another_way_has_another_hash(
    trading: tuple[Lake, list[date]], monkeypatch: pytest.MonkeyPatch, name: str, other: object
) -> None:
    lake, days = trading
    before = anomalies_of(lake, days[:1])["model_hash"].unique().to_list()
    monkeypatch.setattr(forest, name, other)
    after = anomalies_of(lake, days[:1])["model_hash"].unique().to_list()
    assert len(before) == len(after) == 1
    assert before != after
