"""The sentence a manager reads about a metric of a segment.

Here: words. Not here: any arithmetic but rounding.
"""

from __future__ import annotations

import math

from pricing_assets.monitoring.decay import BIAS, Judged
from pricing_assets.monitoring.plan import Incumbent, Plan
from pricing_assets.monitoring.shares import Share


def of_chart(judged: Judged, plan: Plan) -> str:
    """About a chart of forecast errors."""
    if judged.reason:
        return f"not judged: {judged.reason}"
    if judged.size is None or judged.usual is None:
        return f"{_quiet(judged)}; {_sensitivity(judged, plan)}"
    if judged.metric == BIAS:
        side = "above" if judged.size >= 0 else "below"
        said = f"demand is about {abs(judged.size):.0%} further {side} the forecast than usual"
    else:
        now, usual = math.exp(judged.usual + judged.size), math.exp(judged.usual)  # logarithms are charted
        said = f"forecasts miss by {now:.2f} of their own standard deviation, usually by {usual:.2f}"
    return f"{said}, since about {judged.since} (noticed on {judged.noticed}); our own price changes are allowed for"


def of_share(share: Share) -> str:
    """About features or elasticities of a segment's SKUs."""
    if share.reason:
        return f"not judged: {share.reason}"
    said = f"{share.found} of {share.tested} SKU-markets have {_what(share.metric)}"
    needed = math.ceil((share.threshold or 0.0) * share.tested - 1e-9)
    if not share.drifted:
        return f"{said}; from {needed} on it is a drift"
    return f"{said}, more than chance explains; {_typical(share)}"


def of_schedule(champion: Incumbent, days: int, plan: Plan) -> str:
    """About the age of the champion."""
    return (
        f"model {champion.version} was trained on {champion.trained_on}, {days} days ago; after "
        f"{plan.retrain_after_days} a person should decide whether to retrain"
    )


def _quiet(judged: Judged) -> str:
    return "demand keeps to the forecast" if judged.metric == BIAS else "forecasts miss as much as usual"


def _sensitivity(judged: Judged, plan: Plan) -> str:
    size = f"{plan.shift:.0%}" if judged.metric == BIAS else f"{plan.decay:.0%}"
    what = f"a shift of {size}" if judged.metric == BIAS else f"errors larger by {size}"
    days = judged.days_to_find or math.inf
    if days > 365:
        return f"{what} would drown in the noise of this segment"
    return f"{what} would be noticed after about {math.ceil(days)} days"


def _what(metric: str) -> str:
    kind, _, name = metric.partition("_")
    return f"a {name} elasticity outside its old interval" if kind == "elasticity" else f"a shifted {name}"


def _typical(share: Share) -> str:
    """The middle SKU of those found."""
    if share.tests is None:
        return ""
    found = share.tests.filter("found").sort("value", "sku", "market")
    was, now, sku = (found[name][found.height // 2] for name in ("was", "now", "sku"))
    return f"as {sku}, from {was:.4g} to {now:.4g}"
