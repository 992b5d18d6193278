"""Audit rows may go once an event says up to when they are no longer kept; otherwise all stays append-only."""

from __future__ import annotations

from alembic import op

revision = "0003"
down_revision = "0002"

_SAID = "SELECT 1 FROM events WHERE stream = 'retention:audit' AND OLD.recorded_at < {before}"


def upgrade() -> None:
    """Replaces the trigger that refuses every removal by one that asks for the event."""
    if op.get_bind().dialect.name == "sqlite":
        said = _SAID.format(before="json_extract(payload, '$.before')")
        op.execute("DROP TRIGGER audit_no_delete")
        op.execute(
            f"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit WHEN NOT EXISTS ({said}) "
            "BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END"
        )
        return
    said = _SAID.format(before="(payload::json ->> 'before') COLLATE \"C\"")
    op.execute(
        "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS "
        f"$$ BEGIN IF TG_OP = 'DELETE' AND EXISTS ({said}) THEN RETURN OLD; END IF; "
        "RAISE EXCEPTION 'audit is append-only'; END $$"
    )
    op.execute("DROP TRIGGER audit_append_only ON audit")
    op.execute(
        "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit "
        "FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
    )
