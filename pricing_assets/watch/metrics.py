"""The metrics file: how things stand, in Prometheus' text format, for node_exporter's textfile collector.

Here: names, meanings and values, and writing them so that no reader ever sees half a file. Not here: what they are read
from (watch/situation), dashboards and alert rules (deploy/).

Every metric is a gauge, as of the end of the last execution. Moments are Unix seconds, so that a rule compares them
with its own clock, and also finds out that nothing was written any more. A job of Dagster is `dagster_job`: Prometheus
has a label `job` of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.lake.files import exclusive, make_folder, write_durably
from pricing_assets.settings import Settings
from pricing_assets.sources import Source
from pricing_assets.tables.anomalies import SEVERITIES, PriceAnomalies
from pricing_assets.watch import work
from pricing_assets.watch.situation import Situation

_FOR_EVERYBODY = 0o644  # node_exporter is another user of the machine
Stations = Mapping[str, Mapping[str, float]]
"""Job → station → seconds, of the last execution of each job."""

Labels = tuple[tuple[str, str], ...]
"""Names of labels with their values."""


@dataclass(frozen=True)
class Metric:
    """A name, what it means, and its values by labels."""

    name: str
    meaning: str
    values: Mapping[Labels, float]


def write(lake: Lake, source: Source, settings: Settings, found: Situation, stations: Stations) -> Path:
    """Replaces the file of this shop; returns it. Raises PricingError where the folder cannot be written."""
    path = settings.metrics_folder / f"{file_name(source.name)}.prom"
    with exclusive(lake.root / "_locks" / "metrics.lock"):
        make_folder(path.parent)
        for left in path.parent.glob(f"{path.name}.*.tmp"):
            left.unlink(missing_ok=True)  # of a process that was killed
        write_durably(path, rendered(measured(lake, source, found, stations), source.name), _FOR_EVERYBODY)
    return path


def file_name(shop: str) -> str:
    """Shops may share a folder.

    >>> file_name("Corner Shop (UK)")
    'pricing_corner_shop_uk'
    """
    return "pricing_" + re.sub(r"[^a-z0-9]+", "_", shop.lower()).strip("_")


def rendered(metrics: Iterable[Metric], shop: str) -> bytes:
    """The text of the file. Each metric bears the shop's name."""
    from prometheus_client import CollectorRegistry, Gauge, generate_latest

    registry = CollectorRegistry()
    for metric in metrics:
        names = [name for name, _ in next(iter(metric.values), ())]
        gauge = Gauge(metric.name, metric.meaning, ["shop", *names], registry=registry)
        for labels, value in metric.values.items():
            gauge.labels(shop, *(text for _, text in labels)).set(value)
    return generate_latest(registry)


def measured(lake: Lake, source: Source, found: Situation, stations: Stations) -> Iterator[Metric]:
    """All that is known; a metric nothing is known of is there without values."""
    yield from _days(source, found)
    yield from _last_day(lake, found)
    yield from _runs(found, stations)
    yield from _outside(found)
    yield from _machine(found)


def _days(source: Source, found: Situation) -> Iterator[Metric]:
    last = found.standing["date"].max()
    ended = source.end_of(last) if last is not None else None  # type: ignore[arg-type]
    late = found.on_time.late if found.on_time else []
    due = found.on_time.next_due if found.on_time else None
    counts = found.standing.group_by(pl.col("status").cast(pl.String)).len().sort("status").rows()
    yield _by("pricing_days", "Days that stand, by status.", "status", counts)
    yield _moment("pricing_last_day_end_timestamp_seconds", "When the last day that stands ended.", ended)
    yield _moment(
        "pricing_next_day_due_timestamp_seconds",
        "By when the oldest day that does not stand yet must; past is late.",
        due,
    )
    yield _one("pricing_late_days", "Days that do not stand though they were due.", len(late))
    yield _one(
        "pricing_lateness_seconds",
        "How late the oldest of them is, when this was written.",
        max((each.by.total_seconds() for each in late), default=0),
    )
    yield _one("pricing_late_days_open", "Late days on record that are not closed.", found.late_open)
    yield _one("pricing_stopped_days", "Days that a verdict stopped and that do not stand.", len(found.stopped))


def _last_day(lake: Lake, found: Situation) -> Iterator[Metric]:
    """Of the last day that traded."""
    row: Mapping[str, Any] = found.last or {}
    for name, meaning in (
        ("decided", "Standing decisions of the last day that traded."),
        ("published", "Prices of it to publish."),
        ("held", "Decisions of it that hold the price."),
        ("quarantined", "Rows of it in quarantine."),
    ):
        yield _one(f"pricing_day_{name}", meaning, row.get(name))
    file = manifests.manifested(lake, PriceAnomalies).get(row["date"]) if row else None
    severities = lake.read_files(PriceAnomalies, [file] if file else [], ["severity"])
    names = severities.select(pl.col("severity").cast(pl.String)).to_series()
    counts = [(name, int((names == name).sum())) for name in SEVERITIES]
    yield _by("pricing_day_anomalies", "Anomalies of it, by severity.", "severity", counts)
    rows = [(entry["table"], entry["rows"]) for entry in row.get("tables", []) if entry["partition"] == row["date"]]
    yield _by("pricing_day_rows", "Rows it put in force, by table.", "table", rows)


def _runs(found: Situation, stations: Stations) -> Iterator[Metric]:
    last = work.not_canceled(found.executions).unique("job", keep="last", maintain_order=True).sort("job").to_dicts()
    ended = [row for row in last if row["ended_at"]]
    counts = found.executions.group_by("outcome").len().sort("outcome").rows()
    yield _by("pricing_executions", "Executions of the last 30 days, by outcome.", "outcome", counts)
    yield _by(
        "pricing_run_success",
        "Whether the last execution of a job that was not canceled succeeded.",
        "dagster_job",
        [(row["job"], row["outcome"] == "success") for row in last],
    )
    yield _by(
        "pricing_run_end_timestamp_seconds",
        "When it ended.",
        "dagster_job",
        [(row["job"], row["ended_at"].timestamp()) for row in ended],
    )
    yield _by(
        "pricing_run_seconds",
        "How long it took.",
        "dagster_job",
        [(row["job"], (row["ended_at"] - row["started_at"]).total_seconds()) for row in ended],
    )
    values: dict[Labels, float] = {
        (("dagster_job", job), ("station", name)): seconds
        for job, each in stations.items()
        for name, seconds in each.items()
    }
    yield Metric("pricing_run_station_seconds", "How long each station of it took.", values)


def _outside(found: Situation) -> Iterator[Metric]:
    waits = dict.fromkeys(("approval", "promotion", "training", "review", "override", "publication"), 0)
    for each in found.waiting:
        waits[each.kind] += each.number
    yield _by("pricing_waiting", "What waits for somebody, by kind.", "kind", list(waits.items()))
    sent = found.sent
    last = "SKU-markets, by the state of the last price of the last days."
    yield _by("pricing_publications", last, "state", sorted(sent.states.items()))
    due = "Since when the oldest price that was not handed over should be in force; absent where all were."
    yield _moment("pricing_next_price_due_timestamp_seconds", due, sent.due)
    otherwise = "Prices charged otherwise than sent, by kind, of the last day received at its cut-off."
    yield _by("pricing_charged_otherwise", otherwise, "kind", sorted(sent.otherwise.items()))
    models = [((("model", name), ("version", str(version)))) for name, version in found.champions.items()]
    yield Metric("pricing_champion_info", "The version in force of a model.", dict.fromkeys(models, 1))
    strategies = [((("strategy", name), ("version", str(version)))) for name, version in found.strategies.items()]
    yield Metric("pricing_strategy_info", "The version in force of a strategy.", dict.fromkeys(strategies, 1))


def _machine(found: Situation) -> Iterator[Metric]:
    disk = found.disk
    yield _one("pricing_disk_free_bytes", "Free on the disk of the home.", disk.free)
    yield _one("pricing_disk_size_bytes", "Size of that disk.", disk.total)
    left = None if disk.days_left is None else disk.days_left * 86_400
    yield _one("pricing_disk_left_seconds", "Until it is full at the present rate; absent where that is untold.", left)
    yield _by("pricing_home_bytes", "What the home takes, by part.", "part", list(disk.parts.items()))
    yield _one("pricing_lake_files", "Files of the lake but its logs.", disk.lake_files)
    yield _one("pricing_lake_log_files", "Files of the lake's logs.", disk.log_files)
    yield _one("pricing_faults", "What pricing status calls a fault.", len(found.faults()))
    versions = tuple((name, found.versions.get(name, "")) for name in ("code", "lock", "governance"))
    yield Metric("pricing_build_info", "Versions at work.", {versions: 1})
    yield _moment("pricing_metrics_timestamp_seconds", "When this was written.", found.now)


def _one(name: str, meaning: str, value: float | None) -> Metric:
    return Metric(name, meaning, {} if value is None else {(): value})


def _moment(name: str, meaning: str, moment: datetime | None) -> Metric:
    return _one(name, meaning, moment.timestamp() if moment else None)


def _by(name: str, meaning: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    return Metric(name, meaning, {((label, text),): value for text, value in values})
