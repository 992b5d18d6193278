"""Which days are late, by whatever clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given
from hypothesis import strategies as st

from pricing_assets.monitoring import lateness

DAYS = [date(2026, 3, number) for number in range(1, 8)]


def due(day: date) -> datetime:
    return datetime.combine(day + timedelta(days=1), time(6), tzinfo=UTC)


def late(standing: list[date], as_of: datetime, last: date = DAYS[-1], first_day: date = DAYS[0]) -> list[date]:
    return [each.day for each in lateness.late_days(standing, first_day, last, due, as_of)]


def test_a_day_is_late_once_its_moment_has_passed_and_not_before() -> None:
    assert late(DAYS[:6], due(DAYS[6])) == []
    (found,) = lateness.late_days(DAYS[:6], DAYS[0], DAYS[6], due, due(DAYS[6]) + timedelta(minutes=5))
    assert found == (DAYS[6], due(DAYS[6]), timedelta(minutes=5))


def test_a_gap_is_late_and_history_before_the_first_standing_day_is_not() -> None:
    assert late([DAYS[2], DAYS[4]], due(DAYS[6])) == [DAYS[3], DAYS[5]]


def test_where_nothing_stands_the_last_day_alone_is_due() -> None:
    assert late([], due(DAYS[6]) + timedelta(days=1)) == [DAYS[6]]
    assert late([], due(DAYS[6]) + timedelta(days=1), first_day=DAYS[6] + timedelta(days=1)) == []


def test_next_due_is_the_oldest_day_missing_or_the_one_to_come() -> None:
    assert lateness.next_due(DAYS, DAYS[0], DAYS[6], due) == (date(2026, 3, 8), due(date(2026, 3, 8)))
    assert lateness.next_due([DAYS[0], DAYS[2]], DAYS[0], DAYS[6], due) == (DAYS[1], due(DAYS[1]))
    assert lateness.next_due([], DAYS[6], DAYS[2], due) == (DAYS[6], due(DAYS[6]))


@given(st.sets(st.sampled_from(DAYS)), st.integers(0, 9 * 24), st.integers(0, 9 * 24))
def test_a_clock_set_back_makes_no_other_day_late(standing: set[date], hours: int, back: int) -> None:
    now = due(DAYS[0]) + timedelta(hours=hours)
    assert set(late(list(standing), now - timedelta(hours=back))) <= set(late(list(standing), now))
    assert not set(late(list(standing), now)) & standing
