"""An analyst in a process of their own: opens what a home shows, asks again and again, lets go, begins anew.

Usage: lake_analyst.py duckdb|polars|deltalake HOME PAUSE, which is seconds before each question. Ends when HOME/stop is
there; prints how much was asked, and what went wrong. HOME/now says which day it is; HOME/open-KIND, since which day
something is open, for who removes files.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

Ask = Callable[[], list[str]]
SESSION = 3  # questions asked of what was opened once
DAYS = """
    select day.date, day.status, count(sentence.date) as rows
    from (from runs.days qualify sequence = max(sequence) over (partition by date)) as day
    left join decisions.price_sentences as sentence on sentence.date = day.date
    group by all having rows <> case when status = 'priced' then 2 else 0 end
"""
TWICE = "select run_id, count(*) from runs.executions group by all having count(*) > 1"


@contextmanager
def by_duckdb(home: Path) -> Iterator[Ask]:
    import duckdb

    with duckdb.connect(str(home / "analytics.duckdb"), read_only=True) as connection:
        yield lambda: [str(row) for sql in (DAYS, TWICE) for row in connection.sql(sql).fetchall()]


@contextmanager
def by_polars(home: Path) -> Iterator[Ask]:
    import polars as pl

    sentences = pl.scan_delta(str(home / "lake/decisions/price_sentences"))
    executions = pl.scan_delta(str(home / "lake/runs/executions"))

    def ask() -> list[str]:
        days = sentences.group_by("date").len().filter(pl.col("len") != 2).collect()
        twice = executions.group_by("run_id").len().filter(pl.col("len") != 1).collect()
        return [str(row) for frame in (days, twice) for row in frame.rows()]

    yield ask


@contextmanager
def by_deltalake(home: Path) -> Iterator[Ask]:
    from deltalake import DeltaTable, QueryBuilder

    table = DeltaTable(home / "lake/decisions/price_sentences")

    def ask() -> list[str]:
        sql = "select date, count(*) as rows from sentences group by date having count(*) <> 2"
        found = QueryBuilder().register("sentences", table).execute(sql).read_all()
        return [f"{found.num_rows} days"] if found.num_rows else []

    yield ask


KINDS = {"duckdb": by_duckdb, "polars": by_polars, "deltalake": by_deltalake}


def main(kind: str, home: Path, pause: float) -> None:
    queries, faults = 0, []
    mark = home / f"open-{kind}"
    while not (home / "stop").exists():
        mark.write_text((home / "now").read_text())
        try:
            with KINDS[kind](home) as ask:
                for _ in range(SESSION):
                    time.sleep(pause)
                    faults += [f"wrong: {row}" for row in ask()]
                    queries += 1
        except Exception as fault:  # whatever an engine complains of is what is counted
            faults.append(f"{type(fault).__name__}: {fault}")
        mark.write_text("")
    print(json.dumps({"queries": queries, "faults": faults}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), float(sys.argv[3]))
