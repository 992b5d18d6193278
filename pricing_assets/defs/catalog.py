"""How a table appears in the Dagster UI: key, description, columns, lineage, sample.

Here: specs and metadata made from the classes in tables/. Not here: any asset.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Any

import dagster as dg
import polars as pl
import polars.selectors as cs

from pricing_assets.defs.partitions import DAILY, SOURCE
from pricing_assets.tables import Table

OWNERS = ["team:pricing"]
SAMPLE_ROWS = 5
UNTOLD = (
    "decision_id",
    "next_decision_id",
    "basis",
    "strategy_hash",
    "model_hashes",
    "inputs",
    "inputs_hash",
    "decisions_hash",
    "steps_hash",
    "lock_hash",
)  # hashes say nothing to eyes
SAMPLE_DECIMALS = 4  # of a number shown; of one below 1, digits
SAMPLE_LENGTH = 300  # characters of a value shown
# A day is due at its publication cut-off; a shop that only has history is never late.
FRESHNESS = (
    None
    if SOURCE.historical
    else dg.FreshnessPolicy.cron(
        deadline_cron=f"{SOURCE.publish_at.minute} {SOURCE.publish_at.hour} * * *",
        lower_bound_delta=timedelta(hours=6),
        timezone=SOURCE.time_zone,
    )
)


def key(table: type[Table]) -> dg.AssetKey:
    """Asset key = lake path = DuckDB schema.table."""
    return dg.AssetKey(table.table_name().split("."))


def spec(table: type[Table], deps: Sequence[type[Table]] = (), kinds: frozenset[str] = frozenset()) -> dg.AssetSpec:
    """The asset of a table: what it holds, column by column, and what it is made from."""
    return dg.AssetSpec(
        key=key(table),
        deps=[key(dep) for dep in deps],
        description=inspect.getdoc(table),
        group_name=table.table_name().split(".")[0],
        kinds={"polars", "deltalake", *kinds},
        owners=OWNERS,
        partitions_def=DAILY,
        freshness_policy=FRESHNESS,
        metadata={"dagster/column_schema": columns(table), "dagster/column_lineage": lineage(table)},
    )


def columns(table: type[Table]) -> dg.TableSchema:
    """A table's columns as its class describes them."""
    return dg.TableSchema(
        [
            dg.TableColumn(
                name,
                str(column.dtype),
                column.description or "",
                dg.TableColumnConstraints(nullable=column.nullable, unique=[name] == table.primary_key()),
            )
            for name, column in table.columns().items()
        ]
    )


def lineage(table: type[Table], unread: Collection[str] = ()) -> dg.TableColumnLineage:
    """Which columns each column is made from, but for those (`schema.table.column`) a run did not look at."""
    return made_from(
        {name: [each for each in sources if each not in unread] for name, sources in table.lineage().items()}
    )


def made_from(sources: Mapping[str, Sequence[str]]) -> dg.TableColumnLineage:
    """The columns (`schema.table.column`) each column is made from, as Dagster shows them; none for a constant."""
    return dg.TableColumnLineage({name: [_column(each) for each in read] for name, read in sources.items() if read})


@cache
def _column(name: str) -> dg.TableColumnDep:
    schema, table, column = name.split(".")
    return dg.TableColumnDep(asset_key=dg.AssetKey([schema, table]), column_name=column)


def result(
    context: dg.AssetExecutionContext,
    table: type[Table],
    frame: pl.DataFrame,
    days: Sequence[date],
    extra: Mapping[str, Any] | None = None,
    *,
    unread: Collection[str] = (),
) -> dg.MaterializeResult[Any]:
    """What a person wants to see after a station: rows of each day, a sample, and what the station adds.

    `days` are those the station went on with; of a range, Dagster reports the others as materialised too. `unread` are
    columns (`schema.table.column`) this run did not look at: the lineage leaves them out.
    """
    if key(table) in context.selected_asset_keys:  # metadata for another asset of the step fails it
        _tell_partitions(context, table, frame, unread)
    metadata = {"days": f"{min(days)} to {max(days)}", **(extra or {})}
    return dg.MaterializeResult(asset_key=key(table), metadata=metadata)


def _tell_partitions(
    context: dg.AssetExecutionContext, table: type[Table], frame: pl.DataFrame, unread: Collection[str]
) -> None:
    """Each partition's rows, how many and the first, and of the last the lineage: the UI reads it of an asset's latest
    materialisation, and Dagster would write it, up to 120 kB, once for each day of a range."""
    by_day = frame.group_by(table.partition(), maintain_order=True)
    rows, first = dict(by_day.len().iter_rows()), by_day.head(SAMPLE_ROWS)
    told: dict[str, dict[str, Any]] = {}
    for partition in context.partition_keys:
        day = date.fromisoformat(partition)
        shown = sample(first.filter(pl.col(table.partition()) == day).select(frame.columns))
        told[partition] = {"dagster/partition_row_count": rows.get(day, 0), "sample": shown}
    told[max(told)]["dagster/column_lineage"] = lineage(table, unread)
    for partition, metadata in told.items():
        context.add_asset_metadata(metadata, asset_key=key(table), partition_key=partition)


def sample(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """The first rows, without what says nothing to eyes."""
    return table_value(frame.head(SAMPLE_ROWS).drop(cs.by_name(*UNTOLD, require_all=False)))


def table_value(frame: pl.DataFrame) -> dg.TableMetadataValue:
    """A small frame as a table in the UI; values as text, so that exact decimals stay exact."""
    schema = dg.TableSchema([dg.TableColumn(name, str(dtype)) for name, dtype in frame.schema.items()])
    records = [dg.TableRecord({name: _cell(value) for name, value in row.items()}) for row in frame.to_dicts()]
    return dg.MetadataValue.table(records, schema)


def _cell(value: Any) -> str | int | float | bool:
    if isinstance(value, float):  # decimals beyond what anybody reads hide those that are read
        return round(value, SAMPLE_DECIMALS) if abs(value) >= 1 else float(f"{value:.{SAMPLE_DECIMALS}g}")
    if isinstance(value, int):
        return value
    text = json.dumps(value, default=str) if isinstance(value, list | dict) else "" if value is None else str(value)
    # a row of runs.days names hundreds of files: whole, its sample is a third of a megabyte in every event
    return text if len(text) <= SAMPLE_LENGTH else text[: SAMPLE_LENGTH - 1] + "…"
