"""Every dbt test of the project finds the fault it is there for, and finds nothing where there is none."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt_faults import Fault, faults
from marts_shop import NAME


@dataclass
class Built:
    """The marts of the shop in memory, dbt's tests as nodes of its manifest, and the SQL it ran for each."""

    marts: duckdb.DuckDBPyConnection
    tests: list[dict[str, Any]]
    sql: dict[str, str]
    models: dict[str, str]

    def found(self, test: dict[str, Any]) -> list[tuple[Any, ...]]:
        """Rows the dbt test complains about."""
        return self.marts.execute(self.sql[test["unique_id"]]).fetchall()

    def finds(self, test: dict[str, Any], fault: Fault) -> bool:
        """Whether the test finds a fault that is planted for it, and taken out again."""
        self.marts.execute("begin")
        self.marts.execute(fault.sql)
        rows = self.found(test)
        self.marts.execute("rollback")
        return bool(rows) if fault.condition is None else fault.condition in {row[0] for row in rows}

    def types(self, model: str) -> dict[str, str]:
        return dict(row[:2] for row in self.marts.execute(f"describe {model}").fetchall())


@pytest.fixture(scope="module")
def built(built_marts: Path) -> Iterator[Built]:
    path, target = built_marts / NAME, built_marts / "target"
    nodes = json.loads((target / "manifest.json").read_text())["nodes"].values()
    results = json.loads((target / "run_results.json").read_text())["results"]
    models = {node["unique_id"]: f"{node['schema']}.{node['name']}" for node in nodes if "model" in node["unique_id"]}
    with duckdb.connect() as memory:
        memory.execute(f"attach '{path}' as held (read_only)")
        for schema, table in memory.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'held' union all "
            "select schema_name, view_name from duckdb_views() where database_name = 'held' and not internal"
        ).fetchall():
            memory.execute(f"create schema if not exists {schema}")
            memory.execute(f"create table {schema}.{table} as from held.{schema}.{table}")
        tests = [node for node in nodes if node["resource_type"] == "test"]
        yield Built(memory, tests, {each["unique_id"]: each["compiled_code"] for each in results}, models)


def test_every_model_has_a_row_a_fault_can_be_planted_in(built: Built) -> None:
    empty = [model for model in built.models.values() if not built.marts.execute(f"from {model} limit 1").fetchall()]
    assert empty == [], "give the shop of marts_shop.py rows for it"


def test_without_a_fault_no_dbt_test_complains(built: Built) -> None:
    assert [test["name"] for test in built.tests if built.found(test)] == []


def test_every_dbt_test_finds_each_of_its_planted_faults(built: Built) -> None:
    blind, unplanted, count = [], [], 0
    for test in built.tests:
        model = built.models[test["attached_node"]]
        try:
            planted = faults(test, model, built.types(model))
        except KeyError:
            unplanted.append(test["name"])
            continue
        count += len(planted)
        blind += [f"{test['name']}: {fault.sql}" for fault in planted if not built.finds(test, fault)]
    assert unplanted == [], "plant a fault for each in dbt_faults.py"
    assert blind == []
    assert count > 150
