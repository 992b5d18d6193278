"""What differs between SQLite, PostgreSQL and MySQL or MariaDB; nothing else in this room knows it.

Here: the URL, connecting so that nothing can be written, a transaction that sees one state, and what a driver's error
means. Not here: running SQL, trying again (database).
"""

from __future__ import annotations

import re
import sqlite3
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import quote

from pricing_assets.errors import PricingError

if TYPE_CHECKING:
    import sqlalchemy as sa

CONNECT_SECONDS = 3
SIMULATE = "`pricing simulate` writes the market of the demo there"
_CREDENTIALS = "mend user and password in PRICING_SOURCE_URL"
_NO_DATABASE = f"mend the name in PRICING_SOURCE_URL, or create the database; {SIMULATE}"
_UNLIKE = "is the database half-migrated? finish that, or mend the SQL; `pricing source check DIR` tries it"
_TYPES = "has a column changed its type? mend it, or CAST it in the SQL; `pricing source check DIR` tries it"
_SLOW = "let the SQL restrict itself to :first_day and :last_day, give its tables an index on the day, or raise"
_SLOW += " limits.query_seconds in source.yaml"
_DENIED = "grant the user SELECT on it"
_WRITES = "a source is only read: mend the SQL"
_MEND = "mend the SQL; `pricing source check DIR` tries it"


class Trouble(NamedTuple):
    """What a driver's error means: worth another attempt or not, and what a person can do."""

    passing: bool
    remedy: str


_LOST = Trouble(True, "see that the database runs and can be reached from here, then run again")


class Kind(Protocol):
    """One kind of database."""

    name: str
    driver: str

    def engine(self, url: sa.URL, seconds: int) -> sa.Engine:
        """An engine that keeps no connection and whose connections cannot write."""
        ...

    def begin(self, connection: sa.Connection, seconds: int) -> None:
        """Begin a read-only transaction in which all reads see one state and none takes longer than `seconds`."""
        ...

    def trouble(self, error: BaseException, message: str) -> Trouble:
        """What a driver's error means."""
        ...


def kind_of(url: sa.URL) -> Kind:
    """The kind of a URL. Raises PricingError for any other database."""
    kinds: dict[str, Kind] = {"sqlite": Sqlite(), "mysql": MySql(), "mariadb": MySql()}
    kinds |= {"postgresql": Postgres(), "postgres": Postgres()}
    found = kinds.get(url.get_backend_name())
    if found is None:
        raise PricingError(
            f"database {shown(url)}: {url.get_backend_name()} is not supported",
            "use sqlite:///FILE, postgresql://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE",
        )
    return found


def parsed(url: str, where: str = "PRICING_SOURCE_URL (or `database` in source.yaml)") -> sa.URL:
    """A URL as written. Raises PricingError naming only `where` it stands if it is none: it may hold a password."""
    import sqlalchemy as sa
    from sqlalchemy.exc import ArgumentError

    try:
        return sa.make_url(url)
    except (ArgumentError, ValueError):
        raise PricingError(
            f"{where} is no database URL",
            "write it like sqlite:///shop.db, postgresql://user:password@host/database or mysql://…; a special "
            "character in the password as %40",
        ) from None


def shown(url: sa.URL) -> str:
    """A URL for messages: never its password."""
    return url.set(query={}).render_as_string(hide_password=True)


def masked(said: str, url: sa.URL) -> str:
    """A driver's words for messages: without any password, wherever the URL has it."""
    asked = [value for name, value in url.normalized_query.items() if "password" in name]
    for secret in [str(url.password or ""), *(each for values in asked for each in values)]:
        said = said.replace(secret, "***") if secret else said
    return said


class Sqlite:
    """One file, opened read-only."""

    name = "SQLite"
    driver = "sqlite"

    def engine(self, url: sa.URL, seconds: int) -> sa.Engine:
        """See Kind. Raises PricingError where there is no such file: SQLite would make an empty one."""
        import sqlalchemy as sa

        path = Path(url.database or "")
        if not path.is_file():
            raise PricingError(f"database {shown(url)}: no such file", f"mend the path in the URL, or {SIMULATE}")
        address = f"file:{quote(str(path.absolute()))}?mode=ro"

        def connect() -> sqlite3.Connection:
            return sqlite3.connect(
                address, uri=True, timeout=CONNECT_SECONDS, isolation_level=None, check_same_thread=False
            )

        return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)

    def begin(self, connection: sa.Connection, seconds: int) -> None:
        """See Kind."""
        deadline = time.monotonic() + seconds
        raw: Any = connection.connection.driver_connection
        raw.set_progress_handler(lambda: time.monotonic() > deadline, 100_000)
        connection.exec_driver_sql("BEGIN")

    def trouble(self, error: BaseException, message: str) -> Trouble:
        """See Kind."""
        if "locked" in message or "busy" in message:
            return Trouble(True, "end the program that writes to the file, or wait for it, then run again")
        if "no such table" in message or "no such column" in message:
            return Trouble(False, f"{_UNLIKE}; {SIMULATE}")
        if "interrupted" in message:
            return Trouble(False, _SLOW)
        if "not a database" in message or "malformed" in message:
            return Trouble(False, f"restore the file from a backup, or name another; {SIMULATE}")
        if "readonly" in message:
            return Trouble(False, _WRITES)
        return Trouble(False, _MEND)


class Postgres:
    """PostgreSQL through psycopg."""

    name = "PostgreSQL"
    driver = "postgresql+psycopg"
    _STATES = (
        (r"42P01|42703|3F000", Trouble(False, _UNLIKE)),
        (r"42804|42883|42846|22...", Trouble(False, _TYPES)),
        (r"42501", Trouble(False, _DENIED)),
        (r"57014", Trouble(False, _SLOW)),
        (r"25006", Trouble(False, _WRITES)),
        (r"28...", Trouble(False, _CREDENTIALS)),
        (r"3D000", Trouble(False, _NO_DATABASE)),
        (r"08...|57P0.|53...|40...", _LOST),
    )
    # while connecting the driver has words only
    _WORDS = (
        (r"password|authentication|role .* does not exist|pg_hba", Trouble(False, _CREDENTIALS)),
        (r"database .* does not exist", Trouble(False, _NO_DATABASE)),
        (r"connection|could not translate host|server closed|starting up|shutting down|too many clients", _LOST),
        (r"name or service not known|name resolution|getaddrinfo|timeout expired", _LOST),
    )

    def engine(self, url: sa.URL, seconds: int) -> sa.Engine:
        """See Kind."""
        import sqlalchemy as sa

        return sa.create_engine(
            url.set(drivername=self.driver),
            poolclass=sa.NullPool,
            isolation_level="REPEATABLE READ",
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
            },
        )

    def begin(self, connection: sa.Connection, seconds: int) -> None:
        """See Kind."""
        connection.execution_options(postgresql_readonly=True)
        connection.exec_driver_sql(f"SET LOCAL statement_timeout = {seconds * 1000}")
        connection.exec_driver_sql("SET LOCAL TIME ZONE 'UTC'")

    def trouble(self, error: BaseException, message: str) -> Trouble:
        """See Kind."""
        state = str(getattr(error, "sqlstate", None) or "")
        by_state = (trouble for pattern, trouble in self._STATES if state and re.fullmatch(pattern, state))
        by_words = (trouble for pattern, trouble in self._WORDS if re.search(pattern, message, re.IGNORECASE))
        return next(by_state, None) or (None if state else next(by_words, None)) or Trouble(False, _MEND)


class MySql:
    """MySQL and MariaDB through PyMySQL."""

    name = "MySQL"
    driver = "mysql+pymysql"
    _CODES = (
        ((1146, 1054, 1060), Trouble(False, _UNLIKE)),
        ((1044, 1142, 1143, 1370), Trouble(False, _DENIED)),
        ((1969, 3024, 1317), Trouble(False, _SLOW)),
        ((1792,), Trouble(False, _WRITES)),
        ((1045, 1698, 1251), Trouble(False, _CREDENTIALS)),
        ((1049,), Trouble(False, _NO_DATABASE)),
        ((0, 1040, 1053, 1077, 1205, 1213, 1927, 2002, 2003, 2006, 2013, 2014, 2055), _LOST),
    )

    def engine(self, url: sa.URL, seconds: int) -> sa.Engine:
        """See Kind."""
        import sqlalchemy as sa

        return sa.create_engine(
            url.set(drivername=self.driver),
            poolclass=sa.NullPool,
            connect_args={
                "connect_timeout": CONNECT_SECONDS,
                "read_timeout": seconds + CONNECT_SECONDS,  # a server that is gone without a word
                "charset": "utf8mb4",
                "init_command": "SET SESSION sql_mode = 'ANSI,NO_BACKSLASH_ESCAPES', time_zone = '+00:00'",
            },
        )

    def begin(self, connection: sa.Connection, seconds: int) -> None:
        """See Kind."""
        mariadb = "MariaDB" in str(connection.exec_driver_sql("SELECT VERSION()").scalar())
        limit = f"max_statement_time = {seconds}" if mariadb else f"max_execution_time = {seconds * 1000}"
        connection.exec_driver_sql(f"SET SESSION {limit}")
        connection.exec_driver_sql("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    def trouble(self, error: BaseException, message: str) -> Trouble:
        """See Kind."""
        code = error.args[0] if error.args else None
        if code == 2013 and "timed out" in message:
            return Trouble(False, _SLOW)
        return next((trouble for codes, trouble in self._CODES if code in codes), Trouble(False, _MEND))
