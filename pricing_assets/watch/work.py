"""Work: which runs hold days, and which executions failed and left something undone.

Here: claims and runs.executions read together. Not here: freeing days (lake/claims), starting runs.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from pricing_assets.lake import Lake, claims
from pricing_assets.sources.window import calendar_days
from pricing_assets.tables.runs import Executions

RECENT = timedelta(days=30)
"""How far back executions are looked at: each is a file of its own."""


@dataclass(frozen=True)
class Held:
    """Days in a row that a run holds, by which process, since when as it said; `dead` where that process is gone."""

    first: date
    last: date
    run_id: str
    pid: int
    host: str
    since: str
    dead: bool

    @property
    def days(self) -> list[date]:
        """The days, in their order."""
        return calendar_days(self.first, self.last)

    @property
    def it(self) -> str:
        """What a sentence calls them after it has named them."""
        return "it" if self.first == self.last else "them"

    def __str__(self) -> str:
        days = f"{self.first} is" if self.first == self.last else f"{self.first} to {self.last} are"
        return f"{days} held by run {self.run_id} (process {self.pid} on {self.host}) since {self.since}"


def held(lake: Lake) -> list[Held]:
    """The days that runs hold, by day; those of a run that follow each other at once."""
    dead = set(claims.dead_runs(lake))
    found: list[Held] = []
    for day, each in claims.holders(lake).items():
        before = found[-1] if found else None
        if before and (before.run_id, before.pid, before.last) == (each.run_id, each.pid, day - timedelta(days=1)):
            found[-1] = replace(before, last=day)
        else:
            found.append(Held(day, day, each.run_id, each.pid, each.host, each.since, each.run_id in dead))
    return found


def executions(lake: Lake, now: datetime | None = None) -> pl.DataFrame:
    """The executions of the last 30 days, or all of them, in the order they were recorded, as they end.

    That is the order of the table's log: after the clock was set back the newest may bear an earlier moment. Those
    dated after now are there too.
    """
    rows = lake.read(Executions, (now - RECENT).date() if now else None)
    versions: dict[str, int] = {}
    for entry in lake.entries(Executions):
        versions.setdefault(str(entry.info.get("run_id")), entry.version)
    recorded = pl.Series("recorded", [versions.get(run_id, -1) for run_id in rows["run_id"]], pl.Int64)
    return rows.sort(recorded, "started_at", "run_id")


def not_canceled(rows: pl.DataFrame) -> pl.DataFrame:
    """Executions but those somebody ended."""
    return rows.filter(pl.col("outcome") != "canceled")


def undone(rows: pl.DataFrame, standing: Collection[date]) -> list[dict[str, Any]]:
    """Executions that failed and matter still: a day of theirs does not stand, or nothing of their job succeeded since.

    The last one of those for the same days and job. A canceled one is as if it had not been: somebody wanted it so, and
    it mends no failure before it.
    """
    rows = not_canceled(rows)
    last_of_job = {row["job"]: row["run_id"] for row in rows.to_dicts()}
    last = rows.unique(["job", "first_day", "last_day"], keep="last", maintain_order=True)
    found = []
    for row in last.filter(pl.col("outcome") == "failure").to_dicts():
        days = calendar_days(row["first_day"], row["last_day"]) if row["first_day"] else []
        left = [day for day in days if day not in standing]
        if left or last_of_job[row["job"]] == row["run_id"]:
            found.append(row)
    return found
