"""Whole processes of `pricing run` over the shipped excerpt, killed at random moments (`make torture`).

Each kill starts from the same home, one day decided; the killed run is run again, and must end in what an undisturbed
run left. TORTURE_SEED chooses the moments; fewer than ten kills where TORTURE_KILLS says so.
"""

from __future__ import annotations

import os
import shutil
import time
from itertools import cycle, islice
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from torture_findings import standing
from torture_runs import (
    Place,
    Reader,
    check_ended,
    check_whole,
    failures,
    hashes,
    killed_after,
    moments,
    stations,
)
from torture_seed import repeat, seed

from pricing_assets.lake import claims

KILLS = min(10, int(os.environ.get("TORTURE_KILLS", "10")))  # a process that imports all takes its time
SEED = seed(20111209)
SPREAD = [
    *("start-up", "raw commits", "features", "decisions", "decision commits"),
    *("runs.days", "dbt", "dbt", "rename", "decision commits"),
]
BEFORE = ["run", "--date", "2011-12-05"]
RANGE = ["run", "--from", "2011-12-06", "--to", "2011-12-09"]

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One day decided: readers have something to read. The same path all the while, as files name it."""
    place = Place(tmp_path_factory.mktemp("torture") / "home")
    place.run(*BEFORE)
    return place


def test_killed_runs_resume_to_the_same_tables(place: Place) -> None:
    kept = shutil.copytree(place.home, place.home.with_name("kept"))
    started = time.time()
    place.run(*RANGE)
    spans = stations(place.home, started)
    expected, decided = hashes(place.lake), standing(place.lake)
    planned = moments(spans, list(islice(cycle(SPREAD), KILLS)), SEED)
    print(repeat("test_killed_runs_resume", SEED))
    print("stations " + ", ".join(f"{name} {a:.1f}-{b:.1f} s" for name, (a, b) in spans.items()))
    queries = kills = reported = 0
    for name, moment in planned:
        restore(kept, place.home)
        with Reader(place.home / "analytics.duckdb") as reader:
            done = killed_after(place, RANGE, moment)
            check_whole(place.lake)
            held = bool(claims.holders(place.lake))
            place.run(*RANGE)
        assert reader.faults == []
        assert hashes(place.lake) == expected
        assert_frame_equal(standing(place.lake), decided)
        check_whole(place.lake)
        check_ended(place, kills=1)
        failed = failures(place)
        print(f"{name} at {moment:.2f} s: {'killed' if done else 'had ended'}, claims {held}, failed runs {failed}")
        queries, kills, reported = queries + reader.queries, kills + done, reported + failed
    print(f"{kills} kills, {reported} reported failed, {queries} queries without an error")
    assert kills >= KILLS * 0.7


def restore(kept: Path, home: Path) -> None:
    shutil.rmtree(home)
    shutil.copytree(kept, home)
