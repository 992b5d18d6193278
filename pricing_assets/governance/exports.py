"""The whole store as tables for analysts.

Here: rows of the tables in tables/governance that are exported. Not here: where they are written (lake/warehouse).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

import polars as pl

from pricing_assets.governance import autonomy
from pricing_assets.governance.drift_records import DriftEvent
from pricing_assets.governance.lateness import LateDay
from pricing_assets.governance.ledger import dumps
from pricing_assets.governance.review_records import Review
from pricing_assets.governance.store import Store
from pricing_assets.tables.base import Table
from pricing_assets.tables.governance import Audit, Autonomy, DriftEvents, Events, LateDays, Overrides, Reviews


def exported(store: Store, day: date) -> dict[type[Table], pl.DataFrame]:
    """Table → its rows; the state of an override is that on an effective day."""
    events = [{**vars(event), "payload": dumps(event.payload)} for event in store.events()]
    audit = [{**row, "before": _json(row["before"]), "after": dumps(row["after"])} for row in store.audit()]
    overrides = [
        {**vars(each), **vars(each.scope), "override_id": each.id, "state": each.state(day)}
        for each in store.overrides()
    ]
    reviews = store.desk.reviews()
    now = datetime.now(UTC)
    return {
        Events: _rows(Events, events),
        Audit: _rows(Audit, audit),
        Overrides: _rows(Overrides, overrides),
        Reviews: _rows(Reviews, [_review(each, day) for each in reviews]),
        Autonomy: _rows(Autonomy, autonomy.summary(store.desk.autonomy(), reviews)),
        DriftEvents: _rows(DriftEvents, [_drift(each, now) for each in store.gate.events()]),
        LateDays: _rows(LateDays, [_late(each) for each in store.lateness.days()]),
    }


def _review(review: Review, day: date) -> dict[str, Any]:
    asked = review.proposal
    return {
        **vars(review),
        **vars(asked),
        "review_id": review.id,
        "date": asked.day,
        "proposed_price": asked.price,
        "price": review.price,
        "state": review.state(day),
        "answered_by": review.by,
        "answered_at": review.at,
    }


def _late(late: LateDay) -> dict[str, Any]:
    return {**vars(late), "date": late.day, "state": late.state, "late_seconds": late.late_seconds}


def _drift(event: DriftEvent, now: datetime) -> dict[str, Any]:
    answered, validated, outcome = event.answered, event.validated, event.outcome
    return {
        **vars(event),
        **vars(event.drift),
        "event_id": event.id,
        "evidence": dumps(event.drift.evidence),
        "state": event.state(now),
        "answered_by": answered and answered.by,
        "answered_at": answered and answered.at,
        "answer_reason": answered and answered.reason,
        "challenger": validated and validated.version,
        "artifact_hash": validated and validated.artifact_hash,
        "report_hash": validated and validated.report_hash,
        "outcome": outcome and outcome.result,
        "outcome_reasons": outcome and "; ".join(outcome.reasons),
        "ended_at": outcome and outcome.at,
    }


def _json(state: Mapping[str, Any] | None) -> str | None:
    return None if state is None else dumps(state)


def _rows(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    return table.validate(pl.DataFrame(rows, schema=table.create_empty().schema))
