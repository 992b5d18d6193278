"""Whatever a disk refuses, and wherever the power goes: the old state or the new one, never a mix, and nobody waits.

One operation at a time, at each of its calls. A whole run of a day is in test_torture_faulty_runs.py.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import re
import select
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from torture_faults import (
    BROKEN_ONCE,
    CUT,
    CUT_NAMES,
    FAULTS,
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
from torture_scenario import Scenario, nothing
from torture_scenarios import SCENARIOS
from torture_seed import repeat, seed

SEED = seed(20261204)
SAMPLE = 5
MOST_CALLS = 2000
PATIENCE = 300  # seconds
PROGRAM = Path(__file__).with_name("torture_scenarios.py")
PLACE = r'(?:AT_FDCWD[^,]*, )?"(?P<{}>[^"]*)"'
ABOUT = rf"\d+<(?P<handle>[^>]*)>|{PLACE.format('first')}(?:, {PLACE.format('second')})?"
SEEN = re.compile(rf"^\d+ +(?P<call>\w+)\((?:{ABOUT})")
SAME = {"renameat": "rename", "renameat2": "rename", "linkat": "link", "pwrite64": "pwrite", "ftruncate64": "ftruncate"}
TRACED = (
    "write,pwrite64,writev,pwritev,pwritev2,fsync,fdatasync,sync_file_range,rename,renameat,renameat2,link,linkat,"
    "ftruncate,io_uring_setup"
)

pytestmark = pytest.mark.skipif(compiler() is None, reason="no C compiler here: the library of faults cannot be built")


class Worker:
    """The process that forks one operation on demand."""

    def __init__(self, disk: Disk) -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM)],
            env={**os.environ, **disk.environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def does(self, name: str, home: Path) -> dict[str, Any]:
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(f"{name}\t{home}\n")
        ready, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        assert ready, f"{name} has not ended after {PATIENCE} s: somebody waits for ever"
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def close(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(timeout=60)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where homes are."""
    return tmp_path_factory.mktemp("faults") / "ground"


@pytest.fixture(scope="module")
def disk(ground: Path) -> Disk:
    return Disk(ground.parent / "disk", ground, ["/source/"])  # a shop's own files are not the platform's to write


@pytest.fixture(scope="module")
def worker(disk: Disk) -> Iterator[Worker]:
    with contextlib.closing(Worker(disk)) as started:
        yield started


class Torture:
    """One scenario under faults."""

    def __init__(self, name: str, ground: Path, disk: Disk, worker: Worker, tally: Tally) -> None:
        self.name, self.disk, self.worker, self.tally = name, disk, worker, tally
        self.scenario: Scenario = SCENARIOS[name]
        self.home, self.kept = ground / "home", ground.parent / "kept"
        shutil.rmtree(ground, ignore_errors=True)
        shutil.rmtree(self.kept, ignore_errors=True)
        ground.mkdir()
        self.scenario.before(self.home)
        self.old = self.scenario.state(self.home)
        shutil.copytree(self.home, self.kept)
        with disk.armed():
            assert worker.does(name, self.home).get("done"), "undisturbed"
        self.points = disk.count
        assert self.points, "no call of it was seen"
        tally.name, tally.points[name] = "single operations", self.points
        self.new = self.scenario.state(self.home)

    def suffers(self, fault: Fault, target: int) -> bool:
        """One fault, what must hold after it, and the same operation again. Whether there was such a call at all."""
        shutil.rmtree(self.home)
        shutil.copytree(self.kept, self.home)
        with self.disk.armed(fault, target):
            said = self.worker.does(self.name, self.home)
        if not self.disk.faults:
            return False
        self.tally.faults[fault.name] += 1
        try:
            self._judge(said)
        except Exception as error:
            self.tally.count(error)
            error.add_note(f"{self.name}: {fault.name} at call {target}: {self.disk.struck()}; it said {said}")
            alone = {"TORTURE_SCENARIO": self.name, "TORTURE_FAULT": fault.name, "TORTURE_POINT": target}
            error.add_note(repeat("test_each_call_fails", SEED, **alone))
            raise
        return True

    def _judge(self, said: dict[str, Any]) -> None:
        assert "bare" not in said, said["bare"]
        state = self.scenario.state(self.home)
        if "done" in said:
            require(state == self.new, lost="it said it was done")
        elif not self.scenario.in_steps:
            require(state in (self.old, self.new), torn="a mix")
        if "refused" in said:
            assert said["remedy"]
        assert said["code"] in (0, -9)
        self.scenario.act(self.home)  # as somebody would once the disk is mended
        require(self.scenario.state(self.home) == self.new, lost="the same again ends elsewhere")


@pytest.fixture(params=SCENARIOS)
def torture(request: pytest.FixtureRequest, ground: Path, disk: Disk, worker: Worker, tally: Tally) -> Torture:
    return Torture(request.param, ground, disk, worker, tally)


def test_some_calls_fail_in_some_way(torture: Torture) -> None:
    chance = random.Random(f"{SEED} {torture.name}")
    for target in sorted(chance.sample(range(1, torture.points + 1), min(SAMPLE, torture.points))):
        torture.suffers(chance.choice([FULL_ONCE, BROKEN_ONCE, SHORT, KILL, CUT, CUT_NAMES]), target)


@pytest.mark.torture
@pytest.mark.parametrize("fault", FAULTS, ids=[fault.name for fault in FAULTS])
def test_each_call_fails_in_each_way(torture: Torture, fault: Fault) -> None:
    if named := os.environ.get("TORTURE_POINT"):
        if (torture.name, fault.name) == (os.environ.get("TORTURE_SCENARIO"), os.environ.get("TORTURE_FAULT")):
            assert torture.suffers(fault, int(named)), "no call of that number can fail so"
        return
    torment(torture.suffers, ((fault, target) for target in range(1, MOST_CALLS)))


@pytest.mark.torture
@pytest.mark.skipif(shutil.which("strace") is None, reason="no strace here")
def test_no_call_passes_the_library_by(ground: Path, disk: Disk, tmp_path: Path) -> None:
    """As the kernel sees it: calls made past libc would be missing from the log."""
    shutil.rmtree(ground, ignore_errors=True)
    ground.mkdir()
    trace = tmp_path / "trace"
    command = ["strace", "-f", "-y", "-qq", "-o", str(trace), "-e", f"trace={TRACED}"]
    preloaded = [argument for name, value in disk.environment.items() for argument in ("-E", f"{name}={value}")]
    names = [name for name in SCENARIOS if SCENARIOS[name].before is nothing or "refresh" in name]
    for number, name in enumerate(names):
        SCENARIOS[name].before(ground / f"home-{number}")
    lines = "".join(f"{name}\t{ground / f'home-{number}'}\n" for number, name in enumerate(names))
    with disk.armed():
        subprocess.run(
            [*command, *preloaded, sys.executable, str(PROGRAM)],
            input=lines,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.DEVNULL,
            text=True,
            check=True,
        )
    text = trace.read_text(errors="replace")
    assert "io_uring_setup" not in text
    seen = Counter(
        SAME.get(found["call"], found["call"])
        for found in map(SEEN.match, text.splitlines())
        if found and (found["handle"] or found["second"] or found["first"] or "").startswith(str(ground))
    )
    logged = Counter(SAME.get(call.name, call.name) for call in disk.calls())
    assert seen and seen == Counter({name: logged[name] for name in seen})
