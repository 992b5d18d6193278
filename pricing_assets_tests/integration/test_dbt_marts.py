"""The marts, built by the real dbt over a DuckDB file with the schemas of pricing_assets.tables."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

from pricing_assets import tables
from pricing_assets.lake import Lake, warehouse
from pricing_assets.tables import decisions, raw, runs
from pricing_assets.tables.base import Table

MARTS = ["current_prices", "decision_summary", "margins", "price_history", "run_summary"]
PROJECT = Path(__file__).parents[2] / "dbt_project"
DAY, NEXT = date(2011, 12, 1), date(2011, 12, 2)
Rows = Mapping[type[Table], list[dict[str, Any]]]
Build = Callable[..., "subprocess.CompletedProcess[str]"]
Ask = Callable[[str], list[tuple[Any, ...]]]


def moment(day: int, hour: int = 6) -> datetime:
    return datetime(2011, 12, day, hour, tzinfo=UTC)


def price(day: date, known: datetime, amount: str, **other: Any) -> dict[str, Any]:
    shared = {"sku": "A", "market": "UK", "price_type": "current", "cost": Decimal("1.5"), "currency": "GBP"}
    kinds = {"tax_basis": "gross", "price_kind": "posted", "cost_source": "recorded"}
    return {**shared, **kinds, "date": day, "known_at": known, "price": Decimal(amount), **other}


def decision(day: date, basis: str, sku: str, final: str, action: str = "publish", **other: Any) -> dict[str, Any]:
    shared = {"market": "UK", "currency": "GBP", "method": "rules", "reason": "", "confidence": 1.0, "strategy": "s"}
    prices = {"current_price": Decimal("4.00"), "cost": Decimal("1.50"), "final_price": Decimal(final)}
    made = {"date": day, "basis": basis, "decision_id": f"{basis}-{sku}", "sku": sku, "action": action}
    return {**shared, **prices, **made, **other}


def day_row(day: date, sequence: int, basis: str, **other: Any) -> dict[str, Any]:
    moments = {"as_of": moment(day.day + 1, 2), "effective_from": moment(day.day + 1), "committed_at": moment(3)}
    counts = {"decided": 2, "published": 1, "held": 1, "quarantined": 3}
    texts = {"status": "priced", "settings": "{}", "code_version": "1", "lock_hash": "x", "run_id": f"r{sequence}"}
    lists: dict[str, Any] = {"tables": [], "inputs": [], "late": False}
    return {**moments, **counts, **texts, **lists, "date": day, "sequence": sequence, "basis": basis, **other}


def entry(sku: str, number: int, decided: str, amount: str) -> dict[str, Any]:
    row = {"date": NEXT, "sku": sku, "market": "UK", "effective_from": moment(3), "entry_no": number}
    return {**row, "price": Decimal(amount), "currency": "GBP", "decision_id": decided, "recorded_at": moment(3)}


def shop() -> Rows:
    """Two days, SKUs A and B. Day two was decided twice: basis b2 was superseded by b3."""
    return {
        raw.Prices: [
            price(DAY, moment(2, 0), "3.00"),
            price(NEXT, moment(3, 0), "4.00"),
            price(NEXT, moment(3, 1), "4.10"),  # a correction
            price(NEXT, moment(3, 0), "5.00", price_type="list"),
        ],
        raw.Sales: [
            {
                **{"date": NEXT, "sku": "A", "market": "UK", "known_at": moment(3, 0), "units": 2},
                **{"returned_units": 1, "revenue": Decimal("8.20"), "currency": "GBP", "source_lines": 2},
            }
        ],
        decisions.PriceDecisions: [
            decision(NEXT, "b2", "A", "9.00"),
            decision(NEXT, "b2", "B", "9.00"),
            decision(NEXT, "b3", "A", "4.40"),
            decision(NEXT, "b3", "B", "4.00", action="hold", strategy=None),
        ],
        decisions.PriceBook: [entry("A", 1, "b2-A", "9.00"), entry("A", 2, "b3-A", "4.40")],
        raw.Quarantine: [
            {"received_on": NEXT, "table": "raw.sales", "row": row, "record": "{}", "rule": "", "run_id": "r3"}
            for row in (1, 2)
        ],
        runs.Days: [day_row(DAY, 1, "b1"), day_row(NEXT, 2, "b2"), day_row(NEXT, 3, "b3")],
        runs.Checks: [
            {"date": NEXT, "table": "raw.prices", "check": "share", "passed": False, "message": "", "run_id": "r3"}
        ],
        runs.Executions: [
            {
                **{"started_on": NEXT, "run_id": run, "started_at": moment(3), "job": "day", "first_day": DAY},
                **{"last_day": NEXT, "outcome": outcome},
            }
            for run, outcome in [("r1", "failure"), ("r3", "success")]
        ],
    }


def draft(folder: Path, rows: Rows) -> Path:
    """A DuckDB file with a view over Parquet for every table, as the lake leaves it to dbt."""
    path = folder / "draft.duckdb"
    with duckdb.connect(str(path)) as connection:
        for table in tables.ALL:
            schema = table.create_empty().schema
            file = folder / f"{table.table_name()}.parquet"
            pl.DataFrame(rows.get(table, []), schema=schema).write_parquet(file)
            connection.execute(f"create schema if not exists {table.table_name().split('.')[0]}")
            connection.execute(f"create view {table.table_name()} as select * from read_parquet('{file}')")
    return path


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """`dbt build` of a draft. The parsed project is kept between calls: the profile names the file alone."""
    kept = tmp_path_factory.mktemp("dbt")
    places = {"DBT_TARGET_PATH": str(kept / "target"), "DBT_LOG_PATH": str(kept / "logs")}

    def run(path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [
            str(Path(sys.executable).with_name("dbt")),
            "build",
            "--project-dir",
            str(PROJECT),
            "--profiles-dir",
            str(PROJECT),
        ]
        return subprocess.run(
            [*command, *arguments],
            cwd=path.parent,
            env={**os.environ, **places, "PRICING_ANALYTICS_DRAFT": path.name},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory, build: Build) -> Ask:
    """Answers a query over the marts of the shop, in a file renamed and attached under another name."""
    path = draft(tmp_path_factory.mktemp("shop"), shop())
    built = build(path)
    assert built.returncode == 0, built.stdout
    renamed = path.rename(path.with_name("analytics.duckdb"))

    def query(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as connection:
            connection.execute(f"attach '{renamed}' as elsewhere (read_only)")
            connection.execute("set TimeZone = 'UTC'")
            return connection.execute(sql.replace("{}", "elsewhere")).fetchall()

    return query


def test_superseded_decisions_do_not_show(ask: Ask) -> None:
    found = ask(
        "select sku, decision_id, decided_price from {}.marts.price_history where date = '2011-12-02' order by 1"
    )
    assert found == [("A", "b3-A", Decimal("4.4000")), ("B", "b3-B", Decimal("4.0000"))]
    assert ask("select count(*) from {}.staging.stg_decisions") == [(2,)]


def test_the_latest_correction_of_a_price_shows(ask: Ask) -> None:
    found = ask(
        "select current_price, list_price, units, revenue from {}.marts.price_history where sku = 'A' order by date"
    )
    assert found == [
        (Decimal("3.0000"), None, 0, Decimal("0.0000")),
        (Decimal("4.1000"), Decimal("5.0000"), 2, Decimal("8.2000")),
    ]


def test_a_held_decision_has_no_next_price(ask: Ask) -> None:
    found = ask(
        "select sku, action, next_price, effective_from, next_decision_id from {}.marts.current_prices order by 1"
    )
    assert found == [("A", "publish", Decimal("4.4000"), moment(3), "b3-A"), ("B", "hold", None, None, None)]


def test_margins_are_of_the_corrected_price(ask: Ask) -> None:
    found = ask(
        "select current_margin, round(current_margin_pct, 4), decided_margin, gross_profit from {}.marts.margins"
        " where sku = 'A' and date = '2011-12-02'"
    )
    assert found == [(Decimal("2.6000"), 63.4146, Decimal("2.9000"), Decimal("5.2000"))]


def test_decisions_are_summed_by_strategy_and_action(ask: Ask) -> None:
    found = ask(
        "select strategy, action, decisions, changed, round(mean_change_pct, 6) from {}.marts.decision_summary"
        " order by strategy"
    )
    assert found == [("none", "hold", 1, 0, 0.0), ("s", "publish", 1, 1, 10.0)]


def test_a_day_is_summed_with_its_commits_and_executions(ask: Ask) -> None:
    found = ask(
        "select run_id, commits, failed_checks, executions, failed_executions, quarantined from {}.marts.run_summary"
        " order by date"
    )
    assert found == [("r1", 1, 0, 2, 1, 0), ("r3", 2, 1, 2, 1, 2)]


def test_a_first_start_without_rows_builds(home: Path, build: Build) -> None:
    with warehouse.draft(Lake(home / "lake"), home / "analytics.duckdb") as path:
        built = build(path)
        assert built.returncode == 0, built.stdout
    marts = warehouse.query(home / "analytics.duckdb", "select table_name from duckdb_tables() order by 1")
    assert marts["table_name"].to_list() == MARTS
    for mart in MARTS:
        assert warehouse.query(home / "analytics.duckdb", f"from marts.{mart}").is_empty()


def test_a_planted_fault_fails_and_is_named(tmp_path: Path, build: Build) -> None:
    rows = shop()
    twice = rows[decisions.PriceDecisions] + [decision(NEXT, "b3", "A", "4.60", decision_id="other")]
    built = build(draft(tmp_path, {**rows, decisions.PriceDecisions: twice}), "--select", "stg_days", "stg_decisions")
    assert built.returncode == 1
    assert "unique_combination_stg_decisions_date__sku__market" in built.stdout


def test_the_marts_carry_their_documentation(ask: Ask) -> None:
    bare = ask(
        "select table_name, column_name from duckdb_columns()"
        " where database_name = 'elsewhere' and schema_name = 'marts' and comment is null"
    )
    assert bare == []


def test_no_stored_view_names_a_catalog(ask: Ask) -> None:
    found = ask("select sql from duckdb_views() where database_name = 'elsewhere' and schema_name = 'staging'")
    assert len(found) == 5
    assert not [sql for (sql,) in found if "draft." in sql or '"draft"' in sql]
