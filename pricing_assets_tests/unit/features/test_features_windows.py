"""Windows as positions: against lists, on random histories."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pricing_assets.features.windows import History, Runs, running


@pytest.mark.parametrize("seed", range(6))
def test_windows_equal_slices_of_lists(seed: int) -> None:
    random = np.random.default_rng(seed)
    groups, days, known = (random.integers(0, high, 300) for high in (6, 60, 10**6))
    days = days + 10
    values = random.integers(0, 4, 300)
    history = History(groups, days, known)
    held = values[history.rows]
    sums, runs = running(held), Runs(history.groups, held)
    latest: dict[tuple[int, int], tuple[int, int]] = {}
    for group, day, moment, value in zip(groups, days, known, values, strict=True):
        key = (int(group), int(day))
        latest[key] = max(latest.get(key, (-1, 0)), (int(moment), int(value)))
    assert len(history) == len(latest)
    for width in (1, 5, 40):
        group, day = (grid.ravel() for grid in np.meshgrid(np.arange(7), np.arange(10, 75)))
        left, right = history.after(group, day - width), history.after(group, day)
        filled = right > left
        highest = np.zeros(len(left), dtype=np.int64)
        highest[filled] = runs.highest(left[filled], right[filled])
        place, changed = runs.last_change(left, right)
        for i, (g, d) in enumerate(zip(group, day, strict=True)):
            window = [(day_, v) for (g_, day_), (_, v) in sorted(latest.items()) if g_ == g and d - width < day_ <= d]
            assert sums[right[i]] - sums[left[i]] == sum(v for _, v in window)
            assert highest[i] == max((v for _, v in window), default=0)
            changes = [b[0] for a, b in pairwise(window) if a[1] != b[1]]
            assert changed[i] == bool(changes)
            assert not changes or history.days[place[i]] == changes[-1]


def test_on_finds_the_row_of_exactly_that_day() -> None:
    history = History(np.array([1, 1, 2]), np.array([20, 22, 21]))
    place, found = history.on(np.array([1, 1, 1, 2, 0]), np.array([20, 21, 22, 21, 99]))
    assert found.tolist() == [True, False, True, True, False]
    assert place[found].tolist() == [0, 1, 2]


def test_an_empty_history_has_empty_windows() -> None:
    nothing = np.empty(0, dtype=np.int64)
    history = History(nothing, nothing, nothing)
    place, found = history.on(np.array([0]), np.array([700_000]))
    assert not found.any()
    assert place.tolist() == [0]
    _, changed = Runs(history.groups, nothing).last_change(np.array([0]), np.array([0]))
    assert not changed.any()


def test_running_sums_have_exact_differences_beyond_int64() -> None:
    values = np.full(8, 2**62, dtype=np.int64)
    values[5] = 7
    sums = running(values)
    assert sums[6] - sums[5] == 7
