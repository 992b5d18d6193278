"""Demand: how much will be sold, how sure that is, and what a price does to it.

Here: panels, forecasts of days and weeks with their likely range, backtests, elasticities, demand response. Pure
functions over frames. Not here: where models are kept (models/), when they are trained again (monitoring/).

- `fit` trains a model on a panel; it forecasts, says what contributed, is saved and loaded.
- `backtest` says how good it would have been.
"""

from __future__ import annotations

from pricing_assets.demand.backtest import Backtest, backtest
from pricing_assets.demand.model import DemandModel, fit, load
from pricing_assets.demand.panel import checked, read_panel
from pricing_assets.demand.plan import Plan

__all__ = ["Backtest", "DemandModel", "Plan", "backtest", "checked", "fit", "load", "read_panel"]
