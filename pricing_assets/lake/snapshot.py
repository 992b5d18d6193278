"""The lake at one moment, while others commit to it: versions of all tables, and the files that make them up.

Here: which versions belong together, and what must be copied for them. Not here: copying.

Files never change and a log only grows, so the moment needs no lock: two readings that agree have seen the lake as it
was between them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pricing_assets.lake import days, parquet
from pricing_assets.lake.store import Lake
from pricing_assets.tables import ALL, runs

_NUMBERED = re.compile(r"(\d{20})\.(json|.*parquet)")  # an entry, or a checkpoint of all up to it


@dataclass(frozen=True)
class Part:
    """A file of the lake, its path relative to the root; `needed` where a version or the manifest names it."""

    path: Path
    bytes: int
    needed: bool


def versions(lake: Lake) -> dict[str, int]:
    """Table → its latest version, of every table there is, by name."""
    found = {}
    for log in lake.root.glob("*/*/_delta_log"):
        table = log.parent
        version = max(
            (int(m[1]) for m in map(_NUMBERED.fullmatch, _names(log)) if m and m[0].endswith(".json")), default=-1
        )
        if version >= 0:
            found[f"{table.parent.name}.{table.name}"] = version
    return dict(sorted(found.items()))


def parts(lake: Lake, of: Mapping[str, int]) -> Iterator[Part]:
    """What makes up the lake at these versions, table by table, the log of each before its rows.

    Rows of later versions may be among them: nothing names them. Raises PricingError where a log is damaged.
    """
    needed = _needed(lake, of)
    for name, version in of.items():
        folder = lake.root / Path(*name.split("."))
        yield from (_part(lake, path, needed=True) for path in _log(folder / "_delta_log", version))
        there = sorted(folder.glob("*=*/*.parquet"))
        yield from (_part(lake, path, needed=path in needed) for path in there)
        yield from (
            Part(path.relative_to(lake.root), 0, True)
            for path in sorted(needed - set(there))
            if path.is_relative_to(folder)
        )


def _needed(lake: Lake, of: Mapping[str, int]) -> set[Path]:
    """Files in force at the versions, or put in force by runs.days at its own."""
    manifest = days.manifest(lake, of.get(runs.Days.table_name(), -1))
    found = set()
    for table in ALL:
        name = table.table_name()
        files = [*lake.files(table, of.get(name, -1)), *manifest.get(name, {}).values()]
        found |= {lake.folder(table) / parquet.relative(table, file) for file in files}
    return found


def _log(folder: Path, version: int) -> Iterator[Path]:
    """Entries and checkpoints up to a version."""
    for name in sorted(_names(folder)):
        numbered = _NUMBERED.fullmatch(name)
        if numbered and int(numbered[1]) <= version:
            yield folder / name


def _part(lake: Lake, path: Path, *, needed: bool) -> Part:
    try:
        return Part(path.relative_to(lake.root), path.stat().st_size, needed)
    except FileNotFoundError:  # taken away since the folder was listed
        return Part(path.relative_to(lake.root), 0, needed)


def _names(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]
