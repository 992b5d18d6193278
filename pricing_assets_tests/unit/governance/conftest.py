"""Both databases the store runs on, as one fixture: every test that takes `url` runs on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from servers import empty_database

from pricing_assets import governance, strategies
from pricing_assets.governance import Store


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    return empty_database(request, request.param, tmp_path)


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with governance.open_store(url, strategies) as opened:
        yield opened


@pytest.fixture
def text() -> Callable[..., str]:
    def make(name: str = "spring", factor: float = 0.9, priority: int = 1, scope: str = "{category: [HOME]}") -> str:
        return (
            f"strategy: {name}\ntype: rules\npriority: {priority}\nscope: {scope}\n"
            f"rules: [{{name: all, then: {{multiply: {factor}}}}}]\n"
        )

    return make
