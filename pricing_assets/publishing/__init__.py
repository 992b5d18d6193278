"""Prices out to where they are sold: approved → scheduled → sent → acknowledged → live, one effect per price.

Here: the outbox, connectors, acknowledgements, the reconciliation with what is charged, rollbacks. Not here: which
price goes out (decisions.price_book is the only output of deciding).
"""

from __future__ import annotations

from pricing_assets.publishing.publication import Published, days_to_publish, publish, waiting
from pricing_assets.publishing.reconciliation import reconcile
from pricing_assets.publishing.rollback import Return, former_prices, return_prices
from pricing_assets.publishing.status import UNSENT, WRONG, charged_otherwise, last_prices, mismatched, states

__all__ = [
    "UNSENT",
    "WRONG",
    "Published",
    "Return",
    "charged_otherwise",
    "days_to_publish",
    "former_prices",
    "last_prices",
    "mismatched",
    "publish",
    "reconcile",
    "return_prices",
    "states",
    "waiting",
]
