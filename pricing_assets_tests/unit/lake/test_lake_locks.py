"""Nobody waits for ever: a holder that hangs or is stopped is named, one that dies lets go."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pricing_assets.errors import PricingError
from pricing_assets.lake import locks
from pricing_assets.lake.files import exclusive

HOLDER = """
import sys
from filelock import FileLock
with FileLock(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def lock(tmp_path: Path) -> Path:
    return tmp_path / "table.lock"


@pytest.fixture
def other(lock: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, which holds the lock until it is told otherwise."""
    command = [sys.executable, "-c", HOLDER, str(lock)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_who_holds_a_lock_too_long_is_named(lock: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(PricingError) as refused, exclusive(lock, patience=0.2):
        pass
    assert refused.value.what.startswith(f"{lock}: is held by process {other.pid} (")
    assert refused.value.what.endswith("waited 0 s") and "wait until it ends" in refused.value.remedy


def test_a_stopped_holder_is_not_waited_for_as_long_as_one_that_works(
    lock: Path, other: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "STOPPED", 0.2)
    monkeypatch.setattr(locks, "_LOOK", 0.05)
    os.kill(other.pid, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(PricingError) as refused, exclusive(lock, patience=60):
        pass
    assert time.monotonic() - began < 30
    assert "which is stopped" in refused.value.what
    assert f"kill -CONT {other.pid}" in refused.value.remedy
    os.kill(other.pid, signal.SIGKILL)
    with exclusive(lock, patience=10):
        assert locks.holder(lock) == psutil.Process()


def test_a_holder_that_goes_on_in_time_is_waited_for(lock: Path, other: subprocess.Popen[str]) -> None:
    os.kill(other.pid, signal.SIGSTOP)
    assert other.stdin
    other.stdin.write("\n")
    other.stdin.flush()
    os.kill(other.pid, signal.SIGCONT)
    with exclusive(lock, patience=10):
        pass
    assert locks.holder(lock) is None


def test_a_holder_that_cannot_be_seen_is_said_to_be_elsewhere(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(locks, "_LOCKS", lock.with_name("absent"))
    with exclusive(lock), pytest.raises(PricingError, match="of another container or machine; waited 0 s"):
        locks.acquired(lock, 0.1)
