"""The database under the governance store: connecting, transactions, migrations.

Here: what differs between SQLite and PostgreSQL, and nothing else knows it. Not here: what is stored (store.py).

Writers run one after another on both: BEGIN IMMEDIATE in SQLite, an advisory lock held until commit in PostgreSQL. So
whatever a writer has read stays true until it commits.
"""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from pricing_assets.disks import refusal, remedy
from pricing_assets.errors import PricingError
from pricing_assets.governance.schema import REVISION
from pricing_assets.lake import locks

if TYPE_CHECKING:
    from alembic.config import Config

BUSY_SECONDS = 60
"""How long a writer waits for another, who takes milliseconds; then it is refused, and told who that is."""
_LOCK = 7_261_001
_LOCKED = ("55P03", "SQLITE_BUSY")
_DAMAGED = ("SQLITE_NOTADB", "SQLITE_CORRUPT")
_HOLDER = """SELECT pid, usename, application_name, client_addr, state FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = :lock"""
_MIGRATIONS = Path(__file__).parent / "migrations"


class Database:
    """A migrated database. Raises PricingError where it cannot be opened or is newer than this code.

    A restore asks for an earlier `revision`, the one its rows are of, or for None: the database as it is found.
    """

    def __init__(self, url: str, revision: str | None = REVISION) -> None:
        self.url = _url(url)
        self.shown = self.url.set(query={}).render_as_string(hide_password=True)
        self.revision = revision
        self.engine = self._engine()
        if revision is not None:
            self._migrate(revision)

    def close(self) -> None:
        """Closes pooled connections."""
        self.engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A transaction that sees one state and changes nothing."""
        with self._mendable(), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def snapshot(self) -> Iterator[sa.Connection]:
        """A transaction in which any number of statements see one state; no writer waits for it."""
        with self.reading() as connection:
            if connection.dialect.name == "postgresql":
                connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction no other writer runs beside; committed at the end, rolled back on error."""
        with self._mendable(), self.engine.connect().execution_options(writing=True) as connection, connection.begin():
            if connection.dialect.name == "postgresql":
                connection.execute(sa.text(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'"))
                connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield connection

    @contextmanager
    def _mendable(self) -> Iterator[None]:
        try:
            yield
        except (DBAPIError, sqlite3.Error) as error:  # SQLite's own where SQLAlchemy is only connecting
            driver = getattr(error, "orig", None) or error
            code = getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", None)
            if code in _LOCKED:
                raise PricingError(
                    f"governance store {self.shown}: {self._holder()} has held it for more than {BUSY_SECONDS} s",
                    "nothing was changed: wait until that ends, or end it, then try again",
                ) from error
            said = str(driver).strip().splitlines()[0]
            raise PricingError(f"governance store {self.shown}: {self._masked(said)}", self._remedy(code)) from error

    def _remedy(self, code: str | None) -> str:
        """What to do about what the database said; of a full or read-only disk SQLite says no more than that."""
        if code in _DAMAGED:
            return (
                "the file is damaged or another program's: move the home away and restore a backup (`pricing restore`),"
                " or let PRICING_GOVERNANCE_URL name another store"
            )
        if self.url.get_backend_name() == "sqlite":
            refused = refusal(Path(self.url.database or "").absolute().parent)
            if refused:
                return remedy(refused)
        return (
            "see that the database runs, can be written to and is not held by another program;"
            " PRICING_GOVERNANCE_URL names it"
        )

    def _holder(self) -> str:
        """The writer others wait for, in words."""
        if self.url.get_backend_name() == "sqlite":
            return locks.described(locks.holder(Path(f"{self.url.database}-shm")))
        with self.engine.connect() as connection:
            found = connection.execute(sa.text(_HOLDER), {"lock": _LOCK}).mappings().first()
        if found is None:
            return "a writer, gone by now,"
        where = f"at {found['client_addr']}" if found["client_addr"] else "on the server's machine"
        name = f", {found['application_name']}" if found["application_name"] else ""
        return f"session {found['pid']} of {found['usename']} {where} ({found['state']}{name})"

    def _masked(self, said: str) -> str:
        """The driver's words without any password, wherever the URL has it."""
        asked = [value for name, value in self.url.normalized_query.items() if "password" in name]
        for secret in [str(self.url.password or ""), *(each for values in asked for each in values)]:
            said = said.replace(secret, "***") if secret else said
        return said

    def _engine(self) -> sa.Engine:
        sqlite = self.url.get_backend_name() == "sqlite"
        try:
            if not sqlite:
                # whatever the server's default: a writer must see what others wrote while it waited for its turn
                return sa.create_engine(self.url, pool_pre_ping=True, isolation_level="READ COMMITTED")
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            url = _readable(self.url)
            engine = sa.create_engine(url, poolclass=NullPool, connect_args={"timeout": BUSY_SECONDS})
        except ModuleNotFoundError as error:
            raise PricingError(
                f"governance store {self.shown}: the driver {error.name} is not installed",
                "install it, for PostgreSQL `pip install 'psycopg[binary]'`",
            ) from error
        except OSError as error:
            raise PricingError(
                f"governance store {self.shown}: {error}", "name a folder that can be written"
            ) from error
        sa.event.listen(engine, "connect", _durable)
        sa.event.listen(engine, "begin", _begin)
        return engine

    def _migrate(self, wanted: str) -> None:
        with self.reading() as connection:
            if _revision(connection) == wanted:
                return
        if self.url.get_backend_name() == "sqlite":
            self._write_ahead()
        with self.writing() as connection:
            found = _revision(connection)
            if found != wanted:
                self._upgrade(connection, found, wanted)

    def _write_ahead(self) -> None:
        # the mode is kept in the file, and cannot be changed inside a transaction
        with self._mendable():
            raw = self.engine.raw_connection()
            try:
                raw.cursor().execute("PRAGMA journal_mode=WAL")
            finally:
                raw.close()

    def _upgrade(self, connection: sa.Connection, found: str | None, wanted: str) -> None:
        from alembic import command

        known = known_revisions()
        if found is not None and found not in known:
            raise PricingError(
                f"governance store {self.shown}: its schema is revision {found}, this version knows up to {REVISION}",
                "a newer version of pricing-assets wrote it: upgrade, or name another store in PRICING_GOVERNANCE_URL",
            )
        if found is None or known.index(found) < known.index(wanted):
            config = _config()
            config.attributes["connection"] = connection
            command.upgrade(config, wanted)


def known_revisions() -> list[str]:
    """Every revision of the schema this code knows, oldest first."""
    from alembic.script import ScriptDirectory

    return [script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()][::-1]


def _config() -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    return config


def _url(url: str) -> URL:
    try:
        made = sa.make_url(url)
    except ArgumentError:
        raise PricingError(
            "governance store: PRICING_GOVERNANCE_URL is no database URL",
            "write it like sqlite:////srv/pricing/governance.db or postgresql://user:password@host/database",
        ) from None
    if made.drivername in ("postgresql", "postgres"):
        made = made.set(drivername="postgresql+psycopg")
    if made.get_backend_name() not in ("sqlite", "postgresql"):
        raise PricingError(f"governance store: {made.get_backend_name()} is not supported", "use SQLite or PostgreSQL")
    return made


def _readable(url: URL) -> URL:
    """The URL by which SQLite opens a store on a read-only disk: there it must be told that nobody else writes.

    Where a write-ahead log is left beside it the store is not whole without it, and SQLite says what it cannot do.
    """
    path = Path(url.database or "").absolute()
    if url.query or not path.is_file() or path.with_name(f"{path.name}-wal").exists():
        return url
    refused = refusal(path.parent)
    if refused is None or refused.errno != errno.EROFS:
        return url
    return url.set(database=f"file:{quote(str(path))}", query={"immutable": "1", "mode": "ro", "uri": "true"})


def _revision(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _durable(connection: Any, _record: ConnectionPoolEntry) -> None:
    # transactions are begun by _begin, not by the driver; a commit is on disk when it returns
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    writing = connection.get_execution_options().get("writing")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
