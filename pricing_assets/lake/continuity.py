"""Whether a home still is what it had come to: nothing goes on over a lost log, lost days or lost words of people.

Here: refusing to go on behind what was noted (marks.py). Not here: naming all that a half copied lake lacks
(soundness.py), the shop a lake belongs to (store.py).

A table without its log looks like one that never was, days without runs.days like a home that begins, and a lost store
of people's decisions like a shop in which nobody ever decided anything. Each would be begun anew without a word, and a
frozen price would move.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from pricing_assets.errors import PricingError
from pricing_assets.lake import days, marks, parquet
from pricing_assets.lake.store import Lake
from pricing_assets.tables import ALL, runs

_REMEDY = (
    "`pricing doctor` says what is missing: copy it again from where it came, or `pricing restore BACKUP` into an "
    "empty home"
)


def days_lost(lake: Lake) -> str | None:
    """What is to be said where runs.days ends before it had come to; else None."""
    version, had = lake.version(runs.Days), marks.mark(lake).days
    if version >= had:
        return None
    return (
        f"runs.days ends at version {version}, it had come to {had}: days were lost, or an earlier copy took its place"
    )


def words_lost(lake: Lake, said: Callable[[int], str]) -> str | None:
    """What is to be said where the last word of people that runs had known is not on record any more; else None.

    `said` tells the word of a number, empty where there is none.
    """
    had = marks.mark(lake)
    if not had.events or (found := said(had.events)) == had.word:
        return None
    return (
        f"event {had.events} of what people decided was {had.word!r} when a run knew it, and is {found or 'missing'!r} "
        "now: the governance store was lost, or is another or an earlier one"
    )


def require(lake: Lake) -> None:
    """Raises PricingError where runs.days ends too early, or a table's log does not hold what days name."""
    if lost := days_lost(lake):
        raise PricingError(lost, _REMEDY)
    _require_logs(lake.root, lake.version(runs.Days))


def require_words(lake: Lake, said: Callable[[int], str]) -> None:
    """Raises PricingError where people's words are lost; `said` as for `words_lost`."""
    if lost := words_lost(lake, said):
        remedy = (
            "see that PRICING_GOVERNANCE_URL and PRICING_HOME belong together, or `pricing restore BACKUP` into an "
            f"empty home; if the older store is meant, remove {lake.root / marks.FILE}"
        )
        raise PricingError(lost, remedy)


@cache
def _require_logs(root: Path, version: int) -> None:
    """Once a process and version of runs.days: what a log held, it goes on to hold."""
    lake, by_name = Lake(root), {table.table_name(): table for table in ALL if table is not runs.Days}
    for name, files in days.manifest(lake).items():
        if name not in by_name:
            continue
        entries = lake.entries(by_name[name])
        for day, file in files.items():
            path = parquet.relative(by_name[name], file)
            if file.version >= len(entries) or path not in entries[file.version].added:
                raise PricingError(f"{name} {day}: its log does not hold what runs.days names ({path})", _REMEDY)
