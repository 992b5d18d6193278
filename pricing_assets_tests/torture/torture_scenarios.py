"""What is done while a disk fails: small operations of the lake, the manifest, claims, governance and the warehouse.

Here: each operation, what is there before it, and what readers see; and a process that forks one on demand, started
with the library of torture_faults.py. Not here: passes over many days (torture_passes), which call fails, judging.
"""

from __future__ import annotations

import json
import os
import sqlite3
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import dataframely as dy
import duckdb
import polars as pl
from governance_reviews import DAY as PROPOSED_ON
from governance_reviews import proposal
from lake_frames import DAY, NOON, RUN, day, days_frame, days_row, prices, typed
from torture_findings import require
from torture_passes import PASSES
from torture_scenario import Scenario, State, lake_of, nothing, rows_of

from pricing_assets.errors import PricingError
from pricing_assets.lake import claims, warehouse
from pricing_assets.lake.days import commit_days
from pricing_assets.lake.files import storage_faults
from pricing_assets.tables import raw, runs
from pricing_assets.tables.base import Table, identifier
from pricing_assets.tables.base import day as day_column
from pricing_assets.tables.base import known_at as known_at_column

STRATEGY = """
strategy: spring
type: rules
priority: 9
scope: {category: [HOME]}
rules: [{name: all, then: {multiply: 0.9}}]
"""
THREE = [day(0), day(1), day(2)]


# --- tables of the lake ---


class FirstStock(Table):
    """raw.stock of an earlier release."""

    __module__ = "release_1.raw"
    date = day_column()
    sku = identifier("stock keeping unit")
    market = identifier("market")
    known_at = known_at_column()
    on_hand = dy.Int64(min=0)

    @classmethod
    def table_name(cls) -> str:
        return "raw.stock"


class NextStock(FirstStock):
    """The same with a column more."""

    __module__ = "release_2.raw"
    bin = dy.String(nullable=True)


def stock(table: type[Table], on: date, **more: Any) -> pl.DataFrame:
    return typed(table, [{"date": on, "sku": "a", "market": "GB", "known_at": NOON, "on_hand": 3, **more}])


def priced(price: str, days: list[date]) -> Callable[[Path], object]:
    def commit(home: Path) -> object:
        frame = pl.concat([prices(on, price) for on in days])
        return lake_of(home).commit(raw.Prices, frame, days, RUN)

    return commit


def nineteen(home: Path) -> None:
    """The next commit is the twentieth: after it delta-rs writes a checkpoint of the log."""
    for number in range(19):
        priced(f"{number + 1}.00", [DAY])(home)


def prices_seen(home: Path) -> State:
    return rows_of(lake_of(home), raw.Prices)


def appended(home: Path) -> None:
    row = {"started_on": DAY, "started_at": NOON, "job": "daily", "outcome": "success", "run_id": "run-9"}
    lake_of(home).append(runs.Executions, typed(runs.Executions, [row]), RUN)


# --- the manifest ---


def in_force(price: str, numbers: range) -> Callable[[Path], object]:
    def commit(home: Path) -> object:
        lake, days = lake_of(home), [day(number) for number in numbers]
        files = lake.commit(raw.Prices, pl.concat([prices(on, price) for on in days]), days, RUN)
        rows = [days_row(on, [file for file in files if file.partition == on], basis=price) for on in days]
        return commit_days(lake, days_frame(*rows), RUN)

    return commit


def manifest_alone(home: Path) -> None:
    lake = lake_of(home)
    files = lake.partitions(raw.Prices)
    rows = [days_row(on, [files[on]], basis="7.00", run_id="run-2") for on in THREE]
    commit_days(lake, days_frame(*rows), RUN)


def before_manifest(home: Path) -> None:
    in_force("4.99", range(2))(home)
    priced("7.00", THREE)(home)


def days_seen(home: Path) -> State:
    lake = lake_of(home)
    rows = rows_of(lake, runs.Days)
    for row in rows:
        for file in row["tables"]:
            path = lake.folder(raw.Prices) / f"date={file['partition']}" / f"{file['hash']}.parquet"
            require(path.exists(), lost=f"{path.name}, which a day that stands names")
            file.pop("version")  # a commit that was tried twice may have another
    return rows


# --- claims ---


def claimed(run: str) -> Callable[[Path], object]:
    return lambda home: claims.claim(lake_of(home), THREE, run, lambda run_id: run_id != "dead")


def holders_seen(home: Path) -> State:
    return {on: holder.run_id for on, holder in claims.holders(lake_of(home)).items()}


def released(home: Path) -> None:
    claims.release(lake_of(home), "dead")


# --- governance ---


def store_of(home: Path) -> Any:
    from pricing_assets import governance, strategies

    return governance.open_store(f"sqlite:///{home / 'governance.db'}", strategies)


def first_start(home: Path) -> None:
    home.mkdir(parents=True, exist_ok=True)
    with store_of(home) as store:
        store.ensure_default()


def first_revision(home: Path) -> None:
    """A store of the first revision of its schema, older than any release."""
    first_start(home)
    with closing(sqlite3.connect(home / "governance.db")) as database:
        database.execute("drop index events_kind")
        database.execute("update alembic_version set version_num = '0001'")
        database.commit()


def activated(home: Path) -> None:
    with store_of(home) as store:
        store.activate(STRATEGY, "ann", "spring", "key-1")


def overridden(home: Path) -> None:
    from pricing_assets.governance import Scope

    with store_of(home) as store:
        scope = Scope(sku="A", market="DE")
        store.set_override("PRICE_FREEZE", scope, (DAY, day(9)), by="ann", reason="fair", key="key-2", today=DAY)


def approved(home: Path) -> None:
    proposals = [proposal(number) for number in (1, 2, 3)]
    with store_of(home) as store:
        store.desk.decide_together("ann", proposals, "approve", "good", "key-3", today=PROPOSED_ON)


def governance_seen(home: Path) -> State:
    """Every row but its clock time, the schema, and whether SQLite finds the file sound."""
    path = home / "governance.db"
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as database:
        sound = database.execute("pragma integrity_check").fetchall() == [("ok",)]
        require(sound, torn="SQLite finds its file damaged")
        known = database.execute(
            "select type, name from sqlite_master where name not like 'sqlite_%' order by 2"
        ).fetchall()
        found: dict[str, Any] = {"schema": known} if known else {}
        for kind, name in known:
            if kind == "table":
                columns = [row[1] for row in database.execute(f"pragma table_info({name})") if row[1] != "recorded_at"]
                listed = ", ".join(f'"{column}"' for column in columns)
                found[name] = database.execute(f"select {listed} from {name} order by 1").fetchall() if columns else []
        return found


# --- the warehouse ---


def analytics_of(home: Path) -> Path:
    return home / "analytics.duckdb"


def refreshed(home: Path) -> None:
    """With a mart, as dbt makes them."""
    with (
        warehouse.draft(lake_of(home), analytics_of(home)) as path,
        storage_faults(path, duckdb.Error),
        duckdb.connect(str(path)) as connection,
    ):
        connection.execute("create schema marts")
        connection.execute("create table marts.latest as select max(date) as date, count(*) as n from raw.prices")


def before_refresh(home: Path) -> None:
    in_force("4.99", range(1))(home)
    refreshed(home)
    in_force("7.00", range(2))(home)


def before_renewal(home: Path) -> None:
    in_force("4.99", range(1))(home)
    refreshed(home)
    appended(home)


def renewed(home: Path) -> None:
    warehouse.renew(lake_of(home), analytics_of(home), [runs.Executions])


def warehouse_seen(home: Path) -> State:
    if not analytics_of(home).exists():
        return None
    with duckdb.connect(str(analytics_of(home)), read_only=True) as connection:
        return [
            connection.sql(f"from {name} order by all").fetchall()
            for name in ("raw.prices", "runs.days", "runs.executions", "marts.latest")
        ]


SCENARIOS = {
    "lake: first commit": Scenario(nothing, priced("1.00", [DAY]), prices_seen),
    "lake: replace a day": Scenario(priced("1.00", [DAY]), priced("2.00", [DAY]), prices_seen),
    "lake: several days": Scenario(priced("1.00", THREE), priced("2.00", THREE), prices_seen),
    "lake: append": Scenario(nothing, appended, lambda home: rows_of(lake_of(home), runs.Executions)),
    "lake: checkpoint": Scenario(nineteen, priced("99.00", [DAY]), prices_seen),
    "lake: new column": Scenario(
        lambda home: lake_of(home).commit(FirstStock, stock(FirstStock, DAY), [DAY], RUN),
        lambda home: lake_of(home).commit(NextStock, stock(NextStock, day(1), bin="A1"), [day(1)], RUN),
        lambda home: rows_of(lake_of(home), NextStock),
    ),
    "manifest: first day": Scenario(priced("4.99", [DAY]), in_force("4.99", range(1)), days_seen),
    "manifest: three days, two again": Scenario(before_manifest, manifest_alone, days_seen),
    "claims: taken over": Scenario(claimed("dead"), claimed("run-2"), holders_seen, in_steps=True),
    "claims: released": Scenario(claimed("dead"), released, holders_seen, in_steps=True),
    "governance: first start": Scenario(nothing, first_start, governance_seen, in_steps=True),
    "governance: migration": Scenario(first_revision, first_start, governance_seen),
    "governance: activate": Scenario(first_start, activated, governance_seen),
    "governance: override": Scenario(first_start, overridden, governance_seen),
    "governance: approve three": Scenario(first_start, approved, governance_seen),
    "warehouse: refresh": Scenario(before_refresh, refreshed, warehouse_seen),
    "warehouse: renew": Scenario(before_renewal, renewed, warehouse_seen),
    **PASSES,
}


# --- the process that forks ---


def main() -> None:
    """For each line, `scenario<tab>home`, forks a process that does it; answers with what came of it, as JSON."""
    from pricing_assets import governance, strategies  # noqa: F401
    from pricing_assets.governance import database  # noqa: F401

    for line in sys.stdin:
        name, home = line.rstrip("\n").split("\t")
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.write(writing, json.dumps(outcome(SCENARIOS[name], Path(home))).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as file:
            said = file.read().decode() or "{}"
        _, status = os.waitpid(pid, 0)
        print(json.dumps({"code": os.waitstatus_to_exitcode(status), **json.loads(said)}), flush=True)


def outcome(scenario: Scenario, home: Path) -> dict[str, str]:
    """`{"done": …}`, `{"refused": …, "remedy": …}`, or the traceback of anything else as `bare`."""
    try:
        scenario.act(home)
    except PricingError as error:
        return {"refused": error.what, "remedy": error.remedy}
    except BaseException:
        return {"bare": traceback.format_exc()}
    return {"done": "yes"}


if __name__ == "__main__":
    main()
