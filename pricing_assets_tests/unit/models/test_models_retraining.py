"""Retraining, whole: the first start and every later one through one gate, which nobody gets around."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import pytest
from fake_model import LASTING, SOLD, Fake, approved, trained

from pricing_assets.errors import PricingError
from pricing_assets.governance import Store
from pricing_assets.models import (
    Bench,
    ModelUnavailable,
    Registry,
    ask,
    ask_first_start,
    champion_in_force,
    retrain,
    retraining,
    roll_back,
    versions_table,
)


def serving(bench: Bench, model: str, folder: Path) -> tuple[int, float]:
    """Version and level a run would forecast with."""
    found = champion_in_force(bench.gate, bench.registry, model, folder)
    return found.version, json.loads((found.folder / "level.json").read_text())


def stored(bench: Bench, model: str, version: int) -> Path:
    assert bench.registry._artifacts
    return bench.registry._artifacts / bench.registry.version(model, version).run_id / "artifacts"


def test_the_first_start_trains_and_promotes_through_the_gate(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    with pytest.raises(ModelUnavailable, match="has no champion yet"):
        champion_in_force(bench.gate, bench.registry, model, tmp_path)
    opened = ask_first_start(store.gate, model, LASTING)
    assert opened and opened.new and opened.event.drift.metric == "first_start"
    fake = Fake(SOLD + 1)
    with pytest.raises(PricingError, match="is not approved: nobody answered it"):
        retrain(bench, opened.event.id, "root", fake.train, fake.validate)
    store.decide("ann", opened.event.subject, "approve", "let us start", f"k {model}")
    outcome = retrain(bench, opened.event.id, "root", fake.train, fake.validate)
    assert outcome and (outcome.result, outcome.version) == ("promoted", 1)
    assert serving(bench, model, tmp_path) == (1, SOLD + 1)
    assert bench.registry.aliases(model) == {"champion": 1}
    assert ask_first_start(store.gate, model, LASTING) is None


def test_a_first_model_worse_than_the_simple_method_does_not_serve(bench: Bench, store: Store, model: str) -> None:
    outcome = trained(bench, store, model, Fake(SOLD + 5))
    assert outcome and outcome.result == "kept" and "WAPE in everything is 0.500" in outcome.reasons[0]
    assert store.gate.champion(model) is None and bench.registry.aliases(model) == {}


def test_a_better_challenger_replaces_the_champion_and_a_worse_one_does_not(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    trained(bench, store, model, Fake(SOLD + 2))
    better = trained(bench, store, model, Fake(SOLD + 1))
    worse = trained(bench, store, model, Fake(SOLD + 1.5))
    assert better and worse and (better.result, worse.result) == ("promoted", "kept")
    assert serving(bench, model, tmp_path) == (2, SOLD + 1)
    table = versions_table(bench.registry.versions(model), store.gate.champion_history())
    assert table.select("version", "role", "report_hash").rows() == [
        (1, "former champion", bench.registry.version(model, 1).report_hash),
        (2, "champion", better.report_hash),
        (3, None, worse.report_hash),
    ]


def test_a_bar_missed_keeps_the_champion(bench: Bench, store: Store, model: str) -> None:
    trained(bench, store, model, Fake(SOLD + 2))
    missed = {
        "the training set shrank by half": Fake(SOLD + 1, rows=500),
        "more is forecast at a higher price of 2 of 9 series": Fake(SOLD + 1, violations=2),
        "a forecast takes 100.0 ms per series": Fake(SOLD + 1, latency_ms=100.0),
        "the likely range covers 100.0 %": Fake(SOLD + 1, width=2.0),
        "the challenger's files are the champion's": Fake(SOLD + 2),
    }
    for reason, fake in missed.items():
        outcome = trained(bench, store, model, fake, metric=reason)
        assert outcome and outcome.result == "kept" and any(reason in each for each in outcome.reasons), outcome
    assert store.gate.champion(model).version == 1  # type: ignore[union-attr]


def test_a_finished_run_replayed_does_nothing(bench: Bench, store: Store, model: str) -> None:
    event_id = approved(store, model)
    fake = Fake(SOLD + 1)
    first = retrain(bench, event_id, "root", fake.train, fake.validate)
    count = len(store.events())
    assert retrain(bench, event_id, "root", _never, _never) == first
    with pytest.raises(PricingError, match="is consumed"):
        retrain(bench, event_id, "forged", _never, _never)
    assert len(store.events()) == count and len(bench.registry.versions(model)) == 1


def _never(*_: Any) -> Any:
    raise AssertionError("must not be called")


def test_steps_called_out_of_turn_are_refused(bench: Bench, store: Store, model: str) -> None:
    event_id = approved(store, model)
    fake = Fake()
    for step in (
        lambda root: retraining.challenger(bench, event_id, root, _never),
        lambda root: retraining.validated(bench, event_id, root, _never),
        lambda root: retraining.promote(bench, event_id, root),
    ):
        with pytest.raises(PricingError, match="is not claimed by run root: no run has claimed it"):
            step("root")
    retraining.claim(bench, event_id, "root")
    with pytest.raises(PricingError, match="run root registered no challenger"):
        retraining.validated(bench, event_id, "root", _never)
    retraining.challenger(bench, event_id, "root", fake.train)
    with pytest.raises(PricingError, match="no challenger is validated"):
        retraining.promote(bench, event_id, "root")
    with pytest.raises(PricingError, match="is not claimed by run forged: run root has it"):
        retraining.promote(bench, event_id, "forged")
    assert store.gate.champion(model) is None and store.gate.event(event_id).outcome is None


def brought_to_validation(bench: Bench, store: Store, model: str, fake: Fake) -> str:
    event_id = approved(store, model)
    retraining.claim(bench, event_id, "root")
    retraining.challenger(bench, event_id, "root", fake.train)
    retraining.validated(bench, event_id, "root", fake.validate)
    return event_id


def _forged_report(artifacts: Path) -> None:
    """Makes the kept report of a bad challenger a good one."""
    path = artifacts / "validation" / "report.json"
    path.write_text(path.read_text().replace('"wape": 0.5', '"wape": 0.1'))


def _lost_report(artifacts: Path) -> None:
    shutil.rmtree(artifacts / "validation")


def _other_files(artifacts: Path) -> None:
    (artifacts / "model" / "data" / "level.json").write_text("10.0")


def _lost_files(artifacts: Path) -> None:
    shutil.rmtree(artifacts / "model")


@pytest.mark.parametrize(
    ("cheat", "what"),
    [
        (_forged_report, "its validation report hashes to"),
        (_lost_report, "its validation report cannot be read"),
        (_other_files, "its files hash to"),
        (_lost_files, "its files are gone|cannot be had"),
    ],
)
def test_what_was_changed_after_validation_is_not_promoted(
    bench: Bench, store: Store, model: str, cheat: Any, what: str
) -> None:
    event_id = brought_to_validation(bench, store, model, Fake(SOLD + (5 if cheat is _forged_report else 1)))
    cheat(stored(bench, model, 1))
    with pytest.raises(ModelUnavailable, match=what):
        retraining.promote(bench, event_id, "root")
    outcome = store.gate.event(event_id).outcome
    assert outcome and outcome.result == "failed" and store.gate.champion(model) is None
    assert bench.registry.aliases(model) == {}


def test_tags_of_the_registry_are_not_believed(bench: Bench, store: Store, model: str) -> None:
    event_id = brought_to_validation(bench, store, model, Fake(SOLD + 5))
    bench.registry._client.set_model_version_tag(model, "1", "report_hash", "f" * 64)
    bench.registry._client.set_model_version_tag(model, "1", "rows", "999999")
    outcome = retraining.promote(bench, event_id, "root")
    assert outcome and outcome.result == "kept"


def test_a_training_that_cannot_succeed_ends_the_event_with_its_reason(bench: Bench, store: Store, model: str) -> None:
    def hopeless(*_: Any) -> Any:
        raise PricingError("panel: 3 days, expected at least 56", "wait")

    event_id = approved(store, model)
    with pytest.raises(PricingError, match="3 days"):
        retrain(bench, event_id, "root", hopeless, _never)
    outcome = store.gate.event(event_id).outcome
    assert outcome and (outcome.result, outcome.reasons) == ("failed", ("panel: 3 days, expected at least 56",))


def test_a_registry_that_is_down_leaves_the_claim_to_a_retry(bench: Bench, store: Store, model: str) -> None:
    class Down(Registry):
        def made_by(self, *_: str) -> Any:
            raise ModelUnavailable("unreachable", "model registry: down")

    event_id, fake = approved(store, model), Fake(SOLD + 1)
    with pytest.raises(ModelUnavailable, match="down"):
        retrain(replace(bench, registry=Down("sqlite://", None)), event_id, "root", fake.train, fake.validate)
    assert store.gate.event(event_id).outcome is None
    outcome = retrain(bench, event_id, "root", fake.train, fake.validate)
    assert outcome and outcome.result == "promoted"


@contextmanager
def _store_down(bench: Bench) -> Iterator[None]:
    """The artifacts are away; the database goes on answering."""
    artifacts = bench.registry._artifacts
    assert artifacts
    away = artifacts.rename(artifacts.with_name("away"))
    try:
        yield
    finally:
        away.rename(artifacts)


def test_an_artifact_store_that_is_down_at_validation_uses_up_nothing(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    event_id, fake = approved(store, model), Fake(SOLD + 0.5)
    retraining.claim(bench, event_id, "root")
    retraining.challenger(bench, event_id, "root", fake.train)
    with _store_down(bench), pytest.raises(ModelUnavailable) as fault:
        retraining.validated(bench, event_id, "root", _never)
    event = store.gate.event(event_id)
    assert (fault.value.cause, event.validated, event.outcome) == ("unreachable", None, None)
    outcome = retrain(bench, event_id, "root", _never, fake.validate)
    assert outcome and outcome.result == "promoted" and serving(bench, model, tmp_path) == (2, SOLD + 0.5)


def test_an_artifact_store_that_is_down_at_the_decision_promotes_nothing(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    event_id = brought_to_validation(bench, store, model, Fake(SOLD + 0.5))
    with _store_down(bench), pytest.raises(ModelUnavailable) as fault:
        retraining.promote(bench, event_id, "root")
    assert (fault.value.cause, store.gate.event(event_id).outcome) == ("unreachable", None)
    assert serving(bench, model, tmp_path) == (1, SOLD + 1)
    outcome = retraining.promote(bench, event_id, "root")
    assert outcome and outcome.result == "promoted" and serving(bench, model, tmp_path) == (2, SOLD + 0.5)


def test_a_champions_files_that_are_away_do_not_let_a_challenger_in_unopposed(
    bench: Bench, store: Store, model: str
) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    event_id, fake = approved(store, model), Fake(SOLD + 2)
    retraining.claim(bench, event_id, "root")
    retraining.challenger(bench, event_id, "root", fake.train)
    level = stored(bench, model, 1) / "model" / "data" / "level.json"
    text = level.read_text()
    level.unlink()
    level.symlink_to("nowhere")
    with pytest.raises(ModelUnavailable) as fault:
        retraining.validated(bench, event_id, "root", _never)
    assert fault.value.cause == "unreachable"
    level.unlink()
    level.write_text(text)
    outcome = retrain(bench, event_id, "root", _never, fake.validate)
    assert outcome and outcome.result == "kept" and "WAPE in everything" in outcome.reasons[0]


def test_where_two_must_agree_promotion_waits_for_another_person(bench: Bench, store: Store, model: str) -> None:
    two = replace(bench, second_approval=True)
    event_id, fake = approved(store, model), Fake(SOLD + 1)
    for _ in range(2):
        assert retrain(two, event_id, "root", fake.train, fake.validate) is None
    event = store.gate.event(event_id)
    assert store.gate.champion(model) is None
    with pytest.raises(PricingError, match="for another person than ann"):
        store.decide("ann", event.promotion_subject, "approve", "r", f"k {model}")
    store.decide("bob", event.promotion_subject, "approve", "agreed", f"k {model}")
    outcome = retraining.promote(two, event_id, "root")
    assert outcome and outcome.result == "promoted" and "bob agreed: agreed" in outcome.reasons


def test_a_challenger_that_waits_stays_one_when_another_event_ends(bench: Bench, store: Store, model: str) -> None:
    waiting = brought_to_validation(bench, store, model, Fake(SOLD + 1))
    assert bench.registry.aliases(model) == {"challenger": 1}

    def hopeless(*_: Any) -> Any:
        raise PricingError("panel: too short", "wait")

    other = approved(store, model, metric="ks")
    with pytest.raises(PricingError, match="too short"):
        retrain(bench, other, "other", hopeless, _never)
    assert bench.registry.aliases(model) == {"challenger": 1}
    outcome = retraining.promote(bench, waiting, "root")
    assert outcome and outcome.result == "promoted" and bench.registry.aliases(model) == {"champion": 1}


def test_a_second_person_who_says_no_keeps_the_champion(bench: Bench, store: Store, model: str) -> None:
    two = replace(bench, second_approval=True)
    event_id, fake = approved(store, model), Fake(SOLD + 1)
    retrain(two, event_id, "root", fake.train, fake.validate)
    assert retraining.promote(bench, event_id, "root") is None, "once asked, it is needed"
    store.decide("bob", store.gate.event(event_id).promotion_subject, "reject", "not in December", f"k {model}")
    outcome = retraining.promote(two, event_id, "root")
    assert outcome and (outcome.result, outcome.reasons) == ("kept", ("bob said no: not in December",))


def test_a_second_person_who_says_nothing_keeps_the_champion(bench: Bench, store: Store, model: str) -> None:
    two = replace(bench, second_approval=True, lasting=timedelta(0))
    event_id, fake = approved(store, model), Fake(SOLD + 1)
    outcome = retrain(two, event_id, "root", fake.train, fake.validate)
    assert outcome and outcome.result == "kept" and "nobody agreed to the promotion" in outcome.reasons[0]


def test_one_command_rolls_back_and_a_replayed_promotion_undoes_nothing(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    trained(bench, store, model, Fake(SOLD + 2))
    event_id, fake = approved(store, model), Fake(SOLD + 1)
    killed = _killed_after(bench, "in force")
    with pytest.raises(KeyboardInterrupt):
        retrain(killed, event_id, "root", fake.train, fake.validate)
    assert serving(bench, model, tmp_path) == (2, SOLD + 1), "the ledger decides, the alias only follows"
    back = roll_back(bench, model, by="bob", reason="it oversold", key=f"k {model}", expected_version=2)
    assert (back.version, bench.registry.aliases(model)["champion"]) == (1, 1)
    assert store.audit()[-1]["action"] == "model_rolled_back"
    outcome = retrain(bench, event_id, "root", _never, _never)
    assert outcome and outcome.result == "promoted", "which it was, before bob took it back"
    assert serving(bench, model, tmp_path) == (1, SOLD + 2) and bench.registry.aliases(model)["champion"] == 1


def _killed_after(bench: Bench, step: str) -> Bench:
    def heard(name: str) -> None:
        if name == step:
            raise KeyboardInterrupt

    return replace(bench, heard=heard)


def test_a_rollback_to_damaged_files_is_refused(bench: Bench, store: Store, model: str) -> None:
    trained(bench, store, model, Fake(SOLD + 2))
    trained(bench, store, model, Fake(SOLD + 1))
    _other_files(stored(bench, model, 1))
    with pytest.raises(ModelUnavailable, match="its files hash to"):
        roll_back(bench, model, by="bob", reason="r", key=f"k {model}")
    assert store.gate.champion(model).version == 2  # type: ignore[union-attr]


def test_an_alias_moved_by_hand_puts_nothing_in_force(bench: Bench, store: Store, model: str, tmp_path: Path) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    trained(bench, store, model, Fake(SOLD + 5))
    bench.registry.point(model, "champion", 2)
    found = champion_in_force(bench.gate, bench.registry, model, tmp_path)
    assert found.version == 1 and found.note and "points to 2, but 1 was put in force by drift-" in found.note
    bench.registry.crown(model, 1)
    assert champion_in_force(bench.gate, bench.registry, model, tmp_path).note is None


def test_damaged_files_do_not_serve_even_where_their_tag_was_changed_too(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    from pricing_assets.models import content_hash

    trained(bench, store, model, Fake(SOLD + 1))
    _other_files(stored(bench, model, 1))
    forged = content_hash(stored(bench, model, 1) / "model" / "data")
    bench.registry._client.set_model_version_tag(model, "1", "artifact_hash", forged)
    with pytest.raises(ModelUnavailable) as fault:
        champion_in_force(bench.gate, bench.registry, model, tmp_path)
    assert fault.value.cause == "corrupted"


def test_a_champion_that_cannot_be_loaded_is_replaced_through_the_same_gate(
    bench: Bench, store: Store, model: str, tmp_path: Path
) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    _lost_files(stored(bench, model, 1))
    outcome = trained(bench, store, model, Fake(SOLD + 1))
    assert outcome and outcome.result == "promoted" and serving(bench, model, tmp_path) == (2, SOLD + 1)


def test_a_training_set_that_shrank_is_seen_also_where_the_champions_files_are_gone(
    bench: Bench, store: Store, model: str
) -> None:
    trained(bench, store, model, Fake(SOLD + 1))
    _lost_files(stored(bench, model, 1))
    outcome = trained(bench, store, model, Fake(SOLD + 1, rows=500))
    assert outcome and outcome.result == "kept"
    assert outcome.reasons == ("it was trained on 500 rows, the champion on 1000: the training set shrank by half",)


def test_each_drift_found_asks_once(store: Store, model: str) -> None:
    class Found(NamedTuple):
        metric: str
        segment: str = "HOME"
        explanation: str = "it moved"
        evidence: Mapping[str, Any] = MappingProxyType({"psi": 0.4})

    first = ask(store.gate, model, 3, [Found("psi"), Found("ks")], LASTING)
    again = ask(store.gate, model, 3, [Found("ks"), Found("psi", "TOYS")], LASTING)
    assert [each.new for each in (*first, *again)] == [True, True, False, True]
    assert again[0].event == first[1].event and first[0].event.reason == "it moved"
    assert store.gate.event(first[0].event.id).drift.evidence == {"psi": 0.4}
