import pytest

from pricing_assets.counting import counted


@pytest.mark.parametrize(("number", "words"), [(0, "0 days"), (1, "1 day"), (2, "2 days"), (12_000, "12,000 days")])
def test_numbers_of_things_read_right(number: int, words: str) -> None:
    assert counted(number, "day") == words
