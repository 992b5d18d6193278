"""The registry: versions with signature, hashes, metrics and plots; files back and verified; every fault told."""

from __future__ import annotations

import os
import shutil
import socket
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import pytest
from fake_model import SIGNATURE, Fake
from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.errors import PricingError
from pricing_assets.models import (
    ModelUnavailable,
    Registry,
    TrainingRecord,
    Version,
    content_hash,
    open_registry,
    recorded,
)


def trained(folder: Path, level: float = 10.0) -> TrainingRecord:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return Fake(level).train(None, folder)  # type: ignore[arg-type]


def registered(registry: Registry, model: str, folder: Path, level: float = 10.0, root: str = "root") -> Version:
    return registry.register(model, trained(folder / "t", level), event_id="drift-1", root_run_id=root)


def stored(registry: Registry, version: Version) -> Path:
    """Where MLflow keeps the version's hashed files."""
    assert registry._artifacts
    return registry._artifacts / version.run_id / "artifacts" / "model" / "data"


def test_a_version_keeps_what_it_was_made_from(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    assert (made.label, made.aliases, made.event_id, made.root_run_id) == (
        f"{model}/1",
        ("challenger",),
        "drift-1",
        "root",
    )
    assert (made.rows, made.inputs, made.metrics) == (1000, {"raw.sales": "c" * 64}, {"train_wape": 0.25})
    assert made.code_version == "0.1.0" and made.artifact_hash == content_hash(trained(tmp_path / "again").folder)
    run = registry._client.get_run(made.run_id)
    assert run.data.metrics == {"train_wape": 0.25} and run.data.params == {"seed": "7"}
    assert [each.path for each in registry._client.list_artifacts(made.run_id, "plots")] == ["plots/fit.png"]


def test_a_version_is_mlflows_own_with_a_signature(registry: Registry, model: str, tmp_path: Path) -> None:
    from mlflow.models import Model

    made = registered(registry, model, tmp_path)
    found = registry._client.get_model_version(model, "1")
    assert (found.status, found.source) == ("READY", f"runs:/{made.run_id}/model")
    signature = Model.load(str(stored(registry, made).parent)).signature
    assert signature.inputs.input_names() == list(SIGNATURE.inputs)
    assert signature.outputs.input_names() == list(SIGNATURE.outputs)


def test_a_run_registers_once_and_another_gets_a_version_of_its_own(
    registry: Registry, model: str, tmp_path: Path
) -> None:
    first = registered(registry, model, tmp_path)
    assert registered(registry, model, tmp_path) == first
    second = registered(registry, model, tmp_path, 11.0, "other")
    assert [each.version for each in registry.versions(model)] == [1, 2]
    assert registry.aliases(model) == {"challenger": 2}
    assert registry.made_by(model, "drift-1", "other") == replace(second, aliases=())
    assert registry.made_by(model, "drift-2", "root") is None


def test_an_alias_points_to_one_version(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    found = registry.fetch(made, tmp_path)
    assert found.version == made and content_hash(found.folder) == made.artifact_hash
    assert [path.name for path in found.folder.iterdir()] == ["level.json"]
    for _ in range(2):
        registry.crown(model, 1)
    assert registry.aliases(model) == {"champion": 1} and registry.version(model, 1).aliases == ("champion",)


def test_the_model_of_a_forecast_is_found_by_what_the_forecast_says(
    registry: Registry, model: str, tmp_path: Path
) -> None:
    first = registered(registry, model, tmp_path)
    second = registered(registry, model, tmp_path, 11.0, "other")
    registry.crown(model, 2)
    found = recorded(registry, f"{first.label}@{first.artifact_hash}", tmp_path)
    assert content_hash(found) == first.artifact_hash
    with pytest.raises(ModelUnavailable) as fault:
        recorded(registry, f"{first.label}@{second.artifact_hash}", tmp_path)
    assert fault.value.cause == "corrupted"


def test_a_registry_nobody_wrote_to_is_not_made_to_look_in_it(tmp_path: Path) -> None:
    nowhere = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    with pytest.raises(ModelUnavailable, match="nothing was ever registered here"):
        recorded(nowhere, "demand-daily/3@" + "a" * 64, tmp_path)
    assert not (tmp_path / "mlflow.db").exists()


def test_a_model_nobody_registered_is_missing(registry: Registry, model: str) -> None:
    assert registry.versions(model) == [] and registry.aliases(model) == {}
    with pytest.raises(ModelUnavailable, match="has no version 3") as fault:
        registry.version(model, 3)
    assert fault.value.cause == "missing"


def _changed(data: Path) -> None:
    (data / "level.json").write_text("9.0")


def _added(data: Path) -> None:
    (data / "more.json").write_text("1")


def _torn(data: Path) -> None:
    os.truncate(data / "level.json", 1)


def _removed(data: Path) -> None:
    (data / "level.json").unlink()


def _unreadable(data: Path) -> None:
    _removed(data)
    (data / "level.json").symlink_to(data / "nowhere")


def _gone(data: Path) -> None:
    shutil.rmtree(data.parent)


@pytest.mark.parametrize(
    ("damage", "cause"),
    [
        (_changed, "corrupted"),
        (_added, "corrupted"),
        (_torn, "corrupted"),
        (_removed, "missing"),
        (_unreadable, "unreachable"),
        (_gone, "missing"),
    ],
)
def test_a_damaged_model_is_told(registry: Registry, model: str, tmp_path: Path, damage: object, cause: str) -> None:
    made = registered(registry, model, tmp_path)
    damage(stored(registry, made))  # type: ignore[operator]
    with pytest.raises(ModelUnavailable) as fault:
        registry.fetch(made, tmp_path / "here")
    assert fault.value.cause == cause and fault.value.remedy
    assert fault.value.what.startswith(f"{made.label}: ")


def _away(artifacts: Path) -> None:
    artifacts.rename(artifacts.parent / "elsewhere")


def _unmounted(artifacts: Path) -> None:
    _away(artifacts)
    artifacts.mkdir()


def _refusing(artifacts: Path) -> None:
    _away(artifacts)
    artifacts.write_text("")


@pytest.mark.parametrize("outage", [_away, _unmounted, _refusing])
@pytest.mark.parametrize("by_server", [False, True])
def test_an_artifact_store_that_is_away_has_lost_nothing(
    model: str, tmp_path: Path, outage: object, by_server: bool
) -> None:
    own = Registry(f"sqlite:///{tmp_path / 'mlflow.db'}", tmp_path / "artifacts")
    made = registered(own, model, tmp_path)
    own.keep_report(made, "{}", "e" * 64)
    asked = Registry(own.uri, None) if by_server else own
    outage(tmp_path / "artifacts")  # type: ignore[operator]
    for ask in (lambda: asked.fetch(made, tmp_path / "here"), lambda: asked.report(made)):
        with pytest.raises(ModelUnavailable, match="cannot be had from") as fault:
            ask()
        assert fault.value.cause == "unreachable" and "artifact store" in fault.value.remedy


class _Answer(Exception):
    def __init__(self, status: int) -> None:
        self.response = SimpleNamespace(status_code=status)
        super().__init__(f"{status} from the store")


@pytest.mark.parametrize(
    ("listed", "cause"),
    [
        ([], "missing"),
        (["model/MLmodel"], "missing"),
        (["model/MLmodel", "model/data"], "unreachable"),
        (_Answer(404), "missing"),
        (_Answer(503), "unreachable"),
        (ConnectionError("refused"), "unreachable"),
    ],
)
def test_a_remote_store_has_lost_what_it_lists_no_more(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listed: object, cause: str
) -> None:
    made = registered(registry, f"remote-{uuid4()}", tmp_path)
    remote = Registry(registry.uri, None)

    def download(*_: object) -> None:
        raise ConnectionError("reset")

    def answer(run_id: str, path: str) -> list[SimpleNamespace]:
        assert (run_id, path) == (made.run_id, "model")
        if isinstance(listed, Exception):
            raise listed
        return [SimpleNamespace(path=each) for each in listed]  # type: ignore[attr-defined]

    monkeypatch.setattr(remote._client, "download_artifacts", download)
    monkeypatch.setattr(remote._client, "list_artifacts", answer)
    info = SimpleNamespace(info=SimpleNamespace(artifact_uri=f"s3://bucket/{made.run_id}/artifacts"))
    monkeypatch.setattr(remote._client, "get_run", lambda run_id: info)
    with pytest.raises(ModelUnavailable, match=f"{made.label}: model/data cannot be had from s3://bucket") as fault:
        remote.fetch(made, tmp_path / "here")
    assert fault.value.cause == cause


def test_a_run_nobody_has_any_more_is_missing(registry: Registry, model: str, tmp_path: Path) -> None:
    made = replace(registered(registry, model, tmp_path), run_id="0" * 32)
    with pytest.raises(ModelUnavailable) as fault:
        Registry(registry.uri, None).fetch(made, tmp_path / "here")
    assert fault.value.cause == "missing"


def test_files_with_other_bytes_than_promoted_are_refused(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    with pytest.raises(ModelUnavailable, match=r"its files hash to .* expected ffffffffffff"):
        registry.fetch(made, tmp_path / "here", "f" * 64)


def test_a_report_is_kept_beside_its_version(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    assert registry.report(made) is None
    plot = tmp_path / "coverage.png"
    plot.write_bytes(b"x")
    registry.keep_report(made, '{"é": 1}', "e" * 64, (plot,))
    assert registry.report(made) == '{"é": 1}'
    assert registry.version(model, 1).report_hash == "e" * 64


@pytest.mark.parametrize("name", ["", "a b", "x'y", "models/a", "-x"])
def test_a_name_no_registry_can_hold_is_refused(registry: Registry, name: str) -> None:
    with pytest.raises(PricingError, match="is no name of a model"):
        registry.versions(name)


@pytest.mark.parametrize("scheme", ["http", "postgresql"])
def test_a_server_that_is_down_is_told_within_seconds(scheme: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    down = open_registry(f"{scheme}://ann:secret@127.0.0.1:{port}", tmp_path)
    start = time.monotonic()
    with pytest.raises(ModelUnavailable) as fault:
        down.aliases("demand")
    assert time.monotonic() - start < 30
    assert fault.value.cause == "unreachable" and "MLFLOW_TRACKING_URI" in fault.value.remedy
    assert "127.0.0.1" in str(fault.value) and "secret" not in str(fault.value)


def test_a_database_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PricingError, match="file: cannot be written"):
        Registry(f"sqlite:///{tmp_path / 'file' / 'mlflow.db'}", tmp_path).versions("demand")


def test_what_is_no_uri_is_refused() -> None:
    with pytest.raises(PricingError, match="is no URI of one"):
        Registry("somewhere", None).versions("demand")


@given(st.dictionaries(st.sampled_from(["a", "b/c", "d"]), st.binary(max_size=8), min_size=1))
def test_a_hash_names_paths_and_bytes_and_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, files: dict[str, bytes]
) -> None:
    folders = [tmp_path_factory.mktemp("hashed") for _ in range(2)]
    for folder, order in zip(folders, (sorted(files), sorted(files, reverse=True)), strict=True):
        for name in order:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(files[name])
    first = content_hash(folders[0])
    assert content_hash(folders[1]) == first
    (folders[1] / sorted(files)[0]).write_bytes(files[sorted(files)[0]] + b"!")
    assert content_hash(folders[1]) != first


def test_what_others_keep_on_a_shared_server_is_left_alone(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    registry._client.create_model_version(model, f"runs:/{made.run_id}/model", made.run_id)
    registry._client.create_registered_model(f"{model} of somebody else")
    assert [each.version for each in registry.versions(model)] == [1]
    assert model in registry.models() and f"{model} of somebody else" not in registry.models()


def test_a_home_that_was_moved_keeps_its_models_and_goes_on(registry: Registry, model: str, tmp_path: Path) -> None:
    made = registered(registry, model, tmp_path)
    assert registry._artifacts
    home = tmp_path / "moved" / "mlflow"
    home.mkdir(parents=True)
    shutil.copyfile(registry.uri.removeprefix("sqlite:///"), home / "mlflow.db")
    shutil.copytree(registry._artifacts / made.run_id, home / "artifacts" / made.run_id)
    moved = open_registry(None, tmp_path / "moved")
    shutil.rmtree(registry._artifacts / made.run_id)
    assert moved.fetch(moved.version(model, 1), tmp_path).version == made
    second = registered(moved, model, tmp_path, 11.0, "other")
    assert stored(moved, second).is_dir() and moved.fetch(second, tmp_path).version.version == 2
