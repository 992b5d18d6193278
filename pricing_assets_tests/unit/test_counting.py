from datetime import timedelta

import pytest

from pricing_assets.counting import counted, lasting


@pytest.mark.parametrize(("number", "words"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (12_000, "12,000 days")])
def test_numbers_of_things_read_right(number: int, words: str) -> None:
    assert counted(number, "day") == words


@pytest.mark.parametrize(
    ("minutes", "words"), [(0, "0 min"), (59, "59 min"), (60, "1 h 0 min"), (1435, "23 h 55 min"), (3000, "2 d 2 h")]
)
def test_times_are_said_in_what_matters_of_them(minutes: int, words: str) -> None:
    assert lasting(timedelta(minutes=minutes, seconds=1)) == words
