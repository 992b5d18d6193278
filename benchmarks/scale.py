"""The real line at any size: seconds, CPU seconds, peak memory and plain input and output of each station.

Here: a simulated market as Parquet files (shops), `pricing run` in a process of its own that is watched (tracing), the
same inputs and outputs read and written plainly in the same run (plain), how each grows from size to size. States
figures; has no bar but the memory it is told to stay within. Not part of `make bench`, for it takes minutes to hours:

    python benchmarks/scale.py --pairs 12500 25000 50000 100000
    python benchmarks/scale.py --pairs 1000000 --days 3 --trailing 1 --within 16
    python benchmarks/scale.py --pairs 10000 --days 120 --model
    python benchmarks/scale.py --pairs 20000 --days 365 --backfill

Of one day, the first run takes in all days before, the measured one is the day after: it reads its own day and the
trailing ones again, as every morning. With `--model` the daily model is asked for, approved and trained between the
two, which needs 98 days. A backfill prices all days in one command, and is measured by its executions.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks import plain, shops
from benchmarks.tracing import Station, Watched, watched

_GIB = 2**30
Figures = dict[str, Any]


def one_day(
    folder: Path, pairs: int, days: int, trailing: int, *, model: bool, within: int | None = None
) -> list[Figures]:
    """The figures of each station on the last of `days` days, then those of the whole command."""
    shop, home = folder / "shop", folder / "home"
    _written(shop, pairs, days, trailing)
    before = shops.LAST - timedelta(days=1)
    _said(f"pricing run --date {before}", watched(shop, home, "run", "--date", str(before), within=within))
    if model:
        _pricing(shop, home, "drift", "approve", "drift-1", "--reason", "first model")
        _pricing(shop, home, "models", "retrain")
    run = watched(shop, home, "run", "--date", str(shops.LAST), within=within)
    size = {"pairs": pairs, "days": days}
    found = [size | _figures(each, plain.seconds(each, shop, home)) for each in run.stations]
    marts = [{**each, "rows": plain.rows_of_marts(home)} if each["station"] == "warehouse" else each for each in found]
    return [*marts, size | _figures(run)]


def backfill(folder: Path, pairs: int, days: int, trailing: int, within: int | None = None) -> list[Figures]:
    """The figures of each station in each execution of a run of all days, then those of the whole command."""
    shop, home = folder / "shop", folder / "home"
    _written(shop, pairs, days, trailing)
    first = shops.LAST - timedelta(days=days - 1)
    run = watched(shop, home, "run", "--from", str(first), "--to", str(shops.LAST), within=within)
    size = {"pairs": pairs, "days": days}
    return [size | _figures(each) for each in (*run.stations, run)]


def exponents(found: Sequence[Figures]) -> dict[str, dict[str, float]]:
    """Station → how its seconds and its peak grow with the SKU-markets: 1 in proportion, 2 with their square.

    Between the two largest sizes, where what costs the same at any size weighs least; it draws the power below 1.
    """
    slopes: dict[str, dict[str, float]] = {}
    for name in dict.fromkeys(each["station"] for each in found):
        rows = sorted((each for each in found if each["station"] == name), key=lambda each: each["pairs"])[-2:]
        if len({each["pairs"] for each in rows}) > 1:
            slopes[name] = {figure: _slope(rows, figure) for figure in ("seconds", "cpu_seconds", "peak_gib")}
    return slopes


def _slope(rows: Sequence[Mapping[str, float]], figure: str) -> float:
    small, large = rows
    times = max(large[figure], 0.01) / max(small[figure], 0.01)
    return round(math.log(times) / math.log(large["pairs"] / small["pairs"]), 2)


def _figures(each: Station | Watched, floor: float | None = None) -> Figures:
    """`floor` are the CPU seconds of plain input and output."""
    station = each if isinstance(each, Station) else None
    found: Figures = {
        "station": station.name if station else "whole command",
        "seconds": round(each.seconds, 1),
        "cpu_seconds": round(each.cpu, 1),
        "peak_gib": round(each.peak / _GIB, 2),
        "rows": station.rows if station else None,
    }
    return found | ({"plain_cpu_seconds": round(floor, 2), "ratio": round(each.cpu / floor, 1)} if floor else {})


def _written(shop: Path, pairs: int, days: int, trailing: int) -> None:
    rows = shops.write(shop, pairs, days, trailing)
    print(f"{pairs:,} SKU-markets, {days} days: " + ", ".join(f"{n:,} {name}" for name, n in rows.items()), flush=True)


def _said(what: str, run: Watched) -> None:
    words = f"{run.seconds:.1f} s, {run.cpu:.1f} s of CPU time, peak memory {run.peak / _GIB:.2f} GiB"
    print(f"{what}: {words}", flush=True)


def _pricing(shop: Path, home: Path, *words: str) -> None:
    command = [str(Path(sys.executable).parent / "pricing"), *words, "--home", str(home)]
    subprocess.run(command, env=os.environ | {"PRICING_SOURCE": str(shop)}, check=True)


def _shown(found: Sequence[Figures]) -> None:
    print(f"{'seconds':>9} {'of CPU':>9} {'peak GiB':>9} {'rows':>12} {'plain':>8} {'ratio':>6}  station")
    for each in found:
        rows = "" if each["rows"] is None else f"{each['rows']:,}"
        floor, ratio = each.get("plain_cpu_seconds", ""), each.get("ratio", "")
        print(
            f"{each['seconds']:>9} {each['cpu_seconds']:>9} {each['peak_gib']:>9} {rows:>12} {floor:>8} {ratio:>6}"
            f"  {each['station']}",
            flush=True,
        )


def main(arguments: argparse.Namespace) -> None:
    """Measures each size in turn; prints tables, writes them as JSON where asked to."""
    found: list[Figures] = []
    for pairs in arguments.pairs:
        with TemporaryDirectory(dir=arguments.scratch) as folder:
            where, within = Path(folder), arguments.within and arguments.within * _GIB
            if arguments.backfill:
                figures = backfill(where, pairs, arguments.days, arguments.trailing, within)
            else:
                figures = one_day(
                    where, pairs, arguments.days, arguments.trailing, model=arguments.model, within=within
                )
        _shown(figures)
        found += figures
        slopes = exponents(found)
        if arguments.json:
            written = json.dumps({"figures": found, "exponents": slopes}, indent=2)
            arguments.json.write_text(written + "\n", encoding="utf-8")
    for name, slope in slopes.items():
        print(f"{name}: seconds ~ size^{slope['seconds']}, CPU ^{slope['cpu_seconds']}, peak ^{slope['peak_gib']}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, nargs="+", default=[200_000], help="SKU-markets, one size or several")
    parser.add_argument("--days", type=int, default=8, help="days of history, the measured one included")
    parser.add_argument("--trailing", type=int, default=7, help="days each run reads again")
    parser.add_argument("--model", action="store_true", help="train the daily model before the measured day")
    parser.add_argument("--backfill", action="store_true", help="price all days in one command")
    parser.add_argument("--within", type=int, help="GiB beyond which a run is killed")
    parser.add_argument("--scratch", type=Path, help="a folder for shop and lake; the system's own where none")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    main(parser.parse_args())
