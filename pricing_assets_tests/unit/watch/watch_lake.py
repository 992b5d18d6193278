"""Homes in which days stand without having been run: rows of runs.days and runs.executions alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.tables.runs import Days, Executions

RUN = Provenance("run-1", "0.1.0")


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """An hour of the day after, UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(days=1)


def stand(lake: Lake, days: Sequence[date], committed: datetime | None = None, **values: Any) -> None:
    """Lets days stand, committed at 02:10 of the day after or another moment."""
    fillers: dict[Any, Any] = {pl.Boolean: False, pl.Int64: 0, pl.String: "", pl.List: []}
    schema = {name: column.dtype for name, column in Days.columns().items() if name != "sequence"}
    rows = []
    for day in days:
        known = {"date": day, "run_id": "run-1", "status": "priced", "settings": "{}", **values}
        moment = committed or at(day, 2, 10)
        fill = {
            name: moment if dtype == pl.Datetime else fillers.get(dtype.base_type()) for name, dtype in schema.items()
        }
        rows.append(fill | known)
    manifests.commit_days(lake, pl.DataFrame(rows, schema=schema), RUN)


def executed(lake: Lake, started: datetime, **values: Any) -> None:
    """Records an execution of half a minute."""
    row = {
        "started_on": started.date(),
        "run_id": f"run-{started:%d%H%M}",
        "started_at": started,
        "ended_at": started + timedelta(seconds=30),
        "job": "daily",
        "outcome": "success",
        **values,
    }
    rows = pl.DataFrame([row], schema=Executions.create_empty().schema)
    lake.append(Executions, rows, Provenance(str(row["run_id"])))
