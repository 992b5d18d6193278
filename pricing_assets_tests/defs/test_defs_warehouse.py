"""The warehouse station: dbt's results as assets and checks; what analysts keep when it fails."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tiny_shop import Line

from pricing_assets.lake import warehouse as files


def build(line: Line) -> Any:
    from pricing_assets.defs import warehouse

    return dg.materialize(
        [warehouse.marts],
        resources={"platform": line.platform()},
        instance=line.instance,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        raise_on_error=False,
    )


def dbt_that(
    results: list[dict[str, Any]], code: int, calls: list[str], output: str = "1 of 9 FAIL price_history_holds"
) -> Any:
    """Stands in for dbt: writes these results, says this and ends with this code."""

    def run(command: str, home: Path, target: Path, draft: Path | None = None) -> subprocess.CompletedProcess[str]:
        calls.append(command)
        target.mkdir(parents=True, exist_ok=True)
        if results:
            (target / "run_results.json").write_text(json.dumps({"results": results}))
        return subprocess.CompletedProcess([], code, stdout=output)

    return run


@pytest.mark.parametrize(("code", "runs"), [(1, 1), (2, 3)])
def test_a_failed_build_keeps_what_analysts_have(
    line: Line, impatient: None, monkeypatch: pytest.MonkeyPatch, code: int, runs: int
) -> None:
    """dbt's exit code 1 is a model or test that would fail again; 2 anything else, and is tried again."""
    from pricing_assets.defs import executions, warehouse

    analytics = line.home / "analytics.duckdb"
    with files.draft(line.lake, analytics):
        pass
    before, calls = analytics.read_bytes(), []
    test = next(node for node in warehouse._of_type("test") if warehouse._tested(node))
    fault = {"unique_id": test["unique_id"], "status": "fail", "failures": 3, "message": "m", "execution_time": 0.1}
    monkeypatch.setattr(warehouse, "dbt", dbt_that([fault], code, calls))
    result = build(line)

    assert not result.success
    assert len(calls) == runs
    assert result.asset_materializations_for_node("warehouse") == []
    checks = result.get_asset_check_evaluations()
    assert {(each.check_name, each.passed, each.metadata["failing rows"].value) for each in checks} == {
        (test["name"], False, 3)
    }
    message = executions.first_error(line.instance, result.run_id)
    assert message.startswith("dbt build failed; analysts keep the last good file")
    assert "price_history_holds" in message
    assert analytics.read_bytes() == before
    assert list(line.home.glob("draft-*")) == []


def test_dbt_that_comes_to_no_model_says_so(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.defs import executions, warehouse

    monkeypatch.setattr(warehouse, "dbt", dbt_that([], 1, []))
    result = build(line)
    assert "dbt build failed" in executions.first_error(line.instance, result.run_id)
    assert not (line.home / "analytics.duckdb").exists()


def test_a_project_dbt_cannot_parse_is_named(location: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.defs import warehouse
    from pricing_assets.errors import PricingError

    (tmp_path / "model.sql").write_text("select")
    monkeypatch.setattr(warehouse, "PROJECT", tmp_path)
    monkeypatch.setattr(warehouse, "dbt", dbt_that([], 2, []))
    with pytest.raises(PricingError, match=r"dbt cannot parse .*1 of 9 FAIL"):
        warehouse._nodes.__wrapped__()


def test_of_a_full_disk_a_build_says_that_it_is_full_and_what_to_do(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import executions, warehouse

    output = """12:04:35  57 of 80 ERROR unique_current_prices_decision_id [ERROR in 0.03s]
FATAL Error: Failed: database has been invalidated because of a previous fatal error.
Original error: "Could not write file "draft-1f4/analytics.duckdb": No space left on device"
"""
    monkeypatch.setattr(warehouse, "dbt", dbt_that([], 1, [], output))
    said = executions.first_error(line.instance, build(line).run_id)
    assert said.split("\n  remedy: ") == [
        "dbt build failed; analysts keep the last good file: No space left on device",
        "the disk is full: free some space there, then run again; nothing was half-written",
    ]


def test_of_what_dbt_did_not_expect_it_tells_what_it_was_and_not_where_its_code_met_it() -> None:
    from pricing_assets.defs.warehouse import told

    output = """12:04:35  Running with dbt=1.10
12:04:35  Encountered an error:
[Errno 5] Input/output error
12:04:35  Traceback (most recent call last):
  File "dbt/clients/system.py", line 312, in write_json
    json.dump(data, f)
OSError: [Errno 5] Input/output error

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "dbt/cli/requires.py", line 187, in wrapper
    result, success = func()
                      ^^^^^^
OSError: [Errno 5] Input/output error
"""
    assert told(output).splitlines() == [
        "12:04:35  Running with dbt=1.10",
        "12:04:35  Encountered an error:",
        "[Errno 5] Input/output error",
        "OSError: [Errno 5] Input/output error",
    ]


def test_what_dbt_says_of_two_tests_is_said_of_both() -> None:
    from pricing_assets.defs.warehouse import told

    output = "  Failure in test a\n  Got 1 result\n\n  Failure in test b\n  Got 1 result\n  Got 1 result\n"
    assert told(output).splitlines() == [
        *("  Failure in test a", "  Got 1 result"),
        *("  Failure in test b", "  Got 1 result"),
    ]
