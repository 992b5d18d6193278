"""Six weeks of an ordinary shop as raw frames: 15 articles in two markets, on which tests plant faults."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from pricing_assets.sources.profiles import Frames
from pricing_assets.tables import raw
from pricing_assets.tables.base import Table

FIRST, DAYS = date(2026, 1, 19), 42
LAST = FIRST + timedelta(days=DAYS - 1)
MARKETS = {"UK": "GBP", "DE": "EUR"}
SKUS = [f"S{number:02}" for number in range(15)]
Row = dict[str, Any]
Plant = Callable[[dict[type[Table], list[Row]]], None]


def days() -> list[date]:
    return [FIRST + timedelta(days=number) for number in range(DAYS)]


def rows() -> dict[type[Table], list[Row]]:
    """The rows of every table, a test's own; each article sells on four days of five, more of it at the weekend."""
    return {table: [dict(row) for row in each] for table, each in _rows().items()}


@cache
def _rows() -> dict[type[Table], list[Row]]:
    found: dict[type[Table], list[Row]] = {table: [] for table in _OF_PAIR}
    found[raw.Products] = [{"date": day, "sku": sku} for day in days() for sku in SKUS]
    for day in days():
        for place, market in enumerate(MARKETS):
            for number, sku in enumerate(SKUS):
                key = {"date": day, "sku": sku, "market": market, "known_at": at(day, time(20))}
                for table, values in _OF_PAIR.items():
                    if values(day, number + place, market) is not None:
                        found[table].append(key | values(day, number + place, market))
    found[raw.Quarantine] = []
    for table in [raw.Products, *_OF_PAIR]:
        faults = [fault(day, table, number) for day in days() for number in range(1, 1 + day.day % 2)]
        found[raw.Quarantine] += faults
    return found


def fault(day: date, table: type[Table], number: int, rule: str = "units: found '-1'; expected at least 0") -> Row:
    """A row in quarantine, the day's `number`-th of the table; `date` is the day it belongs to."""
    sku, market = SKUS[number % len(SKUS)], list(MARKETS)[number % 2]
    record = json.dumps({"sku": sku, "market": market, "units": "-1"})
    named = {"table": table.table_name(), "row": number, "record": record, "rule": rule, "run_id": "run"}
    return {"date": day, "received_on": day, **named}


def frames(rows: dict[type[Table], list[Row]]) -> Frames:
    """Rows as typed frames in the tables' order; columns that are not named are null."""
    ordinary, untouched = _rows(), _frames()
    return {table: untouched[table] if each == ordinary[table] else _frame(table, each) for table, each in rows.items()}


@cache
def _frames() -> Frames:
    return {table: _frame(table, each) for table, each in _rows().items()}


def at(day: date, clock: time) -> datetime:
    return datetime.combine(day, clock, tzinfo=ZoneInfo("Europe/London"))


def _frame(table: type[Table], found: list[Row]) -> pl.DataFrame:
    schema = table.create_empty().schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in found], schema=schema).sort(table.order())


def _price(day: date, number: int) -> float:
    return float(4 + number) + day.toordinal() // 7 % 3 / 10


def _sales(day: date, number: int, market: str) -> Row | None:
    units = 1 + (3 * day.toordinal() + number * day.day) % 7 + day.weekday() // 5
    row = {"units": units, "returned_units": 0, "revenue": units * _price(day, number), "source_lines": 1}
    return None if (day.toordinal() + number) % 5 == 0 else row | {"currency": MARKETS[market]}


_OF_PAIR: dict[type[Table], Callable[[date, int, str], Row | None]] = {
    raw.Listings: lambda day, number, market: {"on_sale": True},
    raw.Prices: lambda day, number, market: {
        "price_type": "current",
        "price": _price(day, number),
        "currency": MARKETS[market],
        "tax_basis": "gross",
        "price_kind": "posted",
    },
    raw.Sales: _sales,
    raw.Stock: lambda day, number, market: {"on_hand": 20 + (number + day.day) % 9},
    raw.Promotions: lambda day, number, market: {"known_on": day, "target_date": day + timedelta(days=9)},
    raw.CompetitorSnapshots: lambda day, number, market: {
        "competitor": "rival",
        "price": _price(day, number) * 1.1,
        "currency": MARKETS[market],
        "tax_basis": "gross",
        "captured_at": at(day, time(15)),
    },
}
