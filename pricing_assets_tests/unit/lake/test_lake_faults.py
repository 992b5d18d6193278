"""Whatever the disk refuses, and whenever the process dies, a table reads as before or as after."""

from __future__ import annotations

import errno
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from lake_frames import RUN, day, prices

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake
from pricing_assets.lake.transactions import write_entry
from pricing_assets.tables import raw

DAYS = [day(0), day(1), day(2)]


def variant(price: str) -> pl.DataFrame:
    return pl.concat([prices(on, price) for on in DAYS])


def state(lake: Lake) -> set[Decimal]:
    found = Lake(lake.root).read(raw.Prices)
    assert found.height == len(DAYS) * 3
    return set(found["price"])


class Fault:
    """Lets `allowed` calls through, then fails as the disk would."""

    def __init__(self, real: Callable[..., Any], allowed: int) -> None:
        self.real, self.left, self.hit = real, allowed, False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.left == 0:
            self.hit = True
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.left -= 1
        return self.real(*args, **kwargs)


@pytest.mark.parametrize("call", ["fsync", "replace", "link"])
def test_a_fault_at_any_call_leaves_old_or_new(lake: Lake, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    for allowed in range(60):
        fault = Fault(getattr(os, call), allowed)
        target = str(allowed + 2)
        before = state(lake)
        with monkeypatch.context() as patched:
            patched.setattr(os, call, fault)
            with suppress(PricingError):
                lake.commit(raw.Prices, variant(target), DAYS, RUN)
        if not fault.hit:
            assert state(lake) == {Decimal(target)}
            break
        assert state(lake) in (before, {Decimal(target)})
        lake.commit(raw.Prices, variant(target), DAYS, RUN)
        assert state(lake) == {Decimal(target)}
    assert not fault.hit, "the commit never got through"
    assert not list(lake.root.rglob("*.tmp"))


def test_a_fault_in_the_transaction_leaves_the_old(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    with monkeypatch.context() as patched:
        patched.setattr(os, "link", Fault(os.link, 0))
        with pytest.raises(PricingError, match="No space left") as refused:
            lake.commit(raw.Prices, variant("2"), DAYS, RUN)
    assert "disk is full" in refused.value.remedy
    assert state(lake) == {Decimal(1)}


def test_an_entry_is_never_written_over(lake: Lake) -> None:
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    with pytest.raises(PricingError, match="another program committed to the table meanwhile"):
        write_entry(lake.folder(raw.Prices) / "_delta_log", 0, [])
    assert state(lake) == {Decimal(1)}


def test_a_torn_checkpoint_of_an_earlier_release_is_mended_by_the_next(lake: Lake) -> None:
    for number in range(20):
        lake.commit(raw.Prices, variant(str(number + 1)), DAYS, RUN)
    log = lake.folder(raw.Prices) / "_delta_log"
    (checkpoint,) = log.glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    for number in range(20, 40):
        lake.commit(raw.Prices, variant(str(number + 1)), DAYS, RUN)
    assert state(lake) == {Decimal(40)}
    assert set(pl.read_delta(str(lake.folder(raw.Prices)))["price"]) == {Decimal(40)}


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.EACCES, "permission denied"),
        (errno.EROFS, "read-only"),
        (errno.ENOSPC, "disk is full"),
        (errno.EIO, "check the disk"),
    ],
)
def test_each_refusal_names_the_path_and_the_remedy(
    lake: Lake, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    def refuse(_: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(PricingError) as refused:
        lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    assert str(lake.root) in refused.value.what
    assert remedy in refused.value.remedy


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300k", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("cannot mount a small tmpfs here")
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=False)


def test_a_full_disk_leaves_old_or_new_and_heals(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    ballast = small_disk / "ballast"
    refusals = 0
    for free in range(0, 120, 8):
        ballast.write_bytes(b"")
        target = str(free + 2)
        before = state(lake)
        room = os.statvfs(small_disk)
        ballast.write_bytes(bytes(max(room.f_bavail * room.f_frsize - free * 1024, 0)))
        try:
            lake.commit(raw.Prices, variant(target), DAYS, RUN)
        except PricingError as refused:
            refusals += 1
            assert "disk is full" in refused.remedy, refused
        assert state(lake) in (before, {Decimal(target)})
    assert refusals
    ballast.unlink()
    lake.commit(raw.Prices, variant("999"), DAYS, RUN)
    assert state(lake) == {Decimal(999)}


def test_a_read_only_disk_is_said_and_still_read(small_disk: Path) -> None:
    lake = Lake(small_disk / "lake")
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with pytest.raises(PricingError, match=str(small_disk)) as refused:
        lake.commit(raw.Prices, variant("2"), DAYS, RUN)
    assert "read-only" in refused.value.remedy
    assert state(lake) == {Decimal(1)}


COMMITTER = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from test_lake_faults import DAYS, RUN, Lake, raw, variant
lake, number = Lake(Path(sys.argv[2])), 1
print("ready", flush=True)
while True:
    number += 1
    lake.commit(raw.Prices, variant(str(number)), DAYS, RUN)
"""


def killed_once(lake: Lake, seconds: float) -> None:
    here = str(Path(__file__).parent)
    worker = subprocess.Popen([sys.executable, "-c", COMMITTER, here, str(lake.root)], stdout=subprocess.PIPE)
    assert worker.stdout
    worker.stdout.readline()
    time.sleep(seconds)
    worker.send_signal(signal.SIGKILL)
    worker.wait()
    worker.stdout.close()
    assert len(state(lake)) == 1


def test_a_killed_commit_leaves_old_or_new(lake: Lake) -> None:
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    for seconds in (0.05, 0.113, 0.2):
        killed_once(lake, seconds)
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    assert state(lake) == {Decimal(1)}


@pytest.mark.torture
def test_many_killed_commits_leave_old_or_new(lake: Lake) -> None:
    lake.commit(raw.Prices, variant("1"), DAYS, RUN)
    moments = random.Random(7)
    for _ in range(40):
        killed_once(lake, moments.uniform(0.01, 0.4))
