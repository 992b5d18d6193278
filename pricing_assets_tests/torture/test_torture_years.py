"""The benchmark of years, killed in the middle: it goes on where it was, and no day is run or noted twice."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from torture_preload import compiler

from benchmarks import years
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(compiler() is None, reason="no C compiler here: the library of the clock cannot be built"),
]
_COMMAND = [sys.executable, "-m", "benchmarks.years"]


def test_years_go_on_where_they_were_killed(tmp_path: Path) -> None:
    home = tmp_path / "home"
    _killed_once(home, lambda: len(years.noted(home)) >= 1)  # before its model is trained
    _killed_once(home, lambda: len(years.noted(home)) >= 2)
    before = years.noted(home)
    with (home / "years.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"number": 3, "day": "20')  # a line the kill cut short
    _killed_once(home, lambda: len(years.noted(home)) > len(before))
    subprocess.run([*_COMMAND, str(home), "--days", "6", "--whole", "6"], cwd=_root(), env=_environment(), check=True)
    noted = years.noted(home)
    assert [each.number for each in noted] == [1, 2, 3, 4, 5, 6]
    assert noted[: len(before)] == before
    assert manifests.standing(Lake(home / "lake"))["date"].sort().cast(str).to_list() == [each.day for each in noted]


def _killed_once(home: Path, due: Callable[[], bool]) -> None:
    """Runs the years in a process of its own until it is due, then kills it."""
    command = [*_COMMAND, str(home), "--days", "6", "--whole", "6"]
    with subprocess.Popen(command, cwd=_root(), env=_environment(), start_new_session=True) as process:
        while process.poll() is None and not due():
            time.sleep(0.05)
        os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it ended before it was killed"


def _root() -> Path:
    return Path(years.__file__).parents[1]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PRICING_")}
