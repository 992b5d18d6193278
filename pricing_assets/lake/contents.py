"""What files hold, held against the hash on record: bytes that changed where they lie, which no size or name tells.

Here: one file, and every file in force. Not here: files that are not there or cut short (soundness), rebuilding days
(pricing/replay).
"""

from __future__ import annotations

from collections.abc import Callable

from pricing_assets.errors import PricingError
from pricing_assets.lake import PartitionFile, days
from pricing_assets.lake.hashing import content_hash
from pricing_assets.lake.soundness import Flaw
from pricing_assets.lake.store import Lake
from pricing_assets.tables import ALL
from pricing_assets.tables.base import Table


def altered(lake: Lake, table: type[Table], file: PartitionFile) -> str | None:
    """What is wrong with a file whose rows no longer hash to its name; None where they do.

    Columns of provenance are not hashed. Raises PricingError where the file cannot be read at all.
    """
    found = content_hash(lake.read_files(table, [file]), table)
    return None if found == file.hash else f"{file.table} as stored hashes to {found[:12]}, recorded {file.hash[:12]}"


def flaws(lake: Lake, progress: Callable[[str], object] = lambda what: None) -> tuple[int, list[Flaw]]:
    """How many files are in force, and those that do not hold what was recorded, by table and day. Reads them all."""
    manifest = days.manifest(lake)
    number, found = 0, []
    for table in ALL:
        name = table.table_name()
        files = {(file.partition, file.hash): file for file in lake.files(table)}
        files |= {(file.partition, file.hash): file for file in manifest.get(name, {}).values() if file.rows}
        for done, (_, file) in enumerate(sorted(files.items()), 1):
            progress(f"{name}: {done:,} of {len(files):,} files")
            if what := _fault(lake, table, file):
                found.append(Flaw(name, file.partition, what, lake.path(table, file)))
        number += len(files)
    return number, found


def _fault(lake: Lake, table: type[Table], file: PartitionFile) -> str | None:
    path = lake.path(table, file)
    try:
        return f"{path} holds other rows than were written" if altered(lake, table, file) else None
    except PricingError:
        return f"{path} holds nothing that can be read"
