"""A training and promotion of a model of one number, in a process of its own, for a disk that loses power.

Here: `python torture_training.py HOME LEVEL`. Not here: the disk, the judging (test_torture_training).
"""

from __future__ import annotations

import sys
from pathlib import Path

from fake_model import Fake, trained

from pricing_assets import governance, strategies
from pricing_assets.models import Bench, Policy, open_registry

MODEL = "demand-daily"


def bench_of(home: Path) -> tuple[Bench, governance.Store]:
    store = governance.open_store(f"sqlite:///{home / 'governance.db'}", strategies)
    return Bench(store.gate, open_registry(None, home), Policy(least_rows=5)), store


def main() -> None:
    bench, store = bench_of(Path(sys.argv[1]))
    print(trained(bench, store, MODEL, Fake(float(sys.argv[2]))).result, flush=True)


if __name__ == "__main__":
    main()
