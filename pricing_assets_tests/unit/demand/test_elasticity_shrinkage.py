from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pricing_assets.demand.elasticity import shrinkage
from pricing_assets.demand.elasticity.information import Slopes
from pricing_assets.demand.elasticity.shrinkage import OWN, Prior, doubted, shrink

SKU, CATEGORY = np.array([0, 0, 1, 2, 2]), np.array([0, 0, 1])


def _slopes(own: np.ndarray, errors: np.ndarray, common: np.ndarray | None = None) -> Slopes:
    precision = np.stack([np.diag(each) for each in errors**-2.0])
    weighted = np.einsum("sij,sj->si", precision, own)
    nothing = np.zeros((int(SKU.max()) + 1, own.shape[1]))
    return Slopes(precision, weighted, own, errors, np.ones_like(own), nothing if common is None else common)


def _by_hand(slopes: Slopes, prior_: Prior) -> tuple[np.ndarray, np.ndarray]:
    """Means and variances of all series by conditioning one joint normal distribution of every node of the tree."""
    width, series = slopes.own.shape[1], len(SKU)
    alike, together = (np.full((width, width), each) for each in (prior_.alike, prior_.together))
    for matrix in (alike, together):
        np.fill_diagonal(matrix, 1.0)
    spreads = [spread**2 * together for spread in prior_.spreads]
    category = CATEGORY[SKU]
    joint = np.full((series, series), prior_.spread**2)[:, :, None, None] * alike
    joint = joint + (category[:, None] == category[None])[:, :, None, None] * spreads[2]
    joint = joint + (SKU[:, None] == SKU[None])[:, :, None, None] * (spreads[1])
    joint = joint + np.eye(series)[:, :, None, None] * spreads[0]
    prior = joint.transpose(0, 2, 1, 3).reshape(series * width, -1)
    shared = (SKU[:, None] == SKU[None])[:, :, None, None] * (slopes.common[SKU][:, None, :, None] * np.eye(width))
    noise = shared.transpose(0, 2, 1, 3).reshape(series * width, -1) + np.diag((slopes.own_error**2).ravel())
    gain = prior @ np.linalg.inv(prior + noise)
    mean = prior_.mean + gain @ (slopes.own.ravel() - prior_.mean)
    return mean.reshape(series, width), np.diag(prior - gain @ prior).reshape(series, width)


@pytest.mark.parametrize("prior", [OWN, Prior(0.8, 0.6, spreads=(0.1, 0.3, 0.2), alike=0.8, together=0.8)])
@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_tree_gives_what_one_joint_normal_distribution_gives(prior: Prior, seed: int):
    draw = np.random.default_rng(seed)
    slopes = _slopes(-2 + draw.standard_normal((5, 2)), 0.1 + draw.random((5, 2)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shrinkage, "_ROUNDS", 0)
        made = shrink(slopes, SKU, CATEGORY, prior=prior)
    means, variances = _by_hand(slopes, prior)
    np.testing.assert_allclose(made.slopes, means, rtol=1e-6)
    np.testing.assert_allclose(made.errors**2, variances, rtol=1e-6)


def test_what_all_series_of_a_sku_share_by_chance_makes_its_mean_unsure():
    own, errors = np.full((5, 2), -3.0), np.full((5, 2), 0.05)
    alone = shrink(_slopes(own, errors), SKU, CATEGORY)
    shared = shrink(_slopes(own, errors, np.full((3, 2), 0.5)), SKU, CATEGORY)
    assert (shared.errors[SKU == 0] > 3 * alone.errors[SKU == 0]).all()
    assert (shared.shrinkage >= 0).all()


def test_doubt_that_rows_cannot_tell_is_added_to_what_each_series_is_unsure_of():
    draw = np.random.default_rng(3)
    own, errors, doubt = draw.standard_normal((5, 2)), 0.1 + draw.random((5, 2)), draw.random((5, 2))
    made, wider = doubted(_slopes(own, errors), doubt), _slopes(own, np.sqrt(errors**2 + doubt))
    np.testing.assert_allclose(made.precision, wider.precision)
    np.testing.assert_allclose(made.weighted, wider.weighted)


def test_the_unsure_lean_on_others_and_the_sure_do_not():
    own = np.array([[-1.0, -1.0], [-1.0, -1.0], [-4.0, -4.0], [-2.0, -2.0], [-2.0, -2.0]])
    errors = np.array([[0.05] * 2, [0.05] * 2, [3.0] * 2, [0.05] * 2, [0.05] * 2])
    made = shrink(_slopes(own, errors), SKU, CATEGORY)
    assert made.slopes[0, 0] == pytest.approx(-1.0, abs=0.1)
    assert made.slopes[2, 0] > -3.0
    assert made.shrinkage[2, 0] > 0.7
    assert made.shrinkage[0, 0] < 0.2


def test_a_shared_slope_is_one_for_all_series():
    own = np.array([[-1.0, 0.0], [-1.0, 2.0], [-4.0, 4.0], [-2.0, 2.0], [-2.0, 2.0]])
    made = shrink(_slopes(own, np.full((5, 2), 0.1)), SKU, CATEGORY, prices=1, shared=[1])
    np.testing.assert_allclose(made.slopes[:, 1], 2.0, atol=0.05)
    assert np.ptp(made.slopes[:, 0]) > 1.0


def test_how_much_skus_differ_is_learned():
    draw = np.random.default_rng(2)
    sku, category = np.arange(80), np.zeros(80, dtype=np.int64)

    def weight(spread: float) -> float:
        own = -2 + spread * draw.standard_normal((80, 2)) + 0.5 * draw.standard_normal((80, 2))
        precision = np.stack([np.eye(2) / 0.25] * 80)
        nothing = np.zeros((80, 2))
        slopes = Slopes(precision, own / 0.25, own, nothing + 0.5, nothing + 1, nothing)
        return float(shrink(slopes, sku, category).shrinkage[:, 0].mean())

    assert weight(0.05) > 0.75
    assert weight(1.5) < 0.25
