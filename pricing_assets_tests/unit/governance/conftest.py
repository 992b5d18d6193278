"""Both databases the store runs on, as one fixture: every test that takes `url` runs on each."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pricing_assets import governance, strategies
from pricing_assets.governance import Store

_numbers = itertools.count()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'governance.db'}"
    server = sa.make_url(request.getfixturevalue("postgres")).set(drivername="postgresql+psycopg")
    name = f"store_{next(_numbers)}"
    engine = sa.create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return server.set(database=name, drivername="postgresql").render_as_string(hide_password=False)


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
