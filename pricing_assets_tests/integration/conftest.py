"""The marts of marts_shop.py, built by dbt once for all tests that only look at them."""

from __future__ import annotations

from pathlib import Path

import pytest
from marts_shop import Dbt, draft, shop
from tiny_shop import Once


@pytest.fixture(scope="session")
def built_marts(once: Once) -> Path:
    """A folder with `analytics.duckdb` and dbt's `target` beside it. Not to be changed."""

    def build(folder: Path) -> None:
        built = Dbt(folder).build(draft(folder, shop()))
        assert built.returncode == 0, built.stdout

    return once("marts", build)
