"""The entry routes of Dagster as a person takes them, each in a process of its own. That of the shell: newcomer/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import psutil
import pytest
from tiny_shop import FIRST, Shop

from pricing_assets.lake import Lake, claims
from pricing_assets.lake import days as manifests

PROJECT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


@pytest.fixture
def environment(home: Path, tmp_path: Path) -> dict[str, str]:
    """A home and a Dagster instance of the test's own, with the tiny shop."""
    shop = Shop(tmp_path / "shop").write()
    instance = tmp_path / "dagster"
    instance.mkdir()
    (instance / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    return os.environ | {
        "PRICING_HOME": str(home),
        "PRICING_SOURCE": str(shop.folder),
        "DAGSTER_HOME": str(instance),
        "VIRTUAL_ENV": str(BIN.parent),
    }


def call(environment: dict[str, str], tool: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / tool), *words]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done


def materialise(environment: dict[str, str]) -> None:
    """The line of a day, up to runs.days."""
    groups = ("raw", "features", "forecasts", "governance", "decisions", "runs")
    line = " or ".join(f'group:"{name}"' for name in groups)
    module = ["-m", "pricing_assets.definitions"]
    call(environment, "dagster", "asset", "materialize", *module, "--select", line, "--partition", str(FIRST))


def test_dagster_materialises_a_day(environment: dict[str, str], home: Path) -> None:
    materialise(environment)
    assert manifests.standing(Lake(home / "lake")).select("date", "decided").rows() == [(FIRST, 4)]


@pytest.mark.torture  # each step imports all
def test_a_process_per_step_comes_to_the_same(environment: dict[str, str], home: Path, tmp_path: Path) -> None:
    materialise(environment)
    one, many = Lake(home / "lake"), Lake(tmp_path / "many" / "lake")
    materialise(environment | {"PRICING_HOME": str(many.root.parent), "PRICING_EXECUTOR": "multiprocess"})
    with dg.DagsterInstance.from_config(environment["DAGSTER_HOME"]) as instance:
        last = instance.get_runs(limit=1)[0]
        workers = instance.all_logs(last.run_id, of_type=dg.DagsterEventType.STEP_WORKER_STARTED)
    assert len(workers) > 5, "a process per step"
    (holder,) = claims.holders(many).values()
    assert not psutil.pid_exists(holder.pid), "the claim was that of the run's worker, and ended with it"
    same = ["date", "decisions_hash", "steps_hash"]
    assert manifests.standing(many).select(same).equals(manifests.standing(one).select(same))


@pytest.mark.torture  # it imports all once more
def test_a_step_whose_worker_is_dead_counts_on_nobody_else(environment: dict[str, str]) -> None:
    orphan = """
import os, time
from multiprocessing import get_context
from pricing_assets.defs import executions

def step(starter):
    while os.getppid() == starter:
        time.sleep(0.01)
    print(starter, executions.worker("multiprocess"), flush=True)

get_context("fork").Process(target=step, args=(os.getpid(),)).start()
os._exit(0)
"""
    command = [sys.executable, "-c", orphan]  # its output ends with the last process that holds it, the step
    starter, worker = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True).stdout.split()
    assert worker == starter


def test_the_definitions_are_valid_for_both_tools(environment: dict[str, str]) -> None:
    said = call(environment, "dagster", "definitions", "validate", "-m", "pricing_assets.definitions")
    assert "Validation successful" in said.stdout + said.stderr
    listed = json.loads(call(environment, "dg", "list", "defs", "--json").stdout)
    assert "decisions/price_decisions" in json.dumps(listed)
