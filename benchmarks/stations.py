"""One day of a large shop through the real line: seconds per station and peak memory. States figures, has no bar.

Here: a simulated market written as Parquet files, a source that reads them, `pricing run` in a process of its own, and
what Dagster noted of its steps. The first run takes in the week before, the measured one is the next day: it reads
its own day and the trailing ones again, as every morning. With `--model` the daily model is asked for, approved and
trained between the two, which needs 98 days. Not part of `make bench`, for it takes minutes:

    python benchmarks/stations.py --pairs 200000
    python benchmarks/stations.py --pairs 10000 --days 120 --model
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

import polars as pl

from pricing_assets.simulation import MarketSettings, simulate

LAST = date(2026, 10, 31)
SOURCE = """\
name: simulated market
time_zone: Europe/Berlin
currency: EUR
currencies: [EUR, GBP]
markets: {{DE: {{country: DE}}, UK: {{country: GB}}}}
first_day: {first}
last_day: {last}
historical: true
"""
_PRICE = "SELECT date, sku, market, known_at, '{0}' AS price_type, {0}_price AS price, cost, currency FROM {1}"
_DAYS = (
    "SELECT CAST(unnest(generate_series(getvariable('first_day'), getvariable('last_day'), INTERVAL 1 DAY)) AS DATE)"
)


def run(pairs: int, days: int, *, model: bool) -> None:
    """Prints the seconds of each station on the last day, the whole run's, and the peak memory."""
    with tempfile.TemporaryDirectory() as folder:
        shop, home = Path(folder) / "shop", Path(folder) / "home"
        rows = write(shop, pairs, days)
        print(f"{pairs:,} SKU-markets, {days} days: " + ", ".join(f"{n:,} {name}" for name, n in rows.items()))
        timed(shop, home, "run", "--date", str(LAST - timedelta(days=1)))
        if model:
            pricing(shop, home, "drift", "approve", "drift-1", "--reason", "first model")
            timed(shop, home, "models", "retrain")
        seconds = timed(shop, home, "run", "--date", str(LAST))
        for step, took in stations(home):
            print(f"{took:8.1f} s  {step}")
        print(f"{seconds:8.1f} s  pricing run --date {LAST}, imports included")


def write(shop: Path, pairs: int, days: int) -> dict[str, int]:
    """A source folder of the market's frames as Parquet files; the rows of each."""
    shop.mkdir(parents=True)
    frames = simulate(MarketSettings(skus=pairs // 2, markets=2, days=days, last_day=LAST)).frames
    for name, frame in frames.items():
        frame.write_parquet(shop / f"{name}.parquet")
        (shop / f"{name}.sql").write_text(select(name, frame), encoding="utf-8")
    first = LAST - timedelta(days=days - 1)
    (shop / "source.yaml").write_text(SOURCE.format(first=first, last=LAST), encoding="utf-8")
    return {name: frame.height for name, frame in frames.items()}


def select(name: str, frame: pl.DataFrame) -> str:
    """The SELECT of a table over its file."""
    file = f"read_parquet('{name}.parquet')"
    match name:
        case "products":
            columns = ", ".join(name for name in frame.columns if name != "map_price")
            return f"SELECT day AS date, {columns} FROM ({_DAYS} AS day), {file}"
        case "listings":
            until = "day BETWEEN listed_from AND coalesce(listed_until, day)"
            return f"SELECT day AS date, sku, market FROM ({_DAYS} AS day), {file} WHERE {until}"
        case "prices":
            return " UNION ALL ".join(_PRICE.format(kind, file) for kind in ("list", "current"))
    return f"SELECT {', '.join(frame.columns)} FROM {file}"


def timed(shop: Path, home: Path, *words: str) -> float:
    """Seconds of a command, printed with the peak memory of the largest so far."""
    before = time.perf_counter()
    pricing(shop, home, *words)
    seconds = time.perf_counter() - before
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 2**20
    print(f"{seconds:8.1f} s  pricing {' '.join(words)}; peak memory so far {peak:.1f} GiB", flush=True)
    return seconds


def pricing(shop: Path, home: Path, *words: str) -> None:
    """A command in a process of its own."""
    command = [str(Path(sys.executable).parent / "pricing"), *words, "--home", str(home)]
    subprocess.run(command, env=os.environ | {"PRICING_SOURCE": str(shop)}, check=True)


def stations(home: Path) -> list[tuple[str, float]]:
    """The steps of the newest run in order, each with its seconds."""
    from pricing_assets.settings import Settings
    from pricing_assets.shell.instance import open_instance

    with open_instance(Settings(home=home, dagster_home=None)) as instance:
        newest = instance.get_runs(limit=1)[0]
        steps = instance.get_run_step_stats(newest.run_id)
    found = sorted((step.start_time or 0, step.step_key, step.end_time or 0) for step in steps)
    return [(step, end - start) for start, step, end in found]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=200_000, help="SKU-markets")
    parser.add_argument("--days", type=int, default=8, help="days of history, the measured one included")
    parser.add_argument("--model", action="store_true", help="train the daily model before the measured day")
    arguments = parser.parse_args()
    run(arguments.pairs, arguments.days, model=arguments.model)
