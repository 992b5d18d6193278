"""Charts: the stated run length by simulation, what whitening leaves, when a shift is noticed and since when."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_frames import autoregression

from pricing_assets.monitoring.cusum import chart, run_length, threshold_for
from pricing_assets.monitoring.whitening import BOUND, innovations, remember


def simulated_run_length(allowance: float, threshold: float, runs: int, longest: int) -> float:
    """Mean days of one-sided charts over independent standard normal days, day by day over all runs at once."""
    draw = np.random.default_rng(11)
    sums, days = np.zeros(runs), np.full(runs, float(longest))
    for number in range(longest):
        sums = np.maximum(0, sums + draw.standard_normal(runs) - allowance)
        days = np.where((sums > threshold) & (days == longest), number + 1, days)
    return float(days.mean())


@pytest.mark.parametrize(("allowance", "wanted"), [(0.25, 150.0), (0.5, 200.0), (0.8, 200.0)])
def test_a_chart_alarms_as_seldom_as_stated(allowance: float, wanted: float) -> None:
    threshold = threshold_for(wanted, allowance)
    found = simulated_run_length(allowance, threshold, 1000, 8 * int(wanted))
    assert found == pytest.approx(wanted, rel=0.1)


def test_a_short_reference_does_not_make_alarms_more_frequent() -> None:
    draw, days, wanted = np.random.default_rng(5), 60, 300.0
    offsets = draw.standard_normal(4000) / math.sqrt(days)
    rates = [1 / run_length(0.3, threshold_for(wanted, 0.3, days), float(offset)) for offset in offsets]
    naive = [1 / run_length(0.3, threshold_for(wanted, 0.3), float(offset)) for offset in offsets]
    assert np.mean(rates) == pytest.approx(1 / wanted, rel=0.1)
    assert np.mean(naive) > 1.4 / wanted


@given(longer=st.floats(1.01, 5), allowance=st.floats(0.2, 1.0))
@settings(max_examples=30, deadline=None)
def test_a_longer_run_needs_a_higher_threshold(longer: float, allowance: float) -> None:
    assert threshold_for(300 * longer, allowance, 100, 0.1) > threshold_for(300, allowance, 100, 0.1)


@pytest.mark.parametrize("memory", [0.0, 0.4, 0.8])
def test_innovations_of_a_quiet_series_resemble_each_other_no_more(memory: float) -> None:
    found = []
    for seed in range(20):
        series = autoregression(seed, 600, memory, 0.1)
        fitted = remember(series[:300])
        assert fitted is not None
        new = innovations(fitted, series)[300:]
        found.append((np.corrcoef(new[1:], new[:-1])[0, 1], new.mean(), new.std()))
    correlation, mean, spread = np.mean(found, axis=0)
    assert abs(correlation) < 0.04
    assert abs(mean) < 0.06
    assert 0.75 < spread <= 1.02


@given(memory=st.floats(0, 0.8), seed=st.integers(0, 50), scale=st.floats(1e-3, 1e3), level=st.floats(-5, 5))
@settings(max_examples=25, deadline=None)
def test_innovations_know_no_unit_and_no_level(memory: float, seed: int, scale: float, level: float) -> None:
    series = autoregression(seed, 200, memory, 1.0)
    plain, other = remember(series[:120]), remember(scale * (series[:120] + level))
    assert plain is not None
    assert other is not None
    np.testing.assert_allclose(
        innovations(plain, series), innovations(other, scale * (series + level)), rtol=1e-6, atol=1e-6
    )


def test_a_feast_day_changes_no_memory_and_makes_no_alarm() -> None:
    series = autoregression(2, 300, 0.5, 0.1)
    feast = series.copy()
    feast[[50, 250]] += 20.0
    plain, spoilt = remember(series[:168]), remember(feast[:168])
    assert plain is not None
    assert spoilt is not None
    assert spoilt.gain == pytest.approx(plain.gain, abs=0.12)
    assert float(np.nanmax(innovations(spoilt, feast))) <= BOUND + 0.5


def test_days_without_a_value_are_neither_good_nor_bad() -> None:
    series = autoregression(4, 200, 0.6, 0.1)
    series[150:160] = math.nan
    found = remember(series[:120])
    assert found is not None
    new = innovations(found, series)
    assert np.isnan(new[150:160]).all()
    assert not np.isnan(new[160:]).any()
    kept = chart(new, 0.5, 99.0, both_sides=True)
    assert set(kept.up[150:160]) == {kept.up[149]}


@pytest.mark.parametrize("constant", [np.zeros(100), np.full(100, 0.3), np.full(100, math.nan)])
def test_a_series_that_does_not_vary_has_no_memory(constant: np.ndarray) -> None:
    assert remember(constant) is None


@pytest.mark.parametrize("sign", [1, -1])
def test_a_shift_is_dated_to_the_day_after_the_sum_was_last_zero(sign: int) -> None:
    new = sign * np.array([-1.0, 0.2, -1.0, 2.0, 2.0, 2.0, 2.0])
    found = chart(new, 0.5, 4.0, both_sides=True)
    assert (found.noticed, found.since, found.upwards) == (5, 3, sign > 0)


def test_a_chart_of_one_side_does_not_see_the_other() -> None:
    assert chart(np.full(50, -2.0), 0.5, 4.0, both_sides=False).noticed is None
