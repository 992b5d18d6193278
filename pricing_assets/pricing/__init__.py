"""From features and strategies to a price: proposal → constraints → ending → decision → explanation; and its replay.

Here: what a day's decisions are, in Int64 minor units. Not here: what a strategy means (strategies/), where rows are
kept (lake/), what people decide (governance/).
"""

from __future__ import annotations

from pricing_assets.pricing.basis import LOGIC_VERSION, Terms, basis, decision_ids, settled
from pricing_assets.pricing.batch import Batch, commit_days, decide_days
from pricing_assets.pricing.book import book
from pricing_assets.pricing.decision import Decided, decide, unread
from pricing_assets.pricing.drivers import with_drivers
from pricing_assets.pricing.entries import enter
from pricing_assets.pricing.terms import Active, People, Timing

__all__ = [
    "LOGIC_VERSION",
    "Active",
    "Batch",
    "Decided",
    "People",
    "Terms",
    "Timing",
    "basis",
    "book",
    "commit_days",
    "decide",
    "decide_days",
    "decision_ids",
    "enter",
    "settled",
    "unread",
    "with_drivers",
]
