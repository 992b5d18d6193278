"""A clock set back: what people said stays in the order they said it, and nothing is lost or done twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from pricing_assets.errors import PricingError
from pricing_assets.governance import Drift, Scope, Store, ledger

NOW = datetime(2026, 3, 4, 10, tzinfo=UTC)
Text = Callable[..., str]
Clock = Callable[[timedelta], None]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the clock of the ledger so far from NOW."""
    from pricing_assets.governance import desk, gate, store

    def at(distance: timedelta) -> None:
        class Clock(datetime):
            @classmethod
            def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
                return NOW + distance

        for module in (ledger, desk, gate, store):
            monkeypatch.setattr(module, "datetime", Clock)

    at(timedelta())
    return at


BACK = timedelta(hours=-3)


def test_the_last_word_on_a_strategy_is_the_one_recorded_last(store: Store, text: Text, clock: Clock) -> None:
    store.activate(text(factor=0.9), "ann", "r", "k1")
    clock(BACK)
    second = store.activate(text(factor=0.8), "ann", "r", "k2")
    assert store.active() == [second]
    assert second.activated_at == NOW + BACK, "what the clock said is kept"
    assert store.active(store.newest() - 1)[0].version == 1


def test_an_override_set_before_the_jump_is_known_after_it(store: Store, clock: Clock) -> None:
    day = date(2026, 3, 5)
    frozen = store.set_override("PRICE_FREEZE", Scope(sku="A"), (day, day), by="ann", reason="r", key="k1", today=day)
    clock(BACK)
    assert store.overrides(store.newest()) == [frozen]
    store.end_override(frozen.id, "bob", "r", "k2")
    assert [each.ended_by for each in store.overrides(store.newest())] == ["bob"]


def test_an_approval_is_given_and_claimed_once_whatever_the_clock_says(store: Store, clock: Clock) -> None:
    drift = Drift("demand-daily", None, "psi", "all")
    event, new = store.gate.open(drift, "r", timedelta(days=7))
    assert new
    store.decide("ann", event.subject, "approve", "r", "k1")
    seen = store.gate.approved_since(0)[-1].sequence
    clock(BACK)
    assert store.gate.open(drift, "r", timedelta(days=7)) == (store.gate.event(event.id), False)
    with pytest.raises(PricingError, match="approved by ann"):
        store.decide("bob", event.subject, "approve", "r", "k2")
    store.gate.claim(event.id, "run-1")
    with pytest.raises(PricingError, match="consumed"):
        store.gate.claim(event.id, "run-2")
    assert store.gate.approved_since(seen) == []
