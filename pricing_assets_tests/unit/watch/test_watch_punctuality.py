"""Punctuality over a lake, a shop and a governance store."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path

import pytest
from tiny_shop import DAYS, Shop
from watch_lake import at, stand

from pricing_assets import governance
from pricing_assets.governance import Store
from pricing_assets.lake import Lake
from pricing_assets.watch.punctuality import punctuality, settle


@pytest.fixture
def store(home: Path) -> Iterator[Store]:
    with governance.open_store(f"sqlite:///{home}/governance.db") as opened:
        yield opened


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(home / "lake")


@pytest.fixture
def live(tmp_path: Path) -> Shop:
    shop = Shop(tmp_path / "live").write()
    shop.goes_on(DAYS[-1])
    return shop


def test_a_shop_that_is_history_or_has_not_begun_is_never_late(lake: Lake, live: Shop, tmp_path: Path) -> None:
    past = Shop(tmp_path / "past").write().load()
    assert punctuality(lake, past, None, datetime(2030, 1, 1, tzinfo=UTC)) is None
    assert punctuality(lake, live.load(), None, datetime(2026, 3, 1, 12, tzinfo=UTC)) is None


def test_a_day_is_due_at_the_cut_off_of_the_shop_or_at_the_sla(lake: Lake, live: Shop) -> None:
    stand(lake, DAYS[:3])
    source, day = live.load(), DAYS[3]
    assert punctuality(lake, source, None, at(day, 5, 59)).late == []  # type: ignore[union-attr]
    late = punctuality(lake, source, None, at(day, 6, 1))
    assert late and [each.day for each in late.late] == [day]
    early = punctuality(lake, source, time(4, 30), at(day, 5))
    assert early and early.late[0].due == at(day, 4, 30)
    assert (early.next_day, early.next_due) == (day, at(day, 4, 30))


def test_the_clock_of_the_shop_counts_not_that_of_the_machine(lake: Lake, live: Shop) -> None:
    live.settings(historical=None, last_day=None, time_zone="Asia/Tokyo")
    stand(lake, DAYS[:3])
    found = punctuality(lake, live.load(), None, datetime(2026, 3, 4, 21, 1, tzinfo=UTC))  # 06:01 of the 5th in Tokyo
    assert found and [each.day for each in found.late] == [DAYS[3]]


def test_late_days_are_settled_once_whoever_looks(lake: Lake, live: Shop, store: Store) -> None:
    source, day = live.load(), DAYS[3]
    stand(lake, DAYS[:3])

    def look(now: datetime) -> tuple[list[date], list[int | None]]:
        found = punctuality(lake, source, None, now)
        assert found
        done = settle(lake, store, found, now)
        return [each.day for each in done.opened], [each.late_seconds for each in done.closed]

    assert look(at(day, 6, 1)) == ([day], [])
    assert look(at(day, 6, 2)) == ([], [])
    assert look(at(day, 3)) == ([], []), "the clock was set back"
    assert look(at(day, 6, 1)) == ([], []), "and has come to the same moment again"
    stand(lake, [day], committed=at(day, 7))
    stand(lake, [day], committed=at(day, 9), run_id="run-2", decided=4)  # decided again
    assert look(at(day, 9, 30)) == ([], [3600])
    assert look(at(day, 9, 31)) == ([], [])
    assert len(store.events()) == 2
