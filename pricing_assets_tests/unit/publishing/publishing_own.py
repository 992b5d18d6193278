"""A connector somebody wrote for themselves: it calls out prices."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from pricing_assets.publishing.connectors import Dispatch, Receipt
from pricing_assets.publishing.connectors.connector import accepted

CALLS: list[tuple[str, int, str]] = []


class Crier:
    """Remembers what it called out."""

    asks_again = False

    def __init__(self, market: str, tills: int) -> None:
        self.market, self.tills = market, tills

    def unfit(self, prices: pl.DataFrame) -> dict[str, str]:
        return {}

    def send(self, dispatch: Dispatch) -> pl.DataFrame | None:
        CALLS.extend((self.market, self.tills, sku) for sku in dispatch.prices["sku"])
        return accepted(dispatch)

    def receipts(self) -> Sequence[Receipt]:
        return []

    def edited(self, dispatch: Dispatch) -> str | None:
        return None


def connect(market: str, tills: int) -> Crier:
    return Crier(market, tills)
