"""Models: the registry as a table. The registry itself is MLflow, who is champion is governance's word.

Exported whole into analytics.duckdb at each refresh; the lake does not have it.
"""

from __future__ import annotations

import dataframely as dy

from pricing_assets.tables.base import Table, identifier, moment

ROLES = ["champion", "challenger", "former champion"]


class Versions(Table):
    """One row per registered version of a model: what it was made from, who let it in, and what it is now."""

    model = identifier("model, e.g. demand")
    version = dy.Int64(primary_key=True, min=1, description="counts the versions of a model")
    role = dy.Enum(
        ROLES,
        nullable=True,
        description="champion is in force; challenger was trained last and not promoted; null for any other",
    )
    artifact_hash = identifier("SHA-256 of its files: the model hash that forecasts and decisions carry", key=False)
    code_version = dy.String(description="version of the package that trained it")
    rows = dy.Int64(nullable=True, min=0, description="rows it was trained on")
    inputs = dy.String(description="what it was trained on: table or panel → content hash, as JSON")
    metrics = dy.String(description="figures of its training, as JSON")
    drift_event = dy.String(nullable=True, description="the event whose approval trained it")
    root_run_id = dy.String(nullable=True, description="the run that trained it")
    report_hash = dy.String(nullable=True, description="SHA-256 of its validation report; null where none was made")
    promoted_at = moment("when it was last put in force, UTC; null where it never was", nullable=True)
    created_at = moment("when it was registered, UTC")
