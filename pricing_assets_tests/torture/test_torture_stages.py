"""Every stage of the platform killed by SIGKILL at random moments, and run again (`make torture`).

TORTURE_KILLS (default 200) says how many kills in all, TORTURE_SEED which moments. A failure says how to repeat it
alone: its seed, its stage and its kill.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from random import Random

import pytest
from publishing_receiver import SECRET, Receiver
from torture_findings import Findings, rows_of
from torture_readers import STILL, DeltaReader
from torture_runs import Place, Reader, hashes, kill, warm
from torture_seed import repeat, seed
from torture_shop import write_shop
from torture_stages import DAYS, STAGES, YEAR, Bench, Stage, day
from torture_table import Row

KILLS = int(os.environ.get("TORTURE_KILLS", "200"))
SEED = seed(20111209)
ALONE = os.environ.get("TORTURE_KILL")
SHARES = 200
MISSES = 3  # as many moments as kills may come too late: a machine is not always equally fast

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory, module_patch: pytest.MonkeyPatch) -> Iterator[Bench]:
    """The first days of a shop's year, priced without a kill."""
    folder, receiver = tmp_path_factory.mktemp("torture"), Receiver()
    module_patch.setenv("MLFLOW_SQLALCHEMYSTORE_POOLCLASS", "NullPool")  # looks at the file that is there now
    hook = {"connector": "webhook", "url": receiver.url, "secret": "TILL_SECRET"}
    shop = write_shop(folder / "shop", YEAR, publish={"markets": {"UK": hook}})
    variables = {"TILL_SECRET": SECRET, "PRICING_KEEP_DECISIONS_DAYS": "40"}
    place = Place(folder / "undisturbed", shop, variables)
    with warm(place, "--unadorned", "--small-models") as server:
        started = time.monotonic()
        server.run("run", "--from", day(0), "--to", day(DAYS - 1))
        month = (time.monotonic() - started) * 31 / DAYS
        yield Bench(folder, place, hashes(place.lake), month, server, receiver)
    receiver.close()


@pytest.mark.parametrize("kind", STAGES, ids=lambda kind: kind.name.replace(" ", "-"))
def test_killed_at_random_moments_and_run_again_nothing_is_lost(kind: type[Stage], bench: Bench, row: Row) -> None:
    stage, wanted = kind(bench), max(1, round(kind.share * KILLS / SHARES))
    numbers = [int(ALONE)] if ALONE else list(range(min(MISSES * wanted, stage.most)))
    stage.begin()
    row.stage = stage.name
    said: list[str] = []
    with (
        Reader(stage.place.home / "analytics.duckdb", pause=0.5, still=STILL) as reader,
        DeltaReader(stage.place.lake.root) as other,
    ):
        number = 0
        for number in numbers:
            row.kills += killed(stage, number, row, said)
            if row.kills >= wanted or len(said) > 3:
                break
        judged(stage, f"at the end, after kill {number}", stage.end(number), row, said)
    row.reader_errors, row.queries = len(reader.faults) + len(other.faults), reader.queries + other.queries
    said += [f"a reader of {stage.name}: {fault}" for fault in (*reader.faults, *other.faults)[:5]]
    assert not said, "\n".join(said)
    assert row.kills >= (0 if ALONE else wanted)


def killed(stage: Stage, number: int, row: Row, said: list[str]) -> bool:
    """Kills the stage once, and looks; whether it was still at work."""
    stage.ready(number)
    moment = stage.moment(number, Random(f"{SEED} {stage.name} {number}"))
    pid = stage.bench.server.start_all(stage.work(number))
    time.sleep(moment)
    kill(pid)
    was_at_work = stage.bench.server.wait() == -9
    where = f"kill {number} of {stage.name}, {moment:.2f} s after its start"
    judged(stage, where, stage.killed(number), row, said)
    judged(stage, f"resumed after {where}", stage.again(number), row, said)
    if (again := stage.day_again(number)) is not None:
        judged(stage, f"replayed after {where}", stage.replayed(again, again), row, said)
    return was_at_work


def judged(stage: Stage, where: str, found: Findings, row: Row, said: list[str]) -> None:
    """Counts what was found, and says how to find it again."""
    for kind, number in rows_of(found).items():
        setattr(row, kind, getattr(row, kind) + number)
    if found:
        number = where.rpartition("kill ")[2].split(" ")[0]
        again = repeat(f"stages and {stage.name.replace(' ', '-')}", SEED, TORTURE_KILL=number, **stage.alone)
        said.append(f"{where}: {found}\n  {again}")
