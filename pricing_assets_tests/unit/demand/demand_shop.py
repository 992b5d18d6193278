"""A small shop in a lake: four SKU-markets, two of one SKU, with plans, a closed day, stock that ran out.

Here: raw tables as people would write them down. Not here: what is true of panels and forecasts (the tests).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.demand.inputs import COLUMNS, Read, sort_out
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, Provenance
from pricing_assets.tables import Table, raw

CALENDAR = Calendar("UTC", {"UK": "GB", "DE": None})
FIRST = date(2026, 3, 2)  # a Monday
PAIRS = [("A", "UK"), ("A", "DE"), ("B", "UK"), ("C", "DE")]
CURRENCY = {"UK": "GBP", "DE": "EUR"}
Row = dict[str, Any]


def on(number: int) -> date:
    """The day so many days after the first."""
    return FIRST + timedelta(days=number)


def units(number: int, pair: int) -> int:
    """What a pair sells on a day in stock; something is sold in each market every day."""
    return (5 * pair + number * 7 + number // 3) % (4 + 3 * pair) + (pair > 1)


def price(number: int, pair: int) -> int:
    """The price in force: 2 less on promoted days, 1 more from day 40 on."""
    return 10 + pair + (number >= 40) - 2 * promoted(number, pair)


def promoted(number: int, pair: int) -> bool:
    return (number + 5 * pair) % 20 in (8, 9, 10)


class DemandShop:
    """Rows of each raw table; a test may change or add to them before they are committed."""

    def __init__(self, days: int, closed: Iterable[int] = (), posted: bool = True) -> None:
        self.days = days
        self.rows: dict[type[Table], list[Row]] = {table: [] for table in raw_tables()}
        for number in range(days):
            for pair in range(len(PAIRS)):
                self._day(number, pair, number in set(closed), posted)
        for number in range(days + 5):
            for pair in range(len(PAIRS)):
                if promoted(number, pair):
                    self.plan(number - 5, number, pair, price(number, pair))

    def _day(self, number: int, pair: int, closed: bool, posted: bool) -> None:
        sku, market = PAIRS[pair]
        key: Row = {"date": on(number), "sku": sku, "market": market}
        known = {**key, "known_at": datetime.combine(on(number), time(10), UTC)}
        sold = units(number, pair)
        self.rows[raw.Listings].append({**known, "on_sale": True})
        for kind in ("list", "current"):
            asked = price(number, pair) + (2 * promoted(number, pair) if kind == "list" else 0)
            self.rows[raw.Prices].append(
                {
                    **known,
                    "price_type": kind,
                    "price": asked,
                    "currency": CURRENCY[market],
                    "tax_basis": "gross",
                    "price_kind": "posted" if posted else "realised",
                }
            )
        if sold and not closed:
            self.rows[raw.Sales].append(
                {**known, "units": sold, "returned_units": 0, "revenue": sold, "currency": "GBP", "source_lines": 1}
            )
        self.rows[raw.Stock].append({**known, "on_hand": 9, "sold_out_hours": 0.0})
        if market == PAIRS[0][1] or sku != "A":
            self.rows[raw.Products].append({"date": on(number), "sku": sku, "category": "TEA" if sku == "A" else "POT"})

    def plan(self, known: int, target: int, pair: int, planned: int, **values: Any) -> None:
        """A plan known on a day for another."""
        sku, market = PAIRS[pair]
        row = {"known_on": on(known), "target_date": on(target), "sku": sku, "market": market, "planned_price": planned}
        self.rows[raw.Promotions].append({**row, "feature": True, "display": False, **values})

    def find(self, table: type[Table], number: int, pair: int) -> Row:
        """The (last) row of a pair on a day."""
        found = [
            row for row in self.rows[table] if (row["date"], row["sku"], row["market"]) == (on(number), *PAIRS[pair])
        ]
        return found[-1]

    def drop(self, table: type[Table], number: int, pair: int) -> None:
        self.rows[table].remove(self.find(table, number, pair))

    def correct(self, table: type[Table], number: int, pair: int, known: int, **values: Any) -> None:
        """A later row of the same key, known at noon of another day."""
        known_at = datetime.combine(on(known), time(12), UTC)
        self.rows[table].append({**self.find(table, number, pair), "known_at": known_at, **values})

    def read(self, without: Iterable[type[Table]] = (), window: int = 400) -> Read:
        """The rows, as read from a lake."""
        frames = {table: frame(table, rows) for table, rows in self.rows.items() if table not in set(without)}
        told = ((table, rows.select(COLUMNS[table])) for table, rows in frames.items())
        return sort_out(told, frames[raw.Listings], CALENDAR, window)

    def lake(self, folder: Path, without: Iterable[type[Table]] = ()) -> Lake:
        """The rows, committed to a lake."""
        lake = Lake(folder)
        for table, rows in self.rows.items():
            if table not in set(without):
                made = frame(table, rows)
                lake.commit(table, made, made[table.partition()].unique().to_list(), Provenance("test"))
        return lake


def raw_tables() -> tuple[type[Table], ...]:
    return (raw.Products, raw.Listings, raw.Prices, raw.Sales, raw.Stock, raw.Promotions)


def frame(table: type[Table], rows: list[Row]) -> pl.DataFrame:
    """Rows as the table types them; what a row does not say is null."""
    columns: Mapping[str, Any] = table.create_empty().schema
    values = {name: [row.get(name) for row in rows] for name in columns}
    return pl.DataFrame(values, strict=False).select(pl.col(name).cast(dtype) for name, dtype in columns.items())
