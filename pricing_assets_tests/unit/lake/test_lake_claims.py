from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lake_frames import DAY, day

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake.claims import claim, dead_runs, held, holders, release

CLAIMER = """
import sys
from datetime import date
from pathlib import Path
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake.claims import claim
print("ready", flush=True)
sys.stdin.readline()
try:
    claim(Lake(Path(sys.argv[1])), [date.fromisoformat(text) for text in sys.argv[3:]], sys.argv[2], lambda run: True)
    print("won", flush=True)
except PricingError:
    print("lost", flush=True)
sys.stdin.readline()
"""


def live(_: str) -> bool:
    return True


def dead(_: str) -> bool:
    return False


class Claimer:
    """Another process that claims when told, and lives until told."""

    def __init__(self, lake: Lake, run: str, *days: object) -> None:
        command = [sys.executable, "-c", CLAIMER, str(lake.root), run, *map(str, days)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.says() == "ready"

    def says(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().strip()

    def go(self) -> None:
        assert self.process.stdin
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other(lake: Lake) -> Iterator[Claimer]:
    claimer = Claimer(lake, "other", DAY, day(1))
    claimer.go()
    assert claimer.says() == "won"
    yield claimer
    claimer.kill()


def test_a_claim_stays_until_it_is_released(lake: Lake) -> None:
    with claim(lake, [day(0), day(1)], "run-1", live):
        pass
    assert {found: holder.run_id for found, holder in holders(lake).items()} == {day(0): "run-1", day(1): "run-1"}
    claim(lake, [day(1), day(2)], "run-1", live)
    assert release(lake, "run-2") == []
    assert release(lake, "run-1") == [day(0), day(1), day(2)]
    assert holders(lake) == {}


def test_a_day_held_by_a_live_run_is_refused_wholly(lake: Lake, other: Claimer) -> None:
    with pytest.raises(PricingError) as refused:
        claim(lake, [day(1), day(2)], "mine", live)
    assert refused.value.what.startswith("2024-03-02: run other (process ")
    assert holders(lake)[day(1)].since in refused.value.what
    assert "wait" in refused.value.remedy
    assert list(holders(lake)) == [day(0), day(1)]


def test_the_same_run_enters_from_another_process(lake: Lake, other: Claimer) -> None:
    claim(lake, [DAY], "other", live)
    assert holders(lake)[DAY].pid == os.getpid()
    assert holders(lake)[day(1)].pid == other.process.pid


def test_a_run_that_ended_loses_its_claims(lake: Lake, other: Claimer) -> None:
    claim(lake, [DAY], "mine", dead)
    assert holders(lake)[DAY].run_id == "mine"


def test_a_dead_process_loses_its_claims(lake: Lake, other: Claimer) -> None:
    other.kill()
    claim(lake, [DAY, day(1)], "mine", live)
    assert {holder.run_id for holder in holders(lake).values()} == {"mine"}


def test_dead_runs_are_told_from_live_ones(lake: Lake, other: Claimer) -> None:
    claim(lake, [day(7)], "mine", live)
    assert dead_runs(lake) == []
    other.kill()
    assert dead_runs(lake) == ["other"]
    claim(lake, [day(8)], "other", live)  # retried from this process, one of its days still under the dead one
    assert dead_runs(lake) == []


def rewritten(lake: Lake, **values: object) -> None:
    """The claim of DAY, with other values."""
    path = lake.root / "_claims" / "2024-03-01.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize(
    "values",
    [{"process_born": "of-this-boot/1"}, {"process_started": 1.0, "process_born": None}],
    ids=["boot", "clock"],
)
def test_a_pid_used_again_is_not_the_same_process(lake: Lake, values: dict[str, object]) -> None:
    claim(lake, [DAY], "run-1", live)
    rewritten(lake, **values)
    claim(lake, [DAY], "run-2", live)
    assert holders(lake)[DAY].run_id == "run-2"


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a kernel that counts from boot")
def test_a_live_process_keeps_its_days_when_the_clock_is_set_back(
    lake: Lake, other: Claimer, monkeypatch: pytest.MonkeyPatch
) -> None:
    import psutil

    told = psutil.Process.create_time
    monkeypatch.setattr(psutil.Process, "create_time", lambda process: told(process) - 3600)  # as the kernel then says
    assert dead_runs(lake) == []
    with pytest.raises(PricingError, match="run other"):
        claim(lake, [DAY], "mine", live)
    other.kill()
    assert dead_runs(lake) == ["other"]


def test_a_claim_of_an_earlier_release_is_read(lake: Lake) -> None:
    claim(lake, [DAY], "run-1", live)
    path = lake.root / "_claims" / "2024-03-01.json"
    known = json.loads(path.read_text())
    del known["process_born"]
    path.write_text(json.dumps(known))
    with pytest.raises(PricingError, match="run run-1"):
        claim(lake, [DAY], "run-2", live)


def test_another_host_is_judged_by_its_run_alone(lake: Lake) -> None:
    claim(lake, [DAY], "run-1", live)
    path = lake.root / "_claims" / "2024-03-01.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"host": "elsewhere", "pid": 1}))
    with pytest.raises(PricingError, match="on elsewhere"):
        claim(lake, [DAY], "run-2", live)
    claim(lake, [DAY], "run-2", dead)


def test_the_owning_process_may_be_named(lake: Lake, other: Claimer) -> None:
    claim(lake, [day(5)], "run-1", live, pid=other.process.pid)
    other.kill()
    claim(lake, [day(5)], "run-2", live)
    assert holders(lake)[day(5)].run_id == "run-2"


def test_a_damaged_claim_holds_nothing(lake: Lake) -> None:
    claim(lake, [DAY], "run-1", live)
    (lake.root / "_claims" / "2024-03-01.json").write_text("{")
    claim(lake, [DAY], "run-2", live)
    assert holders(lake)[DAY].run_id == "run-2"


def test_a_full_disk_claims_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    claim(lake, [day(0)], "run-1", live)
    left = [3]  # the first day's file and folder, then the second's file
    real = os.fsync

    def fsync(handle: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(PricingError, match="No space left"):
        claim(lake, [day(3), day(4)], "run-1", live)
    assert list(holders(lake)) == [day(0)]


def test_of_two_processes_racing_exactly_one_wins(lake: Lake) -> None:
    racers = [Claimer(lake, run, day(0), day(1), day(2)) for run in ("run-1", "run-2")]
    try:
        for racer in racers:
            racer.go()
        assert sorted(racer.says() for racer in racers) == ["lost", "won"]
        assert len({holder.run_id for holder in holders(lake).values()}) == 1
    finally:
        for racer in racers:
            racer.kill()


def test_a_run_is_told_that_it_lost_a_day_and_to_whom(lake: Lake) -> None:
    claim(lake, [day(0), day(1)], "mine", live)
    with held(lake, [day(0), day(1)], "mine"):
        pass
    release(lake, "mine")
    lost = f"{day(0)}: run mine no longer holds this day, it was ended while it worked\n"
    with pytest.raises(PricingError, match=lost), held(lake, [day(0)], "mine"):
        pass
    claim(lake, [day(1)], "theirs", live)
    taken = f"{day(1)}: run mine no longer .* while it worked; run theirs holds it now"
    with pytest.raises(PricingError, match=taken), held(lake, [day(1)], "mine"):
        pass
