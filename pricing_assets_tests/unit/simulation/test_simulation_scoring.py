"""Alarms are scored by the stated rule, as a slow count episode by episode and alarm by alarm says."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.anomalies.thresholds import FOLLOWS_FROM, LOSS_STEP
from pricing_assets.simulation.score_plot import draw
from pricing_assets.simulation.scoring import LARGE, SIZES, Score, score
from pricing_assets.tables.anomalies import REASONS

FIRST = date(2026, 10, 1)
LABEL = {"date": pl.Date, "sku": pl.String, "market": pl.String, "reason": pl.String, "effect_size": pl.Float64}
LABELS = {**LABEL, "magnitude": pl.Float64, "episode_id": pl.String, "last_day": pl.Date}
ANOMALY = {"date": pl.Date, "sku": pl.String, "market": pl.String, "reason": pl.Enum(REASONS), "value": pl.Float64}
ANOMALIES = {**ANOMALY, "threshold": pl.Float64, "cause": pl.String}
Rows = list[dict[str, Any]]


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def episode(sku: str, reason: str, size: float, first: int, last: int) -> Rows:
    fixed = {"sku": sku, "market": "DE", "reason": reason, "effect_size": size, "magnitude": size}
    known = {**fixed, "episode_id": f"{sku} {first}", "last_day": day(last)}
    return [{**known, "date": day(number)} for number in range(first, last + 1)]


def alarm(sku: str, reason: str, size: float, first: int, last: int) -> Rows:
    threshold = 0.0 if reason == "NEGATIVE_MARGIN" else 10.0
    value = (size - 1) * LOSS_STEP if reason == "NEGATIVE_MARGIN" else 10.0 * size
    fixed = {"sku": sku, "market": "DE", "reason": reason, "value": value, "threshold": threshold}
    return [{**fixed, "date": day(number), "cause": f"{sku} {reason} {first}"} for number in range(first, last + 1)]


def scored(labels: Rows, anomalies: Rows, days: int = 10, skus: str = "ABC") -> Score:
    listed = [{"date": day(number), "sku": sku, "market": "DE"} for number in range(days) for sku in skus]
    return score(pl.DataFrame(labels, schema=LABELS), pl.DataFrame(anomalies, schema=ANOMALIES), pl.DataFrame(listed))


def test_an_episode_is_found_by_its_own_reason_on_any_of_its_days() -> None:
    labels = episode("A", "PRICE_SPIKE", 2.0, 2, 4)
    assert scored(labels, alarm("A", "PRICE_SPIKE", 2.0, 4, 4)).overall["recall"] == 1
    assert scored(labels, alarm("A", "PRICE_SPIKE", 2.0, 5, 5)).overall["recall"] == 0
    assert scored(labels, alarm("A", "COMPETITOR_UNDERCUT", 2.0, 3, 3)).overall["recall"] == 0
    assert scored(labels, alarm("B", "PRICE_SPIKE", 2.0, 3, 3)).overall["recall"] == 0


def test_an_alarm_that_follows_from_what_was_planted_is_right_but_finds_nothing() -> None:
    labels = episode("A", "PRICE_TOO_LOW", 2.0, 2, 4)
    result = scored(labels, alarm("A", "NEGATIVE_MARGIN", 2.0, 2, 4))
    assert (result.overall["precision"], result.overall["recall"]) == (1, 0)
    assert scored(labels, alarm("A", "PRICE_SPIKE", 2.0, 2, 4)).overall["precision"] == 0


def test_an_alarm_is_all_rows_of_its_cause_and_right_if_half_of_them_are() -> None:
    labels = episode("A", "PRICE_SPIKE", 2.0, 2, 3)
    half, less = alarm("A", "PRICE_SPIKE", 2.0, 2, 5), alarm("A", "PRICE_SPIKE", 2.0, 2, 6)
    assert scored(labels, half).overall["precision_of_all"] == 1
    assert scored(labels, less).overall["precision_of_all"] == 0
    assert scored(labels, less).overall["alarms"] == 1


def test_an_episode_not_decided_to_its_end_does_not_count_but_explains_its_alarms() -> None:
    result = scored(episode("A", "PRICE_SPIKE", 2.0, 8, 11), alarm("A", "PRICE_SPIKE", 2.0, 8, 9), days=10)
    assert result.overall["episodes"] == 0 and result.overall["recall"] is None
    assert result.overall["precision"] == 1


def test_false_alarms_are_counted_per_ten_thousand_quiet_days() -> None:
    result = scored(episode("A", "PRICE_SPIKE", 2.0, 2, 3), alarm("B", "LOW_MARGIN", 1.1, 2, 4))
    assert result.overall["false_alarms_per_10k"] == pytest.approx(10_000 / 28)


def test_without_labels_or_alarms_there_is_nothing_to_divide_by() -> None:
    result = scored([], [])
    assert result.overall["recall"] is None and result.overall["precision"] is None
    assert result.by_size["recall"].null_count() == len(SIZES)


episodes = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.sampled_from(REASONS),
        st.sampled_from([0.6, 0.8, 0.99, 1.0, 1.4, 1.5, 2.2, 3.0]),
        st.sampled_from([0, 4, 8]),
        st.integers(0, 3),
    ),
    max_size=5,
    unique_by=lambda each: (each[0], each[3]),
)
alarms = st.lists(
    st.tuples(
        st.sampled_from("ABC"), st.sampled_from(REASONS), st.sampled_from([1.0, 1.2, 1.5, 2.7]), st.integers(0, 8),
        st.integers(0, 3),
    ),
    max_size=8,
    unique_by=lambda each: (each[0], each[1]),
)  # fmt: skip


@settings(max_examples=60)
@given(episodes=episodes, alarms=alarms)
def test_the_score_is_what_a_slow_count_says(episodes: list[Any], alarms: list[Any]) -> None:
    labels = [episode(sku, reason, size, first, first + more) for sku, reason, size, first, more in episodes]
    raised = [alarm(sku, reason, size, first, min(first + more, 9)) for sku, reason, size, first, more in alarms]
    result = scored([row for rows in labels for row in rows], [row for rows in raised for row in rows])
    whole = [rows for rows in labels if rows[-1]["date"] <= day(9)]
    found = [
        rows for rows in whole if any(_same(row, other, own=True) for row in rows for each in raised for other in each)
    ]
    right = [
        each
        for each in raised
        if sum(any(_same(label, row, own=False) for rows in labels for label in rows) for row in each) * 2 >= len(each)
    ]
    assert result.by_size["episodes"].sum() == len(whole)
    assert result.by_size["found"].sum() == len(found)
    assert result.by_size["alarms"].sum() == len(raised) == len(right) + result.overall["false_alarms"]  # type: ignore[operator]
    assert result.by_reason["found"].sum() == sum(rows[0]["effect_size"] >= LARGE for rows in found)
    for start, rows in result.by_size.group_by("from"):
        in_bin = [each for each in whole if _bin(each[0]["effect_size"]) == start[0]]
        assert rows["episodes"].item() == len(in_bin)


def _same(label: dict[str, Any], row: dict[str, Any], *, own: bool) -> bool:
    reasons = [row["reason"], *(() if own else FOLLOWS_FROM.get(row["reason"], ()))]
    return (label["sku"], label["date"]) == (row["sku"], row["date"]) and label["reason"] in reasons


def _bin(size: float) -> float:
    return max(start for start in SIZES if start <= size)


def test_the_picture_is_a_png(tmp_path: Path) -> None:
    draw(scored(episode("A", "PRICE_SPIKE", 2.0, 2, 3), alarm("A", "PRICE_SPIKE", 2.0, 2, 3)), tmp_path / "score.png")
    assert (tmp_path / "score.png").read_bytes().startswith(b"\x89PNG")
