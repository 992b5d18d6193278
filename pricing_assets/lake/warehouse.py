"""analytics.duckdb: what analysts open. Views over exactly the files the manifest has in force.

Here: building a fresh file beside the old one, with what only analysts read beside the views; putting it into place;
querying it. Not here: dbt's marts, which dbt writes into the draft.

A refresh never touches the file in place: readers that have it open keep reading the old one, and no reader ever
makes a refresh wait.
"""

from __future__ import annotations

import fnmatch
import re
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from uuid import uuid4

import duckdb
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.lake import days, locks, months
from pricing_assets.lake.arrow import ArrowStream
from pricing_assets.lake.contracts import dtypes
from pricing_assets.lake.files import exclusive, make_folder, storage_faults, sync
from pricing_assets.lake.months import Files
from pricing_assets.lake.store import Lake
from pricing_assets.tables import ALL, EXPORTED, decisions, monitoring, publishing, runs
from pricing_assets.tables.base import Table

_PERHAPS_READING = ("EXPLAIN", "MULTI")  # MULTI: PIVOT without its values named, by itself or in a COPY
_EXPLAIN = re.compile(r"\A.*?\bexplain\b(\s*\([^)]*\)|\s+analyze\b)?", re.IGNORECASE | re.DOTALL)
_ANY = "*.parquet"
_NAME = "analytics.duckdb"  # DuckDB names the catalog after the file, and dbt's models name the catalog
_REFUSED = (duckdb.IOException, duckdb.FatalException, duckdb.TransactionException)
"""How DuckDB says that a disk refused a write."""

_AFTERWARDS = (
    *(monitoring.DriftMetrics, publishing.Publications, publishing.Reconciliations),
    *(decisions.Holdouts, decisions.PriceTests, decisions.ShadowDecisions),
)
"""Made of days that stand already: no manifest names them, whatever is in the lake counts."""


@contextmanager
def draft(lake: Lake, analytics: Path, exports: Mapping[type[Table], pl.DataFrame] | None = None) -> Iterator[Path]:
    """Build a new warehouse with a view per table, yield its path for more to be written into it, put it in place.

    `exports` are the rows of tables.EXPORTED, which the lake does not have; a table without rows is there too.

    One refresh at a time; another waits, an hour at most. Where the block raises, the draft is removed and the old
    file stays. The block must have closed what it opened. Raises PricingError where a manifested file is gone or the
    disk refuses.
    """
    with _draft_of(Path(analytics).absolute()) as draft:
        _build(lake, draft, exports or {})
        yield draft


def renew(lake: Lake, analytics: Path, tables: Sequence[type[Table]]) -> None:
    """Shows what these tables hold now, without building anything else anew; nothing where there is no warehouse.

    Only for tables that no mart is made from: the others keep what the last refresh showed.
    """
    analytics = Path(analytics).absolute()
    if not analytics.exists():
        return
    with _draft_of(analytics) as draft, storage_faults(draft, *_REFUSED):
        shutil.copyfile(analytics, draft)
        with duckdb.connect(str(draft)) as connection:
            connection.begin()
            for schema in dict.fromkeys(table.table_name().partition(".")[0] for table in tables):
                connection.execute(f"create schema if not exists {_quoted(schema)}")
            for table in tables:
                _view(connection, lake, table, {})
            connection.commit()


@contextmanager
def _draft_of(analytics: Path) -> Iterator[Path]:
    """The place of a draft that takes the warehouse's where the block ends well; without it the old file stays."""
    with alone(analytics):
        folder = analytics.parent / f"draft-{uuid4().hex}"
        make_folder(folder)
        try:
            yield folder / _NAME
            _put_in_place(folder / _NAME, analytics)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def alone(analytics: Path) -> Iterator[None]:
    """One refresh at a time. A draft that is there already was left by a process that died."""
    with exclusive(analytics.with_name(f"{analytics.name}.lock"), locks.WORK):
        for abandoned in analytics.parent.glob("draft-*"):
            shutil.rmtree(abandoned, ignore_errors=True)
        yield


def files_read(analytics: Path) -> Callable[[Path], bool]:
    """Whether the warehouse in place reads a file of the lake, as its views name it; none where there is no warehouse.

    Raises PricingError where it cannot be opened: then nobody knows.
    """
    if not Path(analytics).exists():
        return lambda _: False
    with _opened(analytics) as connection, _told():
        views = connection.sql("select sql from duckdb_views() where not internal").fetchall()
    named = {name.replace("''", "'") for (sql,) in views for name in re.findall(r"'((?:[^']|'')*\.parquet)'", sql)}
    patterns = [re.compile(fnmatch.translate(name)) for name in named if re.search(r"[*?[]", name)]
    return lambda path: str(path) in named or any(pattern.match(str(path)) for pattern in patterns)


def query(analytics: Path, sql: str) -> pl.DataFrame:
    """The result of one statement that reads. Raises PricingError with DuckDB's own words, or where it would write."""
    with reader(analytics) as ask:
        return ask(sql)


@contextmanager
def reader(analytics: Path) -> Iterator[Callable[[str], pl.DataFrame]]:
    """What `query` does, of one connection: opening the warehouse costs more than most questions."""
    if not Path(analytics).exists():
        raise PricingError(f"{analytics}: there is no warehouse yet", "run `pricing run` first, it builds one")
    with _opened(analytics) as connection:
        with _told():
            connection.execute("set timezone = 'UTC'")

        def ask(sql: str) -> pl.DataFrame:
            with _told():
                _refuse_writing(connection, sql)
                return pl.DataFrame(ArrowStream(connection.sql(sql)))

        yield ask


@contextmanager
def _opened(analytics: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that reads. Raises PricingError where the file is none DuckDB can open."""
    try:
        connection = duckdb.connect(str(analytics), read_only=True)
    except duckdb.Error as fault:
        raise PricingError(
            f"{analytics} cannot be opened: {fault}",
            "`pricing run` builds it anew, in its place; it holds nothing the lake has not",
        ) from fault
    with connection:
        yield connection


@contextmanager
def _told() -> Iterator[None]:
    """What DuckDB, or Polars at its result, complains of, with a remedy."""
    try:
        yield
    except pl.exceptions.DuplicateError as fault:
        raise PricingError(f"query failed: {fault}", "give columns of one name different ones: AS") from fault
    except duckdb.Error as fault:
        if ".parquet" in str(fault):  # views read the lake's files; what is wrong with one names it
            raise PricingError(
                f"query failed: {fault}", "`pricing doctor` says what the lake lacks and what brings it back"
            ) from fault
        raise PricingError(
            f"query failed: {fault}",
            "mend the SQL; `show all tables` lists what there is, `describe raw.prices` the columns of a table",
        ) from fault


def _refuse_writing(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """A connection opened read-only still writes files: COPY, also explained, would overwrite those of the lake."""
    kinds = [statement.type.name for statement in connection.extract_statements(sql)]
    if len(kinds) != 1:
        raise PricingError(f"query failed: {len(kinds)} statements where one is expected", "give one SELECT")
    reads = kinds == ["SELECT"] or (
        kinds[0] in _PERHAPS_READING and _is_query(connection, _EXPLAIN.sub("", sql) if kinds == ["EXPLAIN"] else sql)
    )
    if not reads:
        raise PricingError(
            f"query failed: {kinds[0]} is not read-only",
            "give a SELECT; to keep its result, take --json or write a file from a DuckDB client of your own",
        )


def _is_query(connection: duckdb.DuckDBPyConnection, sql: str) -> bool:
    """Whether one may select from it, which one may not from a statement that writes."""
    try:
        return len(connection.extract_statements(f"from (\n{sql.strip().rstrip(';')}\n)")) == 1
    except duckdb.Error:
        return False


def _build(lake: Lake, path: Path, exports: Mapping[type[Table], pl.DataFrame]) -> None:
    with storage_faults(path, *_REFUSED), duckdb.connect(str(path)) as connection:
        manifest = days.manifest(lake)
        connection.begin()  # one commit, not one per comment
        for schema in dict.fromkeys(table.table_name().partition(".")[0] for table in (*ALL, *EXPORTED)):
            connection.execute(f"create schema {_quoted(schema)}")
        for table in ALL:
            _view(connection, lake, table, manifest)
        for table in EXPORTED:
            _export(connection, table, exports.get(table, pl.DataFrame(schema=dtypes(table))))
        connection.commit()


def _view(connection: duckdb.DuckDBPyConnection, lake: Lake, table: type[Table], manifest: days.Manifest) -> None:
    files = _files(lake, table, manifest)
    try:
        connection.execute(
            f"create or replace view {_identifier(table)} as {_select(table, files, _later(lake, table))}"
        )
        for comment in _comments(table):
            connection.execute(comment)
    except duckdb.IOException as fault:
        raise PricingError(
            f"{table.table_name()}: its files cannot be read ({fault})",
            "`pricing doctor` says what is lacking and what brings it back",
        ) from fault


def _export(connection: duckdb.DuckDBPyConnection, table: type[Table], rows: pl.DataFrame) -> None:
    """Rows as a table of their own, typed and commented like the views."""
    columns = ", ".join(
        f"{_quoted(name)}::{sql_type(dtype)} as {_quoted(name)}" for name, dtype in dtypes(table).items()
    )
    connection.register("exported", ArrowStream(rows.with_columns(pl.selectors.enum().cast(pl.String))))
    connection.execute(f"create table {_identifier(table)} as select {columns} from exported")
    connection.unregister("exported")
    for comment in _comments(table, "table"):
        connection.execute(comment)


def _put_in_place(new: Path, analytics: Path) -> None:
    with storage_faults(analytics, *_REFUSED):
        with duckdb.connect(str(new)) as connection:
            connection.execute("checkpoint")  # whoever wrote into it may have left a write-ahead log
        sync(new)
        analytics.with_name(f"{analytics.name}.wal").unlink(missing_ok=True)  # would be replayed into the new file
        new.replace(analytics)
        sync(analytics.parent)


def _select(table: type[Table], files: Files, later: Sequence[str]) -> str:
    """Typed and in the class's order; columns no file has are null, because the empty arm names them."""
    columns = [f"null::{sql_type(dtype)} as {_quoted(name)}" for name, dtype in dtypes(table).items()]
    nothing = f"select {', '.join(columns)} where false"
    arms = [nothing]
    if files.months:
        arms.append(f"select * from read_parquet([{_listed(files.months)}], union_by_name = true)")
    if files.days:
        arms.append(f"select * from {_by_day(table, files.days)}")
    if later:
        arms.append(f"select * from {_by_day(table, later, ', allow_empty = true')}")
    distinct = "distinct " if table is runs.Executions else ""  # a file replaced since is still in its folder
    return f"select {distinct}{', '.join(map(_quoted, dtypes(table)))} from ({' union all by name '.join(arms)})"


def _by_day(table: type[Table], files: Sequence[Path | str], option: str = "") -> str:
    return (
        f"read_parquet([{_listed(files)}], union_by_name = true, hive_partitioning = true, "
        f"hive_types = {{{_literal(table.partition())}: date}}{option})"
    )


def _listed(files: Sequence[Path | str]) -> str:
    return ", ".join(_literal(str(file)) for file in files)


def _files(lake: Lake, table: type[Table], manifest: days.Manifest) -> Files:
    if table is runs.Executions:
        known = lake.files(table)
        newest = max((file.partition for file in known), default=date.min)
        return months.files(lake, table, [file for file in known if file.partition < newest], write=True)
    if table in _AFTERWARDS:
        return months.files(lake, table, [file for file in lake.files(table) if file.rows], write=True)
    return months.files(lake, table, list(manifest.get(table.table_name(), {}).values()), write=True)


def _later(lake: Lake, table: type[Table]) -> Sequence[str]:
    """Patterns of files that count as soon as they are there: executions grow outside the manifest, failed ones too."""
    if table is not runs.Executions or not (known := lake.files(table)):
        return []
    newest = max(file.partition for file in known).isoformat()
    return [str(lake.folder(table) / pattern) for pattern in _since(table, newest)]


def _since(table: type[Table], day: str) -> Iterator[str]:
    """Patterns for the files of a day and of every later one, which may not be there yet."""
    for end, digit in [(len(day), ""), *((at, digit) for at, digit in enumerate(day) if digit in "012345678")]:
        later = f"[{int(digit) + 1}-9]*" if digit else ""
        yield f"{table.partition()}={day[:end]}{later}/{_ANY}"


def _comments(table: type[Table], kind: str = "view") -> Iterator[str]:
    view = _identifier(table)
    yield f"comment on {kind} {view} is {_literal(' '.join((table.__doc__ or '').split()))}"
    for name, column in table.columns().items():
        yield f"comment on column {view}.{_quoted(name)} is {_literal(column.description or '')}"


def sql_type(dtype: pl.DataType) -> str:
    """The DuckDB type of a column; enums are text there. Raises TypeError for a dtype no table uses."""
    if isinstance(dtype, pl.List):
        return f"{sql_type(dtype.inner)}[]"  # type: ignore[arg-type]
    if isinstance(dtype, pl.Struct):
        fields = (f"{_quoted(field.name)} {sql_type(field.dtype)}" for field in dtype.fields)  # type: ignore[arg-type]
        return f"struct({', '.join(fields)})"
    if isinstance(dtype, pl.Decimal):
        return f"decimal({dtype.precision}, {dtype.scale})"
    names: dict[type[pl.DataType], str] = {
        pl.String: "varchar",
        pl.Enum: "varchar",
        pl.Categorical: "varchar",
        pl.Int64: "bigint",
        pl.Float64: "double",
        pl.Boolean: "boolean",
        pl.Date: "date",
        pl.Datetime: "timestamptz",
    }
    if type(dtype) not in names:
        raise TypeError(f"no DuckDB type for {dtype}")
    return names[type(dtype)]


def _identifier(table: type[Table]) -> str:
    return ".".join(_quoted(part) for part in table.table_name().split("."))


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
