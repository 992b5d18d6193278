"""From what size on a deviation is an anomaly: floors that hold for every SKU, and how its own past raises them.

Here: numbers and their units, read by whoever flags anomalies and by whoever plants them to measure the flags.
Not here: how a deviation is measured (flags.py), what it costs (severity.py).

A deviation counts from `max(floor, TIMES_OWN × the SKU's own usual deviation)` on. The usual deviation is the 80 %
quantile of what the SKU deviated on the unplanned days of its own trailing window, the day itself left out; below 14
such days nothing is usual yet (features/baselines.py). A planned promotion, known before its day, moves what is
expected of the day; so neither it nor its end is an anomaly.
"""

from __future__ import annotations

from collections.abc import Mapping

FLOORS: Mapping[str, float] = {
    "NEGATIVE_MARGIN": 0.0,  # loss as % of the price: every price below its cost counts
    "LOW_MARGIN": 10.0,  # percentage points of margin lost to a cost above the usual one, margin still ≥ 0
    "PRICE_SPIKE": 20.0,  # % above the usual price, or above the planned one where that is higher
    "PRICE_TOO_LOW": 20.0,  # % below the usual price, or below the planned one where that is lower
    "COMPETITOR_UNDERCUT": 15.0,  # points by which (price − lowest rival) as % of the lowest rival exceeds its usual
    "STALE_PRICE": 3.0,  # days since the last price was delivered; fewer are MISSING_DATA
    "MISSING_DATA": 1.0,  # kinds of data that should have come and did not: price, sales, stock, rivals
}
"""Smallest deviation that counts, by reason, in the unit named beside it."""

LOSS_STEP = 5.0
"""Every loss is over its floor of 0, so NEGATIVE_MARGIN has effect size 1 at cost, and 1 more for each of these %."""

TIMES_OWN = 3.0
"""Times its own usual deviation that a SKU must deviate; about four standard deviations where they are normal."""

EXTREMES: Mapping[str, float] = {
    "PRICE_SPIKE": 400.0,  # five times the usual price, or the planned one
    "PRICE_TOO_LOW": 80.0,  # a fifth of it
    "NEGATIVE_MARGIN": 100.0,  # half of the cost
    "COMPETITOR_UNDERCUT": 400.0,  # five times the lowest rival
}
"""Deviations that no past makes ordinary and no small turnover makes harmless, in the units of FLOORS.

A slipped decimal point moves a price by ten at least. Five leaves room for a price that was raised or lowered as well;
half of the cost tells it of a SKU too new to have a usual price, up to a margin of 80 %.
"""

FOLLOWS_FROM: Mapping[str, tuple[str, ...]] = {
    "NEGATIVE_MARGIN": ("PRICE_TOO_LOW", "LOW_MARGIN"),
    "LOW_MARGIN": ("PRICE_TOO_LOW", "NEGATIVE_MARGIN"),
    "COMPETITOR_UNDERCUT": ("PRICE_SPIKE",),
    "STALE_PRICE": ("MISSING_DATA",),
    "MISSING_DATA": ("STALE_PRICE",),
}
"""Reasons that another one on the same SKU and day explains: a price below cost may be a price too low.

LOW_MARGIN and COMPETITOR_UNDERCUT are not flagged beside what explains them.
"""
