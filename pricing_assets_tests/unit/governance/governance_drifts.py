"""Drift events brought as far as a test needs them.

Here: one function per state. Not here: what is true of it (the tests).
"""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from pricing_assets.governance import Drift, DriftEvent, Store, Validated

DAYS = timedelta(days=3)
PSI = Drift("demand", None, "psi", "HOME", {"psi": 0.4})
GOOD = Validated(1, "a" * 64, "b" * 64)


def opened(store: Store, drift: Drift = PSI, lasting: timedelta = DAYS) -> DriftEvent:
    return store.gate.open(drift, "PSI is 0.4, expected at most 0.2", lasting).event


def approved(store: Store, drift: Drift = PSI, lasting: timedelta = DAYS, by: str = "ann") -> DriftEvent:
    event = opened(store, drift, lasting)
    store.decide(by, event.subject, "approve", "looks real", f"yes {event.id}")
    return store.gate.event(event.id)


def validated(store: Store, drift: Drift = PSI, what: Validated = GOOD) -> DriftEvent:
    event = approved(store, drift)
    store.gate.claim(event.id, "root")
    return store.gate.record_validation(event.id, "root", what)


def promoted(store: Store, drift: Drift = PSI, what: Validated = GOOD) -> DriftEvent:
    event = validated(store, drift, what)
    store.gate.promote(event.id, "root", what, second_approval=False)
    ended = {"version": what.version, "report_hash": what.report_hash}
    store.gate.record_outcome(event.id, "root", "promoted", ["better"], **ended)  # type: ignore[arg-type]
    return store.gate.event(event.id)


def outlast(event: DriftEvent) -> None:
    """Waits until the event has expired."""
    time.sleep(max((event.expires - datetime.now(UTC)).total_seconds(), 0) + 0.01)


def state(store: Store, event: DriftEvent) -> str:
    return store.gate.event(event.id).state(datetime.now(UTC))
