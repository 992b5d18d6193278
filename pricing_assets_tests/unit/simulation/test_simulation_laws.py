"""Every law is 1 at the anchor, falls as the own price rises, and answers there with the planted elasticities."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.simulation.laws import LAWS, Law, Offer, Tastes

STEP = 1e-5
TASTES = Tastes(base=np.array([1.8]), promotion=np.array([3.0]), substitute=np.array([0.4]), rival=np.array([0.3]))
each_law = pytest.mark.parametrize("law", LAWS.values(), ids=LAWS)


def offer(**changes: float) -> Offer:
    given = dict.fromkeys(("price", "regular", "anchor", "memory"), 10.0) | {"substitutes": 0.0, "rivals": 0.0}
    return Offer(**{name: np.array([value]) for name, value in (given | changes).items()})


def slope(law: Law, **changes: float) -> float:
    """Change of log demand per log step of what changes."""
    return float(np.log(law(offer(**changes), TASTES) / law(offer(), TASTES))[0] / STEP)


@each_law
def test_demand_at_the_anchor_is_the_planted_volume(law: Law) -> None:
    assert law(offer(), TASTES) == pytest.approx(1.0)


@each_law
@given(
    prices=st.lists(st.floats(1, 40), min_size=2, max_size=2, unique=True),
    regular=st.floats(5, 20),
    memory=st.floats(5, 20),
    pulls=st.tuples(st.floats(-0.3, 0.3), st.floats(-0.3, 0.3)),
)
def test_demand_never_rises_with_the_own_price(
    law: Law, prices: list[float], regular: float, memory: float, pulls: tuple[float, float]
) -> None:
    cheap, dear = sorted(prices)
    base = offer(regular=regular, memory=memory, substitutes=pulls[0], rivals=pulls[1])
    at_cheap, at_dear = (law(replace(base, price=np.array([price])), TASTES)[0] for price in (cheap, dear))
    assert at_cheap >= at_dear >= 0


@each_law
def test_a_dearer_regular_price_costs_demand_by_the_base_elasticity(law: Law) -> None:
    dearer = 10 * np.exp(STEP)
    assert slope(law, price=dearer, regular=dearer, memory=dearer) == pytest.approx(-1.8, abs=1e-3)


@each_law
def test_a_promotion_brings_demand_by_the_promotion_elasticity(law: Law) -> None:
    assert slope(law, price=10 * np.exp(-STEP)) == pytest.approx(3.0, abs=1e-3)


@each_law
def test_dearer_substitutes_and_rivals_bring_demand(law: Law) -> None:
    assert slope(law, substitutes=STEP) == pytest.approx(0.4, abs=1e-3)
    assert slope(law, rivals=STEP) == pytest.approx(0.3, abs=1e-3)


def test_customers_who_remember_a_lower_price_mind_a_rise_more_than_they_like_a_cut() -> None:
    law = LAWS["reference_price"]
    gain = law(offer(price=9.0), TASTES)[0] - 1
    loss = 1 - law(offer(price=10 / 0.9), TASTES)[0]
    assert law(offer(price=10 / 0.9), TASTES)[0] * law(offer(price=9.0), TASTES)[0] < 1
    assert gain > 0 and loss > 0
