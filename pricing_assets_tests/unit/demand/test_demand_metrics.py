from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand.blend import OFFSET, learn
from pricing_assets.demand.intervals import learn_ranges, with_ranges
from pricing_assets.demand.members import Prior
from pricing_assets.demand.metrics import accuracy, rmsse, scales

EVEN = Prior({"good": 0.5, "bad": 0.5}, trust=0.5, near=2 / 3)


def _frame(y: list[float], yhat: list[float], lo: list[float], hi: list[float]) -> pl.DataFrame:
    ds = [date(2026, 1, 1) + timedelta(days=k) for k in range(len(y))]
    keys = {"unique_id": "a", "ds": ds, "cutoff": date(2025, 12, 31), "model": "m"}
    return pl.DataFrame({**keys, "yhat": yhat, "yhat_lo": lo, "yhat_hi": hi, "y": y})


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(*[st.floats(0.1, 1e4)] * 4), min_size=1, max_size=20))
def test_measures_are_those_of_a_plain_loop(rows: list[tuple[float, float, float, float]]) -> None:
    y, guess, one, other = (list(column) for column in zip(*rows, strict=True))
    low, high = [min(p) for p in zip(one, other, strict=True)], [max(p) for p in zip(one, other, strict=True)]
    found = accuracy(_frame(y, guess, low, high)).row(0, named=True)
    assert found["wape"] == pytest.approx(sum(abs(a - b) for a, b in zip(y, guess, strict=True)) / sum(y))
    assert found["bias"] == pytest.approx((sum(guess) - sum(y)) / sum(y))
    inside = [a <= v <= b for v, a, b in zip(y, low, high, strict=True)]
    assert found["coverage"] == pytest.approx(sum(inside) / len(y))
    scores = [b - a + 10 * (max(a - v, 0) + max(v - b, 0)) for v, a, b in zip(y, low, high, strict=True)]
    assert found["interval_score"] == pytest.approx(sum(scores) / len(y))


def test_a_naive_forecast_of_a_random_walk_has_an_rmsse_of_its_steps() -> None:
    history = _frame([1.0, 3.0, 2.0, 4.0], [0.0] * 4, [0.0] * 4, [0.0] * 4).select("unique_id", "ds", "y")
    scale = scales(history).with_columns(cutoff=pl.lit(date(2025, 12, 31)))
    assert scale["scale"].item() == pytest.approx(3.0)
    assert rmsse(_frame([5.0], [2.0], [0.0], [0.0]), scale)["rmsse"].item() == pytest.approx((9 / 3) ** 0.5)


def _scored(seed: int, n: int = 1200) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    truth = random.lognormal(3, 1, n)
    good, bad = truth * random.lognormal(0, 0.1, n), truth * random.lognormal(0, 0.9, n)
    keys = {"base": truth, "promoted": random.random(n) < 0.4, "y": truth}
    return pl.DataFrame({**keys, "good": good, "bad": bad})


def test_the_better_member_of_earlier_origins_gets_more_weight() -> None:
    blend = learn(_scored(1), EVEN)
    assert all(good > 0.7 for good, _ in blend.weights.values())
    assert all(sum(weights) == pytest.approx(1) for weights in blend.weights.values())


def test_members_that_agree_are_blended_to_what_they_say() -> None:
    rows = _scored(2).with_columns(bad=pl.col("good"), y=pl.col("good"))
    blend = learn(rows, EVEN)
    assert blend.mean(rows).to_numpy() == pytest.approx(rows["good"].to_numpy())
    assert OFFSET > 0


def _errors(seed: int, series: int = 400) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    ids = np.repeat(np.arange(series), 4)
    step = np.tile(np.arange(1, 5), series)
    days = [date(2026, 1, 1) + timedelta(days=int(k)) for k in step]
    mean = np.repeat(random.lognormal(3, 1, series), 4)
    keys = {"unique_id": ids.astype(str), "ds": days, "origin": date(2026, 1, 1), "step": step.astype(float)}
    y = mean * random.lognormal(0, 0.5, len(mean))
    return pl.DataFrame({**keys, "segment": "mid|plain", "mean": mean, "y": y})


def test_ranges_cover_four_in_five_of_new_dates_and_sums() -> None:
    made = with_ranges(_errors(2).sort("origin", "unique_id", "ds"), learn_ranges(_errors(1)))
    assert made.select(pl.col("y").is_between("q10", "q90").mean()).item() == pytest.approx(0.8, abs=0.04)
    assert made.select(pl.col("sum_y").is_between("sum_q10", "sum_q90").mean()).item() == pytest.approx(0.8, abs=0.04)


def _origins(shifts: list[float], series: int = 400) -> pl.DataFrame:
    """Origins four days apart, the sales of each all off by a factor of its own."""
    return pl.concat(
        _errors(number, series).with_columns(
            pl.col("ds", "origin") + pl.duration(days=4 * number), y=pl.col("y") * np.exp(shift)
        )
        for number, shift in enumerate(shifts)
    )


def test_recent_origins_count_more_in_a_range() -> None:
    drifting = [-1.0] * 10 + [0.0] * 10
    (early, _), (late, _) = (learn_ranges(_origins(shifts)).dates["mid|plain"] for shifts in (drifting[::-1], drifting))
    assert early < -1.0 < late


def test_ranges_cover_four_in_five_where_series_of_an_origin_err_together() -> None:
    random = np.random.default_rng(4)
    covered = []
    for _ in range(60):
        earlier, coming = random.normal(0, 1, (2, 12))
        made = with_ranges(_origins(list(coming), 50), learn_ranges(_origins(list(earlier), 50)))
        covered.append(made.select(pl.col("y").is_between("q10", "q90").mean()).item())
    assert np.mean(covered) == pytest.approx(0.8, abs=0.05)


def test_the_range_of_a_sum_is_narrower_than_the_sum_of_ranges() -> None:
    made = with_ranges(_errors(2), learn_ranges(_errors(1))).filter(pl.col("step") == 4)
    summed = with_ranges(_errors(2), learn_ranges(_errors(1))).group_by("unique_id").agg(pl.col("q90", "q10").sum())
    both = made.join(summed, on="unique_id", suffix="_added")
    wide, narrow = both["q90_added"] - both["q10_added"], both["sum_q90"] - both["sum_q10"]
    assert (narrow < wide).all()
