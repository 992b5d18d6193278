from __future__ import annotations

import numpy as np
import pytest
from elasticity_panels import panel

from pricing_assets.demand.elasticity import Columns, checked, elasticities
from pricing_assets.demand.elasticity.design import design
from pricing_assets.demand.elasticity.estimation import tree
from pricing_assets.demand.elasticity.observations import observe
from pricing_assets.demand.elasticity.traits import Traits, steepened, traits

COLUMNS = Columns(
    regular_price="regular_price", promotions=("feature",), rivals=("rival_a",), sku="sku", category="category"
)


def _traits(**planted: float) -> Traits:
    observed = observe(checked(panel(skus=16, days=400, volume=80.0, **planted), COLUMNS), COLUMNS)
    return traits(design(observed, ()), *tree(observed.series))


def test_customers_of_constant_elasticity_neither_remember_nor_mind_more():
    told = _traits()
    assert not told.remember
    assert told.curvature < 3 * told.curvature_error + 0.1


def test_customers_who_remember_prices_are_told_by_all_series_together():
    assert _traits(newness=-2.0).remember


@pytest.mark.parametrize("planted", [1.0, 2.5])
def test_how_elasticities_grow_with_the_price_is_told_by_promotions(planted: float):
    told = _traits(curvature=planted)
    assert told.curvature == pytest.approx(planted, abs=max(0.6, 3 * told.curvature_error))


def test_an_elasticity_is_of_the_days_after_a_change_not_of_its_first():
    rows = elasticities(panel(skus=16, days=400, volume=80.0, newness=-2.0), COLUMNS)
    over_28_days, over_7_days = 0.32, 0.69  # of a change, what is new to customers on average
    for kind, own, share in (("base", -2.0, over_28_days), ("promotion", -3.0, over_7_days)):
        assert rows.filter(kind=kind)["elasticity"].mean() == pytest.approx(own - 2.0 * share, abs=0.3)


def test_a_base_elasticity_is_that_of_the_last_price():
    observed = observe(checked(panel(skus=4, markets=1), COLUMNS), COLUMNS)
    whole = design(observed, ())
    times, away = steepened(whole, 2.0)
    last = [part["base"][-1] - part["base"].mean() for part in observed.rows.partition_by("unique_id")]
    np.testing.assert_allclose(away, last)
    np.testing.assert_allclose(times, np.exp(2.0 * np.array(last)))
    rows = elasticities(panel(skus=4, markets=1), COLUMNS)
    assert rows.filter(kind="base")["curvature"].n_unique() == 1
    assert rows.filter(kind="promotion")["curvature"].is_null().all()
