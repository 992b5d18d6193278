"""How far a home had come: the version of runs.days, and the last word of people that its runs had known.

Here: the note of both. Not here: what follows from it (continuity.py).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Final

from pricing_assets.lake.files import write_durably
from pricing_assets.lake.store import Lake
from pricing_assets.tables import runs

FILE: Final = "_came_to"


@dataclass(frozen=True)
class Mark:
    """How far a home had come: the version of runs.days (-1: none), the number of the last word of people, and it."""

    days: int = -1
    events: int = 0
    word: str = ""


def mark(lake: Lake) -> Mark:
    """What was noted last; of a home of an earlier release, or a damaged note, that nothing was."""
    try:
        return Mark(**json.loads((lake.root / FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return Mark()


def note(lake: Lake, *, events: int = 0, word: str = "") -> None:
    """Notes how far the home has come, where that is farther than was noted."""
    with lake.alone("mark"):
        known = mark(lake)
        last = max((known.events, known.word), (events, word), key=lambda said: said[0])
        now = Mark(max(known.days, lake.version(runs.Days)), *last)
        if now != known:
            write_durably(lake.root / FILE, json.dumps(asdict(now)).encode())
