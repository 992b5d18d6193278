"""Keeps a lake in a process of its own, which may be killed. Usage: lake_keeper.py HOME."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest import mock

from lake_shop import Days

from pricing_assets.lake import Lake, expiry
from pricing_assets.lake.expiry import Terms

if __name__ == "__main__":
    print("begins", flush=True)
    sys.stdin.readline()
    with mock.patch.object(expiry, "EVIDENCE", 1):
        Days(Lake(Path(sys.argv[1]) / "lake")).keep(Terms(3, 4), datetime.now(UTC) + timedelta(days=9), timedelta(0))
