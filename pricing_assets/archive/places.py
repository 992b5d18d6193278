"""What lies where in a home, and what of it a backup leaves out.

Here: names, and the sign of a restore that has not ended. Not here: reading or writing what they name.
"""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path, PurePath

from pricing_assets.errors import PricingError

LAKE, DAGSTER, GOVERNANCE = "lake", "dagster", "governance.db"
DUMP = "governance.jsonl"
"""The member that holds what people decided."""
RESTORING = ".restoring"
"""Folder in a home whose restore has not ended."""
RESTORED = ".restored.tmp"
"""The same folder once it has ended, while it is removed."""
RESTORING_LOCK = f"{RESTORING}.lock"
"""In the home and not beside it: the home may be a mounted disk, in a folder nobody can write to."""

OF_THE_MACHINE = ("logs", "metrics", "lost+found")
"""Folders of a home that say nothing of its days: no part of a backup, and a home that has nothing else is empty."""

_LEFT_OUT = (
    *OF_THE_MACHINE,
    *("analytics.duckdb*", "draft-*", "dbt", "data_docs"),  # built anew
    *(f"{DAGSTER}/logs", f"{DAGSTER}/*/compute_logs", f"{DAGSTER}/storage"),  # of runs that ended
    f"{DAGSTER}/dagster.yaml",  # absolute paths
    *(f"{GOVERNANCE}*", DUMP, RESTORING),  # as lines, for either engine
)
_ENDS = ("*.lock", "*.tmp", "*.partial")


def is_left_out(path: PurePath) -> bool:
    """Whether a path relative to the home is no part of a backup."""
    return any(fnmatch(str(path), pattern) for pattern in _LEFT_OUT) or any(path.match(end) for end in _ENDS)


def unfinished(home: Path) -> bool:
    """Whether a restore into this home was begun and has not ended."""
    return (home / RESTORING).exists()


def refuse_unfinished(home: Path) -> None:
    """Raises PricingError where a restore into this home was begun and has not ended."""
    if unfinished(home):
        raise PricingError(
            f"{home.absolute()}: a restore was begun here and has not ended",
            "wait until it has; if it was stopped, run `pricing restore FILE` again",
        )
