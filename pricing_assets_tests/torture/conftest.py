"""What is shared with the tests of single rooms, their rows; and what a test killed and let fail, told in its report.

So the workers of a suite and a single process end in the same table (torture_told).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from torture_faults import Tally
from torture_table import Row

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
