"""Rollbacks of published prices: who returned which scope of a day to its former prices, and why.

Here: the events. Not here: the prices themselves (publishing/), rollbacks of strategies (activations).
"""

from __future__ import annotations

import re
from typing import Any

import sqlalchemy as sa

from pricing_assets.errors import PricingError
from pricing_assets.governance import ledger
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.records import Event

RETURNED = "prices_returned"
STREAM = "rollback:"
_ID = re.compile(r"(?:RB-)?0*([1-9][0-9]{0,11})", re.IGNORECASE)


def identity(text: str) -> str:
    """The id as the store writes it, from what a person types: RB-000012, rb-12 or 12. Raises PricingError for others.

    >>> identity("rb-12")
    'RB-000012'
    """
    found = _ID.fullmatch(text.strip())
    if not found:
        raise PricingError(f"{text}: is no id of a rollback", "write it like RB-12; `pricing audit` shows them")
    return f"RB-{int(found[1]):06}"


def put(connection: sa.Connection, request: Request, said: dict[str, Any]) -> Event:
    """Records a rollback under the next id. Writers come one after another, so no id is given twice."""
    newest = ledger.last_of_kind(connection, RETURNED)
    number = int(newest.stream.removeprefix(f"{STREAM}RB-")) + 1 if newest else 1
    return ledger.append(connection, STREAM + identity(str(number)), request, RETURNED, said)
