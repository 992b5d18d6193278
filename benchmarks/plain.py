"""What it takes to read a station's inputs and write its outputs, and nothing else: the floor a station stands on.

Here: each file a station read, in the columns it took, read by Polars; each SELECT of the source run by DuckDB over the
days read; the rows it made written as Parquet, as Polars writes them; marts written by DuckDB. One after the other,
none kept. Not here: watching the station (tracing).

What a station reads twice is read twice here, for it was asked for twice. The warehouse reads the tables its marts are
made from, whole, as they stand. CPU time, for a machine that others use as well tells nothing by the clock.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import polars as pl

from benchmarks.tracing import Station
from pricing_assets.lake.arrow import ArrowStream


def seconds(station: Station, shop: Path, home: Path) -> float:
    """CPU seconds to read what a station read and to write what it wrote."""
    marts = station.name == "warehouse"
    took = sum(_reading(each, shop) for each in (_under_marts(home) if marts else station.read))
    with TemporaryDirectory(dir=home.parent) as folder:
        if marts:
            return took + _marts_written(home, Path(folder))
        for number, each in enumerate(station.written):
            rows = pl.read_parquet(each["files"][0])
            began = time.process_time()
            rows.write_parquet(Path(folder) / f"{number}.parquet")
            took += time.process_time() - began
    return took


def rows_of_marts(home: Path) -> int:
    """Rows of all marts together."""
    with duckdb.connect(str(home / "analytics.duckdb"), read_only=True) as connection:
        marts = connection.sql("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        return sum(connection.sql(f"select count(*) from marts.{mart}").fetchall()[0][0] for (mart,) in marts)


def _reading(each: Mapping[str, Any], shop: Path) -> float:
    began = time.process_time()
    if "days" in each:
        _selected(each, shop)
    for file in each.get("files", ()):
        # the partition's column is in the folder's name
        pl.scan_parquet(file, hive_partitioning=True).select(each["columns"] or pl.all()).collect()
    return time.process_time() - began


def _selected(each: Mapping[str, Any], shop: Path) -> None:
    """The source's SELECT as it is written, without a look at any row."""
    select = (shop / f"{each['table'].rpartition('.')[2]}.sql").read_text(encoding="utf-8")
    first, last = each["days"]
    with duckdb.connect() as connection:
        connection.execute(f"SET file_search_path = '{shop.absolute()}'; SET TimeZone = 'Europe/Berlin'")
        connection.execute(f"SET VARIABLE first_day = DATE '{first}'; SET VARIABLE last_day = DATE '{last}'")
        pl.DataFrame(ArrowStream(connection.sql(select)))


def _under_marts(home: Path) -> Iterator[dict[str, Any]]:
    """The files in force of the lake's tables that some model is made from."""
    from pricing_assets.defs.warehouse import _nodes, _of_type, _parents
    from pricing_assets.lake import Lake, days
    from pricing_assets.tables import ALL

    parents = {f"{parent['schema']}.{parent['name']}" for model in _of_type("model") for parent in _parents(model)}
    assert _nodes(), "the dbt project is parsed"
    lake = Lake(home / "lake")
    manifest = days.manifest(lake)
    for table in ALL:
        if table.table_name() in parents:
            files = manifest.get(table.table_name(), {}).values()
            yield {"files": [str(lake.path(table, file)) for file in files], "columns": None}


def _marts_written(home: Path, folder: Path) -> float:
    """CPU seconds in which DuckDB writes every mart as a Parquet file."""
    with duckdb.connect(str(home / "analytics.duckdb"), read_only=True) as connection:
        marts = connection.sql("select table_name from duckdb_tables() where schema_name = 'marts'").fetchall()
        began = time.process_time()
        for (mart,) in marts:
            connection.execute(f"copy marts.{mart} to '{folder / mart}.parquet' (format parquet)")
        return time.process_time() - began
