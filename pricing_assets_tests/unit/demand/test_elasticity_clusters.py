from __future__ import annotations

import numpy as np
import pytest

from pricing_assets.demand.elasticity.clusters import least_squares


def _data(seed: int):
    draw = np.random.default_rng(seed)
    week, zone = draw.integers(0, 30, 900), draw.integers(0, 12, 900)
    x = np.column_stack([np.ones(900), draw.standard_normal(900) + draw.standard_normal(30)[week]])
    y = x @ [1.0, -2.0] + draw.standard_normal(30)[week] + draw.standard_normal(12)[zone] + draw.standard_normal(900)
    return y, x, week, zone


@pytest.mark.parametrize("seed", [1, 2])
def test_one_way_clustered_errors_are_those_of_statsmodels(seed: int):
    import statsmodels.api as sm

    y, x, week, _ = _data(seed)
    theirs = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": week})
    ours = least_squares(y, x, [week])
    np.testing.assert_allclose(ours.coefficients, theirs.params, rtol=1e-10)
    np.testing.assert_allclose(ours.std_errors, theirs.bse, rtol=1e-8)


@pytest.mark.parametrize("seed", [1, 2])
def test_two_way_clustered_errors_are_those_of_statsmodels(seed: int):
    import statsmodels.api as sm

    y, x, week, zone = _data(seed)
    groups = np.column_stack([week, zone])
    theirs = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": groups})
    ours = least_squares(y, x, [week, zone])
    np.testing.assert_allclose(ours.std_errors, theirs.bse, rtol=1e-6)


def test_errors_grow_where_weeks_move_all_rows_at_once():
    y, x, week, _ = _data(3)
    alone = least_squares(y, x, [np.arange(len(y))])
    assert least_squares(y, x, [week]).std_errors[1] > 2 * alone.std_errors[1]
