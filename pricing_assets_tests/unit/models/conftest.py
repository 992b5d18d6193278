"""One MLflow and one store for the whole session, whose making takes time, and for each test a model of its own."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from pricing_assets import governance
from pricing_assets.governance import Store
from pricing_assets.models import Bench, Policy, Registry

_numbers = itertools.count()


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    folder = tmp_path_factory.mktemp("mlflow")
    return Registry(f"sqlite:///{folder / 'mlflow.db'}", folder / "artifacts")


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    with governance.open_store(f"sqlite:///{tmp_path_factory.mktemp('governance') / 'governance.db'}") as opened:
        yield opened


@pytest.fixture
def bench(store: Store, registry: Registry) -> Bench:
    return Bench(store.gate, registry, Policy(least_rows=5))


@pytest.fixture
def model() -> str:
    return f"demand-{next(_numbers)}"
