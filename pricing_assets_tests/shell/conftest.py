"""Homes the shell is asked about: one in which days stand, a copy of it, and runs without the marts."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from shell_commands import pricing
from tiny_shop import DAYS, FIRST, Once, Shop
from unadorned import unadorned, without_marts

from pricing_assets.lake import marks

FIVE = DAYS[:5]


@pytest.fixture(scope="session")
def priced(location: Path, once: Once) -> Path:
    """A home in which five days were run by the shell, dbt and all. Not to be changed."""

    def run(folder: Path) -> None:
        with pytest.MonkeyPatch.context() as patch, unadorned():
            patch.setenv("PRICING_HOME", str(folder / "home"))
            patch.setenv("PRICING_SOURCE", str(location))
            said = pricing("run", "--from", str(FIRST), "--to", str(FIVE[-1])).stdout
        assert said.splitlines()[0].startswith(f"{FIRST}: 4 decided, ")

    return once("priced", run) / "home"


@pytest.fixture
def standing(priced: Path, home: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Path:
    """The same home, to look at."""
    monkeypatch.setenv("PRICING_HOME", str(priced))
    return priced


@pytest.fixture
def copied(priced: Path, home: Path, shop: Shop) -> Path:
    """A copy of the lake alone, to be changed: of a home in which nobody has decided anything."""
    shutil.copytree(priced / "lake", home / "lake", ignore=shutil.ignore_patterns(marks.FILE))
    return home


@pytest.fixture
def quick(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """`pricing run` on this test's shop, unadorned and without marts; call it again after a change of settings."""
    from pricing_assets.defs import resources

    def load() -> None:
        monkeypatch.setattr(resources, "SOURCE", shop.load())

    load()
    with unadorned(), without_marts():
        yield load
