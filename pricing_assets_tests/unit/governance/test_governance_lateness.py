"""Late days on record: one event when a day is late, one when it stands, whoever asks and however often."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta

from pricing_assets import governance
from pricing_assets.governance import Store
from pricing_assets.tables.governance import LateDays

DAY, NEXT = date(2026, 3, 4), date(2026, 3, 5)
DUE = datetime(2026, 3, 5, 6, tzinfo=UTC)


def test_a_late_day_is_opened_once_and_closed_once(store: Store) -> None:
    (opened,) = store.lateness.open({DAY: DUE})
    assert (opened.day, opened.due, opened.state, opened.late_seconds) == (DAY, DUE, "open", None)
    assert store.lateness.open({DAY: DUE + timedelta(hours=1)}) == [], "another SLA does not ask again"
    (closed,) = store.lateness.close({DAY: DUE + timedelta(minutes=7)})
    assert (closed.state, closed.late_seconds) == ("closed", 420)
    assert store.lateness.close({DAY: DUE + timedelta(minutes=9)}) == []
    assert store.lateness.open({DAY: DUE}) == [], "a day that stands was late once"
    assert store.lateness.days() == [closed]
    assert [(event.stream, event.kind, event.actor) for event in store.events()] == [
        ("late:2026-03-04", "late_opened", "system"),
        ("late:2026-03-04", "late_closed", "system"),
    ]


def test_only_days_on_record_are_closed(store: Store) -> None:
    store.lateness.open({DAY: DUE})
    assert store.lateness.close({NEXT: DUE}) == []
    assert [each.state for each in store.lateness.days()] == ["open"]


def test_many_that_look_at_once_raise_one_event(store: Store) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: store.lateness.open({DAY: DUE, NEXT: DUE}), range(12)))
    assert sorted(each.day for opened in found for each in opened) == [DAY, NEXT]
    assert len(store.events()) == 2


def test_a_day_that_stood_by_a_clock_set_back_is_late_by_nothing(store: Store) -> None:
    store.lateness.open({DAY: DUE})
    assert store.lateness.close({DAY: DUE - timedelta(hours=1)})[0].late_seconds == 0


def test_late_days_are_exported(store: Store) -> None:
    store.lateness.open({DAY: DUE, NEXT: DUE})
    store.lateness.close({DAY: DUE + timedelta(seconds=5)})
    rows = governance.exported(store, NEXT)[LateDays]
    assert rows.select("date", "state", "late_seconds").rows() == [(DAY, "closed", 5), (NEXT, "open", None)]
