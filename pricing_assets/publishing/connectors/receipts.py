"""Acknowledgement files: CSV with sku, market, price, status, and reason where there is one.

Here: reading what was dropped into a folder, and putting it away. Not here: what it means for a price (judging).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl

from pricing_assets.counting import counted
from pricing_assets.lake.files import make_folder
from pricing_assets.publishing.connectors.connector import ANSWER, Receipt

_REQUIRED = ("sku", "market", "price", "status")


def waiting(folder: Path) -> Sequence[Receipt]:
    """The files of a folder that were not put away yet, by name. Other endings than .csv are still being written."""
    return [_read(path) for path in sorted(folder.glob("*.csv"))]


def _read(path: Path) -> Receipt:
    try:
        found = pl.read_csv(path, infer_schema=False, encoding="utf8")
    except (pl.exceptions.PolarsError, OSError) as fault:
        said = str(fault).strip() or type(fault).__name__
        return _unread(path, f"is no CSV in UTF-8 ({said.splitlines()[0]})")
    found = found.rename({name: name.strip().lower() for name in found.columns})
    if missing := [name for name in _REQUIRED if name not in found.columns]:
        return _unread(path, f"has no column {', '.join(missing)}; expected {', '.join(ANSWER)}")
    if "reason" not in found.columns:
        found = found.with_columns(reason=pl.lit(None, dtype=pl.String))
    rows = found.select(pl.col(list(ANSWER)).str.strip_chars())
    whole = pl.all_horizontal((pl.col(_REQUIRED) != "").fill_null(False))
    lacking = rows.height - rows.filter(whole).height
    said_so = f"{counted(lacking, 'row')} of it lack sku, market, price or status" if lacking else None
    return Receipt(path.name, rows.filter(whole), said_so, partial(_put, path, "done"))


def _unread(path: Path, fault: str) -> Receipt:
    return Receipt(path.name, pl.DataFrame(schema=ANSWER), fault, partial(_put, path, "refused"))


def _put(path: Path, place: str) -> None:
    """Moves a file aside; one of the same name put away before is kept."""
    make_folder(path.parent / place)
    target, number = path.parent / place / path.name, 1
    while target.exists():
        number += 1
        target = target.with_name(f"{path.stem}-{number}{path.suffix}")
    path.rename(target)
