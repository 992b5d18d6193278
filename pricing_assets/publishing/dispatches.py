"""Dispatches: prices of one market and moment that go out together, under a key that is their content.

Here: making dispatches of prices, and finding one again from what the outbox says of it. Not here: sending them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.publishing.connectors import Dispatch

_SENT = ["sku", "entry_no", "price", "currency", "decision_id"]


def dispatches(prices: pl.DataFrame) -> Iterator[tuple[Dispatch, pl.DataFrame]]:
    """A dispatch per market and moment, by both, each with its rows of `prices`."""
    ordered = prices.sort("market", "effective_from", "sku", "entry_no")
    for (market, moment), rows in ordered.group_by("market", "effective_from", maintain_order=True):
        content = rows.select(_SENT)
        key = _key(str(market), str(moment), rows["connector"][0], content)
        yield Dispatch(key, str(market), moment, content), rows


def again(rows: pl.DataFrame) -> Iterator[tuple[Dispatch, pl.DataFrame]]:
    """The dispatches that rows of the outbox went in, as they were. Raises PricingError where the rows were changed."""
    ordered = rows.sort("market", "effective_from", "sku", "entry_no")
    for (recorded,), part in ordered.group_by("dispatch", maintain_order=True):
        market, moment = part["market"][0], part["effective_from"][0]
        content = part.select(_SENT)
        key = _key(market, str(moment), part["connector"][0], content)
        if key != recorded:
            raise PricingError(
                f"publishing.publications: dispatch {str(recorded)[:12]} of {market} is not what was sent: its rows"
                f" make {key[:12]}",
                "restore the lake from a backup; nothing of it is sent again",
            )
        yield Dispatch(key, market, moment, content), part


def _key(market: str, moment: str, connector: str, content: pl.DataFrame) -> str:
    """SHA-256 over all the receiver is told."""
    said = [market, moment, connector, [[str(value) for value in row] for row in content.iter_rows()]]
    return hashlib.sha256(json.dumps(said, separators=(",", ":")).encode()).hexdigest()
