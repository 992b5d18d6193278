"""Which days a station may go on with: the verdicts of runs.checks, obeyed on every entry route.

Here: the gate between stations. Not here: judging (sources/).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl

from pricing_assets import sources
from pricing_assets.defs import catalog
from pricing_assets.lake import Lake
from pricing_assets.sources import Source
from pricing_assets.tables import Table
from pricing_assets.tables.runs import Checks, Days

EVERY_DAY, RECEIVED = "every_day_stands", "contract"


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


def specs(source: Source, table: type[Table]) -> list[dg.AssetCheckSpec]:
    """The asset checks of a raw table: what it received, and one per expectation.

    They block by day, not by run: a failed one keeps its days from every later station (see `open_days`), where Dagster
    would keep the other days of a range from it too.
    """
    key = catalog.key(table)
    every = [dg.AssetCheckSpec(RECEIVED, asset=key, description="Rows and quarantine of every day let it go on.")]
    return every + [
        dg.AssetCheckSpec(each.check, asset=key, description=f"Every day of the run has {each.says}: {each.band}.")
        for each in source.expectations.get(table.table_name(), ())
    ]


def of_expectations(
    source: Source, table: type[Table], outcome: sources.Outcome, days: Sequence[date], data_docs: Path
) -> list[dg.AssetCheckResult]:
    """One asset check per expectation of a raw table over the days of a run; what failed is shown as a table.

    A day on its own shows its figure as a number, which Dagster plots from day to day.
    """
    mine = pl.col("date").is_in(days) & (pl.col("table") == table.table_name())
    failed, figures = outcome.failed.filter(mine), outcome.figures.filter(mine)
    return [
        dg.AssetCheckResult(
            asset_key=catalog.key(table),
            check_name=each.check,
            passed=not (found := failed.filter(check=each.check)).height,
            metadata={
                "expected": each.band,
                **_range(figures.filter(check=each.check)["figure"]),
                **(_found(found, days, data_docs) if found.height else {}),
            },
        )
        for each in source.expectations.get(table.table_name(), ())
    ]


def _range(figures: pl.Series) -> dict[str, float]:
    """The figure of a day, or the lowest and highest of several; nothing where there is none."""
    values = figures.to_list()
    if len(values) > 1:
        return {"lowest found": min(values), "highest found": max(values)}
    return {"found": values[0]} if values else {}


def _found(failed: pl.DataFrame, days: Sequence[date], data_docs: Path) -> dict[str, Any]:
    shown = failed.select("date", "expectation", "found", "expected", "examples").head(100)
    build = f"`pricing checks docs --from {min(days)} --to {max(days)}` draws them there"
    return {
        "failed": catalog.table_value(shown),
        # a path: browsers open no file from a page that came by http, and there may be none yet
        "data docs": dg.MetadataValue.path((data_docs / "index.html").absolute()),
        "build the data docs": dg.MetadataValue.md(build),
    }


def of_table(table: type[Table], checks: pl.DataFrame, days: Sequence[date]) -> list[dg.AssetCheckResult]:
    """A raw table's verdicts on what it received over the days of a run, as one asset check; failed ones as a table."""
    received = pl.col("check").is_in(sources.RECEIVED_CHECKS)
    mine = checks.filter(received & pl.col("date").is_in(days) & (pl.col("table") == table.table_name()))
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
    return [dg.AssetCheckResult(asset_key=key, check_name=RECEIVED, passed=not failed.height, metadata=metadata)]


def stopped(asked: Sequence[date], days: Sequence[date]) -> dg.AssetCheckResult:
    """Whether every day asked for went on; names those that did not."""
    missing = [day.isoformat() for day in asked if day not in days]
    return dg.AssetCheckResult(
        asset_key=catalog.key(Days),
        check_name=EVERY_DAY,
        passed=not missing,
        metadata={"stopped": ", ".join(missing) or "none"},
    )
