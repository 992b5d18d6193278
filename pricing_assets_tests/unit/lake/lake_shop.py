"""A lake that decides days, without a shop: rows of a few tables of each kind, manifested as a run does."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
from lake_frames import NOON, day, days_frame, days_row, prices

from pricing_assets.lake import Lake, Provenance, warehouse
from pricing_assets.lake.days import commit_days
from pricing_assets.lake.expiry import Terms
from pricing_assets.lake.keeping import Kept, keep
from pricing_assets.tables import Table, raw, runs
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceBook, PriceSentences, PriceTests

MADE: tuple[type[Table], ...] = (PriceSentences, PriceBook, PriceAnomalies)
"""Manifested tables a day makes: kept as decisions, as the audit, as evidence."""

_FILLERS: dict[Any, Any] = {
    pl.Boolean: False,
    pl.Int64: 1,
    pl.Float64: 1.0,
    pl.String: "x",
    pl.Categorical: "x",
    pl.Decimal: Decimal(1),
    pl.Datetime: NOON,
}


def filled(table: type[Table], on: date, texts: Sequence[str] = ("a", "b"), **values: Any) -> pl.DataFrame:
    """Rows of a table for a day, one per text, which stands in its first text column; the rest is filled in."""
    columns = table.columns()
    row: dict[str, Any] = {}
    for name, column in columns.items():
        dtype = column.dtype
        if column.nullable:
            row[name] = None
        elif isinstance(dtype, pl.Enum):
            row[name] = dtype.categories[0]
        else:
            row[name] = on if dtype == pl.Date else _FILLERS[dtype.base_type()]
    if "currency" in row:
        row["currency"] = "GBP"
    first = next(name for name, column in columns.items() if column.dtype == pl.String)
    rows = [row | values | {table.partition(): on, first: text} for text in texts]
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in columns.items()})


def execution(run_id: str, on: date, last_day: date | None = None) -> pl.DataFrame:
    started = datetime(on.year, on.month, on.day, tzinfo=UTC)
    return filled(runs.Executions, on, [run_id], started_at=started, last_day=last_day)


class Days:
    """Decides days of a lake, and keeps it."""

    def __init__(self, lake: Lake) -> None:
        self.lake = lake
        self.analytics = lake.root.parent / "analytics.duckdb"
        self.runs = 0

    def decide(self, number: int, price: str = "1", *, late: int | None = None) -> dict[str, Any]:
        """A run of a day, as of `price`; `late` is an earlier day of which it gets a late row. Returns its row."""
        self.runs += 1
        by = Provenance(f"run-{self.runs}")
        on, files = day(number), []
        for received in [number, *([late] if late is not None else [])]:
            rows = prices(day(received), price, 3 if received == number else 4)
            files += self.lake.commit(raw.Prices, rows, [day(received)], by)
        for table in MADE:
            files += self.lake.commit(table, filled(table, on, [f"{price} a", f"{price} b"]), [on], by)
        self.lake.commit(PriceTests, filled(PriceTests, on), [on], by)  # no manifest names it
        window = {"table": "raw.prices", "first": on - timedelta(days=2), "last": on}
        row = days_row(
            on,
            files,
            run_id=by.run_id,
            basis=price,
            decisions_hash=f"hash of {number} at {price}",
            inputs=[
                window | {"version": self.lake.version(raw.Prices), "hash": f"{price} {self.runs}"},
                *(
                    {"table": f.table, "first": on, "last": on, "version": f.version, "hash": f.hash}
                    for f in files[-1:]
                ),
            ],
        )
        commit_days(self.lake, days_frame(row), by)
        return row

    def execute(self, number: int) -> None:
        """Records an execution that started on a day."""
        self.runs += 1
        self.lake.append(runs.Executions, execution(f"execution-{self.runs:03}", day(number)), Provenance("recorder"))

    def refresh(self) -> None:
        with warehouse.draft(self.lake, self.analytics):
            pass

    def keep(self, terms: Terms, now: datetime = NOON, grace: timedelta = timedelta(0)) -> Kept:
        self.runs += 1
        by = Provenance(f"keeper-{self.runs}")
        return keep(self.lake, self.analytics, terms, grace, provenance=by, now=now, is_live=lambda _: True)


def on_disk(lake: Lake) -> set[Path]:
    """Every Parquet file of a partition."""
    return set(lake.root.glob("*/*/*=*/*.parquet"))
