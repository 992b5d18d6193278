"""A disk that is full, or mounted read-only: what reads still answers, what writes refuses by name, doctor says why."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from shell_commands import answer, pricing
from tiny_shop import FIRST, Shop

from pricing_assets import governance, strategies
from pricing_assets.lake import Lake, days

READING = (
    f"runs\nexplain A --market UK --date {FIRST}\nreplay --date {FIRST}\nanomalies --date {FIRST}\nchecks\n"
    "lake log raw.prices\npublish status"
)
ASKING = "strategy list\noverrides\naudit\nreview list\nautonomy list\ndrift list\nmodels list"  # the governance store
WRITING = (
    f"run --date {FIRST}\nfreeze --sku A --reason r --until 2027-01-01\nautonomy tighten UK --reason r --mode manual\n"
    "strategy deactivate default --reason r\npublish"
)


@pytest.fixture
def disk(priced: Path, home: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A disk of its own mounted at home, with a copy of the home in which days stand; what is restored has no marts."""
    from pricing_assets.defs import warehouse

    monkeypatch.setattr(warehouse, "build", lambda: None)
    home.mkdir()
    mount(home, "-t", "tmpfs", "-o", "size=100m", "tmpfs")
    try:
        shutil.copytree(priced, home, dirs_exist_ok=True)
        yield home
    finally:
        subprocess.run(["umount", "-l", str(home)], check=False)


def mount(place: Path, *options: str) -> None:
    done = subprocess.run(["mount", *options, str(place)], capture_output=True, check=False)
    if done.returncode:
        pytest.skip("cannot mount a disk here")


def fill(path: Path) -> None:
    """Takes all the room there is."""
    handle = os.open(path, os.O_CREAT | os.O_WRONLY)
    with suppress(OSError):
        while True:
            os.write(handle, bytes(4096))
    os.close(handle)


def hashes(home: Path) -> dict[str, list[str]]:
    found = days.manifest(Lake(home / "lake"))
    return {table: [file.hash for file in files.values()] for table, files in found.items()}


def assert_saved(home: Path, said: list[dict[str, Any]]) -> None:
    """What is on a disk that takes nothing, and what people `said`, can be brought to another one."""
    file, restored = home.with_name("saved"), home.with_name("restored")
    pricing("backup", str(file))
    pricing("restore", str(file), "--home", str(restored))
    assert hashes(restored) == hashes(home)
    assert words(restored) == said != []


def words(home: Path) -> list[dict[str, Any]]:
    with governance.open_store(f"sqlite:///{home / 'governance.db'}", strategies) as store:
        return store.audit()


def test_a_read_only_disk(disk: Path) -> None:
    said = words(disk)
    mount(disk, "-o", "remount,ro")
    assert "FAULT the disk takes nothing: Read-only file system" in pricing("status", code=1).output
    for command in (*READING.splitlines(), *ASKING.splitlines()):
        pricing(*command.split())
    for command in WRITING.splitlines():
        refused = pricing(*command.split(), code=1).output
        assert "the file system is read-only: mount it writable" in refused, (command, refused)
    found = {each["what"]: each for each in answer("doctor", code=1)}
    assert not found["home"]["sound"]
    assert [found[what] for what in ("lake", "governance", "warehouse") if not found[what]["sound"]] == []
    assert "takes nothing: Read-only file system" in found["disk"]["found"] and not found["disk"]["sound"]
    for what in ("home", "disk", "logs", "metrics", "dagster"):  # Dagster writes even to read
        assert "the file system is read-only" in found[what]["remedy"], what
    assert_saved(disk, said)


def test_a_full_disk(disk: Path, quick: Callable[[], None]) -> None:
    before, said = hashes(disk), words(disk)
    fill(disk / "ballast")
    assert "nearly full" in pricing("status", code=1).output
    for command in READING.splitlines():
        pricing(*command.split())
    for command in (*ASKING.splitlines(), *WRITING.splitlines()):
        refused = pricing(*command.split(), code=1).output
        assert "the disk is full: free some space there" in refused, (command, refused)
    found = {each["what"]: each for each in answer("doctor", code=1)}
    assert not found["home"]["sound"]
    for what in ("home", "disk"):
        assert found[what]["remedy"].startswith("the disk is full"), what
    assert hashes(disk) == before
    assert_saved(disk, said)
    (disk / "ballast").unlink()
    assert json.loads(pricing("run", "--date", str(FIRST), "--json").stdout)["days"][0]["changed"] is False
    assert hashes(disk) == before
