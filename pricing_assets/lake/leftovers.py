"""Files of the lake that nothing needs any more, and their going.

Here: phase two of retention: telling needed files from free ones, and removing what has been free for a grace period.
Not here: phase one, in which days expire (expiry); which files analytics.duckdb reads (warehouse).

Needed is a file that is in force, in its table's log or in the manifest; that a day replays from, at the Delta versions
its standing row names; or that analytics.duckdb reads. All else is free: what superseded files, expired days, merged
small files, killed commits and older checkpoints leave behind. A free file is written down, and goes when it is still
free a grace period later: whoever had it open has had that long to finish.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

import polars as pl

from pricing_assets.lake import days, months
from pricing_assets.lake.entries import Entry
from pricing_assets.lake.files import make_folder, storage_faults, sync, write_durably
from pricing_assets.lake.store import Lake
from pricing_assets.lake.transactions import last_checkpoint
from pricing_assets.tables import ALL
from pricing_assets.tables.base import Table

Shown = Callable[[Path], bool]
_LEDGER = Path("_keeping") / "free.json"


@dataclass(frozen=True)
class Leftover:
    """A free file: its path below the lake, its bytes, why nothing needs it, and since when."""

    path: str
    bytes: int
    why: str
    since: datetime

    def goes(self, grace: timedelta) -> datetime:
        """From when on it may be removed."""
        return self.since + grace


class _Free(NamedTuple):
    path: Path
    why: str
    removed_ms: int = 0


class _Span(NamedTuple):
    """Versions at which a file is in force, from `first` up to but without `end`; when the log let go of it."""

    first: int
    end: int
    removed_ms: int


class _Window(NamedTuple):
    """A version of a table and the days of it that a standing day was decided from."""

    version: int
    first: date
    last: date


def free_files(lake: Lake, shown: Shown, now: datetime) -> list[Leftover]:
    """Every free file, by path. `since` is when it was first seen to be free: `now` for one not written down yet.

    `shown` says of a file whether analytics.duckdb reads it. Raises PricingError where a log is damaged.
    """
    known = _ledger(lake)
    found: list[_Free] = []
    recorded, manifest = _recorded(lake), days.manifest(lake)
    for table in ALL:
        if lake.version(table) < 0:
            continue
        force = {lake.path(table, file) for file in manifest.get(table.table_name(), {}).values()}
        windows = recorded.get(table.table_name(), [])
        found += [each for each in _free_of(lake, table, windows) if each.path not in force and not shown(each.path)]
    found += [_Free(path, "left by a killed write") for path in _half_written(lake.root)]
    written = sorted((lake.root / months.FOLDER).glob("*/*.parquet"))
    found += [_Free(path, "a month no longer shown") for path in written if not shown(path)]
    leftovers = []
    for each in found:
        name = each.path.relative_to(lake.root).as_posix()
        since = max(known.get(name, now), datetime.fromtimestamp(each.removed_ms / 1000, UTC))
        leftovers.append(Leftover(name, _size(each.path), each.why, since))
    return sorted(leftovers, key=lambda leftover: leftover.path)


def remove(lake: Lake, leftovers: Sequence[Leftover], grace: timedelta, now: datetime) -> list[Leftover]:
    """Removes what has been free for the grace period, and writes down what has not; returns what is gone.

    Under the lock of each table, where no commit can put a file in force again meanwhile. Killed anywhere, it is done
    with the rest at the next time.
    """
    gone = []
    due = [each for each in leftovers if each.goes(grace) <= now]
    for table in ALL:
        folder = lake.folder(table)
        place = f"{folder.relative_to(lake.root).as_posix()}/"
        if mine := [each for each in due if each.path.startswith(place)]:
            with lake.still(table):
                force = {lake.path(table, file) for file in lake.files(table)}
                taken = [each for each in mine if lake.root / each.path not in force]
                _unlink([lake.root / each.path for each in taken], folder)
                gone += taken
    loose = [each for each in due if each.path.startswith("_")]
    _unlink([lake.root / each.path for each in loose], lake.root)
    gone += loose
    names = {each.path for each in gone}
    _write_down(lake, {each.path: each.since.isoformat() for each in leftovers if each.path not in names})
    return gone


def _recorded(lake: Lake) -> dict[str, list[_Window]]:
    """Table → what the standing days replay from, by version. An expired day replays from nothing."""
    rows = days.standing(lake).filter(pl.col("status").cast(pl.String) != "expired")
    found: dict[str, set[_Window]] = {}
    for entries, files in rows.select("inputs", "tables").iter_rows():
        for entry in entries:
            found.setdefault(entry["table"], set()).add(_Window(entry["version"], entry["first"], entry["last"]))
        for file in files:
            if file["rows"]:
                window = _Window(file["version"], file["partition"], file["partition"])
                found.setdefault(file["table"], set()).add(window)
    return {table: sorted(windows) for table, windows in found.items()}


def _free_of(lake: Lake, table: type[Table], windows: Sequence[_Window]) -> Iterator[_Free]:
    """The files of one table that its log and the standing days do not need."""
    folder, spans = lake.folder(table), _spans(lake.entries(table))
    for path in sorted(folder.glob(f"{table.partition()}=*/*.parquet")):
        mine = spans.get(path.relative_to(folder).as_posix(), [])
        day = date.fromisoformat(path.parent.name.partition("=")[2])
        if not any(span.removed_ms == 0 or _replayed(span, day, windows) for span in mine):
            why = "replaced, dropped or merged" if mine else "left by a killed commit"
            yield _Free(path, why, max((span.removed_ms for span in mine), default=0))
    yield from _old_checkpoints(folder / "_delta_log")


def _spans(entries: Sequence[Entry]) -> dict[str, list[_Span]]:
    """Path → when it was in force; a span that goes on has no moment of removal."""
    found: dict[str, list[_Span]] = {}
    for entry in entries:
        for path in entry.removed:
            if path in found:
                found[path][-1] = found[path][-1]._replace(end=entry.version, removed_ms=entry.committed_ms)
        for path in entry.added:
            found.setdefault(path, []).append(_Span(entry.version, 1 << 62, 0))
    return found


def _replayed(span: _Span, day: date, windows: Sequence[_Window]) -> bool:
    """Whether a standing day was decided from a file of `day` that was in force over the span."""
    start = bisect_left(windows, (span.first,))
    end = bisect_left(windows, (span.end,))
    return any(window.first <= day <= window.last for window in windows[start:end])


def _half_written(root: Path) -> Iterator[Path]:
    """Files that were never renamed. Folders come and go meanwhile: a checkpoint is made in one of its own."""
    for folder, _, names in os.walk(root):
        yield from (Path(folder, name) for name in names if name.endswith(".tmp"))


def _old_checkpoints(log: Path) -> Iterator[_Free]:
    """Checkpoints before the last one: a reader opens the last, and every entry of the log is kept beside."""
    last = last_checkpoint(log)
    for path in sorted(log.glob("*.checkpoint*.parquet")):
        number = path.name.partition(".")[0]
        if number.isdigit() and int(number) < last:
            yield _Free(path, "a checkpoint before the last one")


def _unlink(paths: Sequence[Path], top: Path) -> None:
    """Removes files, and the folders below `top` that are empty then, durably."""
    for folder, mine in groupby(sorted(paths), lambda path: path.parent):
        with storage_faults(folder):
            for path in mine:
                path.unlink(missing_ok=True)
            sync(folder)
            if folder != top and "=" in folder.name and not any(folder.iterdir()):
                folder.rmdir()
                sync(folder.parent)


def _ledger(lake: Lake) -> Mapping[str, datetime]:
    """Path → since when it is known to be free. A damaged ledger knows nothing: files then go a grace period later."""
    try:
        said = json.loads((lake.root / _LEDGER).read_text())
        return {path: datetime.fromisoformat(since) for path, since in said.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}


def _write_down(lake: Lake, free: Mapping[str, str]) -> None:
    path = lake.root / _LEDGER
    make_folder(path.parent)
    write_durably(path, json.dumps(free, sort_keys=True, indent=0).encode())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
