"""Connecting to MLflow, quietly and with bounds: no telemetry, no progress bars, no minutes of retries.

Here: what must be set before and while MLflow is imported. Not here: what is kept in it (registry.py).
"""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from pricing_assets.errors import PricingError
from pricing_assets.lake import locks
from pricing_assets.lake.files import exclusive, make_folder, storage_faults, sync
from pricing_assets.models.records import Signature

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

# MLflow takes these from the environment alone. A server that is down is told within seconds, not minutes.
_BOUNDS = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
}
_ATTEMPTS = 6  # at a database that does not answer, within six seconds; MLflow would make ten in a hundred
_SQLITE = "sqlite:///"
_POSTGRESQL = ("postgresql://", "postgres://")
_SILENT = (ConnectionError, socket.gaierror, TimeoutError)


def connect(uri: str) -> MlflowClient:
    """A client whose tracking and registry are both at `uri`, whatever the environment says.

    A SQLite file and its folder are made where they are missing; PostgreSQL is spoken to by the driver the governance
    store takes too. Raises PricingError for a URI MLflow does not know.
    """
    quiet()
    if uri.startswith(_SQLITE):
        _make(Path(uri.removeprefix(_SQLITE)))
    elif urlsplit(uri).scheme.partition("+")[0] not in ("http", "https", "postgresql", "postgres", "mysql"):
        raise PricingError(
            f"model registry {shown(uri)}: is no URI of one",
            "write it like http://host:5000, postgresql://user:password@host/mlflow or sqlite:////path/file.db",
        )
    if uri.startswith(_POSTGRESQL):
        uri = "postgresql+psycopg://" + uri.partition("://")[2]
    if not uri.startswith("http"):
        from mlflow.store.db import utils

        utils.MAX_RETRY_COUNT = _ATTEMPTS
    from mlflow import MlflowClient

    logging.getLogger("mlflow").setLevel(logging.WARNING)
    return MlflowClient(tracking_uri=uri, registry_uri=uri)


def _make(path: Path) -> None:
    """Makes MLflow's SQLite file, where it is missing, aside and by a rename.

    MLflow makes it by seconds of migrations, and cannot go on with one that was killed meanwhile.
    """
    if path.exists():
        return
    make_folder(path.parent)
    with exclusive(path.with_name(f"{path.name}.lock"), locks.WORK), storage_faults(path):
        if path.exists():
            return
        for left in path.parent.glob(f"{path.name}.making*"):
            left.unlink()
        aside = path.with_name(f"{path.name}.making")
        _migrate(aside)
        sync(aside)
        aside.replace(path)
        sync(path.parent)


def _migrate(aside: Path) -> None:
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"{_SQLITE}{aside}", registry_uri=f"{_SQLITE}{aside}")
    client.search_experiments(max_results=1)
    client.search_registered_models(max_results=1)


def quiet() -> None:
    """Sets what MLflow reads when it is imported."""
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = _BOUNDS["MLFLOW_DISABLE_TELEMETRY"]
    for name, value in _BOUNDS.items():
        os.environ.setdefault(name, value)
    for noisy in ("mlflow", "alembic"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def failure() -> type[MlflowException]:
    """What MLflow raises."""
    from mlflow.exceptions import MlflowException

    return MlflowException


def not_found(error: Exception) -> bool:
    """Whether an artifact store answered that it has no such thing."""
    answered = getattr(getattr(error, "response", None), "status_code", None)
    return answered == 404 or getattr(error, "error_code", None) == "RESOURCE_DOES_NOT_EXIST"


def folder_of(place: str) -> Path | None:
    """The folder an artifact URI means; None for a store's."""
    parts = urlsplit(place)
    return Path(url2pathname(parts.path)) if parts.scheme in ("", "file") else None


def shown(uri: str) -> str:
    """A URI without its user and password."""
    parts = urlsplit(uri)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl() if parts.netloc else uri


def masked(said: str, uri: str) -> str:
    """What MLflow says, shortened, without the user and password of its URI."""
    secret = urlsplit(uri).netloc.rpartition("@")[0]
    return (said.replace(f"{secret}@", "") if secret else said)[:300]


def said_of(error: Exception, uri: str) -> str:
    """What went wrong, in a line: of a server that does not answer the reason, beneath what libraries made of it."""
    beneath: BaseException | None = error
    looked_at: set[int] = set()
    while beneath and id(beneath) not in looked_at:
        if isinstance(beneath, _SILENT):
            said = (beneath.strerror or str(beneath) or type(beneath).__name__).lower()
            return f"does not answer: {masked(said, uri)}"
        looked_at.add(id(beneath))
        beneath = beneath.__cause__ or (None if beneath.__suppress_context__ else beneath.__context__)
    return masked((str(error).strip().splitlines() or [type(error).__name__])[0], uri)


def log_figures(
    client: MlflowClient, run_id: str, metrics: Mapping[str, float], parameters: Mapping[str, str | int | float]
) -> None:
    """Logs metrics and parameters in one request."""
    from mlflow.entities import Metric, Param

    now = int(time.time() * 1000)
    measured = [Metric(name, value, now, 0) for name, value in sorted(metrics.items())]
    client.log_batch(run_id, measured, [Param(name, str(value)) for name, value in sorted(parameters.items())])


def describe(folder: Path, run_id: str, signature: Signature, flavor: Mapping[str, Any]) -> None:
    """Writes `MLmodel`, which gives a registered version its signature, into a folder."""
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs, outputs = (
        Schema([ColSpec(kind, name) for name, kind in columns.items()])
        for columns in (signature.inputs, signature.outputs)
    )
    made = Model("model", run_id, flavors={"pricing_assets": dict(flavor)}, signature=ModelSignature(inputs, outputs))
    made.save(str(folder / "MLmodel"))
