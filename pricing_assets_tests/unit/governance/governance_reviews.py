"""Prices put to people, for the tests of the review desk.

Here: what is proposed. Not here: any test.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from pricing_assets.governance import Proposal

DAY = date(2026, 11, 20)
EFFECTIVE = DAY + timedelta(days=1)


def proposal(number: int = 1, **values: Any) -> Proposal:
    """10.00 → 9.49 of a tea in Germany, confidence 0.78 under a threshold of 0.85; to be answered within three days."""
    said: dict[str, Any] = {
        "decision_id": f"{number:032x}",
        "day": DAY,
        "sku": f"SKU-{number}",
        "market": "DE",
        "category": "TEA",
        "price": Decimal("9.4900"),
        "current_price": Decimal("10.0000"),
        "currency": "EUR",
        "expires": EFFECTIVE + timedelta(days=3),
        "binds_until": EFFECTIVE + timedelta(days=3),
        "mode": "semi-auto",
        "threshold": 0.85,
        "confidence": 0.78,
    }
    return Proposal(**{**said, **values})
