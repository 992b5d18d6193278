"""What looks wrong in a day's prices: flags with their evidence, for people to read and for decisions to obey."""

from __future__ import annotations

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
"""By money at stake; a severe anomaly holds the SKU's price."""


class PriceAnomalies(Table):
    """One row per day, SKU, market and reason: a fact that calls for a look, and a sentence that says why."""

    date = day()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    reason = dy.Enum(REASONS, primary_key=True, description="kind of anomaly")
    severity = dy.Enum(SEVERITIES, description="by money at stake; severe holds the price")
    value = dy.Float64(nullable=True, description="what was measured, in the unit its explanation names")
    threshold = dy.Float64(nullable=True, description="the value from which it counts, for this SKU on this day")
    at_stake = money("what a week at this price may cost, in major units of `currency`", nullable=True)
    currency = dy.String(nullable=True, description="ISO 4217 code of the amount at stake")
    since = dy.Date(description="first day of the unbroken run of days this cause was flagged on")
    cause = identifier("rows that share it are one alarm: the same cause on later days, or on many SKUs", key=False)
    ml_score = dy.Float64(
        nullable=True,
        description="isolation forest score of the SKU's day, 0 to 1, higher is odder; null while the market has too "
        "little past to train on",
    )
    model_hash = dy.String(nullable=True, description="content hash of the isolation forest")
    explanation = dy.String(description="what was found and why it matters, in a manager's words")
