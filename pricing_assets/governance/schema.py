"""The tables of the governance store, for SQLite and PostgreSQL alike.

Here: tables as SQLAlchemy sees them, and the revision of the schema they belong to. Not here: how a database gets
there (migrations/), queries (store.py).

All three tables are append-only; triggers of the migrations refuse changes, but for audit rows an event lets expire.
JSON is canonical text: keys sorted, no spaces.
"""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, Index, Integer, MetaData, String, Table, Text, UniqueConstraint

REVISION = "0003"
"""The newest migration: the revision this code works with."""

METADATA = MetaData()

EVENTS = Table(
    "events",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("stream", String(200), nullable=False),
    Column("version", Integer, nullable=False),
    Column("kind", String(50), nullable=False),
    Column("payload", Text, nullable=False),
    Column("actor", String(200), nullable=False),
    Column("reason", Text, nullable=False),
    Column("idempotency_key", String(200), nullable=False, unique=True),
    Column("request", String(64), nullable=False),
    Column("recorded_at", String(32), nullable=False),
    UniqueConstraint("stream", "version"),
    Index("events_kind", "kind", "seq"),
)

TEXTS = Table(
    "texts",
    METADATA,
    Column("hash", String(64), primary_key=True),
    Column("text", Text, nullable=False),
)

AUDIT = Table(
    "audit",
    METADATA,
    Column("seq", Integer, primary_key=True, autoincrement=True),
    Column("event_seq", Integer, ForeignKey("events.seq"), nullable=False),
    Column("subject", String(200), nullable=False),
    Column("actor", String(200), nullable=False),
    Column("action", String(50), nullable=False),
    Column("before", Text, nullable=True),
    Column("after", Text, nullable=True),
    Column("recorded_at", String(32), nullable=False),
)
