"""The row that makes a day exist: what was decided, from what, and which partitions are thereby in force.

Here: building rows of runs.days. Not here: committing them (lake/days), deciding (decision).
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl

from pricing_assets.lake import PartitionFile, Provenance
from pricing_assets.lake.hashing import combine, content_hash
from pricing_assets.pricing.basis import Terms
from pricing_assets.tables import Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Autonomy, Overrides, PriceDecisions, PriceSteps, Reviews
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.runs import Checks

Settled = tuple[str, bool]
"""Basis and lateness of a day."""

Rows = tuple[pl.DataFrame, pl.DataFrame]
"""Standing decisions and their steps."""

Heads = Mapping[str, Mapping[date, PartitionFile]]
"""Table → day → its partition."""


def settings_json(settings: Mapping[str, Any]) -> str:
    """The decision-relevant settings as canonical text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def outcome(terms: Terms, settled: Settled, decided: Rows, head: Heads) -> dict[str, Any]:
    """Status, counts and hashes of one day, from its standing decisions and their steps; `head` holds them already."""
    decisions, steps = decided
    basis, late = settled
    actions = decisions["action"].cast(pl.String)
    return {
        "date": terms.day,
        "status": "recommended" if late else "priced",
        "basis": basis,
        "late": late,
        "effective_from": terms.effective_from,
        "decided": decisions.height,
        "published": int((actions == "publish").sum()),
        "held": int((actions == "hold").sum()),
        "decisions_hash": _hash(decisions, PriceDecisions, terms.day, head),
        "steps_hash": _hash(steps, PriceSteps, terms.day, head),
        "settings": settings_json(terms.settings),
    }


def _hash(standing: pl.DataFrame, table: type[Table], day: date, head: Heads) -> str:
    """Content hash of the standing rows of a day; its file's hash, where the file holds no superseded rows beside."""
    file = head[table.table_name()].get(day)
    return file.hash if file and file.rows == standing.height else content_hash(standing, table)


def without_trade(terms: Terms) -> dict[str, Any]:
    """The row of a day on which the shop did not trade: nothing was decided."""
    return {
        "date": terms.day,
        "status": "no_trade",
        "basis": None,
        "late": False,
        "effective_from": terms.effective_from,
        "decided": 0,
        "published": 0,
        "held": 0,
        "decisions_hash": None,
        "steps_hash": None,
        "settings": settings_json(terms.settings),
    }


def in_force(day: date, head: Heads, known: Heads) -> list[dict[str, Any]]:
    """The partitions a day's row puts in force, by table and day; an entry of 0 rows says that there is none any more.

    `head` are the newest partitions, and `known` those manifested, of the tables and days this row answers for. The
    row names those of `day` itself, and of other days those that differ from what is manifested.
    """
    named: list[PartitionFile] = []
    for table in sorted(head.keys() | known.keys()):
        now, before = head.get(table, {}), known.get(table, {})
        for part in sorted(now.keys() | before.keys()):
            file = now.get(part) or replace(before[part], hash="", rows=0)
            if part == day or part not in before or before[part].hash != file.hash:
                named.append(file)
    return [asdict(file) for file in named]


def windows(text: str) -> list[dict[str, Any]]:
    """The windows a snapshot says its day saw, from its column `inputs`."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [
        {**entry, "first": date.fromisoformat(entry["first"]), "last": date.fromisoformat(entry["last"])}
        for entry in entries
    ]


def day_inputs(day: date, head: Heads) -> list[dict[str, Any]]:
    """The partitions of the day itself that its decisions were made from, as windows of one day."""
    read = (
        *(FeatureSnapshots, PriceAnomalies, DemandForecasts, Elasticities),
        *(Strategies, Overrides, Reviews, Autonomy, Checks),
    )
    tables = [table.table_name() for table in read]
    files = [head[table][day] for table in tables if day in head.get(table, {})]
    return [
        {"table": file.table, "first": day, "last": day, "version": file.version, "hash": file.hash} for file in files
    ]


@cache
def installed_hash() -> str:
    """Hash over the names and versions of all installed distributions."""
    told = (each.metadata for each in importlib.metadata.distributions())  # read anew by each look at it
    return combine(*sorted({f"{each['Name']}=={each['Version']}" for each in told}))


def provenance_columns(provenance: Provenance, as_of: datetime, now: datetime) -> dict[str, Any]:
    """Who committed the day, with which code, when: outside every hash."""
    return {
        "run_id": provenance.run_id,
        "as_of": as_of,
        "code_version": provenance.code_version,
        "lock_hash": installed_hash(),
        "committed_at": now,
    }
