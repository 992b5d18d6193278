"""The backfill of the whole UCI shop, killed at random moments and resumed: the same tables as in one go.

Needs the full file, and half an hour. TORTURE_SEED chooses the moments.
"""

from __future__ import annotations

import random
import time
from pathlib import Path

import pytest
from torture_runs import Place, check_ended, check_whole, hashes, killed_after
from torture_seed import repeat, seed
from whole_shop import needed_whole_file

KILLS = 3
SEED = seed(20111209)
BACKFILL = ["run", "--from", "2010-12-01", "--to", "2011-12-09"]

pytestmark = [pytest.mark.torture, pytest.mark.full_data]


def test_a_killed_backfill_of_the_whole_shop_ends_in_the_same_hashes(tmp_path: Path) -> None:
    path = needed_whole_file()
    variables = {"UCI_ONLINE_RETAIL": str(path)}
    whole, torn = (Place(tmp_path / name, variables=variables) for name in ("whole", "torn"))
    seconds = backfilled(whole)
    chance, killed = random.Random(SEED), 0
    print(repeat("test_torture_full", SEED))
    for _ in range(KILLS):
        killed += killed_after(torn, BACKFILL, chance.uniform(0.2, 0.8) * seconds / KILLS)
        check_whole(torn.lake)
    resumed = backfilled(torn)
    print(f"one go {seconds:.0f} s; {killed} kills, then {resumed:.0f} s")
    assert killed == KILLS
    assert hashes(torn.lake) == hashes(whole.lake)
    check_whole(torn.lake)
    check_ended(torn, kills=KILLS)


def backfilled(place: Place) -> float:
    """A backfill to its end; the seconds it took."""
    started = time.monotonic()
    process = place.start(*BACKFILL)
    output, _ = process.communicate()
    assert process.returncode == 0, output[-4000:]
    return time.monotonic() - started
