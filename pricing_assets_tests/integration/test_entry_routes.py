"""The entry routes as a person takes them: each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tiny_shop import FIRST, LAST, Shop

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
    line = 'group:"raw" or group:"features" or group:"governance" or group:"decisions" or group:"runs"'
    module = ["-m", "pricing_assets.definitions"]
    call(environment, "dagster", "asset", "materialize", *module, "--select", line, "--partition", str(FIRST))

    assert manifests.standing(Lake(home / "lake")).select("date", "decided").rows() == [(FIRST, 4)]


def test_the_definitions_are_valid_for_both_tools(environment: dict[str, str]) -> None:
    said = call(environment, "dagster", "definitions", "validate", "-m", "pricing_assets.definitions")
    assert "Validation successful" in said.stdout + said.stderr
    listed = json.loads(call(environment, "dg", "list", "defs", "--json").stdout)
    assert "decisions/price_decisions" in json.dumps(listed)


def test_the_shell_and_duckdb_from_outside(environment: dict[str, str], home: Path) -> None:
    """The installed command, its exit codes, and any DuckDB client on its result."""
    import duckdb

    said = json.loads(call(environment, "pricing", "run", "--date", str(LAST), "--json").stdout)
    assert [day["status"] for day in said["days"]] == ["priced"]
    with duckdb.connect(str(home / "analytics.duckdb"), read_only=True) as connection:
        assert connection.sql("from decisions.price_decisions").aggregate("count(*)").fetchall() == [(4,)]
    wrong = subprocess.run([BIN / "pricing", "run", "--date", "?"], env=environment, capture_output=True, check=False)
    assert wrong.returncode == 2
