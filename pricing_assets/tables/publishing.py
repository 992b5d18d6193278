"""What went out: every state each price of the price book went through, and where what is charged differs from it.

Here: the outbox as analysts see it, and the daily reconciliation. Not here: what is to go out (decisions.price_book).
"""

from __future__ import annotations

from typing import Any

import dataframely as dy

from pricing_assets.tables.base import Table, currency, day, identifier, moment, money

STATES = [
    *("scheduled", "sending", "failed", "sent", "acknowledged", "live"),
    *("stopped", "refused", "mismatched", "superseded", "expired"),
]
MISMATCHES = [
    *("not_charged", "other_price", "other_currency", "no_price", "charged_unsent"),
    *("acknowledged_unsent", "unknown_market", "unreadable_acknowledgement"),
]
CHARGED_MISMATCHES = MISMATCHES[:5]
"""Those a day's prices show; the others come with acknowledgements."""


def _book(name: str) -> dict[str, Any]:
    return {"from": [f"decisions.price_book.{name}"]}


_CHARGED = {
    "from": [f"publishing.publications.{name}" for name in ("price", "currency", "state")]
    + [f"raw.prices.{name}" for name in ("price", "currency")]
}


class Publications(Table):
    """One row per state a price went through. Append-only; the highest step of an entry of the price book stands.

    An entry without a row is approved and waits. The table is the outbox itself: a price is sent only after the row
    that says so is on disk.
    """

    kept = "audit"

    date = day()
    sku = identifier("stock keeping unit", metadata=_book("sku"))
    market = identifier("market", metadata=_book("market"))
    effective_from = dy.Datetime(
        primary_key=True,
        time_unit="us",
        time_zone="UTC",
        description="when the price takes effect, UTC",
        metadata=_book("effective_from"),
    )
    entry_no = dy.Int64(primary_key=True, min=1, description="entry of the price book", metadata=_book("entry_no"))
    step = dy.Int64(primary_key=True, min=1, description="counts the states of this entry")
    state = dy.Enum(
        STATES,
        description="scheduled, sending (from here on it may have arrived), failed (no answer, tried again), sent,"
        " acknowledged, live; stopped at the cut-off; refused or mismatched by the receiver; superseded, expired",
    )
    price = money("price of the entry", min_exclusive=0, metadata=_book("price"))
    currency = currency(metadata=_book("currency"))
    decision_id = identifier("decision behind the entry", key=False, metadata=_book("decision_id"))
    connector = dy.String(nullable=True, description="connector it goes through; null where the market has none")
    dispatch = dy.String(
        nullable=True, description="idempotency key of the dispatch it went in: hash of its content; null before"
    )
    message = dy.String(nullable=True, description="why it came to this state, in a manager's words")
    recorded_at = moment("when the state was recorded", provenance=True)


class Reconciliations(Table):
    """One row per mismatch of a day: a price sent that is not the one charged, an acknowledgement of none sent."""

    kept = "audit"

    date = day("day the price was charged, or the acknowledgement read")
    sku = identifier("stock keeping unit; the file where an acknowledgement could not be read")
    market = identifier("market")
    kind = dy.Enum(
        MISMATCHES,
        primary_key=True,
        description="not_charged: the former price still is; other_price, other_currency; no_price: none is known;"
        " charged_unsent: changed, but not by us; acknowledged_unsent, unknown_market, unreadable_acknowledgement",
    )
    sent_price = money("price sent and in force that day, null where none was", nullable=True, metadata=_CHARGED)
    other_price = money("price charged, or acknowledged; null where unknown", nullable=True, metadata=_CHARGED)
    currency = currency(nullable=True)
    effective_from = moment("since when the price sent is in force, UTC; null where none was", nullable=True)
    decision_id = dy.String(nullable=True, description="decision behind the price sent; null where none was")
    message = dy.String(description="what was found, in a manager's words", metadata=_CHARGED)
