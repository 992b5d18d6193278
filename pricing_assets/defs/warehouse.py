"""The warehouse station: dbt builds the marts over the manifested lake, then analytics.duckdb is renamed into place.

Here: dbt's models as assets and its tests as checks, read from the prepared manifest; running dbt. Not here: any SQL
(dbt_project/), the views over the lake (lake/warehouse), what is shown of a model built (model_metadata).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import dagster as dg

from pricing_assets import disks
from pricing_assets.defs import catalog, model_metadata
from pricing_assets.defs.catalog import FRESHNESS, OWNERS
from pricing_assets.defs.partitions import RETRY, SETTINGS, SOURCE
from pricing_assets.defs.resources import Platform
from pricing_assets.errors import PricingError
from pricing_assets.tables import RAW, by_name

PROJECT = Path(__file__).parents[2] / "dbt_project"
_ABSENT = {table.table_name() for table in RAW if table not in SOURCE.tables}  # their views are empty
_MODEL_OR_TEST_FAILED = 1  # dbt's exit code: it would fail again; 2 is anything else
_MOST_SAID = 4000  # characters
_CODE = re.compile(  # how Python tells of what was not expected
    r"^(?:[\d:]+ +)?Traceback \(most recent call last\):\n(?:[ ].*\n)+"
    r"|^(?:During handling of the above exception|The above exception was the direct cause).*\n",
    re.MULTILINE,
)


def dbt(command: str, home: Path, target: Path, draft: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs dbt in its own process (it opens the DuckDB file itself), writing only below `home` and to `target`."""
    # named relative to its folder, so that dbt's partial parsing survives from draft to draft
    folder = draft.parent if draft else PROJECT
    environment = os.environ | {
        "PRICING_ANALYTICS_DRAFT": draft.name if draft else "analytics.duckdb",
        "DBT_PROFILES_DIR": str(PROJECT),
        "DBT_TARGET_PATH": str(target.absolute()),
        "DBT_LOG_PATH": str((home / "dbt" / "logs").absolute()),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        # said only where it is not what the profile says: dbt parses anew for a variable it had not seen
        **({"PRICING_MARTS_MEMORY": SETTINGS.marts_memory} if SETTINGS.marts_memory else {}),
    }
    # its own log says every statement unless told otherwise: a sixth of the time, and megabytes a day
    quiet = ("--no-use-colors", "--log-level-file", "info")
    arguments = [str(Path(sys.executable).parent / "dbt"), *quiet, command, "--project-dir", str(PROJECT)]
    return subprocess.run(arguments, env=environment, cwd=folder, capture_output=True, text=True, check=False)


@cache
def _nodes() -> dict[str, dict[str, Any]]:
    """Nodes and sources of dbt's manifest by id; prepared by `make setup`, parsed here where it is missing or old."""
    path = PROJECT / "target" / "manifest.json"
    written = max(file.stat().st_mtime for file in PROJECT.rglob("*") if file.suffix in {".sql", ".yml"})
    if not path.exists() or path.stat().st_mtime < written:
        parsed = dbt("parse", SETTINGS.home, path.parent)
        if parsed.returncode:
            raise PricingError(f"dbt cannot parse {PROJECT.name}: {told(parsed.stdout)}", "mend the model it names")
    manifest = json.loads(path.read_text(encoding="utf-8"))
    nodes: dict[str, dict[str, Any]] = manifest["nodes"] | manifest["sources"]
    return nodes


def _name(node: Mapping[str, Any]) -> str:
    return f"{node['schema']}.{node['name']}"


def _key(node: Mapping[str, Any]) -> dg.AssetKey:
    """Asset key = DuckDB schema.table, for models as for sources."""
    return dg.AssetKey(_name(node).split("."))


def _of_type(kind: str) -> list[dict[str, Any]]:
    return [node for _, node in sorted(_nodes().items()) if node["resource_type"] == kind]


def _parents(node: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [_nodes()[name] for name in node["depends_on"]["nodes"] if name in _nodes()]


def _tested(test: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The model a test is about; none for a test of a source."""
    attached = _nodes().get(test.get("attached_node") or "")
    return [attached] if attached and attached["resource_type"] == "model" else []


def _spec(model: Mapping[str, Any]) -> dg.AssetSpec:
    return dg.AssetSpec(
        key=_key(model),
        deps=[_key(parent) for parent in _parents(model) if _name(parent) not in _ABSENT],
        description=model["description"],
        group_name=model["schema"],
        kinds={"dbt", "duckdb", model["config"]["materialized"]},
        owners=OWNERS,
        freshness_policy=FRESHNESS,
        metadata={"dagster/column_schema": _columns(model)},
    )


def _columns(model: Mapping[str, Any], types: Mapping[str, str] | None = None) -> dg.TableSchema:
    """A model's columns as its YAML describes them; those of a table whose rows it passes on as tables/ does."""
    rows_of = model["config"]["meta"].get("rows_of")
    if rows_of:
        return catalog.columns(by_name(rows_of))
    described = model["columns"].items()
    return dg.TableSchema(
        [dg.TableColumn(name, (types or {}).get(name, ""), column["description"]) for name, column in described]
    )


def _checks() -> list[dg.AssetCheckSpec]:
    """dbt's tests as checks of the model they test; tests of sources belong to no asset here."""
    return [
        dg.AssetCheckSpec(test["name"], asset=_key(model), description=test.get("description") or None)
        for test in _of_type("test")
        for model in _tested(test)
    ]


@dg.multi_asset(
    name="warehouse", specs=[_spec(model) for model in _of_type("model")], check_specs=_checks(), retry_policy=RETRY
)
def marts(
    context: dg.AssetExecutionContext, platform: Platform
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """Staging and marts over what the manifests hold; readers keep the last good file until the rename."""
    from pricing_assets.lake import warehouse  # DuckDB, which loading the code location does not need

    settings = platform.settings
    target = settings.home / "dbt" / "target"
    with (
        platform.at_work(context, []),
        warehouse.draft(platform.lake, settings.analytics, platform.exports()) as draft,
    ):
        (target / "run_results.json").unlink(missing_ok=True)
        _go_on_from_setup(target)
        built = dbt("build", settings.home, target, draft)
        results = _results(target)
        if built.returncode:
            yield from _tests(results)
            raise dg.Failure(
                str(_failure("dbt build failed; analysts keep the last good file", built.stdout)),
                allow_retries=built.returncode != _MODEL_OR_TEST_FAILED,
            )
    compiled = {_name(node): result["compiled_code"] for node, result in _built(results)}
    types = model_metadata.column_types(settings.analytics)
    shown = model_metadata.of(settings.analytics, compiled, types, target / "lineage.json")
    yield from _models(results, shown, types)
    yield from _tests(results)


def build() -> None:
    """Builds the warehouse outside of a run, of a home restored. Raises PricingError where dbt fails."""
    from pricing_assets.lake import warehouse

    platform = Platform()
    settings = platform.settings
    target = settings.home / "dbt" / "target"
    with warehouse.draft(platform.lake, settings.analytics, platform.exports()) as draft:
        _go_on_from_setup(target)
        built = dbt("build", settings.home, target, draft)
        if built.returncode:
            raise _failure("dbt build failed", built.stdout, "the next `pricing run` builds it")


def _failure(what: str, output: str, remedy: str = "") -> PricingError:
    """What failed and what dbt says of it; of a disk that refuses, every one of its nodes says the same."""
    if refused := disks.named(output):
        return PricingError(f"{what}: {refused.strerror}", disks.remedy(refused))
    return PricingError(f"{what}\n{told(output)}", remedy)


def told(output: str) -> str:
    """The last of what dbt says; of what it did not expect itself, without its own code."""
    lines = [line for line in _CODE.sub("", output).splitlines() if line.strip()]
    return "\n".join(line for line, _ in groupby(lines))[-_MOST_SAID:]


def _go_on_from_setup(target: Path) -> None:
    """A home's first build takes the project as `make setup` parsed it; what has changed since, dbt parses anew."""
    parsed, ours = PROJECT / "target" / "partial_parse.msgpack", target / "partial_parse.msgpack"
    if parsed.exists() and not ours.exists():
        target.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(parsed, ours.with_suffix(".part")).replace(ours)


def _results(target: Path) -> dict[str, dict[str, Any]]:
    """What dbt says of each node, by id; nothing where it came to no node."""
    path = target / "run_results.json"
    content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"results": []}
    return {result["unique_id"]: result for result in content["results"]}


def _built(results: Mapping[str, Mapping[str, Any]]) -> Iterator[tuple[dict[str, Any], Mapping[str, Any]]]:
    """The models built, each with its result."""
    for name, result in results.items():
        node = _nodes()[name]
        if node["resource_type"] == "model" and result["status"] == "success":
            yield node, result


def _models(
    results: Mapping[str, Mapping[str, Any]],
    shown: Mapping[str, Mapping[str, Any]],
    types: Mapping[str, Mapping[str, str]],
) -> Iterator[dg.MaterializeResult[None]]:
    """The models built, with what is shown of each; only what was built has types."""
    for node, result in _built(results):
        schema = {"dagster/column_schema": _columns(node, types[_name(node)])}
        metadata = {"seconds": round(result["execution_time"], 3), **schema, **shown[_name(node)]}
        yield dg.MaterializeResult(asset_key=_key(node), metadata=metadata)


def _tests(results: Mapping[str, Mapping[str, Any]]) -> Iterator[dg.AssetCheckResult]:
    """The tests passed or failed, with the number of failing rows."""
    for name, result in results.items():
        node = _nodes()[name]
        models = _tested(node) if node["resource_type"] == "test" and result["status"] != "skipped" else []
        for model in models:
            yield dg.AssetCheckResult(
                asset_key=_key(model),
                check_name=node["name"],
                passed=result["status"] == "pass",
                metadata={"failing rows": result["failures"] or 0, "message": result["message"] or ""},
            )
