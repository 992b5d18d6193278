"""Where the whole UCI Online Retail file is, for the tests that need it; where it is not, they say so."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pricing_assets.settings import EXAMPLES


def needed_whole_file() -> Path:
    """The full file, named by UCI_ONLINE_RETAIL or in `shared/data` beside the repository; else skips the test."""
    named = os.environ.get("UCI_ONLINE_RETAIL")
    path = Path(named) if named else EXAMPLES.parents[1] / "shared" / "data" / "uci_online_retail.parquet"
    if not path.is_file():
        pytest.skip("the whole UCI file is not here: name it in UCI_ONLINE_RETAIL, or put it in ../shared/data")
    return path
