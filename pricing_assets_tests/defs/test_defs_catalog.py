"""What the code location holds: every asset by its key, and what each says about itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from tiny_shop import FIRST, Line, Shop

from pricing_assets.tables import by_name

KEYS = {
    *("raw/listings", "raw/prices", "raw/sales", "raw/stock", "raw/competitor_snapshots", "raw/quarantine"),
    *("features/feature_snapshots", "anomalies/price_anomalies", "governance/strategies"),
    *("forecasts/demand_forecasts", "forecasts/elasticities", "forecasts/accuracy", "monitoring/drift_metrics"),
    *("decisions/overrides", "decisions/price_decisions", "decisions/price_steps", "decisions/price_book"),
    "decisions/linked_goals",
    *("decisions/holdouts", "decisions/price_tests", "decisions/shadow_decisions"),
    *("decisions/price_sentences", "decisions/demand_drivers"),
    *("decisions/reviews", "decisions/autonomy"),
    *("publishing/publications", "publishing/reconciliations"),
    *("runs/days", "runs/checks"),
    *("staging/stg_days", "staging/stg_decisions", "staging/stg_price_book", "staging/stg_prices", "staging/stg_sales"),
    *(
        "staging/stg_stock",
        "marts/anomalies_daily",
        "marts/competitor_position",
        "marts/current_prices",
        "marts/data_quality",
    ),
    *("marts/decision_summary", "marts/inventory_ageing", "marts/margins", "marts/override_history"),
    *("marts/price_changes", "marts/price_history", "marts/run_summary"),
    *("marts/pricing_effectiveness", "marts/shadow_comparison"),
}
STATIONS = ("raw", "feature_snapshots", "price_anomalies", "demand_forecasts", "elasticities", "price_decisions")
TABLES = sorted(key for key in KEYS if key.split("/")[0] not in ("staging", "marts"))
MODELS = sorted(KEYS - set(TABLES))


@pytest.fixture
def specs(location: Path) -> Mapping[str, dg.AssetSpec]:
    return _specs()


@cache
def _specs() -> Mapping[str, dg.AssetSpec]:
    from pricing_assets.definitions import defs

    return {spec.key.to_user_string(): spec for spec in defs().resolve_all_asset_specs()}


def test_the_asset_keys_are_these(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert set(specs) - {"runs/executions", "governance/overrides", "models/versions"} == KEYS


@pytest.mark.parametrize("key", sorted(KEYS))
def test_every_asset_says_what_it_is(specs: Mapping[str, dg.AssetSpec], key: str) -> None:
    spec = specs[key]
    assert spec.group_name == key.split("/", maxsplit=1)[0]
    assert spec.kinds >= ({"dbt", "duckdb"} if key in MODELS else {"polars", "deltalake"})
    assert spec.owners == ["team:pricing"]
    assert len(spec.description or "") > 20 and "\n    " not in str(spec.description), "indented: shown as code"
    columns = spec.metadata["dagster/column_schema"].columns
    assert columns or spec.group_name == "staging"
    assert all(column.description for column in columns), [c.name for c in columns if not c.description]


@pytest.mark.parametrize("key", TABLES)
def test_columns_and_lineage_are_those_of_the_table(specs: Mapping[str, dg.AssetSpec], key: str) -> None:
    table, spec = by_name(key.replace("/", ".")), specs[key]
    columns = spec.metadata["dagster/column_schema"].columns
    assert [column.name for column in columns] == list(table.columns())
    assert [column.constraints.nullable for column in columns] == [c.nullable for c in table.columns().values()]
    lineage: dg.TableColumnLineage = spec.metadata["dagster/column_lineage"]
    for column, sources in lineage.deps_by_column.items():
        assert column in table.columns()
        for source in sources:
            assert source.column_name in by_name(".".join(source.asset_key.path)).columns()


@pytest.mark.parametrize(
    "key",
    [
        *("features/feature_snapshots", "anomalies/price_anomalies", "decisions/price_decisions"),
        *("forecasts/demand_forecasts", "forecasts/elasticities", "forecasts/accuracy"),
    ],
)
def test_what_is_computed_says_from_what(specs: Mapping[str, dg.AssetSpec], key: str) -> None:
    lineage: dg.TableColumnLineage = specs[key].metadata["dagster/column_lineage"]
    assert len(lineage.deps_by_column) > 5
    upstream = {dep.asset_key.to_user_string() for dep in specs[key].deps}
    sources = {source.asset_key.to_user_string() for deps in lineage.deps_by_column.values() for source in deps}
    assert sources & upstream


@pytest.mark.parametrize(
    ("key", "upstream"),
    [
        ("raw/prices", set()),
        (
            "features/feature_snapshots",
            {"raw/listings", "raw/prices", "raw/sales", "raw/stock", "raw/competitor_snapshots", "runs/checks"},
        ),
        ("anomalies/price_anomalies", {"features/feature_snapshots"}),
        ("forecasts/demand_forecasts", {"raw/listings", "raw/prices", "raw/sales", "raw/stock", "runs/checks"}),
        ("forecasts/accuracy", {"forecasts/demand_forecasts", "raw/sales"}),
        ("forecasts/elasticities", {"raw/prices", "raw/sales", "raw/competitor_snapshots", "runs/checks"}),
        ("decisions/price_decisions", {"forecasts/demand_forecasts", "forecasts/elasticities"}),
        ("decisions/price_decisions", {"features/feature_snapshots", "governance/strategies", "runs/checks"}),
        ("decisions/price_book", {"decisions/price_decisions"}),
        ("publishing/publications", {"decisions/price_book", "decisions/price_decisions", "raw/prices"}),
        ("publishing/reconciliations", {"publishing/publications", "raw/prices"}),
        (
            "runs/days",
            {"decisions/price_decisions", "decisions/price_steps", "decisions/linked_goals", "decisions/price_book"},
        ),
        ("staging/stg_decisions", {"decisions/price_decisions", "staging/stg_days"}),
        ("staging/stg_days", {"runs/days"}),
    ],
)
def test_the_line_is_joined(specs: Mapping[str, dg.AssetSpec], key: str, upstream: set[str]) -> None:
    assert {dep.asset_key.to_user_string() for dep in specs[key].deps} >= upstream


def test_days_are_partitions_and_ranges_are_passes(specs: Mapping[str, dg.AssetSpec], location: Path) -> None:
    from pricing_assets.definitions import defs

    assert {key for key, spec in specs.items() if spec.partitions_def} >= set(TABLES)
    definitions = {definition.op.name: definition for definition in defs().assets or [] if hasattr(definition, "op")}
    for station in STATIONS:
        policy = definitions[station].backfill_policy
        assert policy is not None
        assert policy.max_partitions_per_run == 31
        assert definitions[station].op.retry_policy.max_retries == 2
    keys = specs["raw/prices"].partitions_def.get_partition_keys()  # type: ignore[union-attr]
    assert (keys[0], keys[-1]) == ("2026-03-01", "2026-03-12")


def test_jobs_schedules_and_sensors_run_by_default(location: Path) -> None:
    from pricing_assets.definitions import defs

    repository = defs().get_repository_def()
    assert repository.get_schedule_def("at_two").default_status == dg.DefaultScheduleStatus.RUNNING
    assert repository.get_schedule_def("at_two").execution_timezone == "Europe/London"
    assert repository.get_schedule_def("at_cut_off").default_status == dg.DefaultScheduleStatus.RUNNING
    assert repository.get_schedule_def("at_cut_off").cron_schedule == "0 6 * * *"
    for name in ("unsettled", "catch_up", "record_success", "record_failure", "record_cancellation"):
        assert repository.get_sensor_def(name).default_status == dg.DefaultSensorStatus.RUNNING


def test_history_is_never_late(specs: Mapping[str, dg.AssetSpec]) -> None:
    assert all(spec.freshness_policy is None for spec in specs.values())


def test_a_shop_that_goes_on_is_due_at_its_cut_off(location: Path, shop: Shop) -> None:
    """Another source needs another process: defs/ reads it once."""
    shop.goes_on(FIRST)
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "from pricing_assets.defs import catalog, partitions;"
            "print(catalog.FRESHNESS.deadline_cron, catalog.FRESHNESS.lower_bound_delta, partitions.DAILY.end)",
        ],
        capture_output=True,
        text=True,
        check=True,
        env={"PRICING_SOURCE": str(shop.folder), "PATH": ""},
    )
    assert said.stdout.strip() == f"0 6 * * * {timedelta(hours=6)} None"


def shown(line: Line, result: Any, key: str) -> Mapping[str, Any]:
    """Metadata of an asset's last materialisation in a run."""
    stations = {"raw": "raw", "features": "feature_snapshots", "anomalies": "price_anomalies"}
    events = result.asset_materializations_for_node(
        "raw" if key == "runs/checks" else stations.get(key.split("/", maxsplit=1)[0], "price_decisions")
    )
    return next(event.metadata for event in reversed(events) if event.asset_key.to_user_string() == key)


def test_materialisations_show_rows_a_sample_and_plots(line: Line) -> None:
    line.shown = True
    result = line.run(FIRST)
    prices = shown(line, result, "raw/prices")
    assert prices["dagster/partition_row_count"].value == 4
    assert prices["sample"].value.records[0].data["price"] == "5.1000", "exact decimals stay exact"
    assert prices["sample"].value.schema.columns[0].name == "date"
    decided = shown(line, result, "decisions/price_decisions")
    assert decided["price changes"].value.startswith("![")
    assert "](data:image/png;base64," in decided["price changes"].value
    assert "actions by day" not in decided, "one day makes no line"
    assert "](data:image/png;base64," in shown(line, result, "decisions/price_steps")["what moved prices"].value
    assert shown(line, result, "runs/checks")["received"].value.startswith("![")
    assert {record.data["action"] for record in decided["actions"].value.records} <= {"publish", "hold"}
    lineage = decided["dagster/column_lineage"].value.deps_by_column
    read = {source.column_name for source in lineage["final_price"]}
    assert "competitor_min" in read, "the packaged strategy names it"
    assert "revenue_56d" not in read, "it does not name this"
    assert "features present" in shown(line, result, "features/feature_snapshots")


def test_a_range_shows_the_rows_of_each_day_and_the_lineage_once_where_the_ui_looks_for_it(line: Line) -> None:
    line.shown = True
    result = line.run(FIRST, FIRST + timedelta(days=2), only=["raw"])
    key = dg.AssetKey(["raw", "prices"])
    told = [each.metadata for each in result.asset_materializations_for_node("raw") if each.asset_key == key]
    assert [each["dagster/partition_row_count"].value for each in told] == [4, 4, 4]
    samples = [{record.data["date"] for record in each["sample"].value.records} for each in told]
    assert samples == [{str(FIRST + timedelta(days=days))} for days in range(3)]
    assert ["dagster/column_lineage" in each for each in told] == [False, False, True]
    latest = line.instance.get_latest_materialization_event(key)
    assert latest is not None and latest.asset_materialization is not None
    assert "dagster/column_lineage" in latest.asset_materialization.metadata


def test_figures_of_a_sample_have_the_decimals_anybody_reads_and_all_that_is_before_them() -> None:
    from pricing_assets.defs import catalog

    shown = catalog.table_value(pl.DataFrame({"x": [98765432.123456, -12.345678, 0.000123456, 3.0, None]})).records
    assert [each.data["x"] for each in shown] == [98765432.1235, -12.3457, 0.0001235, 3.0, ""]
