"""Monitoring: does the champion still know the market it was promoted in?

Here: drift of features, decay of forecasts, shifts of elasticities, and the events they call for, as plain rows. Pure
functions over frames. Not here: forecasts and elasticities themselves (demand/), training
(models/), what people decide about an event (governance/).

    forecasts beside sales → segment errors → innovations → CUSUM ┐
    feature snapshots → PSI, KS → shares of SKUs                  ├→ drift_metrics → events_to_open
    elasticities, old and new → shares of SKUs                    ┘
"""

from __future__ import annotations

from pricing_assets.monitoring.events import FoundDrift, day_of, events_to_open
from pricing_assets.monitoring.evidence import draw
from pricing_assets.monitoring.inputs import Watched, metrics_of
from pricing_assets.monitoring.metrics import RETRAINING_DUE, drift_metrics, retraining_due
from pricing_assets.monitoring.plan import FEATURES, Feature, Incumbent, Plan

__all__ = [
    "FEATURES",
    "RETRAINING_DUE",
    "Feature",
    "FoundDrift",
    "Incumbent",
    "Plan",
    "Watched",
    "day_of",
    "draw",
    "drift_metrics",
    "events_to_open",
    "metrics_of",
    "retraining_due",
]
