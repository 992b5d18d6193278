"""A shop of a few rows as the lake leaves it to dbt, and dbt itself over it.

Here: what the tests of the marts share. Not here: any test.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from pricing_assets import tables
from pricing_assets.tables import anomalies, decisions, features, governance, raw, runs
from pricing_assets.tables.base import Table

PROJECT = Path(__file__).parents[2] / "dbt_project"
NAME = "analytics.duckdb"  # as a run calls its draft: dbt parses its project anew for another name
PARSED = "partial_parse.msgpack"
DAY, NEXT = date(2011, 12, 1), date(2011, 12, 2)
Rows = Mapping[type[Table], list[dict[str, Any]]]


def moment(day: int, hour: int = 6) -> datetime:
    return datetime(2011, 12, day, hour, tzinfo=UTC)


def price(day: date, known: datetime, amount: str, **other: Any) -> dict[str, Any]:
    shared = {"sku": "A", "market": "UK", "price_type": "current", "cost": Decimal("1.5"), "currency": "GBP"}
    kinds = {"tax_basis": "gross", "price_kind": "posted", "cost_source": "recorded"}
    return {**shared, **kinds, "date": day, "known_at": known, "price": Decimal(amount), **other}


def decision(day: date, basis: str, sku: str, final: str, action: str = "publish", **other: Any) -> dict[str, Any]:
    shared = {"market": "UK", "currency": "GBP", "method": "rules", "reason": "", "confidence": 1.0}
    prices = {"current_price": Decimal("4.00"), "cost": Decimal("1.50"), "final_price": Decimal(final)}
    prices |= {"strategy": "s", "strategy_hash": "h"}
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


def stock(day: date, units: int, **other: Any) -> dict[str, Any]:
    return {"date": day, "sku": "A", "market": "UK", "known_at": moment(3, 0), "on_hand": units, **other}


def rival(day: date, name: str, amount: str) -> dict[str, Any]:
    row = {"date": day, "sku": "A", "market": "UK", "competitor": name, "price": Decimal(amount)}
    return {**row, "currency": "GBP", "tax_basis": "gross"}


def feature(sku: str, rivals: int | None) -> dict[str, Any]:
    """A snapshot of the second day: A between two rivals, B without any."""
    row = {"date": NEXT, "sku": sku, "market": "UK", "category": "HOME", "currency": "GBP", "competitor_count": rivals}
    prices = {"competitor_min": "3.90", "competitor_median": "3.90", "competitor_max": "4.50"} if rivals else {}
    position = {"competitor_delta_pct": 5.128205, "price_position": 0.5} if rivals else {}
    amounts = {name: Decimal(value) for name, value in {"current_price": "4.10", **prices}.items()}
    return {**row, **amounts, **position}


def check(day: date, **other: Any) -> dict[str, Any]:
    row = {"date": day, "table": "raw.sales", "check": "share", "passed": day == DAY, "message": "too many"}
    return {**row, "received": other["accepted"] + other["quarantined"], "run_id": "r3", **other}


def anomaly(day: date, sku: str, reason: str, **other: Any) -> dict[str, Any]:
    """An alarm that starts on its day, and concerns its SKU alone unless it is market-wide."""
    values: dict[str, Any] = {"since": day, "at_stake": Decimal("210.00"), "currency": "GBP", "market_wide": False}
    values |= {"date": day, "sku": sku, "market": "UK", "reason": reason, "severity": "low", "effect": 1.9}
    who = "*" if other.get("market_wide") else sku
    texts = {"detail": "", "explanation": "it looks wrong", "cause": f"{who} {reason}"}
    return {**values, **texts, **other}


ENDED = {"state": "ended", "ended_by": "bob", "ended_at": moment(2, 9), "end_reason": "talks are over"}


def override(name: str, **other: Any) -> dict[str, Any]:
    """A freeze of SKU B on the day the prices of the second day take effect."""
    row = {"override_id": name, "kind": "PRICE_FREEZE", "sku": "B", "active_from": date(2011, 12, 3)}
    said = {"active_until": date(2011, 12, 9), "state": "active", "set_by": "ann", "set_at": moment(2, 8)}
    return {**row, **said, "reason": "supplier talks", **other}


def drawn(day: date, held: bool) -> dict[str, Any]:
    """Whether HOME in the UK keeps its prices."""
    row = {"date": day, "category": "HOME", "market": "UK", "period": 541, "skus": 2}
    return {**row, "period_from": date(2011, 11, 24), "period_until": date(2011, 12, 21), "held": held}


def shadowed(sku: str, basis: str, price: str, profits: tuple[str | None, str | None]) -> dict[str, Any]:
    """What a draft made of a decision that stayed at 4.00 live."""
    row = {"date": NEXT, "shadow": "bold", "sku": sku, "market": "UK", "category": "HOME", "basis": basis}
    texts = {"text_hash": "h", "currency": "GBP", "reason": "", "live_action": "hold", "action": "publish"}
    prices = {name: Decimal("4.00") for name in ("current_price", "live_price")} | {"final_price": Decimal(price)}
    own, live = (profit and Decimal(profit) for profit in profits)
    return {**row, **texts, **prices, "method": "rules", "expected_profit": own, "live_expected_profit": live}


def shop() -> Rows:
    """Two days, SKUs A, B and C. Day two was decided twice: basis b2 was superseded by b3."""
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
            decision(NEXT, "b2", "B", "9.00", override_id="OV-000002"),
            decision(NEXT, "b3", "A", "4.40"),
            decision(
                NEXT, "b3", "B", "4.00", action="hold", strategy=None, strategy_hash=None, override_id="OV-000001"
            ),
            decision(NEXT, "b3", "C", "3.50", reason="rules aged-180; then ending", override_id="7"),
        ],
        decisions.Holdouts: [drawn(DAY, held=True)],
        decisions.ShadowDecisions: [
            shadowed("A", "b2", "9.00", ("9.00", "1.00")),  # beside decisions that were superseded
            shadowed("A", "b3", "4.40", ("8.00", "7.50")),
            shadowed("B", "b3", "4.00", (None, "3.00")),
        ],
        decisions.PriceBook: [
            entry("A", 1, "b2-A", "9.00"),
            entry("A", 2, "b3-A", "4.40"),
            entry("C", 1, "b3-C", "3.50"),
        ],
        raw.Quarantine: [
            {
                **{"received_on": NEXT, "table": "raw.sales", "row": row, "record": "{}", "run_id": "r3"},
                "rule": f"units: found '-{row}'; expected at least 0",
            }
            for row in (1, 2)
        ]
        + [
            {
                **{"received_on": DAY, "table": "raw.sales", "row": 1, "record": "{}", "run_id": "r1"},
                "rule": "duplicate key: (date, sku) = (2011-12-01, A (old)), the same row again; expected it once",
            }
        ],
        raw.Products: [{"date": NEXT, "sku": "A", "category": "HOME"}],
        raw.Stock: [stock(DAY, 10, opening=4), stock(NEXT, 12, oldest_received_on=date(2011, 9, 1))],
        raw.CompetitorSnapshots: [rival(DAY, "x", "4.00"), rival(DAY, "y", "3.90")],
        features.FeatureSnapshots: [feature("A", 2), feature("B", None)],
        anomalies.PriceAnomalies: [
            *(anomaly(NEXT, sku, "STALE_PRICE", at_stake=None, currency=None, market_wide=True) for sku in "AB"),
            anomaly(NEXT, "A", "PRICE_TOO_LOW", since=DAY, severity="severe", category="HOME"),
            anomaly(NEXT, "C", "PRICE_TOO_LOW", severity="severe", category="HOME"),
        ],
        governance.Strategies: [
            {
                **{"date": NEXT, "name": "s", "version": 1, "hash": "h", "priority": 0},
                **{"text": "strategy: s", "activated_by": "ann"},
            }
        ],
        governance.Overrides: [override("OV-000001"), override("OV-000002", sku=None, **ENDED)],
        runs.Days: [day_row(DAY, 1, "b1"), day_row(NEXT, 2, "b2"), day_row(NEXT, 3, "b3")],
        runs.Checks: [
            check(DAY, accepted=8, quarantined=0),
            check(NEXT, accepted=2, quarantined=2),
            check(NEXT, accepted=2, quarantined=2, check="balance", passed=True),
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
    path = folder / NAME
    with duckdb.connect(str(path)) as connection:
        for table in (*tables.ALL, *tables.EXPORTED):
            schema = table.create_empty().schema
            file = folder / f"{table.table_name()}.parquet"
            pl.DataFrame(rows.get(table, []), schema=schema).write_parquet(file)
            connection.execute(f"create schema if not exists {table.table_name().split('.')[0]}")
            connection.execute(f"create view {table.table_name()} as select * from read_parquet('{file}')")
    return path


class Dbt:
    """`dbt build` of drafts. It goes on from the project as setup parsed it, as the first run of a home does."""

    def __init__(self, kept: Path) -> None:
        self.target = kept / "target"
        parsed, ours = PROJECT / "target" / PARSED, self.target / PARSED
        if parsed.exists() and not ours.exists():
            self.target.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(parsed, ours)
        self._places = {"DBT_TARGET_PATH": str(self.target), "DBT_LOG_PATH": str(kept / "logs")}

    def build(self, path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        program = str(Path(sys.executable).with_name("dbt"))
        command = [program, "build", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT)]
        return subprocess.run(
            [*command, *arguments],
            cwd=path.parent,
            env={**os.environ, **self._places, "PRICING_ANALYTICS_DRAFT": path.name},
            capture_output=True,
            text=True,
            check=False,
        )
