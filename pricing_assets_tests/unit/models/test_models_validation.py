"""Validation reports: figures against plain Python, the same rows on both sides, and a report that is its own JSON."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from fake_model import report, scored
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.errors import PricingError
from pricing_assets.models import Contestant, Identity, ValidationReport, rising, validation_report

OURS, THEIRS = Contestant("new", Identity(2, "b"), 10, 1.0), Contestant("old", Identity(1, "a"), 10, 1.0)
Row = tuple[float, float, float, float]
_values = st.floats(0, 1000, allow_nan=False).map(lambda value: round(value, 3))


def frame(model: str, rows: list[Row], segment: str = "HOME") -> pl.DataFrame:
    """yhat, lower, upper, y per row."""
    made = [
        {"unique_id": f"S{n}", "ds": date(2026, 1, 2), "cutoff": date(2026, 1, 1), "model": model, "segment": segment}
        | dict(zip(("yhat", "yhat_lo", "yhat_hi", "y"), row, strict=True))
        for n, row in enumerate(rows)
    ]
    return pl.DataFrame(made)


@given(st.lists(st.tuples(_values, _values, _values, _values, _values), min_size=1, max_size=12))
def test_figures_are_those_of_their_definitions(drawn: list[tuple[float, ...]]) -> None:
    ours: list[Row] = [(mean, min(a, b), max(a, b), y) for mean, a, b, y, _ in drawn]
    theirs: list[Row] = [(mean, 0.0, 1.0, y) for _, _, _, y, mean in drawn]
    found = validation_report("m", pl.concat([frame("new", ours), frame("old", theirs)]), OURS, THEIRS).overall
    size = sum(y for *_, y in ours)
    inside = sum(low <= y <= high for _, low, high, y in ours) / len(ours)
    assert found.challenger.coverage == pytest.approx(inside)
    if not size:
        assert found.challenger.wape is found.challenger.bias is found.challenger.interval_score is None
        return
    score = sum(high - low + 10 * max(low - y, y - high, 0) for _, low, high, y in ours)
    assert found.challenger.wape == pytest.approx(sum(abs(m - y) for m, _, _, y in ours) / size, abs=1e-8)
    assert found.challenger.bias == pytest.approx(sum(m - y for m, _, _, y in ours) / size, abs=1e-8)
    assert found.challenger.interval_score == pytest.approx(score / size, abs=1e-8)
    assert found.champion.wape == pytest.approx(sum(abs(m - y) for m, _, _, y in theirs) / size, abs=1e-8)


def test_segments_are_told_apart_and_unobserved_days_count_for_neither() -> None:
    rows: list[Row] = [(12.0, 8.0, 12.0, 10.0)]
    frames = [
        frame(model, rows, segment).with_columns(unique_id=pl.lit(segment))
        for model in ("new", "old")
        for segment in ("TOYS", "HOME")
    ]
    unobserved = pl.concat(frames).with_columns(y=pl.lit(None, pl.Float64), unique_id=pl.lit("Z"), segment=pl.lit("Z"))
    found = validation_report("m", pl.concat([*frames, unobserved.unique(["model"])]), OURS, THEIRS)
    assert [each.segment for each in found.segments] == ["HOME", "TOYS"]
    assert found.overall.rows == 2 and found.cutoffs == ("2026-01-01",)
    assert found.segments[0].challenger.wape == pytest.approx(0.2)


def test_the_order_of_rows_changes_nothing() -> None:
    both = pl.concat([scored("new", 11.0), scored("old", 12.0)])
    first = validation_report("m", both, OURS, THEIRS)
    assert validation_report("m", both.sample(fraction=1.0, shuffle=True, seed=1), OURS, THEIRS) == first


def test_a_report_is_its_own_json_and_any_change_changes_its_hash() -> None:
    made = report()
    again = ValidationReport.from_json(made.to_json())
    assert again == made and again.content_hash == made.content_hash
    forged = ValidationReport.from_json(made.to_json().replace('"rows": 1000', '"rows": 1001'))
    assert forged.content_hash != made.content_hash
    assert made.rows()["segment"].to_list() == ["everything", "HOME", "TOYS"]


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"model": 1}', "null"])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(PricingError, match="validation report: it cannot be read"):
        ValidationReport.from_json(text)


GOOD = pl.concat([scored("new", 11.0), scored("old", 12.0)])
BAD: list[tuple[pl.DataFrame, str]] = [
    (GOOD.drop("yhat_lo"), "column yhat_lo is missing"),
    (GOOD.filter(pl.col("model") == "new"), "none of old"),
    (GOOD.filter((pl.col("model") == "new") | (pl.col("unique_id") != "B")), "20 rows of new that old does not have"),
    (GOOD.filter((pl.col("model") == "old") | (pl.col("ds") != date(2026, 10, 3))), "2 rows of old that new does not"),
    (GOOD.with_columns(y=pl.when(pl.col("model") == "new").then(9.0).otherwise("y")), "that old does not have"),
    (pl.concat([GOOD, GOOD.head(1)]), "new has A on 2026-10-02 from 2026-10-01 twice"),
    (GOOD.with_columns(yhat=pl.lit(float("nan"))), "yhat of A on 2026-10-02, new, is nan"),
    (GOOD.with_columns(yhat_hi=pl.lit(float("inf"))), "yhat_hi of A on 2026-10-02, new, is inf"),
    (GOOD.with_columns(yhat=pl.lit(None, pl.Float64)), "yhat of A on 2026-10-02, new, is None"),
]


@pytest.mark.parametrize(("rows", "what"), BAD)
def test_a_comparison_of_what_is_not_the_same_is_refused(rows: pl.DataFrame, what: str) -> None:
    with pytest.raises(PricingError, match=what):
        validation_report("m", rows, OURS, THEIRS)


def test_a_contestant_is_not_compared_with_itself() -> None:
    with pytest.raises(PricingError, match="new is compared with itself"):
        validation_report("m", GOOD, OURS, OURS)


@given(st.lists(st.tuples(st.integers(0, 200), st.integers(0, 200)), max_size=15))
def test_rising_counts_the_series_that_sell_more_when_dearer(drawn: list[tuple[int, int]]) -> None:
    sums = pl.DataFrame(drawn, schema={"mean": pl.Float64, "mean_dearer": pl.Float64}, orient="row")
    selling = [(mean, dearer) for mean, dearer in drawn if mean]
    assert rising(sums) == (sum(dearer > 1.01 * mean for mean, dearer in selling), len(selling))
