"""A rollback asked again: one effect, and an alias that follows, whenever the process died."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from unittest import mock

import pytest
from fake_model import SOLD, Fake, approved, trained

from pricing_assets.governance import Store
from pricing_assets.lake import Lake
from pricing_assets.models import Bench, Registry, retraining, roll_back


@pytest.mark.parametrize("expected_version", [None, 3])
def test_asked_again_with_the_same_key_it_has_one_effect(
    bench: Bench, store: Store, model: str, expected_version: int | None
) -> None:
    for level in (2.0, 1.0, 0.5):
        trained(bench, store, model, Fake(SOLD + level))
    said = {"by": "bob", "reason": "it oversold", "key": f"k {model}"}
    first = roll_back(bench, model, **said, expected_version=expected_version)
    again = roll_back(bench, model, **said, expected_version=expected_version)
    assert first == again and first.version == 2
    assert bench.registry.aliases(model)["champion"] == 2


def test_to_the_first_version_it_may_be_asked_twice(bench: Bench, store: Store, model: str) -> None:
    for level in (2.0, 1.0):
        trained(bench, store, model, Fake(SOLD + level))
    said = {"by": "bob", "reason": "it oversold", "key": f"k {model}"}
    assert roll_back(bench, model, **said) == roll_back(bench, model, **said)
    assert store.gate.champion(model).version == 1  # type: ignore[union-attr]


def test_killed_before_the_alias_followed_it_is_finished_by_asking_again(
    bench: Bench, store: Store, model: str
) -> None:
    for level in (2.0, 1.0, 0.5):
        trained(bench, store, model, Fake(SOLD + level))
    said = {"by": "bob", "reason": "it oversold", "key": f"k {model}"}
    with mock.patch.object(Registry, "crown", side_effect=KeyboardInterrupt), pytest.raises(KeyboardInterrupt):
        roll_back(bench, model, **said)
    assert (store.gate.champion(model).version, bench.registry.aliases(model)["champion"]) == (2, 3)  # type: ignore[union-attr]
    assert roll_back(bench, model, **said).version == 2
    assert bench.registry.aliases(model)["champion"] == 2


@pytest.mark.parametrize("other", ["promote", "roll back"])
def test_who_comes_while_a_model_is_promoted_waits_and_the_alias_is_as_people_left_it(
    bench: Bench, store: Store, model: str, tmp_path: Path, other: str
) -> None:
    for level in (3.0, 2.0):
        trained(bench, store, model, Fake(SOLD + level))
    fake, event = Fake(SOLD + 1.0), approved(store, model, "c")
    retraining.claim(bench, event, "root")
    retraining.challenger(bench, event, "root", fake.train)
    retraining.validated(bench, event, "root", fake.validate)
    alone = replace(bench, alone=Lake(tmp_path / "lake").alone)
    acts: dict[str, Callable[[], object]] = {
        "promote": lambda: retraining.promote(alone, event, "root"),
        "roll back": lambda: roll_back(alone, model, by="ann", reason="it oversold", key=f"k {model}"),
    }
    second = threading.Thread(target=acts[other])

    def heard(step: str) -> None:
        if step == "in force":
            second.start()
            second.join(0.5)
            assert second.is_alive(), "it waits"

    outcome = retraining.promote(replace(alone, heard=heard), event, "root")
    second.join()
    champion = store.gate.champion(model)
    assert outcome and outcome.result == "promoted" and champion
    assert champion.version == (3 if other == "promote" else 2)
    assert bench.registry.aliases(model) == {"champion": champion.version}
