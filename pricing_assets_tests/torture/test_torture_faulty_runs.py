"""A whole run of a day on a disk that refuses, cuts short or dies at one call: what stands is old or new, and readable.

The same command without the fault then ends in the same hashes as an undisturbed run. A sample is always on; every
call is for `make torture`, `TORTURE_EVERY=10` takes each tenth. One is repeated by its number and its fault:
`TORTURE_POINT=217 TORTURE_FAULT="EIO once"`.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import duckdb
import polars as pl
import pytest
from torture_faults import (
    BROKEN_ONCE,
    CUT,
    CUT_NAMES,
    FAULTS,
    FULL,
    FULL_ONCE,
    KILL,
    SHORT,
    Disk,
    Fault,
    Tally,
    torment,
)
from torture_findings import require
from torture_preload import compiler
from torture_readers import STILL, DeltaReader
from torture_runs import Hashes, Place, Reader, Warm, check_ended, check_whole, half_states, hashes
from torture_seed import repeat, seed
from torture_shop import FIRST, write_shop

from pricing_assets.tables import decisions, runs

SEED = seed(20261205)
SAMPLE = 3
ROOM = (40, 240, 600, 1300, 4000, 20000)  # kB left free
BEFORE = ["run", "--date", str(FIRST + timedelta(days=20))]
DAY = ["run", "--date", str(FIRST + timedelta(days=21))]
REPLAY = ["replay", *DAY[1:]]
ELSEWHERE = ["/dagster/", "/dbt/", "-shm"]  # Dagster's own, dbt's own, and what SQLite shares while it is open
MIXED = [FULL_ONCE, FULL, BROKEN_ONCE, SHORT, KILL, CUT, CUT_NAMES]
LINE, WHOLE = ["--without-marts"], list[str]()

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler here: the library of faults cannot be built")


class Faulty(Warm):
    """A Warm whose runs meet the disk's faults, and whose words are kept."""

    def __init__(self, place: Place, before: Sequence[str], said: Path) -> None:
        super().__init__(place, "--unadorned", said=said)
        self._before, self._said = before, said

    def tries(self, arguments: Sequence[str]) -> tuple[int, str]:
        """`pricing …` to whatever end; its exit code and words."""
        known = self._said.stat().st_size
        self.start(*self._before, *arguments)
        code = self.wait()
        return code, self._said.read_bytes()[known:].decode()


@dataclass
class Ground:
    """A home in which a day stands, a copy of it, and what the next day comes to undisturbed."""

    place: Place
    kept: Path
    disk: Disk
    server: Faulty
    expected: Hashes
    points: int
    chosen: str
    """Its tests, as pytest's -k has them."""
    tally: Tally = field(default_factory=Tally)

    def suffers(self, fault: Fault, target: int) -> bool:
        """`strikes`, by a fault that any call may meet where there are not so many of the fault's own kind.

        True, for the next call may be there where a run came to fewer than this one.
        """
        if not (self.strikes(fault, target) or self.strikes(BROKEN_ONCE, target)):
            self.tally.missed += 1
        return True

    def strikes(self, fault: Fault, target: int) -> bool:
        """One run with one fault, what must hold after it, and the run again. Whether there was such a call at all."""
        with STILL:
            shutil.rmtree(self.place.home)
            shutil.copytree(self.kept, self.place.home)
        looked_at = STILL if fault in (CUT, CUT_NAMES) else contextlib.nullcontext()  # without power nobody reads
        with looked_at, self.disk.armed(fault, target):
            code, words = self.server.tries(DAY)
        if not self.disk.faults:
            return False
        self.tally.faults[fault.name] += 1
        try:
            self._judge(code, words)
        except Exception as error:
            self.tally.count(error)
            error.add_note(f"{fault.name} at call {target}: {self.disk.struck()}; exit code {code}: {words[-3000:]}")
            alone = {"TORTURE_FAULT": fault.name, "TORTURE_POINT": target}
            error.add_note(repeat(f"test_torture_faulty_runs and {self.chosen}", SEED, **alone))
            raise
        return True

    def _judge(self, code: int, words: str) -> None:
        assert code in (0, 1, -9)
        judge_words(code, words)
        check_readable(self.place)
        found = hashes(self.place.lake)
        require(all(found[table].items() <= self.expected[table].items() for table in found), torn="a mix")
        if code == 0:
            require(found == self.expected, lost="it said it was done")
        again, said = self.server.tries(DAY)
        assert again == 0, said
        require(hashes(self.place.lake) == self.expected, lost="the same again ends elsewhere")
        replayed, said = self.server.tries(REPLAY)
        require(replayed == 0, torn=f"the day replays otherwise: {said[-500:]}")
        check_readable(self.place)
        check_ended(self.place, kills=1)


def judge_words(code: int, words: str) -> None:
    assert "Traceback" not in words
    assert code != 1 or ("pricing: " in words and "remedy: " in words)


def check_readable(place: Place) -> None:
    """Whole for our reader, for Polars' and for an analyst."""
    check_whole(place.lake)
    for table in (decisions.PriceDecisions, runs.Days):
        pl.scan_delta(str(place.lake.folder(table))).collect()
    analytics = place.home / "analytics.duckdb"
    with contextlib.suppress(duckdb.CatalogException):  # without marts there are none
        assert not analytics.exists() or half_states(analytics) == []


@contextlib.contextmanager
def ground(folder: Path, chosen: str, options: Sequence[str], excluded: Sequence[str]) -> Iterator[Ground]:
    place = Place(folder / "ground" / "home", write_shop(folder / "shop"))
    place.home.parent.mkdir()
    disk = Disk(folder / "disk", folder / "ground", excluded)
    place = Place(place.home, place.shop, disk.environment)
    with contextlib.closing(Faulty(place, options, folder / "words")) as server:
        server.run(*BEFORE)  # marts and all, so that an analyst has something to ask
        kept = shutil.copytree(place.home, folder / "kept")
        with disk.armed():
            code, words = server.tries(DAY)
        assert code == 0, words
        yield Ground(place, kept, disk, server, hashes(place.lake), disk.count, chosen)


@contextlib.contextmanager
def told(ground: Ground, tally: Tally, name: str) -> Iterator[Ground]:
    """The ground for a test, with somebody who reads all the while."""
    ground.tally, tally.name, tally.points[name] = tally, name, ground.points
    with (
        Reader(ground.place.home / "analytics.duckdb", pause=0.5, still=STILL) as analyst,
        DeltaReader(ground.place.lake.root) as other,
    ):
        yield ground
    faults = [*analyst.faults, *other.faults]
    tally.reader_errors, tally.queries = tally.reader_errors + len(faults), analyst.queries + other.queries
    assert not faults, f"readers met {faults[:5]}"
    assert analyst.queries and other.queries


@pytest.fixture(scope="module")
def stations(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The stations up to the decisions, and what is recorded of the run."""
    with ground(tmp_path_factory.mktemp("line"), "stations", LINE, ELSEWHERE) as made:
        yield made


@pytest.fixture
def line(stations: Ground, tally: Tally) -> Iterator[Ground]:
    with told(stations, tally, "a day's run") as made:
        yield made


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    """The whole run, of which only analytics.duckdb is on the faulty disk."""
    elsewhere = [*ELSEWHERE[:2], "/lake/", "/governance.db"]
    with ground(tmp_path_factory.mktemp("marts"), "refresh", WHOLE, elsewhere) as made:
        yield made


@pytest.fixture
def marts(warehouse: Ground, tally: Tally) -> Iterator[Ground]:
    with told(warehouse, tally, "a refresh") as made:
        yield made


def test_some_calls_of_a_run_fail_in_some_way(line: Ground) -> None:
    chance = random.Random(SEED)
    for target in sorted(chance.sample(range(1, line.points + 1), SAMPLE)):
        line.suffers(chance.choice(MIXED), target)


@pytest.mark.torture
def test_each_call_of_the_stations_fails_in_some_way(line: Ground) -> None:
    suffers_everywhere(line, line.points)


@pytest.mark.torture
def test_each_call_of_a_refresh_fails_in_some_way(marts: Ground) -> None:
    suffers_everywhere(marts, marts.points)


def suffers_everywhere(ground: Ground, points: int) -> None:
    """One way to fail, by the seed, at each call; or the one call and way the environment names."""
    chance = random.Random(SEED)
    planned = [(target, chance.choice(MIXED)) for target in range(1, points + 1)]
    if named := os.environ.get("TORTURE_POINT"):
        wanted = os.environ.get("TORTURE_FAULT")
        planned = [(int(named), next((each for each in FAULTS if each.name == wanted), planned[int(named) - 1][1]))]
    torment(ground.suffers, ((fault, target) for target, fault in planned))


@pytest.mark.torture
def test_a_disk_that_fills_in_mid_run(tmp_path: Path) -> None:
    """A real one: ever more room is left, until a run gets through."""
    place = Place(tmp_path / "ground" / "home", write_shop(tmp_path / "shop"))
    place.home.mkdir(parents=True)
    with small_disk(place.home), contextlib.closing(Faulty(place, WHOLE, tmp_path / "words")) as server:
        assert server.tries(BEFORE)[0] == 0
        kept = shutil.copytree(place.home, tmp_path / "kept")
        assert server.tries(DAY)[0] == 0
        expected, refusals = hashes(place.lake), 0
        for room in ROOM:
            empty(place.home)
            shutil.copytree(kept, place.home, dirs_exist_ok=True)
            fill(place.home / "ballast", room)
            code, words = server.tries(DAY)
            (place.home / "ballast").unlink()
            try:
                assert code in (0, 1)
                refusals += code
                judge_words(code, words)
                check_readable(place)
                found = hashes(place.lake)
                assert all(found[table].items() <= expected[table].items() for table in found), "a mix"
                again, said = server.tries(DAY)
                assert again == 0, said
                assert hashes(place.lake) == expected
                replayed, said = server.tries(REPLAY)
                assert replayed == 0, said
                check_readable(place)
                check_ended(place, kills=1)
            except Exception as error:
                error.add_note(f"{room} kB were free; exit code {code}: {words[-3000:]}")
                raise
        print(f"\n{len(ROOM)} full disks, {refusals} refusals")
        assert refusals


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    command = ["mount", "-t", "tmpfs", "-o", "size=200m", "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("cannot mount a disk here")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(place)], check=False)


def empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def fill(path: Path, room: int) -> None:
    """Leaves that many kB free."""
    disk = os.statvfs(path.parent)
    left = disk.f_bavail * disk.f_frsize - room * 1024
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    os.posix_fallocate(handle, 0, left)
    os.close(handle)
