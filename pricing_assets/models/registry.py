"""The MLflow registry: versions of a model with signature, input hashes, metrics and plots; aliases; files back.

Here: everything that knows MLflow. Not here: who may move an alias (governance/ says, retraining.py obeys), what is in
a model's files.

A version is a registered MLflow version whose run holds, under `model/`, MLflow's own `MLmodel` (signature) beside the
saved files in `data/`, which alone are hashed. Files go in and out by the run, never by a `models:/` URI: MLflow
resolves those through its global tracking URI, and would make a second database in the working directory.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pricing_assets.errors import PricingError
from pricing_assets.lake.files import sync, sync_all
from pricing_assets.models import mlflow_client, tags
from pricing_assets.models.artifacts import Cause, ModelUnavailable, content_hash
from pricing_assets.models.records import CHALLENGER, CHAMPION, Fetched, TrainingRecord, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")
_MODEL, _DATA, _PLOTS, _VALIDATION = "model", "data", "plots", "validation"
_REPORT = "report.json"
_MOST = 10_000  # versions of a model: a training a day for a quarter of a century


def open_registry(uri: str | None, home: Path) -> Registry:
    """The registry at a URI; without one, in SQLite under the home.

    A server says where files go. A database has no place for them: they go under the home.
    """
    if uri and uri.startswith(("http://", "https://")):
        return Registry(uri, None)
    folder = home.resolve() / "mlflow"
    return Registry(uri or f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


class Registry:
    """A registry at a tracking and registry URI, a database's or a server's. Nothing is opened before it is needed.

    `artifacts` is where files go; None leaves it to the server.
    """

    def __init__(self, uri: str, artifacts: Path | None) -> None:
        self.uri = uri
        self._artifacts = artifacts

    def register(self, model: str, record: TrainingRecord, *, event_id: str, root_run_id: str) -> Version:
        """Registers a saved model as the challenger, once per drift event and root run: a retry returns the same one.

        Raises PricingError for a bad name and ModelUnavailable where the registry does not answer.
        """
        _check_name(model)
        made = self.made_by(model, event_id, root_run_id)
        if made is None:
            with self._answering():
                run_id = self._log(model, record, {"event": event_id, "root_run_id": root_run_id})
                kept = tags.of_record(record, event_id, root_run_id)
                source = f"runs:/{run_id}/{_MODEL}"
                made = tags.version(self._client.create_model_version(model, source, run_id, tags=kept))
        self.point(model, CHALLENGER, made.version)
        return self.version(model, made.version)

    def models(self) -> list[str]:
        """Every registered model, but those of others on a shared server whose names cannot be ours."""
        with self._answering():
            names = [found.name for found in self._client.search_registered_models(max_results=1000)]
        return sorted(name for name in names if _NAME.fullmatch(name))

    def made_by(self, model: str, event_id: str, root_run_id: str) -> Version | None:
        """The version a root run registered for a drift event, its aliases left out; None where it got not so far."""
        _check_name(model)
        with self._answering():
            made = map(tags.version, self._search(model))
            return next((each for each in made if (each.event_id, each.root_run_id) == (event_id, root_run_id)), None)

    def versions(self, model: str) -> list[Version]:
        """Every version, oldest first; none of a model nobody registered."""
        _check_name(model)
        with self._answering():
            found = self._search(model)
            named = self._aliases(model) if found else {}
        made = [tags.version(each, named) for each in found]
        return sorted(made, key=lambda each: each.version)

    def version(self, model: str, number: int) -> Version:
        """One version. Raises ModelUnavailable where it is missing."""
        _check_name(model)
        with self._answering():
            try:
                found = self._client.get_model_version(model, str(number))
            except mlflow_client.failure() as error:
                if error.error_code != _NO_SUCH:
                    raise
                what = f"model {model} has no version {number} in {mlflow_client.shown(self.uri)}"
                raise ModelUnavailable("missing", what, _RETRAIN) from error
        return tags.version(found, dict.fromkeys(found.aliases, number))

    def fetch(self, version: Version, into: Path, artifact_hash: str | None = None) -> Fetched:
        """A version's files, verified against `artifact_hash`, by default the hash they were registered with.

        Raises ModelUnavailable where files are missing, are not the ones expected, or cannot be had now.
        """
        expected = artifact_hash or version.artifact_hash
        folder = into / f"{version.model}-{version.version}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        data = self._download(version, f"{_MODEL}/{_DATA}", folder)
        if not any(data.rglob("*")):
            raise ModelUnavailable("missing", f"{version.label}: its files are gone", _RETRAIN)
        found = content_hash(data)
        if found != expected:
            raise ModelUnavailable(
                "corrupted",
                f"{version.label}: its files hash to {found[:12]}, expected {expected[:12]}",
                "something changed them after training; `pricing models rollback` or train again",
            )
        return Fetched(version, data)

    def point(self, model: str, alias: str, number: int) -> None:
        """Lets an alias point to a version."""
        with self._answering():
            if self._aliases(model).get(alias) != number:
                self._client.set_registered_model_alias(model, alias, str(number))

    def unpoint(self, model: str, alias: str, number: int) -> None:
        """Takes an alias away from a version; one that points elsewhere stays."""
        with self._answering():
            if self._known(model) and self._aliases(model).get(alias) == number:
                self._client.delete_registered_model_alias(model, alias)

    def crown(self, model: str, number: int) -> None:
        """Lets champion point to a version; where it was the challenger, it is no longer."""
        with self._answering():
            found = self._aliases(model)
            if found.get(CHAMPION) != number:
                self._client.set_registered_model_alias(model, CHAMPION, str(number))
            if found.get(CHALLENGER) == number:
                self._client.delete_registered_model_alias(model, CHALLENGER)

    def aliases(self, model: str) -> dict[str, int]:
        """Alias → version; none of a model nobody registered."""
        with self._answering():
            return self._aliases(model) if self._known(model) else {}

    def keep_report(self, version: Version, text: str, report_hash: str, plots: tuple[Path, ...] = ()) -> None:
        """Keeps the validation report, JSON, and its plots beside a version."""
        with self._answering():
            for plot in plots:
                self._client.log_artifact(version.run_id, str(plot), f"{_VALIDATION}/{_PLOTS}")
            self._client.log_text(version.run_id, text, f"{_VALIDATION}/{_REPORT}")
            self._make_durable(version.run_id)
            self._client.set_model_version_tag(version.model, str(version.version), "report_hash", report_hash)

    def report(self, version: Version) -> str | None:
        """The report kept beside a version; None where none is. Whether it may be believed is for its hash to say.

        Raises ModelUnavailable where that cannot be told, as the registry does not answer.
        """
        with TemporaryDirectory() as folder:
            try:
                kept = self._download(version, f"{_VALIDATION}/{_REPORT}", Path(folder))
                return kept.read_text(encoding="utf-8")
            except ModelUnavailable as fault:
                if fault.cause == "missing":
                    return None
                raise
            except UnicodeDecodeError:
                return None

    @property
    def started(self) -> bool:
        """Whether anything can be in it: False only for a SQLite file nobody made yet, which costs seconds to make."""
        prefix = "sqlite:///"
        return not self.uri.startswith(prefix) or Path(self.uri.removeprefix(prefix)).exists()

    @cached_property
    def _client(self) -> MlflowClient:
        return mlflow_client.connect(self.uri)

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except PricingError:
            raise
        except Exception as error:  # MLflow lets through what SQLAlchemy, requests and urllib3 raise
            raise ModelUnavailable(
                "unreachable",
                f"model registry {mlflow_client.shown(self.uri)}: {mlflow_client.said_of(error, self.uri)}",
                "see that it runs and can be written to; MLFLOW_TRACKING_URI names it",
            ) from error

    def _download(self, version: Version, path: str, into: Path) -> Path:
        """A file or folder of a version. ModelUnavailable: `missing` only where a store that answers has it not."""
        here = self._artifacts and self._artifacts / version.run_id / "artifacts" / path
        try:
            if here and here.exists():  # also where the home was moved or restored: MLflow remembers absolute paths
                return _copied(here, into / path)
            return Path(self._client.download_artifacts(version.run_id, path, str(into)))
        except Exception as error:  # whatever the artifact store raises
            gone, place = self._gone(version, path)
            said = f"{path} cannot be had from {place}: {mlflow_client.masked(str(error), self.uri)}"
            cause: Cause = "missing" if gone else "unreachable"
            raise ModelUnavailable(cause, f"{version.label}: {said}", _RETRAIN if gone else _WAIT) from error

    def _gone(self, version: Version, path: str) -> tuple[bool, str]:
        """Whether it is seen that there is no such file any more, and the place looked in.

        An empty folder shows nothing: that is also what a disk looks like that is not mounted.
        """
        with self._answering():
            try:
                place = str(self._client.get_run(version.run_id).info.artifact_uri)
            except mlflow_client.failure() as error:
                if error.error_code != _NO_SUCH:
                    raise
                return True, mlflow_client.shown(self.uri)
        folder = self._artifacts / version.run_id / "artifacts" if self._artifacts else mlflow_client.folder_of(place)
        try:
            if folder:
                return any(folder.parent.parent.iterdir()) and not (folder / path).exists(), str(folder)
            listed = self._client.list_artifacts(version.run_id, path.rpartition("/")[0])
        except Exception as error:  # as above
            return not folder and mlflow_client.not_found(error), place
        return path not in [each.path for each in listed], place

    def _search(self, model: str) -> list[ModelVersion]:
        found = self._client.search_model_versions(f"name='{model}'", max_results=_MOST)
        return [each for each in found if "artifact_hash" in each.tags]  # not what others registered under the name

    def _known(self, model: str) -> bool:
        _check_name(model)
        return bool(self._client.search_registered_models(f"name='{model}'"))

    def _aliases(self, model: str) -> dict[str, int]:
        return {alias: int(number) for alias, number in self._client.get_registered_model(model).aliases.items()}

    def _log(self, model: str, record: TrainingRecord, whose: Mapping[str, str]) -> str:
        """A run with everything known of a training; what a killed attempt left half done is taken away."""
        experiment = self._experiment(model)
        asked = " and ".join(f"tags.{name} = '{value}'" for name, value in whose.items())
        for left in self._client.search_runs([experiment], asked):
            self._client.delete_run(left.info.run_id)
        run = self._client.create_run(experiment, run_name=whose["event"], tags={**whose})
        run_id: str = run.info.run_id
        mlflow_client.log_figures(self._client, run_id, record.metrics, record.parameters)
        for plot in record.plots:
            self._client.log_artifact(run_id, str(plot), _PLOTS)
        with TemporaryDirectory() as folder:
            shutil.copytree(record.folder, Path(folder) / _DATA)
            mlflow_client.describe(Path(folder), run_id, record.signature, {"data": _DATA})
            self._client.log_artifacts(run_id, folder, _MODEL)
        self._make_durable(run_id)
        self._client.set_terminated(run_id, "FINISHED")
        if not self._known(model):
            self._client.create_registered_model(model)
        return run_id

    def _make_durable(self, run_id: str) -> None:
        """Through a power cut: a version would outlive its files, which MLflow leaves to the operating system."""
        if self._artifacts and (self._artifacts / run_id).exists():  # else under where the home was before it moved
            sync_all(self._artifacts / run_id)
            for folder in (self._artifacts, self._artifacts.parent):
                sync(folder)

    def _experiment(self, model: str) -> str:
        """The model's experiment, whose files go to where this registry's are, also after the home was moved."""
        place = self._artifacts.resolve().as_uri() if self._artifacts else None
        found = self._client.get_experiment_by_name(model)
        if found and place in (None, found.artifact_location):
            return str(found.experiment_id)
        if found:
            self._client.rename_experiment(found.experiment_id, f"{model} in {found.artifact_location}")
        return self._client.create_experiment(model, artifact_location=place)


def _copied(here: Path, made: Path) -> Path:
    made.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copytree(here, made) if here.is_dir() else shutil.copyfile(here, made))


_RETRAIN = "`pricing models list` shows what there is; an approved drift event trains a new version"
_WAIT = "see that the artifact store can be reached, then try again; nothing is taken for lost"
_NO_SUCH = "RESOURCE_DOES_NOT_EXIST"


def _check_name(model: str) -> None:
    if not _NAME.fullmatch(model):
        raise PricingError(f"{model}: is no name of a model", "use letters, digits, - and _, e.g. demand")
