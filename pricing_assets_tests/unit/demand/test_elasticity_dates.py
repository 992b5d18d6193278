from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from elasticity_panels import panel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from pricing_assets.demand.elasticity import Columns, checked
from pricing_assets.demand.elasticity.dates import STANDS_OUT, apart, beside, drawn, standing_out
from pricing_assets.demand.elasticity.design import Design, design
from pricing_assets.demand.elasticity.fixed_effects import fit
from pricing_assets.demand.elasticity.observations import observe

WEEKS = 30
WEEKDAY, WEEK = np.tile(np.arange(7), WEEKS), np.repeat(np.arange(WEEKS), 7)
MEDIAN = 0.4549364231195727  # of a squared standard normal


def _dates(strays: float, noise: float, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """True effects of 210 dates around their weekdays', and what their sales say of them."""
    draw = np.random.default_rng(seed)
    true = 0.3 * np.sin(WEEKDAY) + strays * draw.standard_normal(len(WEEKDAY))
    return true, true + noise * draw.standard_normal(len(WEEKDAY))


def _known(noise: float) -> np.ndarray:
    return np.full(len(WEEKDAY), noise**-2)


def _believed(said: np.ndarray, known: np.ndarray) -> np.ndarray:
    return drawn(said, known, WEEKDAY, WEEK, standing_out(said, known, WEEKDAY, WEEK))


def test_dates_that_do_nothing_keep_the_effect_of_their_weekday():
    true, said = _dates(strays=0.0, noise=0.1)
    assert np.abs(_believed(said, _known(0.1)) - true).max() < 0.5 * np.abs(said - true).max()


def test_dates_that_sales_know_well_are_left_as_they_are():
    _, said = _dates(strays=0.3, noise=1e-3)
    np.testing.assert_allclose(_believed(said, _known(1e-3)), said, atol=1e-3)


@pytest.mark.parametrize("strays", [0.02, 0.1, 0.4])
def test_what_is_believed_is_nearer_the_truth_than_what_dates_say_alone_or_than_their_weekdays(strays: float):
    true, said = _dates(strays, noise=0.1)
    usual = np.array([said[day == WEEKDAY].mean() for day in range(7)])[WEEKDAY]
    off = np.std(_believed(said, _known(0.1)) - true)
    assert off < 1.05 * min(np.std(said - true), np.std(usual - true))


def test_a_holiday_is_believed_whole_and_widens_no_other_date():
    _, said = _dates(strays=0.02, noise=0.1)
    holiday = said.copy()
    holiday[100] += 3.0
    before, after = _believed(said, _known(0.1)), _believed(holiday, _known(0.1))
    assert after[100] == pytest.approx(holiday[100])
    assert np.abs(np.delete(after - before, 100)).max() < 0.02


@settings(max_examples=30)
@given(st.integers(0, 10_000), st.floats(0.05, 0.5), st.floats(0.05, 0.5), st.floats(0.01, 0.3))
def test_effects_are_the_mode_of_the_dense_normal_model_of_dates_in_weeks_on_weekdays(
    seed: int, waves: float, strays: float, noise: float
):
    draw = np.random.default_rng(seed)
    said = _dates(strays, noise, seed)[1] + (waves * draw.standard_normal(WEEKS))[WEEK]
    usual = np.array([said[day == WEEKDAY].mean() for day in range(7)])[WEEKDAY]
    of_week = np.array([(said - usual)[week == WEEK].mean() for week in range(WEEKS)])[WEEK]
    own = max(np.median((said - usual - of_week) ** 2) * 7 / 6 / MEDIAN - noise**2, 1e-9)
    shared = max(np.median(of_week**2) / MEDIAN - (own + noise**2) / 7, 1e-9)
    # beside the usual of weekdays: rest ~ N(week + date, noise²), week ~ N(0, shared), date ~ N(0, own)
    covariance = own * np.eye(len(said)) + shared * np.equal.outer(WEEK, WEEK)
    mode = usual + covariance @ np.linalg.solve(covariance + noise**2 * np.eye(len(said)), said - usual)
    middle = usual + of_week * shared / (shared + (own + noise**2) / 7)
    assume(((said - middle) ** 2 < 0.999 * STANDS_OUT**2 * (own + noise**2)).all())  # no date stands out
    np.testing.assert_allclose(_believed(said, _known(noise)), mode, atol=1e-5)


def _few_skus(seed: int) -> Design:
    """Six SKUs of one market whose prices move half together and whose dates do nothing; slopes are -2 and -3."""
    columns = Columns(regular_price="regular_price")
    made = design(observe(checked(panel(skus=6, markets=1, days=120, seed=seed), columns), columns), ())
    made = made.without(set(made.names[2:]))
    together = np.bincount(made.day - made.day.min(), made.x.sum(axis=1)) / 6
    made = replace(made, x=made.x + [1.5, 0.0] * together[made.day - made.day.min()][:, None])
    beside = made.x - np.array([made.x[made.series == each].mean(axis=0) for each in range(6)])[made.series]
    units = np.random.default_rng(seed).poisson(15 * np.exp(beside @ [-2.0, -3.0]))
    return replace(made, y=units.astype(np.float64))


def _with_a_dummy_for_each_date(made: Design) -> np.ndarray:
    """What statsmodels says of both slopes of each SKU."""
    import statsmodels.api as sm

    levels, dates = np.eye(6)[made.series], np.eye(made.time.max() + 1)[made.time][:, 1:]
    slopes = (levels[:, :, None] * made.x[:, None, :]).reshape(len(made.y), -1)
    moved = np.array([np.ptp(made.x[made.series == each], axis=0) > 0 for each in range(6)]).ravel()
    found = np.full(12, np.nan)
    fitted = sm.GLM(made.y, np.hstack([slopes[:, moved], levels, dates]), family=sm.families.Poisson()).fit()
    found[moved] = fitted.params[: moved.sum()]
    return found.reshape(6, 2)


def test_what_dates_do_not_do_is_not_taken_from_prices():
    true, ours, theirs = np.array([-2.0, -3.0]), [], []
    for seed in range(1, 5):
        made = _few_skus(seed)
        assert made.time.max() > 100, "dates and prices can be told apart"
        ours.append(fit(made, np.arange(6)).own - true)
        theirs.append(_with_a_dummy_for_each_date(made) - true)
    known = np.isfinite(ours) & np.isfinite(theirs)
    assert known.mean() > 0.8
    assert np.std(np.array(ours)[known]) < 0.95 * np.std(np.array(theirs)[known])


def test_effects_of_weeks_are_drawn_to_their_categorys():
    made = _few_skus(1)
    weekly = design(observe(checked(panel(step=7), Columns()), Columns()), ())
    assert set(np.unique(made.weekday)) == set(range(7))
    assert len(np.unique(weekly.weekday)) == 1
    assert replace(made, time=made.weekday).time.max() == 6


def test_dates_of_which_no_row_is_left_say_nothing_of_the_others():
    made = _few_skus(1)
    some = made.where((made.day - made.day.min()) % 3 > 0)
    numbers = np.unique(some.time)
    assert len(numbers) < some.time.max() + 1
    closed = replace(some, time=np.searchsorted(numbers, some.time))
    np.testing.assert_allclose(fit(some, np.arange(6)).own, fit(closed, np.arange(6)).own)


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.lists(st.integers(1, 40), min_size=1, max_size=4))
def test_what_is_left_beside_trend_and_season_is_a_weighted_regressions_residual_in_each_category(
    seed: int, sizes: list[int]
):
    draw = np.random.default_rng(seed)
    category = draw.permutation(np.repeat(np.arange(len(sizes)), sizes))
    own, weight = draw.standard_normal((len(category), 3)), draw.integers(1, 100, len(category)).astype(np.float64)
    own[category == 0] = 0.0  # effects of weekdays: series say nothing of them
    effect = draw.standard_normal(len(category))
    left = beside(effect, weight, category, apart(own, weight, category))
    np.testing.assert_allclose(left[category == 0], effect[category == 0])
    for number in range(1, len(sizes)):
        mine, root = category == number, np.sqrt(weight[category == number])[:, None]
        columns = np.column_stack([np.ones(len(root)), own[mine]])
        slopes = np.linalg.lstsq(columns * root, effect[mine] * root[:, 0], rcond=1e-9)[0]
        level = np.average(effect[mine], weights=weight[mine])  # it stays
        np.testing.assert_allclose(left[mine] - level, effect[mine] - columns @ slopes, atol=1e-7)
