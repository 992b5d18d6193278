"""What every test shares: a home of its own, and Hypothesis without deadlines.

Here: fixtures that tests of more than one room use. Not here: rows or sources of a single room.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("suite", deadline=None, print_blob=True)  # two shared cores: time says nothing about a test
settings.load_profile("suite")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty PRICING_HOME; no other setting of the machine reaches a test."""
    for name in [name for name in os.environ if name.startswith("PRICING_")]:
        monkeypatch.delenv(name)
    folder = tmp_path / "home"
    monkeypatch.setenv("PRICING_HOME", str(folder))
    return folder
