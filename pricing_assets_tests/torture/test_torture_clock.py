"""A clock that jumps in mid-run, back or ahead: days end as by one that goes on, or are refused until it is right."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from torture_clock import Clock
from torture_findings import standing
from torture_preload import compiler
from torture_runs import PATIENCE, Place, check_ended, check_whole, hashes, warm
from torture_seed import repeat, seed
from torture_shop import FIRST, write_shop

SEED = seed(20261208)
HOUR = 3600
BEFORE = -((datetime.now(UTC).date() - FIRST).days + 30) * 24 * HOUR
"""After this jump it is before the days themselves."""
JUMPS = (-HOUR, -26 * HOUR, 60 * 24 * HOUR, -90 * 24 * HOUR, BEFORE, -HOUR)
"""Seconds, in the midst of a day's run each: on from where the one before left the clock."""

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(compiler() is None, reason="no C compiler here: the library of the clock cannot be built"),
]


def day(number: int) -> str:
    return str(FIRST + timedelta(days=20 + number))


def test_days_end_the_same_whatever_the_clock_does_and_doctor_names_one_that_is_back(tmp_path: Path) -> None:
    shop, clock, chance = write_shop(tmp_path / "shop"), Clock(tmp_path / "clock"), random.Random(SEED)
    print(repeat("test_torture_clock", SEED))
    whole = Place(tmp_path / "whole", shop)
    jumped = Place(tmp_path / "jumped", shop, clock.environment)
    with warm(whole) as server:
        server.run("--without-marts", "run", "--date", day(0))
        before = time.monotonic()
        server.run("--without-marts", "run", "--date", day(1))
        lasts = time.monotonic() - before
        server.run("run", "--from", day(2), "--to", day(len(JUMPS)))
    with warm(jumped) as server:
        server.run("run", "--date", day(0))
        for number, seconds in enumerate(JUMPS, start=1):
            server.start("run", "--date", day(number))
            time.sleep(chance.uniform(0.05, 0.9) * lasts)
            clock.jump(seconds)
            assert server.wait() == 0, f"a jump of {seconds} s"
            check_whole(jumped.lake)
            if seconds == BEFORE:
                assert "by this machine's clock" in refused(jumped, "run", "--date", day(number + 1))
                assert "FAULT clock" in refused(jumped, "doctor")
                clock.jump(-BEFORE)
        server.run("replay", "--from", day(0), "--to", day(len(JUMPS)))
    assert hashes(jumped.lake) == hashes(whole.lake)
    columns = [name for name in standing(whole.lake).columns if not name.endswith("_at")]
    assert_frame_equal(standing(jumped.lake).select(columns), standing(whole.lake).select(columns))
    check_ended(jumped, 0)


def refused(place: Place, *words: str) -> str:
    """What a command says that ends in a fault, with its remedy and without a traceback."""
    process = place.start(*words)
    said, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1 and "remedy: " in said and "Traceback" not in said, said
    return said
