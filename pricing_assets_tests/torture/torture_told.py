"""What the torture came to, from the reports of its tests: a table of kills and faults, told once all is done.

Here: bringing together what tests told of themselves. Not here: the telling (conftest), the table's form
(torture_table).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from torture_faults import Tally
from torture_table import Row, lines


def told(properties: Iterable[dict[str, Any]]) -> list[str]:
    """Lines for a person; none where nothing was killed and no call failed. Tests of the same calls are one row."""
    rows, tallies, seconds = [], dict[str, Tally](), Counter[str]()
    for each in properties:
        if "killed" in each:
            rows.append(Row(**each["killed"]))
        if failed := each.get("failed"):
            name = failed["name"]
            seconds[name] += failed["seconds"]
            counted = {kind: Counter(failed[kind]) for kind in ("points", "faults")}
            plain = {kind: value for kind, value in failed.items() if kind != "seconds"}
            tallies.setdefault(name, Tally(name)).add(Tally(**plain | counted))
    rows += [_row(name, each, seconds[name]) for name, each in tallies.items()]
    return [*lines(rows), *(f"{name}: {each.says()}" for name, each in tallies.items())]


def _row(name: str, tally: Tally, seconds: float) -> Row:
    found = (tally.lost, tally.duplicated, tally.torn, tally.reader_errors, tally.queries)
    return Row(name, 0, tally.faults.total(), *found, seconds)
