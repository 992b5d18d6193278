"""A version as MLflow keeps it: what was known when it was registered, in tags.

Here: the tags and back. Not here: asking MLflow (registry.py). Nobody rests on a tag but to find things: what a
promotion rests on is in the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from pricing_assets.models.artifacts import content_hash
from pricing_assets.models.records import TrainingRecord, Version

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion


def of_record(record: TrainingRecord, event_id: str, root_run_id: str) -> dict[str, str]:
    """What a version of a training is tagged with."""
    return {
        "artifact_hash": content_hash(record.folder),
        "event": event_id,
        "root_run_id": root_run_id,
        "code_version": record.code_version,
        "rows": str(record.rows),
        "inputs": json.dumps(dict(record.inputs), sort_keys=True),
        "metrics": json.dumps(dict(record.metrics), sort_keys=True),
    }


def version(found: ModelVersion, aliases: Mapping[str, int] | None = None) -> Version:
    """A version of ours from MLflow's; `aliases` of its model are alias → version."""
    said = found.tags
    number = int(found.version)
    return Version(
        model=found.name,
        version=number,
        artifact_hash=said.get("artifact_hash", ""),
        run_id=found.run_id or "",
        created_at=datetime.fromtimestamp(found.creation_timestamp / 1000, UTC),
        aliases=tuple(sorted(alias for alias, to in (aliases or {}).items() if to == number)),
        code_version=said.get("code_version", ""),
        event_id=said.get("event"),
        root_run_id=said.get("root_run_id"),
        rows=int(said["rows"]) if said.get("rows") else None,
        inputs=json.loads(said.get("inputs", "{}")),
        metrics=json.loads(said.get("metrics", "{}")),
        report_hash=said.get("report_hash"),
    )
