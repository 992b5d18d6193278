"""Transactions put on disk as entries of a Delta log: whole and durable before anybody sees them.

Here: the file of one transaction, and the checkpoint that saves other programs from reading all of them. Not here:
what a transaction says (log.py), and reading it back (entries.py).

delta-rs links an entry into place before its bytes are on disk, and never fsyncs: after a power cut the newest entry
could be there and empty, and with it the table unreadable. So the file is written, fsynced and linked here. Linking
fails where the entry exists: of two that go on from one version, one is refused.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError

from pricing_assets.errors import PricingError
from pricing_assets.lake.entries import FOREIGN, place
from pricing_assets.lake.files import storage_faults, sync, write_durably

_LAST = "_last_checkpoint"


def write_entry(log: Path, version: int, actions: Sequence[Mapping[str, Any]]) -> None:
    """Puts a transaction into the log folder as its `version`.

    Raises PricingError where the disk refuses, or where that version exists; the table is then as before. Only where
    the folder cannot be fsynced after the link it may be the new one already.
    """
    path = place(log, version)
    aside = log / f"{path.name}.{uuid4().hex}.tmp"
    content = "\n".join(json.dumps(action, separators=(",", ":")) for action in actions)
    with storage_faults(path):
        try:
            with aside.open("xb") as file:
                file.write(content.encode())
                file.flush()
                os.fsync(file.fileno())
            os.link(aside, path)
        except FileExistsError as fault:
            raise PricingError(
                f"{path}: another program committed to the table meanwhile", f"run again; {FOREIGN}"
            ) from fault
        finally:
            with suppress(OSError):
                aside.unlink()
        sync(log)


def last_checkpoint(log: Path) -> int:
    """The version of the last checkpoint in a log folder; -1 without one, or where it is not said whole."""
    try:
        return int(json.loads((log / _LAST).read_text())["version"])
    except (FileNotFoundError, ValueError, KeyError):
        return -1


def write_checkpoint(log: Path, version: int) -> None:
    """Puts a checkpoint of `version` into the log folder, and clears away what dead processes left there.

    A checkpoint only saves reading: where it cannot be made there is none, and the next one is tried in its turn. The
    caller holds the table's lock.
    """
    for abandoned in (*log.glob("*.tmp"), *log.parent.glob(".checkpoint-*")):
        _remove(abandoned)
    newest = max(log.glob("*.checkpoint.parquet"), default=None)
    if not (newest and _checkpoint(log, version, newest)):
        _checkpoint(log, version, None)  # the first one; or the newest is not whole


def _checkpoint(log: Path, version: int, known: Path | None) -> bool:
    """Whether a checkpoint could be made of an earlier one and the entries since.

    delta-rs writes it beside the table, over links to the same files: nobody may see it before it is durable.
    """
    table = log.parent / f".checkpoint-{uuid4().hex}"
    beside = table / log.name
    first = int(known.name.partition(".")[0]) + 1 if known else 0
    entries = [place(log, number) for number in range(first, version + 1)]
    try:
        beside.mkdir(parents=True)
        for path in (*entries, *([known] if known else [])):
            os.link(path, beside / path.name)
        DeltaTable(table).create_checkpoint()
        made = beside / f"{version:020}.checkpoint.parquet"
        sync(made)
        made.replace(log / made.name)
        write_durably(log / _LAST, (beside / _LAST).read_bytes())
        return True
    except (OSError, DeltaError, PricingError):
        return False
    finally:
        _remove(table)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()
