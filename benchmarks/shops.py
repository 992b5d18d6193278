"""A simulated market of any size as a source folder: Parquet files, a SELECT per table, source.yaml.

Here: the market in parts, each with a seed of its own and small enough for memory whatever the whole is,
its files beside the others. Not here: the market itself (simulation/), pricing it (scale).
"""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pricing_assets.simulation import MarketSettings, simulate

LAST = date(2026, 10, 31)
_ROWS_OF_A_PART = 400_000  # SKU-markets × days
_SOURCE = """\
name: simulated market
time_zone: Europe/Berlin
currency: EUR
currencies: [EUR, GBP]
markets: {{DE: {{country: DE}}, UK: {{country: GB}}}}
first_day: {first}
last_day: {last}
trailing_days: {trailing}
historical: true
"""
_WINDOW = "BETWEEN getvariable('first_day') AND getvariable('last_day')"
_DAYS = (
    "SELECT CAST(unnest(generate_series(getvariable('first_day'), getvariable('last_day'), INTERVAL 1 DAY)) AS DATE)"
)
_PRICE = "SELECT date, sku, market, known_at, '{0}' AS price_type, {0}_price AS price, cost, currency FROM {1}"


def write(shop: Path, pairs: int, days: int, trailing: int = 7) -> dict[str, int]:
    """A source folder of `pairs` SKU-markets in two markets over the days up to LAST; the rows of each table's files.

    Equal arguments write equal rows.
    """
    first = LAST - timedelta(days=days - 1)
    rows: Counter[str] = Counter()
    of_part = max(2, min(pairs, _ROWS_OF_A_PART // days) // 2 * 2)
    for number, start in enumerate(range(0, pairs, of_part)):
        size = min(of_part, pairs - start)
        market = simulate(MarketSettings(skus=size // 2, markets=2, days=days, last_day=LAST, seed=number)).frames
        for name, frame in market.items():
            folder = shop / name
            folder.mkdir(parents=True, exist_ok=True)
            named = frame.with_columns(sku=pl.format("{}-{}", pl.lit(f"{number:04}"), "sku"))
            named.write_parquet(folder / f"{number:04}.parquet", row_group_size=50_000)
            rows[name] += named.height
            (shop / f"{name}.sql").write_text(_select(name, named), encoding="utf-8")
    settings = _SOURCE.format(first=first, last=LAST, trailing=trailing)
    (shop / "source.yaml").write_text(settings, encoding="utf-8")
    return dict(rows)


def _select(name: str, frame: pl.DataFrame) -> str:
    """The SELECT of a table over its files: only the window is read of them."""
    files = f"read_parquet('{name}/*.parquet')"
    match name:
        case "products":
            columns = ", ".join(column for column in frame.columns if column != "map_price")
            return f"SELECT day AS date, {columns} FROM ({_DAYS} AS day), {files}"
        case "listings":
            until = "day BETWEEN listed_from AND coalesce(listed_until, day)"
            return f"SELECT day AS date, sku, market FROM ({_DAYS} AS day), {files} WHERE {until}"
        case "prices":
            within = f"{files} WHERE date {_WINDOW}"
            return " UNION ALL ".join(_PRICE.format(kind, within) for kind in ("list", "current"))
    day = "known_on" if name == "promotions" else "date"
    return f"SELECT {', '.join(frame.columns)} FROM {files} WHERE {day} {_WINDOW}"
