"""Eight people at once on one store, SQLite and PostgreSQL: 0 lost updates, one effect per key."""

from __future__ import annotations

import time

import pytest
from governance_people import OPERATIONS_A_ROUND, PEOPLE, all_at_once


def test_eight_people_lose_nothing(url: str) -> None:
    assert all_at_once(url, 40 // OPERATIONS_A_ROUND) == PEOPLE * 40


@pytest.mark.torture
def test_eight_people_lose_nothing_in_five_hundred_operations_each(url: str) -> None:
    start = time.perf_counter()
    done = all_at_once(url, -(-500 // OPERATIONS_A_ROUND))
    assert done == PEOPLE * 504
    print(f"{done:,} operations by {PEOPLE} people on {url.partition(':')[0]}: {time.perf_counter() - start:.1f} s")
