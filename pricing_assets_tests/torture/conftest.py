"""What is shared with the tests of single rooms, their rows; and what was killed and failed, told once all is done.

A test tells of itself in its report, so that the workers of a suite and a single process end in the same table.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from torture_faults import Tally
from torture_table import Row, lines

UNIT = Path(__file__).parents[1] / "unit"
sys.path.extend(str(UNIT / room) for room in ("lake", "governance", "publishing"))


@pytest.fixture
def row(request: pytest.FixtureRequest) -> Iterator[Row]:
    """What a test kills, and what it finds."""
    made, started = Row(""), time.monotonic()
    yield made
    made.seconds = time.monotonic() - started
    request.node.user_properties.append(("killed", asdict(made)))


@pytest.fixture
def tally(request: pytest.FixtureRequest) -> Iterator[Tally]:
    """What calls a test lets fail, and what it finds."""
    made, started = Tally(), time.monotonic()
    yield made
    plain = {"points": dict(made.points), "faults": dict(made.faults), "seconds": time.monotonic() - started}
    request.node.user_properties.append(("failed", vars(made) | plain))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Reports of a test's end have what it told."""
    ended = [each for reports in terminalreporter.stats.values() for each in reports if _is_end(each)]
    told = [dict(each.user_properties) for each in ended]
    rows = [Row(**each["killed"]) for each in told if "killed" in each]
    tallies: dict[str, Tally] = {}
    seconds: Counter[str] = Counter()
    for failed in (each["failed"] for each in told if "failed" in each):
        seconds[failed["name"]] += failed.pop("seconds")
        counters = {name: Counter(failed[name]) for name in ("points", "faults")}
        tallies.setdefault(failed["name"], Tally(failed["name"])).add(Tally(**failed | counters))
    rows += [_row(name, each, seconds[name]) for name, each in tallies.items()]
    for line in [*lines(rows), *(f"{name}: {each.says()}" for name, each in tallies.items())]:
        terminalreporter.write_line(line)


def _is_end(report: object) -> bool:
    return getattr(report, "when", "") == "teardown"


def _row(name: str, tally: Tally, seconds: float) -> Row:
    found = (tally.lost, tally.duplicated, tally.torn, tally.reader_errors, tally.queries)
    return Row(name, 0, tally.faults.total(), *found, seconds)
