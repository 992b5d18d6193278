"""The registry as the table models.versions.

Here: its rows. Not here: how a registry is read (registry.py), the columns (tables/models.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from pricing_assets.governance.drift_records import Champion
from pricing_assets.models.records import CHALLENGER, CHAMPION, Version
from pricing_assets.models.registry import Registry
from pricing_assets.tables.models import Versions

if TYPE_CHECKING:
    from pricing_assets.governance import Gate


def registered(gate: Gate, registry: Registry) -> pl.DataFrame:
    """models.versions as it is now; empty before the first registration, for which no registry is made.

    Raises ModelUnavailable where the registry does not answer.
    """
    names = registry.models() if registry.started else []
    return versions_table([each for name in names for each in registry.versions(name)], gate.champion_history())


def versions_table(versions: Iterable[Version], history: Sequence[Champion]) -> pl.DataFrame:
    """models.versions from the registered versions and every champion there was, oldest first.

    Who is champion is the ledger's word, not the alias's.
    """
    in_force = {each.model: each.version for each in history}
    promoted = {(each.model, each.version): each.at for each in history}
    rows = [_row(each, in_force.get(each.model), promoted) for each in versions]
    return Versions.validate(pl.DataFrame(rows, schema=Versions.create_empty().schema)).sort("model", "version")


def last_known(rows: pl.DataFrame, history: Sequence[Champion]) -> pl.DataFrame:
    """models.versions from rows of an earlier export, for a registry that does not answer; roles are the ledger's."""
    in_force = {each.model: each.version for each in history}
    promoted = {(each.model, each.version): each.at for each in history}
    known = []
    for row in rows.to_dicts():
        key = (row["model"], row["version"])
        role = CHAMPION if in_force.get(row["model"]) == row["version"] else "former champion"
        told = {"role": role, "promoted_at": promoted[key]} if key in promoted else {}
        known.append(row | told)
    return Versions.cast(pl.DataFrame(known, schema=Versions.create_empty().schema)).sort("model", "version")


def _row(version: Version, in_force: int | None, promoted: dict[tuple[str, int], Any]) -> dict[str, Any]:
    key = (version.model, version.version)
    role = CHAMPION if version.version == in_force else "former champion" if key in promoted else None
    if role is None and CHALLENGER in version.aliases:
        role = CHALLENGER
    return {
        **vars(version),
        "role": role,
        "inputs": json.dumps(dict(version.inputs), sort_keys=True),
        "metrics": json.dumps(dict(version.metrics), sort_keys=True),
        "drift_event": version.event_id,
        "promoted_at": promoted.get(key),
    }
