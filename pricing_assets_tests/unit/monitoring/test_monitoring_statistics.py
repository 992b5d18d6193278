"""Statistics against other people's: KS and scipy, false discoveries and statsmodels, and what chance does to them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from monitoring_frames import autoregression
from scipy import stats
from statsmodels.stats.multitest import multipletests

from pricing_assets.monitoring.discoveries import q_values
from pricing_assets.monitoring.distributions import autocorrelation_time, independent_days, ks, psi
from pricing_assets.monitoring.shares import at_least

p_values = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@given(p=p_values, method=st.sampled_from([("positive", "fdr_bh"), ("arbitrary", "fdr_by")]))
@settings(max_examples=60, deadline=None)
def test_adjusted_p_values_are_those_of_statsmodels(p: list[float], method: tuple[str, str]) -> None:
    ours = q_values(np.array(p), method[0])
    np.testing.assert_allclose(ours, multipletests(p, method=method[1])[1], atol=1e-12)


@given(p=p_values)
@settings(max_examples=30, deadline=None)
def test_a_test_that_was_not_made_changes_no_other(p: list[float]) -> None:
    with_gap = q_values(np.array([p[0], np.nan, *p[1:]]))
    assert np.isnan(with_gap[1])
    np.testing.assert_array_equal(np.delete(with_gap, 1), q_values(np.array(p)))


@given(
    was=st.lists(st.integers(0, 30), min_size=20, max_size=80),
    now=st.lists(st.integers(0, 30), min_size=20, max_size=80),
)
@settings(max_examples=60, deadline=None)
def test_the_distance_is_that_of_scipy_ties_or_not_and_the_p_value_nearly(was: list[int], now: list[int]) -> None:
    ours, theirs = ks(np.array(was, float), np.array(now, float)), stats.ks_2samp(was, now, method="asymp")
    assert ours.value == pytest.approx(theirs.statistic, abs=1e-12)
    assert ours.p_value == pytest.approx(theirs.pvalue, abs=0.04)


def test_the_psi_is_the_sum_over_fifths_of_the_reference() -> None:
    was, now = np.arange(100.0), np.concatenate([np.arange(50.0), np.arange(50.0)])
    before = np.array([20.5] * 5) / 102.5
    after = np.array([40.5, 40.5, 20.5, 0.5, 0.5]) / 102.5
    assert psi(was, now).value == pytest.approx(float(np.sum((after - before) * np.log(after / before))))
    assert psi(was, was).value == pytest.approx(0, abs=1e-15)


@pytest.mark.parametrize("statistic", [ks, psi])
def test_equal_distributions_are_rejected_as_often_as_stated(statistic: object) -> None:
    draw = np.random.default_rng(7)
    p = [statistic(draw.standard_normal(150), draw.standard_normal(40)).p_value for _ in range(600)]  # type: ignore[operator]
    assert 0.02 < np.mean(np.array(p) < 0.05) < 0.08
    assert np.mean(np.array(p) < 0.01) < 0.03


@pytest.mark.parametrize(("memory", "time"), [(0.0, 1.0), (0.5, 3.0), (0.8, 9.0)])
def test_autocorrelation_time_is_that_of_the_process(memory: float, time: float) -> None:
    found = [autocorrelation_time(autoregression(seed, 400, memory, 1.0)) for seed in range(20)]
    assert 0.85 * time <= np.median(found) <= 1.6 * time


def test_resembling_days_raise_no_alarm_that_independent_days_would() -> None:
    rash, careful = [], []
    for seed in range(150):
        values = autoregression(seed, 168 + 28, 0.7, 1.0)
        was, now = values[:168], values[168:]
        rash.append(ks(was, now).p_value < 0.01)
        careful.append(ks(was, now, independent_days(was, now)).p_value < 0.01)
    assert np.mean(rash) > 0.2
    assert np.mean(careful) < 0.03


def test_a_shift_between_windows_does_not_look_like_memory() -> None:
    draw = np.random.default_rng(3)
    was, now = draw.standard_normal(168), draw.standard_normal(28) + 50
    assert min(independent_days(was, now)[0] / 168, independent_days(was, now)[1] / 28) > 0.4


def test_a_segment_has_moved_only_if_enough_of_its_skus_have() -> None:
    p = np.array([1e-9, 0.4, 0.6, 0.8])
    assert at_least(p, 1) == pytest.approx(4e-9)
    assert at_least(p, 2) == pytest.approx(0.8)
