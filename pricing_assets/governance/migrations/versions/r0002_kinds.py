"""Events found by their kind: the last override set gives the next one its number."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Adds the index."""
    op.create_index("events_kind", "events", ["kind", "seq"])
