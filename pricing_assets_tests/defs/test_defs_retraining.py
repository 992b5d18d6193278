"""From a person's answer to a new champion, as Dagster runs it: the sensor, the job, and what it refuses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import dagster as dg
import pytest
import training_data
from fake_model import SOLD, Fake, approved
from tiny_shop import Line

from pricing_assets import governance, strategies
from pricing_assets.demand.members import ROUNDS
from pricing_assets.governance import Store
from pricing_assets.models import Policy, Registry

MODEL = "demand-daily"
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """One MLflow for the module, whose making takes seconds."""
    folder = tmp_path_factory.mktemp("mlflow")
    return Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with governance.open_store(f"sqlite:///{home / 'governance.db'}", strategies) as opened:
        yield opened


@pytest.fixture
def rules() -> dict[str, bool]:
    """Whether a second person must agree, which a test may change."""
    return {"second": False}


@pytest.fixture
def platform(line: Line, store: Store, registry: Registry, rules: dict[str, bool]) -> Any:
    """The resource, with the module's registry and bars that a small model passes."""
    from pricing_assets.defs.resources import Platform
    from pricing_assets.models import Bench

    class Tried(Platform):
        @property
        def store(self) -> Any:
            return store

        @property
        def registry(self) -> Any:
            return registry

        @property
        def bench(self) -> Any:
            policy = Policy(least_rows=5, coverage=(0.0, 1.0), bias=0.5, wape_ratio=1.5, segment_wape_ratio=2.0)
            return Bench(store.gate, registry, policy, second_approval=rules["second"], lasting=timedelta(days=1))

    return Tried(home=str(line.home))


@pytest.fixture
def fake() -> Iterator[Fake]:
    """Training and validation of a model that takes no time."""
    from pricing_assets.models import training

    made = Fake(SOLD + 1)
    with (
        mock.patch.object(training, "train", lambda data, folder, code_version, first=False: made.train(None, folder)),  # type: ignore[arg-type]
        mock.patch.object(training, "validate", lambda data, ours, theirs: made.validate(ours, theirs)),
        mock.patch.object(training, "trained_until", lambda fetched: None),
        mock.patch("pricing_assets.models.inputs.data_of", lambda *about: None),
    ):
        yield made


class TwoDaysLater(datetime):
    """The clock of the gate, two days from now."""

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return datetime.now(tz) + timedelta(days=2)


def run(line: Line, platform: Any, event: str, **tags: str) -> Any:
    from pricing_assets.defs import models

    return models.retraining_job.execute_in_process(
        run_config={**QUIET, **models.config_of(event)},
        instance=line.instance,
        resources={"platform": platform},
        tags=tags,
        raise_on_error=False,
    )


def seen(line: Line, platform: Any, cursor: str | None = None) -> Any:
    from pricing_assets.defs.approvals import approvals

    return approvals(dg.build_sensor_context(instance=line.instance, cursor=cursor), platform=platform)


def first_error(line: Line, result: Any) -> str:
    from pricing_assets.defs import executions

    return executions.first_error(line.instance, result.run_id)


def test_an_approval_starts_one_run_and_a_rejection_none(line: Line, platform: Any, store: Store) -> None:
    assert isinstance(seen(line, platform), dg.SkipReason)
    first, second = approved(store, MODEL, "psi"), approved(store, MODEL, "ks")
    open_one = store.gate.open(governance.Drift(MODEL, None, "bias", "HOME"), "r", timedelta(days=1)).event
    store.decide("ann", open_one.subject, "reject", "no", "no")
    answers = store.gate.approved_since(0)
    told = seen(line, platform)
    assert [each.run_key for each in told.run_requests] == [f"answer-{answer.sequence}" for answer in answers]
    assert [each.run_config["ops"]["claimed"]["config"]["event"] for each in told.run_requests] == [first, second]
    assert told.cursor == str(answers[-1].sequence)
    assert isinstance(seen(line, platform, told.cursor), dg.SkipReason), "what was seen starts nothing again"
    third = approved(store, "demand-weekly")
    again = seen(line, platform, told.cursor)
    assert [each.tags["pricing/event"] for each in again.run_requests] == [third]


def test_the_sensor_runs_by_itself(location: Path) -> None:
    from pricing_assets.definitions import defs

    sensor = defs().resolve_sensor_def("approvals")
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
    assert sensor.job_name == "retraining"


def test_a_first_model_is_trained_validated_against_the_simple_method_and_put_in_force(
    line: Line, platform: Any, store: Store, registry: Registry, tmp_path: Path
) -> None:
    from pricing_assets import demand
    from pricing_assets.models import ask_first_start, champion_in_force, training

    opened = ask_first_start(store.gate, MODEL, timedelta(days=1))
    assert opened and opened.new
    store.decide("ann", opened.event.subject, "approve", "start", "start")
    with (
        mock.patch("pricing_assets.models.inputs.data_of", lambda *about: training_data.data()),
        mock.patch.dict("pricing_assets.demand.members.ROUNDS", dict.fromkeys(ROUNDS, 8)),
    ):
        result = run(line, platform, opened.event.id)
    assert result.success, first_error(line, result)

    ended = store.gate.event(opened.event.id)
    assert ended.outcome and ended.outcome.result == "promoted" and ended.root_run_id == result.run_id
    found = champion_in_force(store.gate, registry, MODEL, tmp_path)
    assert found.note is None and registry.aliases(MODEL)["champion"] == found.version
    model = demand.load(found.folder)
    assert model.boosters and model.trained_until == training_data.data().day
    folds = training.folds_of(found.folder)
    assert folds["cutoff"].n_unique() == 4 and (folds["ds"] > folds["cutoff"]).all()
    version = registry.version(MODEL, found.version)
    assert version.inputs == {"raw.sales": "c" * 64} and version.metrics["folds_wape"] > 0
    assert version.report_hash == ended.outcome.report_hash
    history = line.instance.get_latest_materialization_event(dg.AssetKey(["models", "versions"]))
    assert history and history.asset_materialization
    metadata = history.asset_materialization.metadata
    assert metadata["outcome"].value == "promoted" and "data:image/png" in metadata["picture"].value
    assert "simple method" in ended.outcome.reasons[0]


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("state", ["nobody answered it", "rejected by ann", "expired at", "is consumed"])
def test_without_a_live_approval_nothing_is_trained(
    line: Line, platform: Any, store: Store, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    drift = governance.Drift(MODEL, None, "psi", "HOME")
    event = store.gate.open(drift, "r", timedelta(days=1)).event
    if state != "nobody answered it":
        answer: Any = "reject" if state == "rejected by ann" else "approve"
        store.decide("ann", event.subject, answer, "r", "k")
    if state == "expired at":
        monkeypatch.setattr("pricing_assets.governance.gate.datetime", TwoDaysLater)
    if state == "is consumed":
        store.gate.claim(event.id, "another run")
    registered = mock.Mock()
    monkeypatch.setattr(Registry, "register", registered)
    result = run(line, platform, event.id)
    assert not result.success and state in first_error(line, result)
    assert not registered.called and store.gate.champion(MODEL) is None


@pytest.mark.usefixtures("fake")
def test_a_forged_event_or_claim_is_refused(line: Line, platform: Any, store: Store) -> None:
    assert "no drift event is named drift-9" in first_error(line, run(line, platform, "drift-9"))
    event = approved(store, MODEL)
    store.gate.claim(event, "the real run")
    forged = run(line, platform, event, **{"pricing/resumes": "somebody else's"})
    assert "run the real run claimed it" in first_error(line, forged)


def test_what_fails_for_good_is_written_back_and_the_champion_stays(line: Line, platform: Any, store: Store) -> None:
    event = approved(store, MODEL)
    with mock.patch("pricing_assets.models.inputs.data_of", lambda *about: training_data.data(days=60)):
        result = run(line, platform, event)
    assert not result.success
    outcome = store.gate.event(event).outcome
    assert outcome and outcome.result == "failed" and "60 days of history" in outcome.reasons[0]
    assert store.gate.champion(MODEL) is None


@pytest.mark.usefixtures("fake")
@pytest.mark.parametrize("step", ["challenger", "validated", "promote"])
def test_killed_between_steps_a_retry_of_dagster_goes_on(
    line: Line, platform: Any, store: Store, registry: Registry, step: str
) -> None:
    from pricing_assets.models import retraining

    line.instance = dg.DagsterInstance.local_temp(str(line.home.parent), overrides={"telemetry": {"enabled": False}})
    event = approved(store, MODEL)
    before = len(registry.versions(MODEL))
    with mock.patch.object(retraining, step, side_effect=dg.Failure("the process died", allow_retries=False)):
        killed = _worker(line, platform, event)
    assert store.gate.event(event).root_run_id == killed.run_id, first_error(line, killed)
    assert not killed.success

    names = ["claimed", "challenger", "validated", "promoted"]
    left = names[names.index("promoted" if step == "promote" else step) :]
    resumed = _worker(line, platform, event, line.instance.get_run_by_id(killed.run_id), left)
    assert resumed.success and resumed.run_id != killed.run_id, first_error(line, resumed)
    outcome = store.gate.event(event).outcome
    assert outcome and outcome.result == "promoted" and store.gate.event(event).root_run_id == killed.run_id
    assert len(registry.versions(MODEL)) == before + 1, "trained once"


@pytest.mark.usefixtures("fake")
def test_a_second_person_finishes_the_promotion(
    line: Line, platform: Any, store: Store, rules: dict[str, bool]
) -> None:
    rules["second"] = True
    event = approved(store, MODEL)
    assert run(line, platform, event).success
    waiting = store.gate.event(event)
    assert waiting.outcome is None and waiting.promotion_asked
    store.decide("bob", waiting.promotion_subject, "approve", "agreed", "k2")
    (request,) = seen(line, platform, "0").run_requests
    assert request.tags["pricing/resumes"] == waiting.root_run_id
    assert run(line, platform, event, **request.tags).success
    outcome = store.gate.event(event).outcome
    assert outcome and outcome.result == "promoted" and "bob agreed" in outcome.reasons[-1]


@pytest.mark.usefixtures("fake")
def test_the_sensor_ends_a_promotion_nobody_answered_in_time(
    line: Line, platform: Any, store: Store, registry: Registry, rules: dict[str, bool]
) -> None:
    rules["second"] = True
    event = approved(store, MODEL)
    assert run(line, platform, event).success
    seen(line, platform, "0")
    assert store.gate.event(event).outcome is None, "there is a day to answer"
    with mock.patch("pricing_assets.governance.gate.datetime", TwoDaysLater):
        seen(line, platform, "0")
    outcome = store.gate.event(event).outcome
    assert outcome and outcome.result == "kept" and "nobody agreed to the promotion" in outcome.reasons[0]
    assert "challenger" not in registry.aliases(MODEL)


def _worker(line: Line, platform: Any, event: str, after: Any = None, left: list[str] | None = None) -> Any:
    """As a run worker of the daemon; `after` a run that died, as it is retried: from the first unfinished step."""
    from dagster._core.definitions.job_base import InMemoryJob
    from dagster._core.execution.api import create_execution_plan, execute_run
    from dagster._core.execution.plan.state import KnownExecutionState

    from pricing_assets.defs import models

    location = dg.Definitions(
        jobs=[models.retraining_job], resources={"platform": platform}, executor=dg.in_process_executor
    )
    job = location.resolve_job_def(models.RETRAINING)
    config = {**QUIET, **models.config_of(event)}
    known = KnownExecutionState.build_for_reexecution(line.instance, after) if after else None
    plan = create_execution_plan(job, config, step_keys_to_execute=left, known_state=known)
    root = {"root_run_id": after.run_id, "parent_run_id": after.run_id} if after else {}
    run = line.instance.create_run_for_job(job, execution_plan=plan, run_config=config, **root)
    return execute_run(InMemoryJob(job), run, line.instance)
