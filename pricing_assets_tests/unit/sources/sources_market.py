"""A small market as the simulator hands one over: six SKUs, two markets, and rows of every malformed kind."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import polars as pl

LAST = date(2026, 10, 31)
DAYS = 20
SKUS = 6
CURRENCIES = {"DE": "EUR", "UK": "GBP"}
MONEY, INSTANT = pl.Decimal(18, 4), pl.Datetime("us", "UTC")
SCHEMAS: dict[str, dict[str, Any]] = {
    "products": {
        "sku": pl.String,
        "name": pl.String,
        "category": pl.String,
        "brand": pl.String,
        "unit_of_measure": pl.String,
        "pack_quantity": pl.Float64,
        "launched_on": pl.Date,
        "map_price": MONEY,
    },
    "listings": {"sku": pl.String, "market": pl.String, "listed_from": pl.Date, "listed_until": pl.Date},
    "prices": {
        "date": pl.Date,
        "sku": pl.String,
        "market": pl.String,
        "known_at": INSTANT,
        "list_price": MONEY,
        "current_price": MONEY,
        "cost": MONEY,
        "currency": pl.String,
    },
    "sales": {
        "date": pl.Date,
        "sku": pl.String,
        "market": pl.String,
        "known_at": INSTANT,
        "units": pl.Int64,
        "returned_units": pl.Int64,
        "revenue": MONEY,
        "currency": pl.String,
        "source_lines": pl.Int64,
    },
    "stock": {
        "date": pl.Date,
        "sku": pl.String,
        "market": pl.String,
        "known_at": INSTANT,
        "on_hand": pl.Int64,
        "opening": pl.Int64,
        "sold_out_hours": pl.Float64,
        "oldest_received_on": pl.Date,
    },
    "promotions": {
        "known_on": pl.Date,
        "target_date": pl.Date,
        "sku": pl.String,
        "market": pl.String,
        "planned_price": MONEY,
        "currency": pl.String,
        "feature": pl.Boolean,
        "display": pl.Boolean,
        "promo_type": pl.String,
    },
    "competitor_snapshots": {
        "date": pl.Date,
        "sku": pl.String,
        "market": pl.String,
        "competitor": pl.String,
        "price": MONEY,
        "currency": pl.String,
        "tax_basis": pl.String,
        "shipping": MONEY,
        "in_stock": pl.Boolean,
        "match_confidence": pl.Float64,
        "captured_at": INSTANT,
        "url": pl.String,
    },
}
DATED = ("prices", "sales", "stock", "promotions", "competitor_snapshots")


class SmallMarket(NamedTuple):
    frames: dict[str, pl.DataFrame]
    faults: dict[str, pl.DataFrame]


def market(days: int = DAYS, faults: int = 0) -> SmallMarket:
    """A market of so many days, and so many malformed rows of every kind and table that has days."""
    rows = {name: [_row(name, day, *cell) for day in _days(days) for cell in _cells()] for name in DATED}
    first = LAST - timedelta(days=days - 1)
    rows["products"] = [_product(number) for number in range(SKUS)]
    rows["listings"] = [
        {"sku": sku, "market": place, "listed_from": first - timedelta(days=90 * number), "listed_until": None}
        for sku, place, number in _cells()
    ]
    frames = {name: pl.DataFrame(rows[name], schema=schema) for name, schema in SCHEMAS.items()}
    return SmallMarket(frames, {name: _malformed(frame, faults) for name, frame in frames.items() if name in DATED})


def _days(days: int) -> Iterable[date]:
    return (LAST - timedelta(days=days - 1 - number) for number in range(days))


def _cells() -> list[tuple[str, str, int]]:
    return [(f"SKU-{number:04}", place, number) for number in range(SKUS) for place in CURRENCIES]


def _product(number: int) -> dict[str, Any]:
    return {
        "sku": f"SKU-{number:04}",
        "name": f'Tasse "Größe {number}", 日本',
        "category": "HOME" if number % 2 else "COFFEE",
        "brand": None if number == 3 else "Ω-Brand",
        "unit_of_measure": "l",
        "pack_quantity": 0.1 + 0.2 * number,
        "launched_on": date(2024, 2, 29),
        "map_price": Decimal("4.5000") if number == 1 else None,
    }


def _row(name: str, day: date, sku: str, place: str, number: int) -> dict[str, Any]:
    price = Decimal(1999 + 100 * number + day.day % 7) / 100
    values: dict[str, Any] = {
        "date": day,
        "sku": sku,
        "market": place,
        "known_at": datetime.combine(day, time(22), tzinfo=UTC),
        "list_price": price,
        "current_price": price - (1 if day.day % 10 == 0 else 0),
        "cost": Decimal("9.9950") + number,
        "currency": CURRENCIES[place],
        "units": (day.day + number) % 5,
        "returned_units": day.day % 2,
        "revenue": price * ((day.day + number) % 5),
        "source_lines": 3,
        "on_hand": 40 + number,
        "opening": 45 + number,
        "sold_out_hours": day.day / 3,
        "oldest_received_on": day - timedelta(days=10 * number),
        "known_on": day,
        "target_date": day + timedelta(days=7),
        "planned_price": price - 2,
        "feature": day.day % 2 == 0,
        "display": None,
        "promo_type": "leaflet",
        "competitor": "rival",
        "price": price + Decimal("0.01"),
        "tax_basis": "gross",
        "shipping": None if number else Decimal("3.9"),
        "in_stock": True,
        "match_confidence": 0.1 * (number + 1),
        "captured_at": datetime.combine(day, time(12, 30, 0, 250_000), tzinfo=UTC),
        "url": "https://rival.example/?a=1&b='x'",
    }
    return {column: values[column] for column in SCHEMAS[name]}


_AMOUNT = {"prices": "current_price", "sales": "revenue", "promotions": "planned_price"} | {
    "competitor_snapshots": "price",
    "stock": "on_hand",
}


def _malformed(frame: pl.DataFrame, each: int) -> pl.DataFrame:
    """`each` rows of every kind of fault, taken in turn from the good ones, under SKUs of their own."""
    name = next(name for name, schema in SCHEMAS.items() if list(schema) == frame.columns)
    day = frame.columns[0]
    kinds: dict[str, dict[str, pl.Expr]] = {
        f"day {text!r}": {day: pl.lit(text)} for text in ("2026-02-31", "", "00000000", "2031-01-01", "2089-01-01")
    }
    kinds["no day"] = {day: pl.lit(None, dtype=pl.String)}
    kinds["no sku"] = {"sku": pl.lit(None, dtype=pl.String)}
    kinds["unknown market"] = {"market": pl.lit("FR")}
    kinds["negative"] = {_AMOUNT[name]: -pl.col(_AMOUNT[name]) - 1}
    if "currency" in frame.columns:
        kinds["unknown currency"] = {"currency": pl.lit("QQQ")}
        kinds["wrong currency"] = {"currency": pl.lit("USD")}
    text = frame.with_columns(pl.selectors.date().cast(pl.String))
    parts = [
        text.head(0).with_columns(pl.lit("").alias("fault")),
        *(
            text.sample(each, with_replacement=True, seed=number)
            .with_columns(sku=pl.format("F{}-{}", pl.lit(number), pl.int_range(pl.len())))
            .with_columns(**changes, fault=pl.lit(kind))
            .cast({_AMOUNT[name]: frame.schema[_AMOUNT[name]]})
            for number, (kind, changes) in enumerate(kinds.items())
            if each
        ),
    ]
    return pl.concat(parts)
