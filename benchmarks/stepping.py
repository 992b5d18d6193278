"""What a station of the daily run costs beyond its own work, against an empty step of the same shape in the same job.

Here: the job of the four Polars stations and, beside each, an empty step that has the same assets upstream, yields as
many assets and checks and does nothing; CPU seconds from Dagster's start of a step to its success, on an SQLite
instance, steps in one process. Not here: the warehouse station, whose work is a process of its own.

The first run is real. It remembers what each station's own work came to: reading, judging (by Great Expectations
too), computing, drawing, committing. In the runs that count those calls return what they returned then, so what is
left is the frame: days, claim, resource, gate, row counts, samples and events. A real step is timed too, for the share
the frame has in it.

    python benchmarks/stepping.py --rounds 15
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import uuid4

import dagster as dg

from pricing_assets.settings import EXAMPLES

BAR = 1.5
DAY = "2011-12-09"
INSTANCE = """\
telemetry: {{enabled: false}}
storage: {{sqlite: {{base_dir: "{0}"}}}}
local_artifact_storage:
  {{module: dagster._core.storage.root, class: LocalArtifactStorage, config: {{base_dir: "{0}"}}}}
compute_logs: {{module: dagster._core.storage.noop_compute_log_manager, class: NoOpComputeLogManager}}
"""
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Step = dict[str, float]


def run(rounds: int = 15) -> list[dict[str, Any]]:
    """Per station the median CPU of its frame ÷ that of its empty twin: [{name, figure, bar, holds}]."""
    os.environ["PRICING_SOURCE"] = str(EXAMPLES / "uci_online_retail")  # read once, with the first of the definitions
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "dagster.yaml").write_text(INSTANCE.format(folder), encoding="utf-8")
        with dg.DagsterInstance.from_config(folder) as instance, Memory() as memory:
            job, stations = daily(Path(folder) / "home")
            real = steps_of(job, instance)
            timed: dict[str, list[float]] = defaultdict(list)
            for _ in range(rounds):
                memory.rewind()
                for step, seconds in steps_of(job, instance).items():
                    timed[step].append(seconds)
    median = {step: statistics.median(seconds) for step, seconds in timed.items()}
    return [_figure(station, median, real, rounds) for station in stations]


def _figure(station: str, median: Step, real: Step, rounds: int) -> dict[str, Any]:
    frame, empty = median[station], median[f"empty_{station}"]
    name = (
        f"step {station} beyond its own work ÷ an empty step of its shape ({frame * 1e3:.0f} ms CPU ÷ "
        f"{empty * 1e3:.0f} ms CPU, median of {rounds}; with its work, the first time, {real[station] * 1e3:.0f} ms)"
    )
    return {"name": name, "figure": round(frame / empty, 2), "bar": BAR, "holds": frame <= BAR * empty}


def daily(home: Path) -> tuple[dg.JobDefinition, list[str]]:
    """One job of the stations and their empty twins; the names of the stations. The shop is one that reads files."""
    from pricing_assets.defs import anomalies, decisions, features, raw
    from pricing_assets.defs.resources import Platform

    stations = [raw.raw, features.feature_snapshots, anomalies.price_anomalies, decisions.price_decisions]
    names = [station.op.name for station in stations]
    location = dg.Definitions(
        assets=[*stations, *map(twin, stations)],
        resources={"platform": Platform(home=str(home))},
        jobs=[dg.define_asset_job("daily")],
        executor=dg.in_process_executor,
    )
    return location.resolve_job_def("daily"), names


def twin(station: dg.AssetsDefinition) -> dg.AssetsDefinition:
    """A step with as many assets and checks as the station, the same assets upstream, and nothing in it."""

    def renamed(key: dg.AssetKey) -> dg.AssetKey:
        return key.with_prefix("empty") if key in station.keys else key

    specs = [
        dg.AssetSpec(renamed(spec.key), deps=[renamed(dep.asset_key) for dep in spec.deps]) for spec in station.specs
    ]
    checks = [dg.AssetCheckSpec(spec.name, asset=renamed(spec.asset_key)) for spec in station.check_specs]

    @dg.multi_asset(
        name=f"empty_{station.op.name}",
        specs=specs,
        check_specs=checks,
        partitions_def=station.partitions_def,
        backfill_policy=station.backfill_policy,
        retry_policy=station.op.retry_policy,
    )
    def empty() -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
        for spec in specs:
            yield dg.MaterializeResult(asset_key=spec.key)
        for check in checks:
            yield dg.AssetCheckResult(asset_key=check.asset_key, check_name=check.name, passed=True)

    return empty


def steps_of(job: dg.JobDefinition, instance: dg.DagsterInstance) -> Step:
    """CPU seconds of every step of one run."""
    run_id, started, taken = str(uuid4()), {}, {}

    def listen(entry: dg.EventLogEntry) -> None:
        event = entry.dagster_event
        if event and event.event_type is dg.DagsterEventType.STEP_START:
            started[event.step_key] = time.process_time()
        elif event and event.event_type is dg.DagsterEventType.STEP_SUCCESS:
            taken[event.step_key] = time.process_time() - started[event.step_key]

    instance.add_event_listener(run_id, listen)
    job.execute_in_process(run_config=QUIET, instance=instance, partition_key=DAY, run_id=run_id)
    return taken


class Memory:
    """The stations' own work: done once and remembered, call by call; then only remembered."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = defaultdict(list)
        self.calls: dict[str, int] = defaultdict(int)
        self.is_remembering = False
        self._patches = ExitStack()

    def __enter__(self) -> Memory:
        from pricing_assets import anomalies, features, pricing, sources
        from pricing_assets.defs import plots, verdicts
        from pricing_assets.defs.resources import Platform
        from pricing_assets.lake import Lake

        work: list[tuple[Any, tuple[str, ...]]] = [
            (sources, ("reading_window", "take_in", "arrive", "expect")),
            (features, ("read", "snapshot_of")),
            (anomalies, ("anomalies_of",)),
            (pricing, ("decide_days", "commit_days")),
            (verdicts, ("open_days",)),
            (plots, ("presence", "price_changes", "actions_by_day", "received", "step_moves", "alarms_by_day")),
            (Platform, ("strategies",)),
            (Lake, ("read", "partitions", "commit")),
        ]
        for owner, names in work:
            for name in names:
                self._patches.enter_context(patch.object(owner, name, self._stand_in(name, getattr(owner, name))))
        return self

    def __exit__(self, *fault: object) -> None:
        self._patches.close()

    def rewind(self) -> None:
        """From now on answer from memory, from the first call on."""
        self.is_remembering = True
        self.calls.clear()

    def _stand_in(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def stand_in(*arguments: Any, **options: Any) -> Any:
            number = self.calls[name]
            self.calls[name] += 1
            if self.is_remembering:
                return self.answers[name][number]
            self.answers[name].append(None)
            self.answers[name][number] = function(*arguments, **options)
            return self.answers[name][number]

        return stand_in


if __name__ == "__main__":
    os.environ.setdefault("PRICING_HOME", tempfile.gettempdir())
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    print(json.dumps(run(parser.parse_args().rounds), indent=2, ensure_ascii=False))
