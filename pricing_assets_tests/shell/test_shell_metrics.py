"""The metrics file after runs of the shell: of success and of failure, and in the way of neither."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from shell_commands import answer, pricing
from tiny_shop import FIRST, Shop


def samples(path: Path) -> dict[str, dict[tuple[str, ...], float]]:
    found: dict[str, dict[tuple[str, ...], float]] = {}
    for family in text_string_to_metric_families(path.read_text()):
        for name, labels, value, *_ in family.samples:
            assert labels.pop("shop") == "tiny shop"
            found.setdefault(name, {})[tuple(labels.values())] = value
    return found


def test_a_run_leaves_its_figures(standing: Path) -> None:
    said = samples(standing / "metrics" / "pricing_tiny_shop.prom")
    assert said["pricing_day_decided"] == {(): 4}
    assert said["pricing_days"] == {("priced",): 5}
    assert said["pricing_run_success"] == {("daily",): 1}
    stations = {station for _, station in said["pricing_run_station_seconds"]}
    assert stations >= {"raw", "feature_snapshots", "price_decisions", "warehouse"}
    assert said["pricing_day_rows"]["raw.prices",] == 4
    assert "pricing_next_day_due_timestamp_seconds" not in said, "a shop that is history is never late"


def test_stations_are_those_of_the_execution_whose_success_is_told(
    shop: Shop, quick: Callable[[], None], home: Path
) -> None:
    from datetime import UTC, datetime

    import dagster as dg

    from pricing_assets.defs import executions, metrics, partitions
    from pricing_assets.lake import Lake
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    pricing("run", "--date", str(FIRST))
    file = home / "metrics" / "pricing_tiny_shop.prom"
    before, lake = samples(file)["pricing_run_station_seconds"], Lake(home / "lake")
    with open_instance(Settings()) as instance:
        ended = instance.add_run(dg.DagsterRun(job_name="daily", status=dg.DagsterRunStatus.STARTED))
        instance.report_run_canceled(ended)
        executions.conclude(instance, lake, ended.run_id)
        metrics.write(instance, lake, partitions.SOURCE, Settings(), datetime.now(UTC))
    assert samples(file)["pricing_executions"] == {("canceled",): 1, ("success",): 1}
    assert samples(file)["pricing_run_station_seconds"] == before


def test_a_failure_is_told_too_and_a_file_that_cannot_be_written_stops_no_run(
    shop: Shop, quick: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICING_METRICS", str(tmp_path / "collected"))
    whole = (shop.folder / "prices.sql").read_text()
    (shop.folder / "prices.sql").write_text("SELECT nothing FROM nowhere")
    pricing("run", "--date", str(FIRST), code=1)
    said = samples(tmp_path / "collected" / "pricing_tiny_shop.prom")
    assert said["pricing_run_success"] == {("daily",): 0} and said["pricing_faults"][()] >= 1
    (shop.folder / "prices.sql").write_text(whole)
    (tmp_path / "a file").write_text("")
    monkeypatch.setenv("PRICING_METRICS", str(tmp_path / "a file" / "below"))
    assert pricing("run", "--date", str(FIRST)).stdout.startswith(f"{FIRST}: 4 decided")
    (line,) = [line for line in answer("logs", "--level", "warning") if line["event"] == "metrics_not_written"]
    assert "a file" in line["error"] and line["remedy"]
