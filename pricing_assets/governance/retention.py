"""Audit rows that are no longer kept: counted, and removed under an event that says up to when.

Here: both, inside a transaction that is already open. Not here: how long the audit is kept (settings). Events stay for
ever: what is in force follows from them.
"""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from pricing_assets.governance import ledger
from pricing_assets.governance.ledger import Request
from pricing_assets.governance.schema import AUDIT

EXPIRED = "audit_expired"
STREAM = "retention:audit"


def count(connection: sa.Connection, before: datetime) -> int:
    """How many audit rows were recorded before a moment."""
    return int(connection.execute(sa.select(sa.func.count()).select_from(AUDIT).where(_older(before))).scalar_one())


def _older(before: datetime) -> sa.ColumnElement[bool]:
    """The rows up to the first one recorded at the moment or later: a clock that was set back makes nothing old."""
    moment = ledger.written(before)
    first_kept = sa.select(sa.func.min(AUDIT.c.seq)).where(AUDIT.c.recorded_at >= moment).scalar_subquery()
    return (AUDIT.c.recorded_at < moment) & sa.func.coalesce(AUDIT.c.seq < first_kept, sa.true())


def expire(connection: sa.Connection, request: Request, before: datetime) -> int:
    """Removes the audit rows recorded before a moment; returns how many. Where there are none, nothing is recorded."""
    rows = count(connection, before)
    if rows:
        said = {"before": ledger.written(before), "rows": rows}
        ledger.append(connection, STREAM, request, EXPIRED, said, after=ledger.latest(connection, STREAM))
        connection.execute(sa.delete(AUDIT).where(_older(before)))
    return rows
