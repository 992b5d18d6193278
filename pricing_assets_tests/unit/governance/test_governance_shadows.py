"""Shadows in the store, on both databases: set, replaced, ended, on record, and refused where they would clash."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from pricing_assets.errors import PricingError
from pricing_assets.governance import Store

Text = Callable[..., str]


def test_a_shadow_is_set_replaced_and_ended_with_its_history(store: Store, text: Text) -> None:
    first = store.set_shadow(text(), "ann", "try it", "k1")
    assert (first.name, first.version, first.text, first.set_by, first.reason) == ("spring", 1, text(), "ann", "try it")
    between = store.newest()
    second = store.set_shadow(text(factor=0.7), "bob", "bolder", "k2", 1)
    assert store.shadows() == [second] and second.hash != first.hash
    assert store.shadows(between) == [first]
    store.end_shadow("spring", "ann", "seen enough", "k3")
    assert store.shadows() == []
    assert [event.kind for event in store.shadow_history("spring")] == ["shadow_set", "shadow_set", "shadow_ended"]
    assert [row["subject"] for row in store.audit()] == ["shadow:spring"] * 3
    assert store.set_shadow(text(), "ann", "again", "k4").version == 4


def test_a_shadow_is_no_strategy_in_force(store: Store, text: Text) -> None:
    store.set_shadow(text(), "ann", "try it", "k")
    assert store.active() == []
    assert store.history("spring") == []


def test_a_key_retried_has_one_effect(store: Store, text: Text) -> None:
    assert len({store.set_shadow(text(), "ann", "r", "k") for _ in range(3)}) == 1
    assert len({store.end_shadow("spring", "ann", "r", "k2").seq for _ in range(3)}) == 1
    with pytest.raises(PricingError, match="was used for another request"):
        store.set_shadow(text(factor=0.5), "ann", "r", "k")


def test_a_shadow_may_stand_in_for_a_strategy_but_not_claim_what_another_claims(store: Store, text: Text) -> None:
    store.activate(text("live"), "ann", "r", "k1")
    assert store.set_shadow(text("live", factor=0.5), "ann", "r", "k2").name == "live"
    with pytest.raises(PricingError, match=r"strategy other cannot decide beside those in force: .*live"):
        store.set_shadow(text("other"), "ann", "r", "k3")
    assert store.set_shadow(text("other", priority=2), "ann", "r", "k4").name == "other"


def test_what_cannot_be_done_is_said(store: Store, text: Text) -> None:
    with pytest.raises(PricingError, match="no shadow is named nobody"):
        store.end_shadow("nobody", "ann", "r", "k")
    with pytest.raises(PricingError, match="1 fault"):
        store.set_shadow("strategy: x\ntype: rules\nrules: 7\n", "ann", "r", "k")
    store.set_shadow(text(), "ann", "r", "k1")
    with pytest.raises(PricingError, match="shadow spring is at version 1, last changed by ann, not at 4"):
        store.set_shadow(text(factor=0.5), "bob", "r", "k2", 4)
    store.end_shadow("spring", "ann", "r", "k3")
    with pytest.raises(PricingError, match="no shadow is named spring"):
        store.end_shadow("spring", "ann", "r", "k4")
