"""Runs of a tiny shop killed at random moments, each next run resuming: always on, for it is short.

The long version, with whole processes over the shipped excerpt and all that the UI shows of a run, is in
test_torture_kills.py (`make torture`).
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from torture_findings import standing
from torture_runs import (
    Place,
    Reader,
    check_ended,
    check_whole,
    hashes,
    kill,
    moments,
    stations,
    warm,
)
from torture_seed import repeat, seed
from torture_shop import FIRST, write_shop
from torture_table import Row

from pricing_assets.lake import days as manifests

SEED = seed(20261120)
STATIONS = [
    *("start-up", "raw commits", "raw commits", "features", "decisions"),
    *("decision commits", "decision commits", "runs.days", "dbt", "rename"),
]


def span(first: int, last: int) -> list[str]:
    return ["run", "--from", str(FIRST + timedelta(days=first)), "--to", str(FIRST + timedelta(days=last))]


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_shop(tmp_path_factory.mktemp("tiny") / "shop")


def test_ten_kills_each_resumed_by_the_next_run_end_in_the_same_tables(shop: Path, tmp_path: Path, row: Row) -> None:
    row.stage = "a tiny shop"
    undisturbed, killed = Place(tmp_path / "undisturbed", shop), Place(tmp_path / "killed", shop)
    with warm(killed, "--unadorned") as server:
        server.start(*span(20, 21), "--home", str(undisturbed.home))
        started = time.time()
        assert server.wait() == 0
        planned = moments(stations(undisturbed.home, started), STATIONS, SEED)
        print(repeat("ten_kills", SEED, target="test"))
        print(", ".join(f"killed at {name}, {moment:.2f} s after its start" for name, moment in planned))
        expected = hashes(undisturbed.lake)
        with Reader(killed.home / "analytics.duckdb", pause=0.25) as reader:
            for _, moment in planned:
                pid = server.start(*span(20, 21))
                time.sleep(moment)
                kill(pid)
                row.kills += server.wait() == -9
                check_whole(killed.lake)
                found = hashes(killed.lake)
                assert all(found[table].items() <= expected[table].items() for table in found)
            server.run(*span(20, 21))
        server.run("replay", *span(20, 21)[1:])
    row.queries, row.reader_errors = reader.queries, len(reader.faults)
    assert row.kills >= 8
    assert hashes(killed.lake) == hashes(undisturbed.lake)
    assert_frame_equal(standing(killed.lake), standing(undisturbed.lake))
    check_whole(killed.lake)
    check_ended(killed, row.kills)
    assert reader.faults == [] and reader.queries > 0


@pytest.mark.torture
def test_a_killed_backfill_of_two_chunks_resumes_to_the_same_tables(shop: Path, tmp_path: Path) -> None:
    undisturbed, killed = Place(tmp_path / "undisturbed", shop), Place(tmp_path / "killed", shop)
    with warm(undisturbed) as server:
        server.run(*span(0, 31))
    with warm(killed) as server:
        pid = server.start(*span(0, 31))
        while manifests.standing(killed.lake).is_empty():
            time.sleep(0.01)
        time.sleep(0.4)  # in the second chunk
        kill(pid)
        assert server.wait() == -9
        assert manifests.standing(killed.lake).height in (31, 32)
        server.run(*span(0, 31))
    assert hashes(killed.lake) == hashes(undisturbed.lake)
    assert_frame_equal(standing(killed.lake), standing(undisturbed.lake))
    assert manifests.standing(killed.lake)["date"].is_sorted()
    assert manifests.standing(killed.lake).filter(pl.col("decided") == 0).is_empty()
    check_whole(killed.lake)
    check_ended(killed, 1)
