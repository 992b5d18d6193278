"""A thousand daily days of a small shop through the real line: what a day costs as history grows. States figures.

Here: a simulated market of one country, a champion trained on its first days and frozen, and `pricing run` of one day
after the other in this process. Every day is noted in a progress file, so that the same command goes on where it was
stopped. Not part of `make bench`, for it takes hours:

    python -m benchmarks.years HOME --days 1000
    python -m benchmarks.years HOME --report
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

LAST = date(2026, 10, 31)
BEFORE = 120  # days of sales a first model is trained on
WINDOW = 10  # days a cost is the median of: one day alone tells of the machine
MEASURED_EVERY = 50  # days between two looks at files and bytes
SOURCE = """\
name: a small shop for years
time_zone: Europe/Berlin
currency: EUR
currencies: [EUR]
markets: {{DE: {{country: DE}}}}
database: sqlite:///{{home}}/market.db
historical: true
first_day: {first}
last_day: {last}
"""


@dataclass(frozen=True)
class Day:
    """What a day cost: seconds of wall and CPU, children included; files, bytes and log entries now and then."""

    day: str
    seconds: float
    cpu: float
    files: int | None = None
    bytes: int | None = None
    log_bytes: int | None = None
    dagster_bytes: int | None = None


def main() -> None:
    """Runs the days that are left, or reports."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("home", type=Path, help="home of the shop; its progress file is HOME/years.jsonl")
    ask.add_argument("--days", type=int, default=1000)
    ask.add_argument("--skus", type=int, default=12)
    ask.add_argument("--report", action="store_true", help="only report what was noted")
    given = ask.parse_args()
    if not given.report:
        go_on(given.home.absolute(), given.days, given.skus)
    report(noted(given.home))


def go_on(home: Path, days: int, skus: int) -> None:
    """Runs one day after the other from the first that is not noted."""
    first = LAST - timedelta(days=days - 1)
    os.environ |= {"PRICING_HOME": str(home), "PRICING_SOURCE": str(shop(home, first))}
    if not (home / "market.db").exists():
        pricing("simulate", "--skus", skus, "--markets", 1, "--days", days + BEFORE, "--last-day", LAST)
    done = {each.day for each in noted(home)}
    for number in range(days):
        day = first + timedelta(days=number)
        if str(day) not in done:
            note(home, costed(home, day, look=number % MEASURED_EVERY == 0 or number == days - 1))
        if number == 0:
            train(home)


def shop(home: Path, first: date) -> Path:
    """The SAP-like shop, of one country and these days."""
    from pricing_assets.settings import SAP_LIKE

    folder = home / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    for file in SAP_LIKE.glob("*.sql"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    settings = SOURCE.format(first=first - timedelta(days=BEFORE), last=LAST)
    (folder / "source.yaml").write_text(settings, encoding="utf-8")
    return folder


def train(home: Path) -> None:
    """A first daily model, approved, trained and in force; nothing is trained afterwards."""
    from pricing_assets.shell.command import Shell

    listed = answered("models", "list")
    if not any(each["role"] == "champion" for each in listed):
        opened = next(each for each in answered("drift", "list") if each["model"] == "demand-daily")
        pricing("drift", "approve", opened["id"], "--reason", "the first model")
        pricing("models", "retrain")
    assert Shell(json=False, by="benchmark").settings.home == home


def pricing(*words: object) -> None:
    """A command of the shell, in this process."""
    from pricing_assets.cli import app

    try:
        app([str(word) for word in words])
    except SystemExit as end:
        if end.code:
            raise


def answered(*words: str) -> list[dict[str, Any]]:
    """The rows a command prints for programs."""
    from contextlib import redirect_stdout
    from io import StringIO

    told = StringIO()
    with redirect_stdout(told):
        pricing(*words, "--json")
    return json.loads(told.getvalue())  # type: ignore[no-any-return]


def costed(home: Path, day: date, *, look: bool) -> Day:
    """Runs a day."""
    wall, cpu = time.monotonic(), spent()
    pricing("run", "--date", day)
    cost = Day(str(day), round(time.monotonic() - wall, 3), round(spent() - cpu, 3))
    return Day(cost.day, cost.seconds, cost.cpu, **sizes(home)) if look else cost


def spent() -> float:
    """CPU seconds of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def sizes(home: Path) -> dict[str, int]:
    """Files and bytes of the lake, of its Delta logs alone, and of Dagster's instance."""
    files = [(path, path.stat().st_size) for path in (home / "lake").rglob("*") if path.is_file()]
    logs = sum(size for path, size in files if "_delta_log" in path.parts)
    dagster = sum(path.stat().st_size for path in (home / "dagster").rglob("*") if path.is_file())
    return {
        "files": len(files),
        "bytes": sum(size for _, size in files),
        "log_bytes": logs,
        "dagster_bytes": dagster,
    }


def note(home: Path, day: Day) -> None:
    """One more line in the progress file, on disk before the next day begins."""
    with (home / "years.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(day)) + "\n")
        file.flush()
        os.fsync(file.fileno())


def noted(home: Path) -> list[Day]:
    """The days noted so far, in order; a line half written is left out."""

    def lines() -> Iterator[Day]:
        path = home / "years.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            try:
                yield Day(**json.loads(line))
            except ValueError:
                continue

    return sorted(lines(), key=lambda each: each.day)


def report(days: list[Day]) -> None:
    """Seconds per day along the years, files and bytes, and what the last days cost beside the hundredth."""
    for start in range(0, len(days), 100):
        part = days[start : start + WINDOW]
        size = next((each for each in part if each.files), None)
        grown = f", {size.files:,} files, {size.bytes / 1e6:,.0f} MB" if size and size.bytes else ""
        print(f"days {start + 1:>5} to {start + len(part):>5}: {middle(part):6.2f} s CPU{grown}")
    if len(days) > 100 + WINDOW:
        hundredth, last = days[100 - WINDOW : 100], days[-WINDOW:]
        print(f"day {len(days)} ÷ day 100: {middle(last) / middle(hundredth):.2f} of CPU, {len(days)} days")


def middle(days: list[Day]) -> float:
    """The median CPU of days."""
    return statistics.median(each.cpu for each in days)


if __name__ == "__main__":
    main()
