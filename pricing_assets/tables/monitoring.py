"""Evidence of drift: what was compared each day, and what it says about the model in force."""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier

_FORECASTS = ["forecasts.demand_forecasts.mean", "forecasts.demand_forecasts.q10", "forecasts.demand_forecasts.q90"]
_SALES = ["raw.sales.units", "raw.prices.price", "raw.stock.sold_out_hours"]
_ELASTICITIES = ["forecasts.elasticities.elasticity", "forecasts.elasticities.std_error"]
_FEATURES = [
    f"features.feature_snapshots.{name}"
    for name in ("cost", "competitor_min", "competitor_count", "competitor_delta_pct", "margin_pct", "current_price")
]
_ERRORS: dict[str, Any] = {"from": [*_FORECASTS, *_SALES]}
_COMPARED: dict[str, Any] = {"from": [*_FEATURES, *_ELASTICITIES]}
_ALL: dict[str, Any] = {"from": [*_FORECASTS, *_SALES, *_FEATURES, *_ELASTICITIES]}


def _number(description: str, lineage: dict[str, Any], **kwargs: Any) -> dy.Float64:
    return dy.Float64(
        nullable=True, allow_inf=False, allow_nan=False, description=description, metadata=lineage, **kwargs
    )


class DriftMetrics(Table):
    """One row per day, metric and segment. A segment that could not be judged has no value, and the reason in words.

    Metrics: bias, scaled_error (charts of forecast errors); psi_… and ks_… of a feature; elasticity_base and
    elasticity_promotion; retraining_due.
    """

    kept = "audit"

    date = day()
    metric = identifier("what was compared")
    segment = identifier(
        "group of SKU-markets it was compared in: category · market; the model where it is about it as a whole"
    )
    value = _number(
        "sum of a chart in standard deviations, on the day of its alarm where it has one; share of SKU-markets that "
        "moved; age of the model in days",
        _ALL,
        min=0.0,
    )
    threshold = _number("from what value on it is a drift, in the unit of the value", _ALL, min=0.0)
    p_value = _number("chance of so many SKU-markets moving by chance; null for charts", _COMPARED, min=0.0, max=1.0)
    q_value = _number("p-value corrected over segments; null for charts", _COMPARED, min=0.0, max=1.0)
    drifted = dy.Bool(description="whether it calls for a person", metadata=_ALL)
    noticed_on = dy.Date(nullable=True, description="day of the alarm; null without", metadata=_ALL)
    shifted_since = dy.Date(
        nullable=True,
        description="estimated first day of a shift a chart noticed; else null",
        metadata=_ERRORS,
    )
    days_to_find = _number(
        "days a shift of demand by a fifth, or errors larger by a quarter, take to be noticed here, at most 9999; null "
        "where there is no chart",
        _ERRORS,
        min=0.0,
    )
    model_version = identifier("the champion that was judged", key=False)
    explanation = dy.String(description="what was found, in a manager's words", metadata=_ALL)
    evidence = dy.String(
        nullable=True, description="tables behind a drift, JSON; null where there is none", metadata=_ALL
    )
