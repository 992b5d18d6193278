"""The table the torture prints: what was killed or failed how often, and what came of it.

Here: its rows and their words. Not here: where they come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields


@dataclass
class Row:
    """What was killed, or which calls failed, and what was found."""

    stage: str
    kills: int = 0
    faults: int = 0
    lost: int = 0
    duplicated: int = 0
    torn: int = 0
    reader_errors: int = 0
    queries: int = 0
    seconds: float = 0.0


def lines(rows: Sequence[Row]) -> list[str]:
    """The table, with a line for all stages; nothing where none ran."""
    if not rows:
        return []
    totals = [sum(column) for column in list(zip(*map(astuple, rows), strict=True))[1:]]
    names = [each.name.replace("_", " ") for each in fields(Row)]
    cells = [[str(value) for value in _cells(row)] for row in (*rows, Row("all", *totals))]
    widths = [max(len(row[number]) for row in [names, *cells]) for number in range(len(names))]
    return [
        "  ".join(cell.ljust(width) if not number else cell.rjust(width) for number, (cell, width) in enumerate(each))
        for each in (list(zip(row, widths, strict=True)) for row in [names, *cells])
    ]


def _cells(row: Row) -> list[object]:
    *others, seconds = astuple(row)
    return [*others, f"{seconds:.0f}"]
