"""What a connector is: it takes a dispatch to where prices are sold and brings back what was said.

Here: the interface, and what passes through it. Not here: any connector; when one is asked (passes).

To write one: a class with these four methods and `asks_again`; name its factory in source.yaml as
`{connector: custom, factory: "module:name", options: {…}}`; it is called with the market and the options.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Protocol

import polars as pl

from pricing_assets.tables.money import exponent

ANSWER: dict[str, Any] = {
    "sku": pl.String,
    "market": pl.String,
    "price": pl.String,
    "status": pl.String,
    "reason": pl.String,
}
"""What a receiver says of a price, as it said it: status accepted or rejected; reason may be null."""


class Unreachable(Exception):
    """The receiver gave no answer that can be understood: whether the prices arrived is unknown. Asked again."""


class Refused(Exception):
    """The receiver will not take this dispatch, however often it is asked."""


@dataclass(frozen=True)
class Dispatch:
    """Prices of one market that go out together. The receiver is told the key: the same key has one effect.

    `prices` has sku, entry_no, price (Decimal), currency and decision_id, by SKU.
    """

    key: str
    market: str
    effective_from: datetime
    prices: pl.DataFrame


@dataclass(frozen=True)
class Receipt:
    """An acknowledgement that came by itself: rows as ANSWER has them, or the fault for which it cannot be read."""

    name: str
    rows: pl.DataFrame
    fault: str | None
    done: Callable[[], None]
    """Puts it away, once what it says is on disk."""


class Connector(Protocol):
    """Takes dispatches of one market."""

    @property
    def asks_again(self) -> bool:
        """Whether sending the same dispatch again is how an answer still missing is asked for."""

    def unfit(self, prices: pl.DataFrame) -> dict[str, str]:
        """SKU → why this receiver could not take its price, whatever is tried."""

    def send(self, dispatch: Dispatch) -> pl.DataFrame | None:
        """Delivers; what the receiver answered (ANSWER), or None where the answer comes later.

        Sending a key again has no further effect. Raises Unreachable where it is not known whether it arrived, and
        Refused where it never will.
        """

    def receipts(self) -> Sequence[Receipt]:
        """Acknowledgements that came since by themselves, oldest first."""

    def edited(self, dispatch: Dispatch) -> str | None:
        """How what was delivered is not what was sent any more, as far as can be seen; None where it is."""


def amount(price: Decimal, currency: str) -> str:
    """A price with the decimals of its currency.

    >>> amount(Decimal("4.4900"), "EUR"), amount(Decimal("120.0000"), "JPY")
    ('4.49', '120')
    """
    return f"{price:.{exponent(currency)}f}"


def accepted(dispatch: Dispatch) -> pl.DataFrame:
    """The answer of a receiver that takes every price."""
    rows = [
        (row["sku"], dispatch.market, amount(row["price"], row["currency"]), "accepted", None)
        for row in dispatch.prices.iter_rows(named=True)
    ]
    return pl.DataFrame(rows, schema=ANSWER, orient="row")
