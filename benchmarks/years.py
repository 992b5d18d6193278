"""A thousand daily days of a small shop through the real line: what a day costs as history grows. States figures.

Here: a simulated market of one country, a champion trained on its first days and frozen, and `pricing run` of one day
after the other in this process. Every day is noted in a progress file, so that the same command goes on where it was
stopped. Not part of `make bench`, for it takes hours:

    python -m benchmarks.years HOME --days 1000
    python -m benchmarks.years HOME --days 1000 --whole 100,1000
    python -m benchmarks.years HOME --report

With `--whole` only the ten days up to each of those named are run with all that only the UI shows, and with marts.
Those between are run day by day as well, and leave the same entries behind in every log of the lake, in a quarter of
the time. Every seventh day the home is kept, as the platform's own schedule does once a week.

Each day is run in the night after it: the clock of this process and of its children is moved there, by a small
library that a C compiler makes. So executions are of as many days, and Dagster's records expire as in years.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from pathlib import Path
from typing import Any

from pricing_assets_tests.unadorned import unadorned, without_marts

sys.path.append(str(Path(__file__).parents[1] / "pricing_assets_tests" / "torture"))
from torture_clock import Clock

FIRST = date(2028, 2, 7)  # later than any file's own time, until that day comes
NIGHT = time_of_day(3, tzinfo=UTC)  # when a day is run, on the day after it
BEFORE = 120  # days of sales a first model is trained on
KEEPING = 7  # days from one keeping to the next
WINDOW = 10  # days a cost is the median of: one day alone tells of the machine
SOURCE = """\
name: a small shop for years
time_zone: Europe/Berlin
currency: EUR
currencies: [EUR]
markets: {{DE: {{country: DE}}}}
database: sqlite:///{{home}}/market.db
historical: true
expectations: # eleven listings are too few for what is usual: one without a price is a tenth, a typical row a chance
  bands: {{prices: {{coverage: false}}, sales: {{volume: false, units: false, repeated: false}}, stock: false}}
first_day: {first}
last_day: {last}
"""


@dataclass(frozen=True)
class Day:
    """What a day cost: seconds of wall and CPU, children included; what the home takes after.

    `keeping` is the CPU of the keeping that followed it, if any.
    """

    number: int  # from 1
    day: str
    whole: bool
    seconds: float
    cpu: float
    files: int
    bytes: int
    log_bytes: int
    dagster_bytes: int
    keeping: float = 0.0


def main() -> None:
    """Runs the days that are left, or reports."""
    ask = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ask.add_argument("home", type=Path, help="home of the shop; its progress file is HOME/years.jsonl")
    ask.add_argument("--days", type=int, default=1000)
    ask.add_argument("--skus", type=int, default=12)
    ask.add_argument("--whole", default="", help="only the ten days up to each with marts and pictures, e.g. 100,1000")
    ask.add_argument("--report", action="store_true", help="only report what was noted")
    given = ask.parse_args()
    if not given.report:
        ends = [int(each) for each in given.whole.split(",") if each]
        go_on(given.home.absolute(), given.days, given.skus, ends, moved(given.home.absolute()))
    report(noted(given.home))


def moved(home: Path) -> Clock:
    """The clock of this process; where it has none that can be moved yet, the program is started again with one."""
    clock = Clock(home / "clock")
    if os.environ.get("TORTURE_CLOCK") != str(clock.file):
        arguments = [sys.executable, "-m", "benchmarks.years", *sys.argv[1:]]
        os.execve(sys.executable, arguments, os.environ | clock.environment)
    return clock


def go_on(home: Path, days: int, skus: int, ends: list[int], clock: Clock) -> None:
    """Runs what is left, from the first day that is not noted; where `ends` are named, whole only before each."""
    last = FIRST + timedelta(days=days - 1)
    os.environ |= {"PRICING_HOME": str(home), "PRICING_SOURCE": str(shop(home, last))}
    if not (home / "market.db").exists():
        pricing("simulate", "--skus", skus, "--markets", 1, "--days", days + BEFORE, "--last-day", last)
    done = max((each.number for each in noted(home)), default=0)
    if done:
        train(home)
    for number in range(done + 1, days + 1):
        whole = number == 1 or not ends or any(end - WINDOW < number <= end for end in ends)
        day = FIRST + timedelta(days=number - 1)
        clock.set(datetime.combine(day + timedelta(days=1), NIGHT))
        note(home, costed(home, day, number, whole))
        if number == 1:
            train(home)


def shop(home: Path, last: date) -> Path:
    """The SAP-like shop, of one country and these days."""
    from pricing_assets.settings import SAP_LIKE

    folder = home / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    for file in SAP_LIKE.glob("*.sql"):
        (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
    settings = SOURCE.format(first=FIRST - timedelta(days=BEFORE), last=last)
    (folder / "source.yaml").write_text(settings, encoding="utf-8")
    return folder


def train(home: Path) -> None:
    """A first daily model, approved, trained and in force; nothing is trained afterwards."""
    if serves():
        return
    daily = [each for each in answered("drift", "list") if each["model"] == "demand-daily"]
    for opened in [each for each in daily if each["state"] == "open"][:1]:
        pricing("drift", "approve", opened["id"], "--reason", "the first model")
    pricing("models", "retrain")
    if not serves():
        raise SystemExit(f"{home}: the first model is no better than the simple method, so nothing is in force")


def serves() -> bool:
    """Whether a model is in force."""
    return any(each["role"] == "champion" for each in answered("models", "list"))


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


def costed(home: Path, day: date, number: int, whole: bool) -> Day:
    """Runs a day, or what of it is in the lake; days are counted from 1."""
    wall, cpu = time.monotonic(), spent()
    with ExitStack() as left_out:
        if not whole:
            left_out.enter_context(without_marts())
            left_out.enter_context(unadorned())
        pricing("run", "--from", day, "--to", day)
    seconds, cost = round(time.monotonic() - wall, 3), round(spent() - cpu, 3)
    keeping = kept() if number % KEEPING == 0 else 0.0
    return Day(number, str(day), whole, seconds, cost, **sizes(home), keeping=keeping)


def kept() -> float:
    """Keeps the home; the CPU seconds of it."""
    cpu = spent()
    pricing("lake", "keep")
    return round(spent() - cpu, 3)


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
    """One more line in the progress file, on disk before the next day begins; one cut short before it stays apart."""
    path = home / "years.jsonl"
    cut = path.exists() and not path.read_text(encoding="utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as file:
        file.write("\n" * cut + json.dumps(asdict(day)) + "\n")
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
    """Median CPU of whole days, along the years; what the last cost beside the hundredth; files, bytes."""
    whole = [each for each in days if each.whole and each.number > 1]
    for last in sorted({each.number for each in whole if each.number % WINDOW == 0}):
        part = [each for each in whole if last - WINDOW < each.number <= last]
        end, parts = part[-1], ("bytes", "log_bytes", "dagster_bytes")
        lake, logs, dagster = (f"{getattr(part[-1], each) / 1e6:,.1f} MB" for each in parts)
        print(
            f"days {part[0].number:>5} to {last:>5}: {cost(part):.2f} s of CPU each; lake {end.files:,} files, {lake}, "
            f"of it logs {logs}; Dagster {dagster}"
        )
    hundredth = [each for each in whole if 100 - WINDOW < each.number <= 100]
    if hundredth and whole[-1].number > 100:
        print(f"day {whole[-1].number} ÷ day 100: {cost(whole[-WINDOW:]) / cost(hundredth):.2f} of CPU")
    before = [each for each in days if each.keeping]
    for part in (before[:WINDOW], before[-WINDOW:]) if before else ():
        cost_of_one = statistics.median(each.keeping for each in part)
        print(f"a keeping in days {part[0].number} to {part[-1].number}: {cost_of_one:.2f} s of CPU")
    print(f"{days[-1].number if days else 0} days, {sum(each.seconds for each in days) / 60:.0f} min")


def cost(days: list[Day]) -> float:
    """The median CPU of days, in seconds."""
    return statistics.median(each.cpu for each in days)


if __name__ == "__main__":
    main()
