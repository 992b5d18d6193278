"""What a lake lacks that was copied half, or lost files: named by table and day, with what can be done about each.

Here: looking at every log entry and file that something names. Not here: mending, backups (archive/), saying it (the
shell). Nothing is taken from what a process knows already: what is looked at is the disk.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.errors import PricingError
from pricing_assets.lake import PartitionFile, continuity, days, entries, parquet
from pricing_assets.lake.store import Lake
from pricing_assets.tables import ALL, anomalies, features, runs
from pricing_assets.tables.base import Table

_DERIVED = (features.FeatureSnapshots, anomalies.PriceAnomalies)
"""Computed from raw rows alone: a run of their day writes the same files again, unless the day has expired."""
_SHOWN = 5
_Window = tuple[int, date, date]
"""A version of a table, and the first and last day that was read of it."""


@dataclass(frozen=True)
class Flaw:
    """One thing that is named and not there, or not whole; `day` is None of what belongs to a whole table."""

    table: str
    day: date | None
    what: str
    path: Path
    derived: bool = False

    def __str__(self) -> str:
        return f"{self.table}{f' {self.day}' if self.day else ''}: {self.what}"


@dataclass
class _Seen:
    """The log of a table as far as it can be read."""

    latest: int = -1
    flaws: list[Flaw] = field(default_factory=list)
    force: dict[str, tuple[date, int]] = field(default_factory=dict)  # path → day, first version
    spans: dict[str, list[tuple[date, int, int]]] = field(default_factory=dict)  # path → day, first version, end

    def knew(self, path: str) -> bool:
        """Whether the file was ever in force; a log that cannot be read whole may have known it."""
        return bool(self.flaws) or path in self.force or path in self.spans


@dataclass(frozen=True)
class _Named:
    """What runs.days has in force, the versions and windows that standing days were decided from, and days expired."""

    force: Mapping[type[Table], Mapping[date, PartitionFile]]
    read: Mapping[type[Table], set[_Window]]
    expired: frozenset[date]


def flaws(lake: Lake) -> list[Flaw]:
    """Everything that is not whole, by table in the order of the line, then by day."""
    named = _named(lake)  # first: what days name was committed before them, also while runs go on
    seen = {table: _seen(lake, table, manifested=named is None or bool(named.force.get(table))) for table in ALL}
    found = [flaw for table in ALL for flaw in seen[table].flaws]
    if lost := continuity.days_lost(lake):
        found.append(Flaw(runs.Days.table_name(), None, lost, lake.folder(runs.Days)))
    missing = {path: flaw for table in ALL for path, flaw in _lost(lake, table, seen[table])}
    if named is not None:
        found += _ahead(lake, named, seen)
        missing |= _unreplayable(lake, named, seen)
    expired = named.expired if named else frozenset()
    found += [replace(flaw, derived=flaw.derived and flaw.day not in expired) for flaw in missing.values()]
    order = {table.table_name(): number for number, table in enumerate(ALL)}
    return sorted(found, key=lambda flaw: (order[flaw.table], flaw.day or date.min, flaw.path))


def in_words(found: Sequence[Flaw]) -> str:
    """How much there is of what, and the first of each table."""
    number = Counter(flaw.table for flaw in found)
    named: list[str] = []
    for table, flaw in {flaw.table: flaw for flaw in reversed(found)}.items():
        named.insert(0, f"{flaw}, and {number[table] - 1:,} more" if number[table] > 1 else str(flaw))
    more = f"; and {counted(len(named) - _SHOWN, 'more table')}" if len(named) > _SHOWN else ""
    return f"{counted(len(found), 'thing')} missing or damaged: {'; '.join(named[:_SHOWN])}{more}"


def remedy(found: Sequence[Flaw]) -> str:
    """What to do: run days again whose derived tables alone are touched; copy the rest again, or restore."""
    lost = sorted({flaw.day for flaw in found if flaw.day and not flaw.derived})
    again = sorted({flaw.day for flaw in found if flaw.day and flaw.derived} - set(lost))
    words = []
    if again:
        words.append(f"`pricing run` computes {_span(again)} again, from raw rows that are there")
    if lost or any(flaw.day is None for flaw in found):
        what = ("what else" if again else "what") + " is lacking" + (f" ({_span(lost)})" if lost else "")
        words.append(
            f"{what} is in no other table: copy the lake again from where it came, or these files"
            " alone out of a backup (`tar -xzf BACKUP -C HOME lake/…`), or `pricing restore BACKUP` into an empty home"
        )
    return "; ".join(words)


def _span(of: Sequence[date]) -> str:
    return str(of[0]) if len(of) == 1 else f"{counted(len(of), 'day')} from {of[0]} to {of[-1]}"


def _seen(lake: Lake, table: type[Table], *, manifested: bool) -> _Seen:
    """Reads a log from its files, past what is missing.

    Files beside an empty log are of the table's first commit, killed or under way, unless days are `manifested` of it.
    """
    seen, name, folder = _Seen(), table.table_name(), lake.folder(table) / "_delta_log"
    numbers = entries.versions(folder)
    if not numbers:
        if (manifested or not folder.is_dir()) and any(lake.folder(table).glob("*=*/*.parquet")):
            seen.flaws.append(Flaw(name, None, f"its log is gone, its files are there ({folder})", folder))
        return seen
    seen.latest = max(numbers)
    for number in range(seen.latest + 1):
        path = entries.place(folder, number)
        if number not in numbers:
            seen.flaws.append(Flaw(name, None, f"log entry {number} of {seen.latest} is missing ({path})", path))
            continue
        try:
            actions = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
            _apply(seen, number, actions)
        except (OSError, ValueError, KeyError, TypeError, StopIteration) as fault:
            seen.flaws.append(Flaw(name, None, f"log entry {number} is damaged ({path}: {fault})", path))
    return seen


def _apply(seen: _Seen, number: int, actions: Sequence[Mapping[str, Any]]) -> None:
    if not any("commitInfo" in action for action in actions):
        raise ValueError("no commitInfo")
    for action in actions:
        if (remove := action.get("remove")) and remove["path"] in seen.force:
            day, first = seen.force.pop(remove["path"])
            seen.spans.setdefault(remove["path"], []).append((day, first, number))
        elif add := action.get("add"):
            seen.force[add["path"]] = (date.fromisoformat(next(iter(add["partitionValues"].values()))), number)


def _lost(lake: Lake, table: type[Table], seen: _Seen) -> Iterator[tuple[Path, Flaw]]:
    """Files in force by the log that are not on disk whole."""
    for name, (day, _) in seen.force.items():
        yield from _checked(lake.folder(table) / name, table, day)


def _named(lake: Lake) -> _Named | None:
    """What runs.days names; None where it is damaged itself."""
    by_name = {table.table_name(): table for table in ALL}
    try:
        manifest, rows = days.manifest(lake), days.standing(lake)
    except PricingError:
        return None
    force = {by_name[name]: files for name, files in manifest.items() if name in by_name}
    force.pop(runs.Days, None)
    read: dict[type[Table], set[_Window]] = {}
    for inputs in rows["inputs"].to_list():
        for each in inputs or []:
            if each["table"] in by_name:
                read.setdefault(by_name[each["table"]], set()).add((each["version"], each["first"], each["last"]))
    return _Named(force, read, frozenset(rows.filter(pl.col("status") == "expired")["date"]))


def _ahead(lake: Lake, named: _Named, seen: Mapping[type[Table], _Seen]) -> Iterator[Flaw]:
    """Days that name what logs do not hold: the logs are of an earlier moment than runs.days, or begun anew."""
    for table, files in named.force.items():
        for day, file in files.items():
            if file.version > seen[table].latest:
                what = f"runs.days names version {file.version}, the log ends at {seen[table].latest}"
                yield Flaw(table.table_name(), day, what, lake.path(table, file))
            elif not seen[table].knew(parquet.relative(table, file)):
                what = f"runs.days names {lake.path(table, file)}, the log never held it"
                yield Flaw(table.table_name(), day, what, lake.path(table, file))


def _unreplayable(lake: Lake, named: _Named, seen: Mapping[type[Table], _Seen]) -> dict[Path, Flaw]:
    """Files the manifest has in force, or standing days replay from, that are not on disk whole."""
    found: dict[Path, Flaw] = {}
    for table, files in named.force.items():
        for day, file in files.items():
            found |= dict(_checked(lake.path(table, file), table, day))
    for table, windows in named.read.items():
        for path, spans in seen[table].spans.items():
            if any(_reads(window, span) for window in windows for span in spans):
                found |= dict(_checked(lake.folder(table) / path, table, spans[0][0]))
    return found


def _reads(window: _Window, span: tuple[date, int, int]) -> bool:
    version, first, last = window
    return span[1] <= version < span[2] and first <= span[0] <= last


def _checked(path: Path, table: type[Table], day: date) -> Iterator[tuple[Path, Flaw]]:
    what = None if parquet.ends_whole(path) else "is cut short" if path.exists() else "is missing"
    if what:
        yield path, Flaw(table.table_name(), day, f"{path} {what}", path, table in _DERIVED)
