"""Dagster's instance in PostgreSQL, over connections that are kept.

Here: the storage that deploy/dagster.yaml names. Not here: which instance serves (instance.py); what is stored, Dagster
knows.

Dagster opens a connection for each of the 1,600 statements of a run. PostgreSQL starts a process for each, which reads
the catalogue anew: more than the work of the statement. A kept connection is asked whether it lives before it is used,
so that a restart of the server is noticed by nobody but a statement under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from dagster._serdes import ConfigurableClassData
from dagster_postgres import (
    DagsterPostgresStorage,
    PostgresEventLogStorage,
    PostgresRunStorage,
    PostgresScheduleStorage,
)
from dagster_postgres.utils import create_pg_engine, pg_url_from_config, set_pg_statement_timeout

_RECYCLED = 3600  # seconds after which a connection is closed and another opened


class _Kept:
    """Before a part of Dagster's storage: one connection that stays open, and more at need."""

    postgres_url: str
    _engine: sa.Engine

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)  # type: ignore[call-arg]
        self._engine = _engine(postgres_url, _RECYCLED, -1)

    def optimize_for_webserver(self, statement_timeout: int, pool_recycle: int, max_overflow: int) -> None:
        """As Dagster's, whose pages would show an error for each connection a restart of the server cut."""
        self._engine.dispose()
        self._engine = _engine(self.postgres_url, pool_recycle, max_overflow)

        def limit(connection: Any, _: object) -> None:
            set_pg_statement_timeout(connection, statement_timeout)

        sa.event.listen(self._engine, "connect", limit)

    def dispose(self) -> None:
        """Closes the connections."""
        self._engine.dispose()


class _Runs(_Kept, PostgresRunStorage):
    """Runs."""


class _Events(_Kept, PostgresEventLogStorage):
    """Events."""


class _Schedules(_Kept, PostgresScheduleStorage):
    """Schedules and sensors."""


class KeptPostgresStorage(DagsterPostgresStorage):
    """Dagster's own storage, of such parts."""

    def __init__(
        self, postgres_url: str, should_autocreate_tables: bool = True, inst_data: ConfigurableClassData | None = None
    ) -> None:
        super().__init__(postgres_url, should_autocreate_tables, inst_data)
        self._run_storage = _Runs(postgres_url, False)
        self._event_log_storage = _Events(postgres_url, False)
        self._schedule_storage = _Schedules(postgres_url, False)

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptPostgresStorage:
        """As dagster.yaml configures it: `postgres_url` or `postgres_db`, as Dagster's own."""
        return cls(pg_url_from_config(config_value), config_value.get("should_autocreate_tables", True), inst_data)


def _engine(url: str, recycled: int, overflow: int) -> sa.Engine:
    return create_pg_engine(
        url,
        isolation_level="AUTOCOMMIT",  # as Dagster's own
        pool_size=1,
        max_overflow=overflow,
        pool_recycle=recycled,
        pool_pre_ping=True,
    )
