"""A deployment: the processes of deploy/systemd, by their own commands, on a PostgreSQL of their own.

Here: starting and killing them, asking Dagster. Not here: what must hold (test_torture_deployment.py).
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from string import Template
from typing import Any, TypeVar

import psutil
from postgres_server import Postgres

from pricing_assets.lake import Lake

PROJECT = Path(__file__).parents[2]
DEPLOY = PROJECT / "deploy"
PATIENCE = 400  # seconds; a machine that tests other things at the same time is slow
JOB = {"repositoryLocationName": "pricing_assets", "repositoryName": "__repository__", "jobName": "daily"}
LAUNCH = """mutation ($params: ExecutionParams!) { launchRun(executionParams: $params) {
    __typename ... on LaunchRunSuccess { run { runId } } ... on UnauthorizedError { message } } }"""
RUNS = "{ runsOrError { ... on Runs { results { runId status tags { key value } } } } }"
START = "mutation ($whose: SensorSelector!) { startSensor(sensorSelector: $whose) { __typename } }"
STOP = "mutation ($id: String!) { stopSensor(id: $id) { __typename } }"
SENSOR = """query ($whose: SensorSelector!) { sensorOrError(sensorSelector: $whose) {
    ... on Sensor { sensorState { id } } } }"""
LOCATIONS = """{ workspaceOrError { ... on Workspace { locationEntries {
    loadStatus locationOrLoadError { __typename ... on RepositoryLocation { name } } } } } }"""
T = TypeVar("T")


def command_of(unit: str, environment: Mapping[str, str]) -> list[str]:
    """What a unit of systemd starts, with this environment's Python and variables."""
    lines = (DEPLOY / "systemd" / f"{unit}.service").read_text().splitlines()
    started = next(line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart="))
    own = started.replace("/opt/pricing/.venv/bin", str(Path(sys.executable).parent))
    return shlex.split(Template(own).substitute(environment))


def free_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@dataclass
class Deployment:
    """A home, its databases, and the processes at work on them."""

    folder: Path
    shop: Path
    postgres: Postgres
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        ports = {name: str(free_port()) for name in ("CODE_PORT", "READERS_PORT", "ENGINEER_PORT")}
        databases = {"DAGSTER_URL": "dagster", "GOVERNANCE_URL": "governance", "MLFLOW_URI": "mlflow"}
        chosen = {
            "HOME": str(self.home),
            "SOURCE": str(self.shop),
            "DAGSTER_FOLDER": str(self.home / "dagster"),
            "CODE_HOST": "127.0.0.1",
            "READERS_HOST": "127.0.0.1",
            **ports,
            **{name: self.postgres.database(database) for name, database in databases.items()},
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRICING_", "DAGSTER_", "UCI_"))}
        self.environment = kept | {f"PRICING_{name}": value for name, value in chosen.items()}
        self.environment |= {"DAGSTER_HOME": str(DEPLOY), "OPENBLAS_NUM_THREADS": "1", "COLUMNS": "160"}

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def lake(self) -> Lake:
        return Lake(self.home / "lake")

    def url(self, unit: str) -> str:
        """Where a webserver listens."""
        port = self.environment[f"PRICING_{unit.removeprefix('pricing-').upper()}_PORT"]
        return f"http://127.0.0.1:{port}"

    def start(self, *units: str) -> None:
        """Starts processes, each in a group of its own, as systemd would."""
        for unit in units:
            with (self.folder / f"{unit}.log").open("ab") as log:
                self.processes[unit] = subprocess.Popen(
                    command_of(unit, self.environment),
                    env=self.environment,
                    cwd=self.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill(self, unit: str) -> None:
        """SIGKILL to everything a unit runs, as systemd does with what is left of a service that died."""
        process = self.processes.pop(unit)
        family = [process.pid, *(child.pid for child in _children(process.pid))]
        for pid in family:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """Ends whatever runs."""
        for unit in [*self.processes]:
            self.kill(unit)

    def ready(self, unit: str) -> None:
        """Returns once a webserver has the code location."""
        self.until(f"{unit} has the code location", lambda: self._loaded(unit))

    def ask(self, unit: str, query: str, **variables: Any) -> Any:
        """The data GraphQL answers."""
        body = json.dumps({"query": query, "variables": variables}).encode()
        request = urllib.request.Request(f"{self.url(unit)}/graphql", body, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            content = json.load(answer)
        assert "errors" not in content, content
        return content["data"]

    def launch(self, unit: str, day: object) -> dict[str, Any]:
        """Asks for a run of a day; what Dagster says."""
        tags = [{"key": "dagster/partition", "value": str(day)}]
        params = {"selector": JOB, "mode": "default", "executionMetadata": {"tags": tags}}
        answer: dict[str, Any] = self.ask(unit, LAUNCH, params=params)["launchRun"]
        return answer

    def switch(self, unit: str, sensor: str, *, on: bool) -> str:
        """Starts or stops a sensor; the type of what Dagster answers."""
        whose = {name: JOB[name] for name in ("repositoryLocationName", "repositoryName")} | {"sensorName": sensor}
        if on:
            return str(self.ask(unit, START, whose=whose)["startSensor"]["__typename"])
        known = self.ask(unit, SENSOR, whose=whose)["sensorOrError"]["sensorState"]["id"]
        return str(self.ask(unit, STOP, id=known)["stopSensor"]["__typename"])

    def runs(self) -> list[dict[str, Any]]:
        """Every run Dagster knows: runId, status and tags, the latest first."""
        found = self.ask("pricing-engineer", RUNS)["runsOrError"]["results"]
        return [each | {"tags": {tag["key"]: tag["value"] for tag in each["tags"]}} for each in found]

    def pricing(self, *words: str) -> subprocess.CompletedProcess[str]:
        """`pricing …` as the engineer types it on this machine."""
        command = [str(Path(sys.executable).parent / "pricing"), *words]
        where: dict[str, Any] = {"env": self.environment, "cwd": self.folder}
        return subprocess.run(command, **where, capture_output=True, text=True, timeout=PATIENCE, check=False)

    def until(self, what: str, asked: Callable[[], T | None], seconds: float = PATIENCE) -> T:
        """What is asked for, once there is any; the end of every log where it takes too long."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if found := asked():
                return found
            time.sleep(0.2)
        raise AssertionError(f"not within {seconds} s: {what}\n{self._logs()}")

    def _loaded(self, unit: str) -> bool:
        with suppress(OSError, AssertionError):
            entries = self.ask(unit, LOCATIONS)["workspaceOrError"]["locationEntries"]
            return [each["locationOrLoadError"].get("name") for each in entries] == ["pricing_assets"]
        return False

    def _logs(self) -> str:
        return "\n".join(f"--- {path.name}\n{path.read_text()[-2000:]}" for path in self.folder.glob("*.log"))


@contextmanager
def deployed(folder: Path, shop: Path, postgres: Postgres) -> Iterator[Deployment]:
    """A deployment of which nothing runs yet; what runs at the end is ended."""
    made = Deployment(folder, shop, postgres)
    try:
        yield made
    finally:
        made.stop()


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid).children(recursive=True)
    return []
