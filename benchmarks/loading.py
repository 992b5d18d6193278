"""What loading the code location costs beyond importing the libraries it is written with.

Here: fresh processes in turn, CPU seconds (user and system) of each, start of Python included. Not here: running a job.
Bytecode is warm, as in an installed package: both are run once before any time counts.

    python benchmarks/loading.py --rounds 9
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

BAR = 1.2
LIBRARIES = "import dagster, polars, dataframely, deltalake"
LOCATION = "from pricing_assets.definitions import defs; defs()"


def run(rounds: int = 9) -> list[dict[str, Any]]:
    """The median CPU of loading ÷ the median CPU of importing: [{name, figure, bar, holds}]."""
    with tempfile.TemporaryDirectory() as folder:
        environment = _environment(Path(folder))
        seconds: dict[str, list[float]] = {LIBRARIES: [], LOCATION: []}
        for number in range(rounds + 1):
            for code, taken in seconds.items():
                spent = cpu(code, environment)
                if number:
                    taken.append(spent)
    libraries, location = (statistics.median(seconds[code]) for code in (LIBRARIES, LOCATION))
    ratio = location / libraries
    name = (
        "loading the code location ÷ importing dagster, polars, dataframely, deltalake "
        f"({location:.2f} s CPU ÷ {libraries:.2f} s CPU, median of {rounds})"
    )
    return [{"name": name, "figure": round(ratio, 2), "bar": BAR, "holds": ratio <= BAR}]


def cpu(code: str, environment: dict[str, str]) -> float:
    """CPU seconds of a fresh Python that runs the code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _environment(folder: Path) -> dict[str, str]:
    """The shipped source, a home of its own, and bytecode that is kept."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PRICING_", "PYTHONDONTWRITE"))}
    return kept | {"PRICING_HOME": str(folder / "home"), "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    print(json.dumps(run(parser.parse_args().rounds), indent=2, ensure_ascii=False))
