"""A database others write to is copied, or refused by naming who holds it."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from threading import Timer

import pytest

from pricing_assets.archive import sqlite
from pricing_assets.errors import PricingError
from pricing_assets.lake import locks

HOLDER = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1], isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
sys.stdin.readline()
"""


@pytest.fixture
def held(tmp_path: Path) -> Path:
    """A database that keeps no write-ahead log: who commits keeps out who reads."""
    path = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE runs (id TEXT)")
        database.execute("INSERT INTO runs VALUES ('r1')")
        database.commit()
    return path


@pytest.fixture
def other(held: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process, in a commit until it is told otherwise, for ten seconds at most."""
    command = [sys.executable, "-c", HOLDER, str(held)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout and process.stdout.readline() == "held\n"
    end = Timer(10, process.kill)
    end.start()
    yield process
    end.cancel()
    process.kill()
    process.communicate()


def test_who_holds_a_database_too_long_is_named(
    held: Path, other: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "_PATIENCE", 0.1)
    with pytest.raises(PricingError) as refused:
        sqlite.copy(held, tmp_path / "copy.db")
    assert refused.value.what.startswith(f"{held}: is held by process {other.pid} (")
    assert "wait until it ends" in refused.value.remedy


def test_one_that_is_stopped_in_a_commit_is_not_waited_for_as_long(
    held: Path, other: subprocess.Popen[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "STOPPED", 0.0)
    monkeypatch.setattr(locks, "_LOOK", 0.0)
    os.kill(other.pid, signal.SIGSTOP)
    with pytest.raises(PricingError, match="which is stopped") as refused:
        sqlite.copy(held, tmp_path / "copy.db")
    assert f"kill -CONT {other.pid}" in refused.value.remedy


def test_a_commit_that_ends_is_waited_for(held: Path, other: subprocess.Popen[str], tmp_path: Path) -> None:
    Timer(0.1, other.kill).start()
    sqlite.copy(held, tmp_path / "copy.db")
    with closing(sqlite3.connect(tmp_path / "copy.db")) as database:
        assert database.execute("SELECT * FROM runs").fetchall() == [("r1",)]
