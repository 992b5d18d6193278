"""The table `make torture` prints: what was killed how often, and what came of it.

Here: its rows and their words. Not here: where they come from.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass, fields


@dataclass
class Row:
    """A stage, and what was found."""

    stage: str
    kills: int
    lost: int
    duplicated: int
    torn: int
    reader_errors: int
    queries: int
    seconds: float


ROWS: list[Row] = []


def lines() -> list[str]:
    """The table, with a line for all stages; nothing where none ran."""
    if not ROWS:
        return []
    totals = [sum(column) for column in list(zip(*map(astuple, ROWS), strict=True))[1:]]
    names = [each.name.replace("_", " ") for each in fields(Row)]
    cells = [[str(value) for value in _cells(row)] for row in (*ROWS, Row("all", *totals))]
    widths = [max(len(row[number]) for row in [names, *cells]) for number in range(len(names))]
    return [
        "  ".join(cell.ljust(width) if not number else cell.rjust(width) for number, (cell, width) in enumerate(each))
        for each in (list(zip(row, widths, strict=True)) for row in [names, *cells])
    ]


def _cells(row: Row) -> list[object]:
    *others, seconds = astuple(row)
    return [*others, f"{seconds:.0f}"]
