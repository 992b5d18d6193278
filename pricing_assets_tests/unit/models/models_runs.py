"""A process that has imported MLflow and forks a retraining for each line it reads, to be killed by itself.

It is started with the URI of an MLflow that is there, and its artifacts. A line is JSON: governance, uri, artifacts,
event, root, and `kill`: the step, or the call to MLflow, right after which the retraining ends itself by SIGKILL; empty
for none. It answers with the exit code.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from fake_model import SOLD, Fake

CALLS = (
    *("create_experiment", "create_run", "log_batch", "log_artifacts", "set_terminated", "create_registered_model"),
    *("create_model_version", "set_registered_model_alias", "log_text", "set_model_version_tag"),
)
"""The calls to MLflow that change something, in the order of a first training."""
STEPS = (
    *("claimed", "trained", "registered", "report kept", "validated", "decided", "in force", "pointed"),
    "outcome recorded",
)


def end() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def retrain(said: dict[str, str]) -> None:
    from pricing_assets import governance
    from pricing_assets.models import Bench, Policy, Registry, retrain

    def heard(step: str) -> None:
        if step == said["kill"]:
            end()

    registry = Registry(said["uri"], Path(said["artifacts"]))
    if said["kill"] in CALLS:
        _end_after(registry._client, said["kill"])
    with governance.open_store(said["governance"]) as store:
        bench = Bench(store.gate, registry, Policy(least_rows=5), heard=heard)
        fake = Fake(SOLD + 1)
        retrain(bench, said["event"], said["root"], fake.train, fake.validate)


def _end_after(client: Any, call: str) -> None:
    real = getattr(client, call)

    def ending(*arguments: Any, **named: Any) -> None:
        real(*arguments, **named)
        end()

    setattr(client, call, ending)


def warm(uri: str, artifacts: Path, folder: Path) -> None:
    """Does once what every run would do anew: imports, and SQL compiled. Polars must not be used before a fork."""
    from pricing_assets.models import Registry

    registry = Registry(uri, artifacts)
    record = Fake().train(None, folder)  # type: ignore[arg-type]
    made = registry.register("warm", record, event_id="drift-0", root_run_id="root")
    registry.keep_report(made, "", "")
    registry.fetch(made, folder)
    registry.aliases("warm")


def main() -> None:
    """Warms up, then serves until the end of its input."""
    os.environ["MLFLOW_SQLALCHEMYSTORE_POOLCLASS"] = "NullPool"  # no connection of a parent in its children
    with TemporaryDirectory() as folder:
        warm(sys.argv[1], Path(sys.argv[2]), Path(folder))
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.dup2(2, 1)  # standard output belongs to the answers
            code = 1
            try:
                retrain(json.loads(line))
                code = 0
            finally:
                sys.stderr.flush()
                os._exit(code)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
