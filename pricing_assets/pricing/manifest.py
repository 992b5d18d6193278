"""The row that makes a day exist: what was decided, from what, and which partitions are thereby in force.

Here: building rows of runs.days. Not here: committing them (lake/days), deciding (decision).
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl

from pricing_assets.lake import PartitionFile, Provenance
from pricing_assets.lake.hashing import combine, content_hash
from pricing_assets.pricing.basis import Terms
from pricing_assets.tables.decisions import PriceDecisions, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.runs import Checks


def settings_json(settings: Mapping[str, Any]) -> str:
    """The decision-relevant settings as canonical text."""
    return json.dumps(settings, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def outcome(terms: Terms, basis: str, late: bool, decisions: pl.DataFrame, steps: pl.DataFrame) -> dict[str, Any]:
    """Status, counts and hashes of one decided day, from its standing decisions and their steps."""
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
        "decisions_hash": content_hash(decisions, PriceDecisions),
        "steps_hash": content_hash(steps, PriceSteps),
        "settings": settings_json(terms.settings),
    }


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


def in_force(day: date, own: Sequence[PartitionFile], corrected: Sequence[PartitionFile]) -> list[dict[str, Any]]:
    """The partitions a day's row puts in force: the day's own, and earlier ones that late rows changed."""
    files = [file for file in own if file.partition == day]
    return [asdict(file) for file in sorted([*files, *corrected], key=lambda file: (file.table, file.partition))]


def windows(text: str) -> list[dict[str, Any]]:
    """The windows a snapshot says its day saw, from its column `inputs`."""
    entries: list[dict[str, Any]] = json.loads(text)
    return [
        {**entry, "first": date.fromisoformat(entry["first"]), "last": date.fromisoformat(entry["last"])}
        for entry in entries
    ]


def day_inputs(day: date, own: Sequence[PartitionFile]) -> list[dict[str, Any]]:
    """The partitions of the day itself that its decisions were made from, as windows of one day."""
    names = (FeatureSnapshots.table_name(), Strategies.table_name(), Checks.table_name())
    return [
        {"table": file.table, "first": day, "last": day, "version": file.version, "hash": file.hash}
        for file in own
        if file.partition == day and file.table in names
    ]


@cache
def installed_hash() -> str:
    """Hash over the names and versions of all installed distributions."""
    found = {f"{each.metadata['Name']}=={each.version}" for each in importlib.metadata.distributions()}
    return combine(*sorted(found))


def provenance_columns(provenance: Provenance, as_of: datetime, now: datetime) -> dict[str, Any]:
    """Who committed the day, with which code, when: outside every hash."""
    return {
        "run_id": provenance.run_id,
        "as_of": as_of,
        "code_version": provenance.code_version,
        "lock_hash": installed_hash(),
        "committed_at": now,
    }
