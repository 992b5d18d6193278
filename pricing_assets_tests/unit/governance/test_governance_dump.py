"""The store as lines of JSON: from either engine into either, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from servers import empty_database

from pricing_assets import governance, strategies
from pricing_assets.errors import PricingError
from pricing_assets.governance import dump
from pricing_assets.governance.database import Database

EXPIRES = datetime(2099, 1, 1, tzinfo=UTC)


@pytest.fixture
def target(request: pytest.FixtureRequest, url: str, tmp_path: Path) -> str:
    """An empty database of the other engine."""
    other = "sqlite" if url.startswith("postgresql") else "postgresql"
    (tmp_path / "other").mkdir()
    return empty_database(request, other, tmp_path / "other")


def fill(url: str, text: Callable[..., str]) -> None:
    with governance.open_store(url, strategies) as store:
        store.ensure_default()
        store.activate(text(), "ann", "a “reason”\nof two lines 🌱", "key 1")
        store.propose("approval:one", {"n": 0.1}, EXPIRES, reason="r", key="key 2")


def dumped(url: str) -> list[str]:
    database = Database(url)
    try:
        with dump.reading(database) as (_, lines):
            return list(lines)
    finally:
        database.close()


def everything(url: str) -> tuple[object, object]:
    with governance.open_store(url, strategies) as store:
        return store.events(), store.audit()


def test_events_audit_and_keys_are_the_same_on_the_other_engine(
    url: str, target: str, text: Callable[..., str]
) -> None:
    fill(url, text)
    lines = dumped(url)
    assert dump.load(target, lines) == 3
    assert everything(target) == everything(url)
    assert dumped(target) == lines
    with governance.open_store(target, strategies) as store:
        retried = store.propose("approval:one", {"n": 0.1}, EXPIRES, reason="r", key="key 2")
        assert retried.seq == 3
        answered = store.decide("bob", "approval:one", "approve", "fine", "key 3")
        assert answered.seq == 4, "numbers go on where they were"
        assert [strategy.name for strategy in store.active()] == ["spring", "default"]


@pytest.mark.parametrize("read", [0, 3])
def test_what_is_appended_or_expires_after_it_was_opened_changes_nothing_of_it(
    url: str, text: Callable[..., str], read: int
) -> None:
    fill(url, text)
    before = dumped(url)
    database = Database(url)
    with dump.reading(database) as (last, lines):
        first = [next(lines) for _ in range(read)]
        with governance.open_store(url, strategies) as store:  # not kept waiting
            store.propose("approval:two", {}, EXPIRES + timedelta(days=1), reason="r", key="key 4")
            assert store.expire_audit(EXPIRES, by="ann", reason="r", key="key 5") > 0
        assert [*first, *lines] == before and last == 3
    database.close()


def test_loaded_again_it_is_left_as_it_is(target: str, url: str, text: Callable[..., str]) -> None:
    fill(url, text)
    lines = dumped(url)
    assert dump.load(target, lines) == dump.load(target, lines) == 3
    with governance.open_store(target, strategies) as store:
        store.decide("bob", "approval:one", "approve", "fine", "key 3")
    with pytest.raises(PricingError, match="is not empty, it holds 4 events"):
        dump.load(target, lines)


def test_a_line_that_is_refused_leaves_the_store_empty(url: str, target: str, text: Callable[..., str]) -> None:
    fill(url, text)
    lines = dumped(url)
    with pytest.raises((sa.exc.SQLAlchemyError, PricingError)):
        dump.load(target, [*lines, lines[-1]])
    assert dump.load(target, lines) == 3


def test_an_earlier_schema_is_brought_to_this_one(url: str, text: Callable[..., str], target: str) -> None:
    fill(url, text)
    lines = dumped(url)
    assert dump.load(target, [json.dumps({"revision": "0001"}), *lines[1:]]) == 3
    assert everything(target) == everything(url)


@pytest.mark.parametrize("first", ['{"revision": "0099"}', "{}", "no line"])
def test_a_newer_schema_or_none_is_refused(tmp_path: Path, first: str) -> None:
    with pytest.raises(PricingError) as refused:
        dump.load(f"sqlite:///{tmp_path / 'g.db'}", [first])
    assert refused.value.remedy
