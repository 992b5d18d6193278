"""`pricing drift` and `pricing models`: a person is asked, answers, and sees what came of it; and takes it back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_model import SOLD, Fake
from shell_commands import answer, pricing

from pricing_assets import governance
from pricing_assets.governance import Drift

Train = Callable[..., Any]
EVIDENCE = {"psi": 0.41, "threshold": 0.2}


@pytest.fixture
def ask(home: Path) -> Callable[..., str]:
    """Opens an event, as monitoring does."""

    def open_event(metric: str = "psi", **lasting: float) -> str:
        with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
            champion = store.gate.champion("demand-daily")
            drift = Drift("demand-daily", champion.version if champion else None, metric, "HOME", EVIDENCE)
            return store.gate.open(drift, "demand moved in HOME", timedelta(**(lasting or {"days": 7}))).event.id

    return open_event


@pytest.fixture
def train(home: Path) -> Train:
    """Does for an event what the retraining job does, with a small model."""

    def run(event_id: str, level: float, *, second_approval: bool = False) -> Any:
        from pricing_assets.models import Bench, Policy, open_registry, retrain

        with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
            bench = Bench(store.gate, open_registry(None, home), Policy(least_rows=5))
            fake = Fake(level)
            bench = replace(bench, second_approval=second_approval)
            return retrain(bench, event_id, f"run of {event_id}", fake.train, fake.validate)

    return run


@pytest.mark.parametrize("level", [SOLD, SOLD + 9])
def test_a_retraining_refused_because_another_has_its_event_is_not_told_what_that_came_to(
    home: Path, ask: Callable[..., str], train: Train, level: float
) -> None:
    from pricing_assets.shell.retraining import _came_to

    pricing("drift", "approve", ask(), "--reason", "r", "--by", "ann")
    with governance.open_store(f"sqlite:///{home / 'governance.db'}") as store:
        before = store.gate.event("drift-1")
        train("drift-1", level)
        refused, own = (_came_to(store, before, run_id) for run_id in ("another", "run of drift-1"))
    assert refused.outcome is None and refused.validated is None
    assert own.outcome and own.outcome.result in {"promoted", "kept"}


def test_a_drift_event_is_listed_shown_and_answered_once(ask: Callable[..., str]) -> None:
    assert pricing("drift", "list").stdout.startswith("no drift event is open")
    ask()
    ask("ks")
    assert [(row["id"], row["state"], row["metric"], row["champion"]) for row in answer("drift", "list")] == [
        ("drift-1", "open", "psi", "none"),
        ("drift-2", "open", "ks", "none"),
    ]
    said = pricing("drift", "show", "1").stdout.splitlines()
    assert said[0] == "drift-1: psi in HOME, demand-daily with no champion; open"
    assert "  psi: 0.41" in said and "pricing drift approve drift-1" in said[-1]
    done = pricing("drift", "approve", "drift-1", "--reason", "it is real", "--by", "ann").stdout.splitlines()
    assert done[0] == "drift-1 is approved, on the word of ann: it is real"
    refused = answer("drift", "reject", "1", "--reason", "no", "--by", "bob", code=1)
    assert "approval:drift-1 is approved by ann at" in refused["error"]
    rejected = answer("drift", "reject", "2", "--reason", "a promotion", "--by", "ann")
    assert (rejected["answer"], rejected["subject"]) == ("rejected", "approval:drift-2")
    assert [row["state"] for row in answer("drift", "list")] == ["approved"]
    assert [row["state"] for row in answer("drift", "list", "--all")] == ["approved", "rejected"]
    assert "rejected" in pricing("drift", "show", "2").stdout
    assert {row["subject"] for row in answer("audit", "--subject", "drift-1")} == {"approval:drift-1"}


@pytest.mark.parametrize(
    ("words", "code", "what"),
    [
        (["drift", "show", "9"], 1, "no drift event is named drift-9"),
        (["drift", "approve", "OV-1", "--reason", "r"], 1, "OV-1: is no id of a drift event"),
        (["drift", "approve", "9", "--reason", "r"], 1, "no drift event is named drift-9"),
        (["models", "rollback", "--reason", "r"], 1, "model demand-daily has no champion"),
        (["models", "diff"], 1, "model demand-daily: no two versions to compare"),
        (["models", "promote", "9"], 1, "no drift event is named drift-9"),
    ],
)
def test_what_is_not_there_is_refused_before_any_registry_is_made(
    home: Path, words: list[str], code: int, what: str
) -> None:
    assert what in answer(*words, code=code)["error"]
    assert answer("models", "list") == []
    assert not (home / "mlflow").exists()


@pytest.mark.parametrize("words", [["drift", "approve", "1"], ["models", "rollback"]])
def test_an_answer_without_a_reason_is_wrong_usage(home: Path, words: list[str]) -> None:
    pricing(*words, code=2)


def test_evidence_is_shown_in_words_without_a_dump_of_python() -> None:
    from pricing_assets.shell.drifting import _short

    assert _short([{"date": "2026-10-04", "error": None}] * 27) == "27 rows (--json prints them)"
    assert _short({"own": 0.123456, "rival": 3}) == "own 0.1235, rival 3"
    assert (_short("2026-10-11 00:00:00"), _short(-0.000938123)) == ("2026-10-11", "-0.0009381")


def test_an_expired_event_is_refused(ask: Callable[..., str]) -> None:
    ask(milliseconds=0)
    assert "expired at" in answer("drift", "approve", "1", "--reason", "r", code=1)["error"]


def test_models_are_promoted_compared_and_rolled_back(
    home: Path, ask: Callable[..., str], train: Train, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, level in enumerate((SOLD + 2, SOLD + 1), 1):
        pricing("drift", "approve", ask(), "--reason", "r", "--by", "ann")
        assert train(f"drift-{number}", level).result == "promoted"
    assert "is over: promoted" in answer("drift", "approve", "2", "--reason", "r", code=1)["error"]
    assert "promoted" in pricing("drift", "show", "2").stdout.splitlines()[-1]
    assert [(row["version"], row["role"], row["drift_event"]) for row in answer("models", "list")] == [
        (1, "former champion", "drift-1"),
        (2, "champion", "drift-2"),
    ]
    told = answer("models", "diff", "1", "2")
    assert [row["what"] for row in told["differences"]] == ["artifact_hash"]
    assert told["report"][0]["wape_challenger"] == pytest.approx(0.1)
    assert "ok    registry: has demand-daily/2\n" in pricing("doctor", code=1).stdout, "there is no shop"
    with monkeypatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
        assert "FAULT registry: model registry http://127.0.0.1:9" in pricing("doctor", code=1).stdout
    assert "demand-daily/2 (new) against demand-daily/1 (old)" in pricing("models", "diff", "1", "2").stdout
    back = pricing("models", "rollback", "--reason", "it oversold", "--by", "bob").stdout
    assert back.startswith("demand-daily/1 is champion again, instead of 2, on the word of bob: it oversold")
    assert [row["role"] for row in answer("models", "list")] == ["champion", "former champion"]
    assert answer("audit", "--last", "1")[0]["action"] == "model_rolled_back"
    assert "no champion before this one" in answer("models", "rollback", "--reason", "r", code=1)["error"]

    from pricing_assets.models import open_registry

    open_registry(None, home).point("demand-daily", "champion", 2)
    assert "alias champion points to 2, but version 1 serves" in pricing("models", "list").stdout

    monkeypatch.setenv("PRICING_SECOND_APPROVAL", "true")
    pricing("drift", "approve", ask("ks"), "--reason", "r", "--by", "ann")
    assert "nothing was trained for it" in answer("models", "promote", "3", code=1)["error"]
    assert train("drift-3", SOLD + 0.5, second_approval=True) is None
    assert answer("models", "promote", "3")["outcome"] is None
    assert "for another person" in answer("drift", "approve", "3", "--reason", "r", "--by", "ann", code=1)["error"]
    assert "version 3 serves once" in pricing("drift", "approve", "3", "--reason", "r", "--by", "bob").stdout
    assert pricing("models", "promote", "drift-3").stdout.startswith("drift-3: promoted, version 3")


@pytest.mark.parametrize("command", ["promote", "retrain"])
def test_of_an_event_that_is_over_it_says_what_serves_today(
    ask: Callable[..., str], train: Train, command: str
) -> None:
    """It said "promoted, version 2" and "version 1 serves from the next run on", whatever had been taken back since."""
    for number, level in enumerate((SOLD + 2, SOLD + 1, SOLD + 9), 1):
        pricing("drift", "approve", ask(), "--reason", "r", "--by", "ann")
        train(f"drift-{number}", level)
    said = pricing("models", command, "2").stdout
    assert said.startswith("drift-2 is over: version 2 was promoted on 2")
    assert said.endswith("UTC; demand-daily/2 serves still\n")
    assert pricing("models", command, "1", code=1).stdout.endswith("demand-daily/2 serves now, promoted for drift-2\n")
    kept = pricing("models", command, "3", code=1).stdout
    assert "version 3 was not promoted on" in kept and "WAPE" in kept
    assert kept.endswith("demand-daily/2 serves still\n")
    pricing("models", "rollback", "--reason", "it oversold", "--by", "bob")
    taken_back = pricing("models", command, "2", code=1).stdout
    assert "demand-daily/1 serves now, rolled back 2" in taken_back and "UTC by bob: it oversold" in taken_back
    told = answer("models", command, "drift-2", code=1)
    assert (told[0] if command == "retrain" else told)["in_force"] == 1
    assert pricing("models", command, "1").stdout.endswith("demand-daily/1 serves still\n")


def test_files_that_were_rolled_back_serve_again_for_a_new_reason_only(ask: Callable[..., str], train: Train) -> None:
    for number, level in enumerate((SOLD + 2, SOLD + 1), 1):
        pricing("drift", "approve", ask(), "--reason", "r", "--by", "ann")
        assert train(f"drift-{number}", level).result == "promoted"
    pricing("models", "rollback", "--reason", "it oversold", "--by", "bob")
    pricing("drift", "approve", ask("ks"), "--reason", "again", "--by", "ann")
    assert train("drift-3", SOLD + 1) is None, "the same files: a person must say why"
    shown = pricing("drift", "show", "3").stdout
    assert "its files are those of version 2, rolled back 2" in shown and "by bob: it oversold" in shown
    for words in (["promote", "3"], ["promote", "3", "--reason", " "]):
        refused = answer("models", *words, code=1)
        assert "its files are those of version 2, rolled back 2" in refused["error"]
        assert "by bob: it oversold" in refused["error"] and "--reason" in refused["remedy"]
    assert [row["role"] for row in answer("models", "list")] == ["champion", "former champion", "challenger"]
    done = pricing("models", "promote", "3", "--reason", "the weekend was the weather", "--by", "ann").stdout
    assert done.startswith("drift-3: promoted, version 3\n")
    assert "by bob: it oversold" in done and "ann agreed: the weekend was the weather" in done
    assert [row["role"] for row in answer("models", "list")][-1] == "champion"
