"""The front door for Dagster: loads `defs/`, nothing else."""

from __future__ import annotations

import gc
from pathlib import Path

import dagster as dg

gc.freeze()  # what Dagster's import made stays for good: searching it for garbage costs a tenth of each start


@dg.definitions
def defs() -> dg.Definitions:
    """All assets, checks, schedules, sensors and resources of the platform."""
    return dg.load_from_defs_folder(path_within_project=Path(__file__).parent / "defs")
