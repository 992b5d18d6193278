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
    served = _served(history)
    rows = [_row(each) | served.get((each.model, each.version), {}) for each in versions]
    return Versions.validate(pl.DataFrame(rows, schema=Versions.create_empty().schema)).sort("model", "version")


def last_known(rows: pl.DataFrame, history: Sequence[Champion]) -> pl.DataFrame:
    """models.versions from rows of an earlier export, for a registry that does not answer; roles are the ledger's."""
    served = _served(history)
    known = [row | served.get((row["model"], row["version"]), {}) for row in rows.to_dicts()]
    return Versions.cast(pl.DataFrame(known, schema=Versions.create_empty().schema)).sort("model", "version")


def _served(history: Sequence[Champion]) -> dict[tuple[str, int], dict[str, Any]]:
    """Role and time of promotion of every version that ever served."""
    in_force = {each.model: each.version for each in history}
    return {
        (each.model, each.version): {
            "role": CHAMPION if in_force[each.model] == each.version else "former champion",
            "promoted_at": each.at,
        }
        for each in history
    }


def _row(version: Version) -> dict[str, Any]:
    return {
        **vars(version),
        "role": CHALLENGER if CHALLENGER in version.aliases else None,
        "inputs": json.dumps(dict(version.inputs), sort_keys=True),
        "metrics": json.dumps(dict(version.metrics), sort_keys=True),
        "drift_event": version.event_id,
        "promoted_at": None,
    }
