"""Which days a station may go on with: the verdicts of runs.checks, obeyed on every entry route.

Here: the gate between stations. Not here: judging (sources/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets import sources
from pricing_assets.defs import catalog
from pricing_assets.lake import Lake
from pricing_assets.tables import Table
from pricing_assets.tables.runs import Checks, Days

EVERY_DAY = "every_day_stands"


def open_days(context: dg.AssetExecutionContext, lake: Lake, days: Sequence[date]) -> list[date]:
    """The days received with no failed verdict. Others are logged; raises dg.Failure where none is left."""
    checks = lake.read(Checks, min(days), max(days))
    faults = blocked(checks, days)
    for day, message in faults.items():
        context.log.error(f"{day} stops here: {message}")
    going_on = [day for day in days if day not in faults]
    if not going_on:
        raise dg.Failure(
            description="; ".join(f"{day}: {message}" for day, message in faults.items()),
            metadata={"verdicts": _failed(checks).write_json()},
            allow_retries=False,
        )
    return going_on


def blocked(checks: pl.DataFrame, days: Sequence[date]) -> dict[date, str]:
    """Day → why it may not go on: a failed verdict, or that it was never received."""
    received = set(checks["date"].to_list())
    missing = {day: "no raw data received; materialise the raw tables first" for day in days if day not in received}
    failed = {day: message for day, message in sources.failures(checks).items() if day in days}
    return dict(sorted({**failed, **missing}.items()))


def _failed(checks: pl.DataFrame) -> pl.DataFrame:
    return checks.filter(~pl.col("passed")).sort("date", "table", "check")


def of_table(table: type[Table], checks: pl.DataFrame, days: Sequence[date]) -> list[dg.AssetCheckResult]:
    """A raw table's verdicts over the days of a run as one asset check; failed ones shown as a table."""
    mine = checks.filter(pl.col("date").is_in(days) & (pl.col("table") == table.table_name()))
    if not mine.height:
        return []
    failed = _failed(mine)
    counts = mine.group_by("date", maintain_order=True).agg(pl.col("received", "accepted", "quarantined").first())
    metadata: dict[str, Any] = {
        "received": int(counts["received"].sum()),
        "accepted": int(counts["accepted"].sum()),
        "quarantined": int(counts["quarantined"].sum()),
        "failed": catalog.table_value(failed.select("date", "check", "message").head(100)),
    }
    key = catalog.key(table)
    return [dg.AssetCheckResult(asset_key=key, check_name="contract", passed=not failed.height, metadata=metadata)]


def stopped(asked: Sequence[date], days: Sequence[date]) -> dg.AssetCheckResult:
    """Whether every day asked for went on; names those that did not."""
    missing = [day.isoformat() for day in asked if day not in days]
    return dg.AssetCheckResult(
        asset_key=catalog.key(Days),
        check_name=EVERY_DAY,
        passed=not missing,
        metadata={"stopped": ", ".join(missing) or "none"},
    )
