"""Faults planted on the last day of six ordinary weeks: at least one for every expectation."""

from __future__ import annotations

from collections.abc import Callable
from datetime import time, timedelta
from typing import Any

import sources_weeks as weeks
from sources_weeks import LAST, Row

from pricing_assets.sources.suites import SUITES
from pricing_assets.tables import by_name, raw
from pricing_assets.tables.base import Table

BEFORE = LAST - timedelta(days=1)
Rows = dict[type[Table], list[Row]]
Plant = Callable[[Rows], None]
Fault = tuple[str, str]
"""The table it is in and the check that finds it."""


def every(table: type[Table], change: Callable[[Row], Row], *, of: int = 1) -> Plant:
    """Changes every `of`-th row of the last day."""

    def plant(rows: Rows) -> None:
        last = [row for row in rows[table] if row["date"] == LAST]
        for number, row in enumerate(last):
            if number % of == 0:
                row.update(change(row))

    return plant


def times(column: str, factor: float) -> Callable[[Row], Row]:
    return lambda row: {column: row[column] * factor}


def all_of(*plants: Plant) -> Plant:
    def plant(rows: Rows) -> None:
        for each in plants:
            each(rows)

    return plant


def only(table: type[Table], part: int) -> Plant:
    """Keeps every `part`-th row of the last day."""

    def plant(rows: Rows) -> None:
        last = [row for row in rows[table] if row["date"] == LAST]
        rows[table] = [row for row in rows[table] if row["date"] != LAST] + last[::part]

    return plant


def again(table: type[Table], number: int, **values: Any) -> Plant:
    """The rows of the last day `number` times more, under names of their own."""

    def plant(rows: Rows) -> None:
        last = [row for row in rows[table] if row["date"] == LAST]
        rows[table] += [row | {"sku": f"{row['sku']}+{n}"} | values for row in last for n in range(number)]

    return plant


def yesterdays(rows: Rows) -> None:
    """Yesterday's sales under today's date."""
    before = [row for row in rows[raw.Sales] if row["date"] == BEFORE]
    known = {"date": LAST, "known_at": weeks.at(LAST, time(20))}
    rows[raw.Sales] = [row for row in rows[raw.Sales] if row["date"] != LAST] + [row | known for row in before]


def broken(table: type[Table], number: int, rule: str = "price: found 'x'; expected an amount") -> Plant:
    """`number` rows of the last day more in quarantine."""

    def plant(rows: Rows) -> None:
        rows[raw.Quarantine] += [weeks.fault(LAST, table, n, rule) for n in range(100, 100 + number)]

    return plant


def twins(rows: Rows) -> None:
    """Every rival's price of the last day under two names more."""
    last = [row for row in rows[raw.CompetitorSnapshots] if row["date"] == LAST]
    rows[raw.CompetitorSnapshots] += [row | {"competitor": f"rival{n}"} for row in last for n in range(2)]


def swapped(row: Row) -> Row:
    return {"currency": {"GBP": "EUR", "EUR": "GBP"}[row["currency"]]}


def renamed(row: Row) -> Row:
    return {"sku": "0" + row["sku"]}


def early(column: str, clock: time, days: int = 0) -> Callable[[Row], Row]:
    return lambda row: {column: weeks.at(row["date"] - timedelta(days=days), clock)}


FAULTS: dict[Fault, Plant] = {
    ("raw.products", "volume"): again(raw.Products, 2),
    ("raw.listings", "volume"): again(raw.Listings, 2, on_sale=False),
    ("raw.prices", "volume"): again(raw.Prices, 2),
    ("raw.prices", "price_level"): every(raw.Prices, times("price", 1.6)),
    ("raw.prices", "price_jumps"): every(raw.Prices, times("price", 100), of=5),
    ("raw.prices", "currencies"): every(raw.Prices, swapped, of=5),
    ("raw.prices", "coverage"): every(raw.Prices, renamed, of=5),
    ("raw.sales", "volume"): only(raw.Sales, 4),
    ("raw.sales", "units"): every(raw.Sales, lambda row: {"units": row["units"] * 9, "revenue": row["revenue"] * 9}),
    ("raw.sales", "price_level"): every(raw.Sales, times("revenue", 2.1)),
    ("raw.sales", "currencies"): every(raw.Sales, swapped, of=5),
    ("raw.sales", "freshness"): every(raw.Sales, early("known_at", time(11))),
    ("raw.sales", "references"): every(raw.Sales, renamed, of=5),
    ("raw.sales", "repeated"): yesterdays,
    ("raw.stock", "volume"): only(raw.Stock, 6),
    ("raw.stock", "units"): every(raw.Stock, times("on_hand", 10)),
    ("raw.stock", "freshness"): every(raw.Stock, early("known_at", time(11))),
    ("raw.stock", "references"): all_of(every(raw.Stock, renamed, of=2), every(raw.Stock, renamed, of=3)),
    ("raw.competitor_snapshots", "volume"): twins,
    ("raw.competitor_snapshots", "price_level"): every(raw.CompetitorSnapshots, times("price", 1.6)),
    ("raw.competitor_snapshots", "price_jumps"): every(raw.CompetitorSnapshots, times("price", 0.01), of=5),
    ("raw.competitor_snapshots", "currencies"): every(raw.CompetitorSnapshots, swapped, of=5),
    ("raw.competitor_snapshots", "freshness"): every(raw.CompetitorSnapshots, early("captured_at", time(15), 2)),
    ("raw.competitor_snapshots", "references"): all_of(
        every(raw.CompetitorSnapshots, renamed, of=2), every(raw.CompetitorSnapshots, renamed, of=3)
    ),
    **{(name, "quarantine"): broken(by_name(name), 20) for name in SUITES},
}
