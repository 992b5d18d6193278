"""A shop of a few articles, written into a folder: small enough that a whole run takes seconds.

Here: its files. Not here: running or killing anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import yaml

FIRST = date(2025, 1, 1)  # a year of its days has ended by any clock
DAYS = 60
ARTICLES = {"0101": ("4.50", "2.20"), "0102": ("12.00", "7.10"), "0103": ("0.99", "0.40"), "0104": ("25.00", "11.00")}
MARKETS = {"UK": "GBP", "DE": "EUR"}

_SETTINGS = {
    "name": "tiny shop",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "currencies": ["GBP", "EUR"],
    "markets": {"UK": {"country": "GB"}, "DE": {"country": "DE"}},
    "first_day": FIRST,
    "historical": True,
    "last_day": FIRST + timedelta(days=DAYS - 1),
    "limits": {"quarantine_share": 0.25},
}
_LISTED = "SELECT date, sku, market{more} FROM read_csv('{file}.csv', types = {{'sku': 'VARCHAR'}})"


def write_shop(folder: Path, number: int = DAYS, **settings: object) -> Path:
    """Two markets, four articles, 60 days, history; prices move now and then, one row in a hundred is faulty.

    `number` asks for more days, `settings` are more of source.yaml; None leaves a key out.
    """
    folder.mkdir(parents=True)
    said = {**_SETTINGS, "last_day": FIRST + timedelta(days=number - 1), **settings}
    given = {name: value for name, value in said.items() if value is not None}
    (folder / "source.yaml").write_text(yaml.safe_dump(given, sort_keys=False))
    for name, file, more in (
        ("listings", "prices", ""),
        ("prices", "prices", ", price, cost, currency"),
        ("sales", "sales", ", quantity, unit_price, currency"),
        ("stock", "stock", ", on_hand, oldest_received_on"),
    ):
        (folder / f"{name}.sql").write_text(_LISTED.format(file=file, more=more))
    days = [FIRST + timedelta(days=number) for number in range(number)]
    write_csv(folder / "prices.csv", [row for day in days for row in prices_of(day)])
    write_csv(folder / "sales.csv", [row for day in days for row in _sales_of(day)])
    write_csv(folder / "stock.csv", [row for day in days for row in _stock_of(day)])
    return folder


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    """Rows of one shape as CSV."""
    lines = [",".join(rows[0]), *(",".join(str(value) for value in row.values()) for row in rows)]
    path.write_text("\n".join([*lines, ""]))


def prices_of(day: date, changes: Mapping[tuple[str, str], str] | None = None) -> list[dict[str, object]]:
    """The price rows of a day; `changes` maps (SKU, market) to another price."""
    rows: list[dict[str, object]] = []
    for position, (sku, (price, cost)) in enumerate(ARTICLES.items()):
        for market, currency in MARKETS.items():
            moved = f"{float(price) * (0.9 if (day.toordinal() // 11 + position) % 4 == 0 else 1):.2f}"
            price_now = (changes or {}).get((sku, market), moved)
            keys = {"date": day, "sku": sku, "market": market}
            rows.append({**keys, "price": price_now, "cost": cost, "currency": currency})
    return rows


def _sales_of(day: date) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for position, (sku, (price, _)) in enumerate(ARTICLES.items()):
        for market, currency in MARKETS.items():
            number = day.toordinal() * 7 + position * 3 + len(market + currency)
            unit_price = "0" if number % 101 == 0 else price
            keys = {"date": day, "sku": sku, "market": market}
            rows.append({**keys, "quantity": 1 + number % 5, "unit_price": unit_price, "currency": currency})
    return rows


def _stock_of(day: date) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = []
    for position, sku in enumerate(ARTICLES):
        for market in MARKETS:
            on_hand = (day.toordinal() * 13 + position * 41) % 160
            keys = {"date": day, "sku": sku, "market": market}
            rows.append({**keys, "on_hand": on_hand, "oldest_received_on": FIRST - timedelta(days=60 * position)})
    return rows
