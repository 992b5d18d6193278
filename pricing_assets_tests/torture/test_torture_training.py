"""A training has promoted its model, and the power fails: the champion has every byte it was validated by."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from torture_faults import CUT, CUT_NAMES, Disk, Fault
from torture_preload import compiler
from torture_training import MODEL, bench_of

from pricing_assets.models import champion_in_force

PROGRAM = Path(__file__).with_name("torture_training.py")

pytestmark = [
    pytest.mark.torture,
    pytest.mark.skipif(compiler() is None, reason="no C compiler here: the library of faults cannot be built"),
]


def train(home: Path, level: str, **more: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(PROGRAM), str(home), level]
    paths = os.pathsep.join(str(folder) for folder in (PROGRAM.parents[2], PROGRAM.parents[1]))
    environment = os.environ | {"PYTHONPATH": paths} | more
    return subprocess.run(words, env=environment, capture_output=True, text=True, check=False, start_new_session=True)


@pytest.mark.parametrize("fault", [CUT, CUT_NAMES], ids=lambda fault: fault.name)
def test_a_champion_outlives_a_power_cut_at_the_last_call_of_its_promotion(tmp_path: Path, fault: Fault) -> None:
    before, home = tmp_path / "before", tmp_path / "home"
    before.mkdir()
    assert train(before, "12").stdout == "promoted\n"
    disk = Disk(tmp_path / "disk", home)
    shutil.copytree(before, home)
    with disk.armed():
        assert train(home, "11", **disk.environment).stdout == "promoted\n"
    calls = disk.count
    shutil.rmtree(home)
    shutil.copytree(before, home)
    with disk.armed(fault, calls):
        assert train(home, "11", **disk.environment).returncode
    bench, store = bench_of(home)
    champion = store.gate.champion(MODEL)
    assert champion and champion.version == 2, "it was on record"
    assert champion_in_force(store.gate, bench.registry, MODEL, tmp_path / "files").version == 2
    store.close()
