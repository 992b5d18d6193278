"""Markets that several tests look at, each simulated once."""

from __future__ import annotations

import pytest

from pricing_assets.simulation import MarketSettings, Simulated, simulate
from pricing_assets.simulation.trading import Trade, trade

DEFAULT = MarketSettings()
SMALL = MarketSettings(skus=12, days=150, seed=3)
KEY = ["date", "sku", "market"]


@pytest.fixture(scope="session")
def market() -> Simulated:
    """The default market."""
    return simulate(DEFAULT)


@pytest.fixture(scope="session")
def kept() -> Trade:
    """What the default market kept, before anything is left out, corrected or spoilt."""
    return trade(DEFAULT)
