"""What looks wrong in a day's prices: flags with their evidence, for people to read and for decisions to obey.

What follows from the day's snapshot alone is the identity of a row. What also rests on earlier days (`since`, `cause`,
the score of the isolation forest) is provenance: computing an earlier day again does not change a day's content.
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, day, identifier, money

REASONS = [
    "NEGATIVE_MARGIN",
    "LOW_MARGIN",
    "PRICE_SPIKE",
    "PRICE_TOO_LOW",
    "COMPETITOR_UNDERCUT",
    "STALE_PRICE",
    "MISSING_DATA",
]
SEVERITIES = ["low", "medium", "high", "severe"]
"""By money at stake and effect size; a severe anomaly holds the SKU's price."""

_PRICE = ["current_price", "usual_price", "usual_price_move_pct", "planned_price_today"]
_MARGIN = ["cost", "margin_pct", "usual_margin_pct", "usual_margin_move"]
_RIVALS = ["competitor_min", "competitor_delta_pct", "usual_competitor_delta_pct", "usual_competitor_delta_move"]
_DATA = ["price_age_days", "missing_data"]
_MEASURED = [*_PRICE, *_MARGIN, *_RIVALS, *_DATA]
_MODEL = ["price_change_1d_pct", "price_change_28d_pct", "promotion_depth_pct", "units_trend_pct", "days_of_cover"]


def _from(*features: str, provenance: bool = False) -> dict[str, Any]:
    names = [f"features.feature_snapshots.{feature}" for feature in features]
    return {"from": names, **({"provenance": True} if provenance else {})}


class PriceAnomalies(Table):
    """One row per day, SKU, market and reason: a fact that calls for a look, and a sentence that says why."""

    kept = "evidence"

    date = day()
    sku = identifier("stock keeping unit", metadata=_from("sku"))
    market = identifier("market", metadata=_from("market"))
    reason = dy.Enum(REASONS, primary_key=True, description="kind of anomaly", metadata=_from(*_MEASURED))
    detail = dy.String(
        description="kinds of data that are missing, comma separated; empty for other reasons",
        metadata=_from("missing_data"),
    )
    category = dy.String(nullable=True, description="category of the SKU on D", metadata=_from("category"))
    severity = dy.Enum(
        SEVERITIES,
        description="by money at stake and effect size; severe holds the price",
        metadata=_from(*_MEASURED, "units_28d", "revenue_28d"),
    )
    value = dy.Float64(
        nullable=True,
        description="what was measured: % of the price, points of margin or gap, days, or kinds of data, by reason",
        metadata=_from(*_MEASURED),
    )
    threshold = dy.Float64(
        nullable=True,
        description="the value from which it counts, for this SKU on this day",
        metadata=_from("usual_price_move_pct", "usual_margin_move", "usual_competitor_delta_move"),
    )
    effect = dy.Float64(
        nullable=True,
        description="value ÷ threshold; for a loss 1 + loss ÷ 5 % of the price",
        metadata=_from(*_MEASURED),
    )
    at_stake = money(
        "what a week at this price may cost, in major units of `currency`; null where no price says it",
        nullable=True,
        metadata=_from(*_PRICE, *_MARGIN, "competitor_min", "units_28d"),
    )
    currency = dy.String(nullable=True, description="ISO 4217 code of the amount at stake", metadata=_from("currency"))
    market_wide = dy.Bool(
        description="whether most SKUs of the market have the same anomaly that day: one alarm",
        metadata=_from(*_MEASURED),
    )
    explanation = dy.String(
        description="what was found and why it matters, in a manager's words",
        metadata=_from(*_MEASURED, "currency", "cost_source", "units_28d"),
    )
    since = dy.Date(
        description="first day of the unbroken run of days this cause was flagged on",
        metadata=_from(*_MEASURED, provenance=True),
    )
    cause = identifier(
        "rows that share it are one alarm: the same cause on later days, or on many SKUs",
        key=False,
        metadata=_from(*_MEASURED, provenance=True),
    )
    ml_score = dy.Float64(
        nullable=True,
        description="isolation forest score of the SKU's day, 0 to 1, higher is odder; null while the market has too "
        "little past to train on",
        metadata=_from(*_PRICE, *_MARGIN[1:], *_RIVALS[1:], *_MODEL, provenance=True),
    )
    model_hash = dy.String(
        nullable=True,
        description="content hash of the isolation forest: its training snapshots, what it looks at in them, "
        "parameters and library",
        metadata=_from(provenance=True),
    )
