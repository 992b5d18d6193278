"""Delivery: a simulated market written into a database, as the tables of `examples/sap_like`.

Here: which frame becomes which table, and the three ways to insert fast. Not here: making the market, reading it back
(sources), the tables themselves (examples/sap_like/ddl.sql).
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.settings import SAP_LIKE
from pricing_assets.sources.engines import CONNECT_SECONDS, Kind, kind_of, masked, parsed, shown

if TYPE_CHECKING:
    import sqlalchemy as sa

RECEIPT = "simulated_market"
"""What was delivered, table by table: only a database that has it is ever written over."""

CALENDAR = (date(1990, 1, 1), date(2049, 12, 31))
WITHOUT_END = "99991231"
_KEYS = {"matnr": "sku", "vkorg": "market", "datum": "date", "waers": "currency", "changed_at": "known_at"}
_TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "materials": (
        "products",
        {"maktx": "name", "matkl": "category", "meins": "unit_of_measure", "pack_qty": "pack_quantity"}
        | {"ersda": "launched_on"},
    ),
    "sales_org_listings": ("listings", {"datab": "listed_from", "datbi": "listed_until"}),
    "daily_prices": ("prices", {}),
    "daily_sales": ("sales", {"positions": "source_lines"}),
    "daily_stock": ("stock", {"opening_stock": "opening", "oldest_receipt": "oldest_received_on"}),
    "planned_promotions": (
        "promotions",
        {"erdat": "known_on", "datum": "target_date", "in_leaflet": "feature", "on_display": "display"},
    ),
    "competitor_prices": ("competitor_snapshots", {}),
}
_INSERT_ROWS = 50_000


class Market(Protocol):
    """What is delivered: frames of clean rows and of malformed ones, by the name of their raw table."""

    @property
    def frames(self) -> Mapping[str, pl.DataFrame]:
        """Typed rows."""
        ...

    @property
    def faults(self) -> Mapping[str, pl.DataFrame]:
        """Rows as a source would deliver them, their dates as text; column `fault` is not delivered."""
        ...


Progress = Callable[[str, int], None]


def deliver(market: Market, url: str, progress: Progress = lambda table, rows: None) -> None:
    """Write a market into the database at `url`, in place of one delivered before.

    `progress` is told each table and its rows, before they are written. SQLite and PostgreSQL show the old market or
    the new one, never half of either; MySQL cannot undo DDL. Raises PricingError where the database cannot be written
    to, or holds tables of these names that no earlier delivery made: nobody's books are ever dropped.
    """
    address = parsed(url)
    kind = kind_of(address)
    tables = {"calendar_days": _calendar()} | {name: _rows(market, name) for name in _TABLES}
    with _mendable(kind, address), _writing(address, kind) as connection:
        _clear(connection, shown(address))
        # first, because MySQL commits at each CREATE: a delivery cut short is known as one
        _acknowledge(connection, {name: rows.height for name, rows in tables.items()})
        for statement in _definitions(kind):
            connection.exec_driver_sql(statement)
        for name, rows in tables.items():
            progress(name, rows.height)
            _insert(connection, name, rows)


def columns_of(table: str) -> dict[str, str]:
    """Columns of a table → their type, as ddl.sql says."""
    (body,) = re.findall(rf"CREATE TABLE {table} \((.*?)\n\);", _ddl(), re.DOTALL)
    return dict(line.strip().rstrip(",").split(maxsplit=1) for line in body.strip().splitlines())


def _ddl() -> str:
    return (SAP_LIKE / "ddl.sql").read_text(encoding="utf-8")


def _definitions(kind: Kind) -> list[str]:
    """The statements of ddl.sql, with what a kind of database needs said."""
    text = re.sub(r"--[^\n]*", "", _ddl())
    if kind.name == "SQLite":
        text = re.sub(r"DECIMAL\(\d+,\d+\)", "TEXT", text)
    if kind.name == "MySQL":  # whose default may hold Latin letters only
        text = text.replace("\n);", "\n) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;")
    return [statement for statement in text.split(";") if statement.strip()]


def _calendar() -> pl.DataFrame:
    return pl.date_range(*CALENDAR, eager=True).dt.strftime("%Y%m%d").alias("datum").to_frame()


def _rows(market: Market, table: str) -> pl.DataFrame:
    """All rows of a table, clean ones first, in its columns and as its database types want them."""
    name, other = _TABLES[table]
    sources = {column: (_KEYS | other).get(column, column) for column in columns_of(table)}
    parts = [frames[name] for frames in (market.frames, market.faults) if name in frames]
    kinds = columns_of(table)
    shaped = [
        part.select(_physical(part, source, kinds[column]).alias(column) for column, source in sources.items())
        for part in parts
    ]
    rows = pl.concat(shaped)
    return rows.with_columns(pl.col("datbi").fill_null(WITHOUT_END)) if "datbi" in sources else rows


def _physical(frame: pl.DataFrame, name: str, kind: str) -> pl.Expr:
    """A column as text, whole number or float, whichever its database type takes."""
    have, value = frame.schema[name], pl.col(name)
    if kind == "VARCHAR(8)":
        return value.dt.strftime("%Y%m%d") if have == pl.Date else value.cast(pl.String).str.replace_all("-", "")
    if isinstance(have, pl.Datetime):
        return value.dt.convert_time_zone("UTC").dt.strftime("%Y-%m-%d %H:%M:%S%.6f")
    return value.cast({"BIGINT": pl.Int64, "SMALLINT": pl.Int64, "DOUBLE PRECISION": pl.Float64}.get(kind, pl.String))


@contextmanager
def _writing(url: sa.URL, kind: Kind) -> Iterator[sa.Connection]:
    """A connection in one transaction, committed at the end."""
    import sqlalchemy as sa

    if kind.name == "SQLite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, dict[str, Any]] = {
        "SQLite": {"timeout": CONNECT_SECONDS},
        "PostgreSQL": {"connect_timeout": CONNECT_SECONDS},
        "MySQL": {
            "connect_timeout": CONNECT_SECONDS,
            "charset": "utf8mb4",
            "init_command": "SET SESSION sql_mode = 'ANSI,STRICT_TRANS_TABLES'",
        },
    }
    engine = sa.create_engine(url.set(drivername=kind.driver), poolclass=sa.NullPool, connect_args=options[kind.name])
    with engine.connect() as connection:
        if kind.name == "SQLite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")  # the driver begins none before DDL
        yield connection
        connection.commit()


@contextmanager
def _mendable(kind: Kind, url: sa.URL) -> Iterator[None]:
    from sqlalchemy.exc import DBAPIError

    try:
        yield
    except DBAPIError as error:
        cause = error.orig or error
        message = str(cause.args[-1] if cause.args else cause).strip().splitlines()[0]
        remedy = kind.trouble(cause, message).remedy
        raise PricingError(f"database {shown(url)} cannot be written: {masked(message, url)}", remedy) from error
    except OSError as error:
        raise PricingError(f"database {shown(url)}: {error}", "name a folder you may write") from error


def _clear(connection: sa.Connection, name: str) -> None:
    """Drop what an earlier delivery made. Raises PricingError where the tables are, or have become, somebody's own."""
    import sqlalchemy as sa

    ours = ["calendar_days", *_TABLES]
    there = [table for table in ours if sa.inspect(connection).has_table(table)]
    delivered: dict[str, int] = {}
    if sa.inspect(connection).has_table(RECEIPT):
        receipt = connection.exec_driver_sql(f"SELECT table_name, rows_delivered FROM {RECEIPT}")
        delivered = dict(receipt.tuples().all())
    for table in there:
        rows = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table}").scalar_one()
        if table not in delivered or rows > delivered[table]:
            raise PricingError(
                f"database {name}: table {table} is there, and its {rows:,} rows are not what `pricing simulate` wrote",
                "name an empty database: a market is never written over tables of somebody else",
            )
    for table in [*there, *([RECEIPT] if delivered else [])]:
        connection.exec_driver_sql(f"DROP TABLE {table}")


def _acknowledge(connection: sa.Connection, delivered: Mapping[str, int]) -> None:
    connection.exec_driver_sql(f"CREATE TABLE {RECEIPT} (table_name VARCHAR(60), rows_delivered BIGINT)")
    _insert(connection, RECEIPT, pl.DataFrame(list(delivered.items()), schema=["table_name", "rows"], orient="row"))


def _insert(connection: sa.Connection, table: str, rows: pl.DataFrame) -> None:
    """PostgreSQL takes CSV by COPY; PyMySQL makes many rows one statement by itself."""
    raw: Any = connection.connection.driver_connection
    if connection.dialect.name == "postgresql":
        with raw.cursor() as cursor, cursor.copy(f"COPY {table} FROM STDIN WITH (FORMAT csv, NULL '\\N')") as copy:
            for part in rows.iter_slices(_INSERT_ROWS):
                text = io.BytesIO()
                part.write_csv(text, include_header=False, null_value="\\N")
                copy.write(text.getvalue())
        return
    mark = "?" if connection.dialect.name == "sqlite" else "%s"
    statement = f"INSERT INTO {table} VALUES ({', '.join([mark] * rows.width)})"
    for part in rows.iter_slices(_INSERT_ROWS):
        connection.exec_driver_sql(statement, part.rows())
