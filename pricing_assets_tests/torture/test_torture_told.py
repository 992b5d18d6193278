"""What the torture prints: one table of all that tests told of themselves, and how to repeat a failure."""

from __future__ import annotations

from torture_seed import repeat
from torture_told import told


def failed(name: str, points: int, **faults: int) -> dict[str, object]:
    return {"failed": {"name": name, "points": {name: points}, "faults": faults, "lost": 1, "seconds": 2.0}}


def test_kills_and_faults_end_in_one_table_and_tests_of_the_same_calls_in_one_row() -> None:
    killed = {"killed": {"stage": "refresh", "kills": 3, "queries": 5, "reader_errors": 1, "seconds": 4.0}}
    head, *rows = told([killed, failed("a run", 7, EIO=2), {}, failed("a run", 7, EIO=1, killed=1)])[:4]
    names = "stage kills faults lost duplicated torn reader_errors queries seconds"
    assert head.replace("reader errors", "reader_errors").split() == names.split()
    assert [row.split() for row in rows] == [
        ["refresh", "3", "0", "0", "0", "0", "1", "5", "4"],
        ["a", "run", "0", "4", "2", "0", "0", "0", "0", "4"],
        ["all", "3", "4", "2", "0", "0", "1", "5", "8"],
    ]
    assert told([{}]) == []


def test_a_failure_says_how_it_is_repeated() -> None:
    said = repeat("stations", 7, TORTURE_POINT=12)
    assert said == """repeat it: TORTURE_SEED=7 TORTURE_POINT="12" make torture PYTEST='-k "stations"'"""
