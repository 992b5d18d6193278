"""What is shared with the tests of single rooms, their rows; and the table of kills, printed once all is done."""

from __future__ import annotations

import sys
from pathlib import Path

from torture_table import lines

UNIT = Path(__file__).parents[1] / "unit"
sys.path.extend(str(UNIT / room) for room in ("lake", "governance"))


def pytest_terminal_summary(terminalreporter: object) -> None:
    for line in lines():
        terminalreporter.write_line(line)  # type: ignore[attr-defined]
