"""Small random shops as raw tables: gaps, late rows, corrections, two currencies, odd values."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from pricing_assets.features import Calendar
from pricing_assets.tables import raw

CALENDAR = Calendar("Europe/Berlin", {"DE": "DE", "GB": "GB", "WEB": None})
TABLES = {
    table.table_name(): table
    for table in (
        *(raw.Products, raw.Listings, raw.Prices, raw.Sales),
        *(raw.Stock, raw.Promotions, raw.CompetitorSnapshots),
    )
}
FIRST = date(2024, 3, 1)
ATTRIBUTES = [None, "{}", '{"map_price": 9.5}', '{"map_price": "12.3456"}', '{"map_price": -1}', "no json", '{"x": 1}']


def frame(name: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows as a frame of the table's schema; columns that are not given are null."""
    schema = TABLES[name].create_empty().schema
    return pl.DataFrame([{column: row.get(column) for column in schema} for row in rows], schema=schema, orient="row")


class Shop:
    """A shop of `pairs` SKU-markets over `days` days before FIRST + `days`, drawn from one seed."""

    def __init__(self, seed: int, skus: int = 4, days: int = 80, far: int = 400) -> None:
        self.random = random.Random(seed)
        self.days = [FIRST + timedelta(days=i) for i in range(days)]
        old = [FIRST - timedelta(days=self.random.randint(1, far)) for _ in range(8)]
        self.history = sorted({*old, *self.days})
        self.pairs = [(f"S{i}", market) for i in range(skus) for market in ("DE", "GB", "WEB")]
        self.rows: dict[str, list[dict[str, Any]]] = {name: [] for name in TABLES}
        self.density = self.random.choice([0.4, 0.8, 1.0])
        for day in self.history:
            self._products(day, skus)
            for sku, market in self.pairs:
                self._pair_day({"date": day, "sku": sku, "market": market}, day)
        self.random.shuffle(self.rows["raw.prices"])
        self.random.shuffle(self.rows["raw.sales"])

    def raw(self) -> dict[str, pl.DataFrame]:
        return {name: frame(name, rows) for name, rows in self.rows.items()}

    def _some(self, share: float) -> bool:
        return self.random.random() < share

    def _money(self, low: float = 1, high: float = 40) -> Decimal:
        return Decimal(self.random.randint(int(low * 100), int(high * 100))) / 100

    def _known(self, table: str, row: dict[str, Any], change: dict[str, Any] | None = None) -> None:
        """The row, on time, early or late; sometimes a correction of it, later."""
        end = CALENDAR.cutoff(row["date"])
        delay = self.random.choice([-30, -5, -2, -2, -2, -2, -1, 0 if self._some(0.2) else -2])
        if self._some(0.04):
            delay = self.random.choice([0, 1, 24, 30, 24 * 9, 24 * 40])
        known = end + timedelta(hours=delay)
        self.rows[table].append({**row, "known_at": known})
        if change is not None and self._some(0.06):
            later = self.random.choice([timedelta(microseconds=1), timedelta(hours=30), timedelta(days=12)])
            self.rows[table].append({**row, **change, "known_at": known + later})

    def _products(self, day: date, skus: int) -> None:
        for i in range(skus):
            if self._some(0.95):
                category = self.random.choice(["A", "A", "B", None])
                attributes = self.random.choice(ATTRIBUTES)
                row = {"date": day, "sku": f"S{i}", "category": category, "brand": "X", "attributes": attributes}
                self.rows["raw.products"].append(row)

    def _pair_day(self, key: dict[str, Any], day: date) -> None:
        if self._some(0.8):
            on_sale = not self._some(0.05)
            self._known("raw.listings", {**key, "on_sale": on_sale}, {"on_sale": not on_sale})
        if self._some(self.density):
            self._prices(key)
        if self._some(0.5):
            self._sales(key)
        if self._some(0.7):
            age = timedelta(days=self.random.randint(-3, 300))
            received = day - age if self._some(0.8) else None
            stock = {**key, "on_hand": self.random.randint(0, 50), "oldest_received_on": received}
            self._known("raw.stock", stock, {"on_hand": 7})
        if self._some(0.1):
            self._plan(key, day)
        for rival in ("r1", "r2", "r3", "r4"):
            if self._some(0.25):
                self._rival(key, rival)

    def _prices(self, key: dict[str, Any]) -> None:
        cost = self._money(0, 10) if self._some(0.8) else None
        rest = {
            "cost": cost,
            "currency": self._currency(key),
            "tax_basis": "gross",
            "price_kind": self.random.choice(["posted", "realised"]),
            "cost_source": None if cost is None else "recorded",
        }
        price = self.random.choice([Decimal(10), Decimal(10), Decimal("12.5"), self._money()])
        current = {**key, "price_type": "current", "price": price, **rest}
        self._known("raw.prices", current, {"price": self._money(), "currency": self._currency(key)})
        if self._some(0.3):
            listed = {**key, "price_type": "list", "price": self._money(10, 50), **rest}
            self._known("raw.prices", {**listed, "currency": self._currency(key)}, {"price": self._money()})

    def _sales(self, key: dict[str, Any]) -> None:
        row = {
            "units": self.random.choice([0, 0, 1, 2, 9]),
            "returned_units": self.random.choice([0, 0, 0, 1]),
            "revenue": self._money(0, 90),
            "currency": self._currency(key),
            "source_lines": 1,
        }
        self._known("raw.sales", {**key, **row}, {"units": 4, "revenue": self._money()})

    def _plan(self, key: dict[str, Any], day: date) -> None:
        plan = {
            "known_on": day,
            "target_date": day + timedelta(days=self.random.randint(-1, 4)),
            "sku": key["sku"],
            "market": key["market"],
            "planned_price": self._money() if self._some(0.8) else None,
            "currency": self.random.choice([None, "EUR", "EUR", "GBP"]),
        }
        self.rows["raw.promotions"].append(plan)

    def _rival(self, key: dict[str, Any], rival: str) -> None:
        row = {
            "competitor": rival,
            "price": self.random.choice([Decimal(10), self._money()]),
            "currency": self._currency(key),
            "tax_basis": "gross",
            "in_stock": self.random.choice([True, True, None, False]),
        }
        self.rows["raw.competitor_snapshots"].append({**key, **row})

    def _currency(self, key: dict[str, Any]) -> str:
        """Markets keep to one currency, but WEB, which changes it."""
        home = {"DE": "EUR", "GB": "GBP"}.get(key["market"], "EUR")
        return self.random.choice(["EUR", "EUR", "EUR", "EUR", "EUR", "GBP"]) if key["market"] == "WEB" else home
