"""Thirty past days of the shipped excerpt, rebuilt from raw: the same hashes however it is done. And the golden days.

`golden.json` holds what a few days of the excerpt come to under the packaged strategy. A test that fails here says that
prices, or their identity, changed. Where that was meant, look at the difference, then write the file anew:

    .venv/bin/python pricing_assets_tests/replay/golden.py

and say in CHANGELOG.md what changed: days decided by an older release will replay with that difference.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from deltalake import DeltaTable
from replay.golden import GOLDEN, golden, price_the_excerpt
from torture_runs import PRICING, Reader, check_whole

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import Terms
from pricing_assets.lake.keeping import keep
from pricing_assets.pricing.replay import Replayed, replay

DAYS = 30


@pytest.fixture(scope="module")
def priced(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the last thirty days of the excerpt are priced."""
    home = tmp_path_factory.mktemp("excerpt") / "home"
    price_the_excerpt(home)
    return home


@pytest.fixture
def lake(priced: Path) -> Lake:
    return Lake(priced / "lake")


def hashes(outcomes: Iterator[Replayed]) -> dict[str, str | None]:
    found = list(outcomes)
    assert [outcome.difference for outcome in found if outcome.difference] == []
    return {str(outcome.day): outcome.hash for outcome in found}


def recorded(lake: Lake) -> dict[str, str | None]:
    return {str(day): digest for day, digest in manifests.standing(lake).select("date", "decisions_hash").iter_rows()}


def test_golden_days(lake: Lake) -> None:
    found = golden(lake)
    written = json.loads(GOLDEN.read_text())
    assert {day: entry["prices"] for day, entry in found.items()} == {
        day: entry["prices"] for day, entry in written.items()
    }, "other prices than the committed ones"
    assert found == written, "the same prices, but another identity: features, basis or steps changed"


def test_thirty_days_are_rebuilt_after_compaction_checkpoint_and_vacuum_on_another_number_of_threads(
    priced: Path, lake: Lake
) -> None:
    before = recorded(lake)
    assert len(before) == DAYS
    assert pl.Series(list(before.values())).n_unique() > 20
    check_whole(lake)
    with Reader(priced / "analytics.duckdb", pause=0.25) as reader:
        for folder in sorted(path.parent for path in lake.root.glob("*/*/_delta_log")):
            table = DeltaTable(folder)
            table.optimize.compact()
            table.create_checkpoint()
            doomed = set(DeltaTable(folder).vacuum(dry_run=True))
            table_name = f"{folder.parent.name}.{folder.name}"
            needed = {file.hash for file in manifests.manifest(lake).get(table_name, {}).values()}
            assert not [path for path in doomed if Path(path).stem in needed]
    assert reader.queries > 0
    assert reader.faults == []
    assert replayed_by_another(priced) == before


def test_after_keeping_the_days_that_are_kept_come_out_the_same(priced: Path, lake: Lake, tmp_path: Path) -> None:
    before, kept = recorded(lake), Lake(tmp_path / "lake")
    shutil.copytree(lake.root, kept.root)
    days = manifests.standing(lake)["date"].to_list()
    now, terms = datetime.now(UTC) + timedelta(days=1), Terms(20, 20, judged_since=days[5])
    done = keep(
        kept,
        tmp_path / "no.duckdb",
        terms,
        timedelta(0),
        provenance=Provenance("keeper"),
        now=now,
        is_live=lambda _: True,
    )
    outcomes = {outcome.day: outcome for outcome in replay(kept, days[:15])}
    assert done.expiry.expired == [day for day in days[:10] if outcomes[day].status != "no_trade"]
    assert len(done.expiry.expired) > 5
    assert {each.why for each in done.gone} >= {"replaced, dropped or merged"}
    assert {outcomes[day].status for day in done.expiry.expired} == {"expired"}
    assert hashes(outcomes[day] for day in days[10:15]) == {day: before[day] for day in map(str, days[10:15])}


def replayed_by_another(home: Path) -> dict[str, str]:
    """What a process with another number of threads replays."""
    environment = os.environ | {
        "PRICING_HOME": str(home),
        "POLARS_MAX_THREADS": "1" if pl.thread_pool_size() > 1 else "2",
    }
    command = [str(PRICING), "replay", "--json"]
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return {outcome["day"]: outcome["hash"] for outcome in json.loads(done.stdout)}
