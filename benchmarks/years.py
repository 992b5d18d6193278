"""A thousand daily days of a small shop through the real line: what a day costs as history grows. States figures.

Here: a simulated market of one country, a champion trained on its first days and frozen, and `pricing run` of one day
after the other in this process. Every day is noted in a progress file, so that the same command goes on where it was
stopped. Not part of `make bench`, for it takes hours:

    python -m benchmarks.years HOME --days 1000
    python -m benchmarks.years HOME --days 1000 --whole 100
    python -m benchmarks.years HOME --report

With `--whole N` only the last ten of every N days are run whole, and stand for what a day costs; those between leave
out marts, pictures and what Dagster keeps asset by asset, which is most of what a day of a small shop costs.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pricing_assets_tests.unadorned import unadorned, without_marts

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

    number: int  # from 1
    day: str
    whole: bool
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
    ask.add_argument("--whole", type=int, default=WINDOW, help="the last ten of every N days are run whole")
    ask.add_argument("--report", action="store_true", help="only report what was noted")
    given = ask.parse_args()
    if not given.report:
        go_on(given.home.absolute(), given.days, given.skus, given.whole)
    report(noted(given.home))


def go_on(home: Path, days: int, skus: int, every: int) -> None:
    """Runs one day after the other from the first that is not noted."""
    first = LAST - timedelta(days=days - 1)
    os.environ |= {"PRICING_HOME": str(home), "PRICING_SOURCE": str(shop(home, first))}
    if not (home / "market.db").exists():
        pricing("simulate", "--skus", skus, "--markets", 1, "--days", days + BEFORE, "--last-day", LAST)
    done = {each.day for each in noted(home)}
    for number in range(1, days + 1):
        day = first + timedelta(days=number - 1)
        if str(day) not in done:
            note(home, costed(home, number, day, whole=number == 1 or (number - 1) % every >= every - WINDOW))
        if number == 1:
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


def costed(home: Path, number: int, day: date, *, whole: bool) -> Day:
    """Runs a day."""
    wall, cpu = time.monotonic(), spent()
    with nullcontext() if whole else plainly():
        pricing("run", "--date", day)
    seconds, cost = round(time.monotonic() - wall, 3), round(spent() - cpu, 3)
    return Day(number, str(day), whole, seconds, cost, **(sizes(home) if number % MEASURED_EVERY == 0 else {}))


@contextmanager
def plainly() -> Iterator[None]:
    """Runs without marts and what only the Dagster UI shows."""
    with unadorned(), without_marts():
        yield


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
    """Median CPU of the days run whole, along the years; what the last ones cost beside the hundredth; files, bytes."""
    whole = [each for each in days if each.whole and each.number > 1]
    for last in sorted({each.number for each in whole if each.number % WINDOW == 0}):
        part = [each for each in whole if last - WINDOW < each.number <= last]
        print(f"days {part[0].number:>5} to {last:>5}: {cost(part):6.2f} s of CPU")
    for each in days:
        if each.bytes:
            print(
                f"day {each.number:>5}: {each.files:,} files, {each.bytes / 1e6:,.1f} MB, of it logs "
                f"{(each.log_bytes or 0) / 1e6:,.1f}; Dagster {(each.dagster_bytes or 0) / 1e6:,.1f} MB"
            )
    hundredth = [each for each in whole if 100 - WINDOW < each.number <= 100]
    if hundredth and days[-1].number > 100:
        print(f"day {whole[-1].number} ÷ day 100: {cost(whole[-WINDOW:]) / cost(hundredth):.2f} of CPU")
    print(f"{len(days)} days, {sum(each.seconds for each in days) / 60:.0f} min")


def cost(days: list[Day]) -> float:
    """The median CPU of days, in seconds."""
    return statistics.median(each.cpu for each in days)


if __name__ == "__main__":
    main()
