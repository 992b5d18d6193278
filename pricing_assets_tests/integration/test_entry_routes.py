"""The entry routes of Dagster as a person takes them, each in a process of its own. That of the shell: newcomer/."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_shop import FIRST, Shop

from pricing_assets.lake import Lake
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


def test_dagster_materialises_a_day(environment: dict[str, str], home: Path) -> None:
    groups = ("raw", "features", "forecasts", "governance", "decisions", "runs")
    line = " or ".join(f'group:"{name}"' for name in groups)
    module = ["-m", "pricing_assets.definitions"]
    call(environment, "dagster", "asset", "materialize", *module, "--select", line, "--partition", str(FIRST))

    assert manifests.standing(Lake(home / "lake")).select("date", "decided").rows() == [(FIRST, 4)]


def test_the_definitions_are_valid_for_both_tools(environment: dict[str, str]) -> None:
    said = call(environment, "dagster", "definitions", "validate", "-m", "pricing_assets.definitions")
    assert "Validation successful" in said.stdout + said.stderr
    listed = json.loads(call(environment, "dg", "list", "defs", "--json").stdout)
    assert "decisions/price_decisions" in json.dumps(listed)
