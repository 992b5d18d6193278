"""Feature snapshot of one day against the same features in DuckDB SQL (features.sql), reading included.

Run `python benchmarks/features.py [--size PAIRS] [--days DAYS] [--rounds N]`. Frames are generated from a fixed seed
and written as one Parquet file per table and day, as the lake keeps them; both sides read them, compute every feature
and hand over a sorted Polars frame. Their results are compared column by column before any time is believed.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
from polars.testing import assert_frame_equal

from pricing_assets.features import COLUMNS, LOOKBACK, Calendar, snapshot
from pricing_assets.lake.arrow import ArrowStream
from pricing_assets.tables import RAW

BAR = 2.0
LAST = date(2024, 5, 31)
CALENDAR = Calendar("Europe/Berlin", {"DE": "DE", "GB": "GB"})
RIVALS = 3
IDENTITY = ["inputs_hash", "inputs"]  # of the windows in the lake: left null by both sides


def run(size: int = 200_000, days: int = 60, rounds: int = 3) -> list[dict[str, Any]]:
    """Figures for `make bench`: the worse of the wall and the CPU ratio, best of `rounds` each."""
    with tempfile.TemporaryDirectory() as folder:
        generate(Path(folder), size, days)
        compare(ours(Path(folder)), rival(Path(folder)))
        mine, theirs = zip(*((timed(ours, folder), timed(rival, folder)) for _ in range(rounds)), strict=True)
    best = [tuple(min(times) for times in zip(*side, strict=True)) for side in (mine, theirs)]
    ratio = max(best[0][0] / best[1][0], best[0][1] / best[1][1])
    seconds = "; ".join(
        f"{who} {wall:.2f} s wall, {cpu:.2f} s CPU" for who, (wall, cpu) in zip(("ours", "SQL"), best, strict=True)
    )
    name = f"feature snapshot, {size:,} SKU-markets, {days} days, ÷ DuckDB SQL ({seconds})"
    return [{"name": name, "figure": round(ratio, 2), "bar": BAR, "holds": ratio <= BAR}]


def timed(task: Callable[[Path], pl.DataFrame], folder: str) -> tuple[float, float]:
    """Wall and CPU seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    task(Path(folder))
    return time.perf_counter() - wall, time.process_time() - cpu


def ours(folder: Path) -> pl.DataFrame:
    raw = {}
    for table in RAW:
        name, column = table.table_name(), table.partition()
        rows = pl.scan_parquet(folder / name.removeprefix("raw.") / "*.parquet").select(COLUMNS[name])
        first = LAST - timedelta(days=LOOKBACK[name] - 1)
        raw[name] = rows.filter(pl.col(column).is_between(first, LAST)).collect()
    return snapshot(raw, [LAST], CALENDAR)


def rival(folder: Path) -> pl.DataFrame:
    holidays = CALENDAR.holidays([LAST])
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'").fetchall()
        connection.execute(f"SET threads = {pl.thread_pool_size()}").fetchall()
        connection.register("holidays", ArrowStream(holidays))
        sql = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
        parameters = {"day": LAST, "cutoff": CALENDAR.cutoff(LAST), "folder": str(folder)}
        return pl.DataFrame(ArrowStream(connection.sql(sql, params=parameters)))


def compare(mine: pl.DataFrame, theirs: pl.DataFrame) -> None:
    """Same rows, same values: integers, amounts and texts exactly, ratios to 1e-9."""
    computed = mine.drop(IDENTITY)
    assert_frame_equal(
        computed, theirs.cast(dict(computed.schema.items())), check_exact=False, rel_tol=1e-9, abs_tol=1e-9
    )


def generate(folder: Path, size: int, days: int) -> None:
    """A shop of `size` SKU-markets: prices seldom change, half of it sells each day, 1 row in 1,000 corrected."""
    random = np.random.default_rng(7)
    number = np.arange(size)
    pairs = pl.DataFrame({"number": number}).select(
        sku=pl.format("SKU-{}", (pl.col("number") // 2).cast(pl.String).str.zfill(7)),
        market=pl.when(pl.col("number") % 2 == 0).then(pl.lit("DE")).otherwise(pl.lit("GB")),
    )
    base = random.integers(1_00, 200_00, size)
    price = base.copy()
    for table in RAW:
        (folder / table.table_name().removeprefix("raw.")).mkdir(parents=True)
    for day in (LAST - timedelta(days=back) for back in reversed(range(days))):
        moved = random.random(size) < 0.05
        price[moved] = (base[moved] * random.uniform(0.7, 1.1, moved.sum())).astype(np.int64) + 1
        for name, rows in _day(random, pairs, price, base, day).items():
            known = [pl.col("known_at").cast(pl.Datetime("us", "UTC"))] if "known_at" in rows.columns else []
            rows.with_columns(*known).write_parquet(folder / name / f"{day}.parquet")


def _day(
    random: np.random.Generator, pairs: pl.DataFrame, price: np.ndarray, base: np.ndarray, day: date
) -> dict[str, pl.DataFrame]:
    size = pairs.height
    keys = pairs.select(pl.lit(day).alias("date"), "sku", "market")
    currency = pl.when(pl.col("market") == "DE").then(pl.lit("EUR")).otherwise(pl.lit("GBP")).alias("currency")
    known = CALENDAR.cutoff(day) - timedelta(hours=2)
    dated = keys.with_columns(known_at=pl.lit(known))
    priced = dated.with_columns(
        currency,
        price_type=pl.lit("current"),
        price=_money(price),
        cost=_money(base // 2),
        price_kind=pl.lit("posted"),
        cost_source=pl.lit("recorded"),
    )
    listed = priced[::10].with_columns(price_type=pl.lit("list"), price=pl.col("price") * 2)
    units = random.poisson(2, size)
    sales = dated.with_columns(
        currency,
        units=pl.Series(units),
        returned_units=pl.Series(random.integers(0, 20, size) // 19),
        revenue=_money(price * units),
    ).filter(pl.Series(random.random(size) < 0.5))
    received = pl.lit(day) - pl.duration(days=pl.Series(random.integers(0, 400, size)))
    stock = dated.with_columns(on_hand=pl.Series(random.integers(0, 300, size)), oldest_received_on=received)
    order = ["date", "sku", "market"]
    return {
        "listings": dated.with_columns(on_sale=True),
        "prices": _corrected(pl.concat([priced, listed]), random).sort([*order, "price_type", "known_at"]),
        "sales": _corrected(sales, random).sort([*order, "known_at"]),
        "stock": stock,
        **_surroundings(random, keys, price, currency, day),
    }


def _surroundings(
    random: np.random.Generator, keys: pl.DataFrame, price: np.ndarray, currency: pl.Expr, day: date
) -> dict[str, pl.DataFrame]:
    """The day's tables without `known_at`: products, plans for tomorrow, rivals."""
    skus = keys.filter(pl.col("market") == "DE").drop("market")
    products = skus.with_columns(
        category=pl.format("C{}", pl.col("sku").str.tail(2)),
        brand=pl.lit("B"),
        attributes=pl.when(pl.Series(random.random(skus.height) < 0.1)).then(pl.lit('{"map_price": 9.5}')),
    )
    plans = keys.rename({"date": "known_on"}).with_columns(
        currency, target_date=pl.lit(day + timedelta(days=1)), planned_price=_money(price)
    )
    rivals = pl.concat(keys[::3].with_columns(competitor=pl.lit(f"rival {i}")) for i in range(RIVALS))
    captured = rivals.with_columns(
        currency,
        price=_money(random.integers(1_00, 200_00, rivals.height)),
        in_stock=pl.Series(random.random(rivals.height) < 0.9),
    ).filter(pl.Series(random.random(rivals.height) < 0.33))
    return {
        "products": products,
        "promotions": plans.filter(pl.Series(random.random(keys.height) < 0.02)),
        "competitor_snapshots": captured.sort(["date", "sku", "market", "competitor"]),
    }


def _corrected(rows: pl.DataFrame, random: np.random.Generator) -> pl.DataFrame:
    """The rows, and for one in a thousand a second one known a day or a week later."""
    again = rows.filter(pl.Series(random.random(rows.height) < 0.001))
    later = pl.duration(days=pl.Series(random.choice([0, 1, 7], again.height)), minutes=1)
    amount = "price" if "price" in rows.columns else "revenue"
    return pl.concat([rows, again.with_columns(pl.col(amount) + 1, known_at=pl.col("known_at") + later)])


def _money(minor: np.ndarray) -> pl.Series:
    return (pl.Series(minor).cast(pl.Decimal(38, 4)) / pl.Series([100]).cast(pl.Decimal(38, 4))).cast(pl.Decimal(18, 4))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=200_000, help="SKU-markets")
    parser.add_argument("--days", type=int, default=60, help="days of history")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(json.dumps(run(options.size, options.days, options.rounds), indent=2, ensure_ascii=False))
