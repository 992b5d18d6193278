"""`make bench`: every measurement, against its bar. Prints a table, writes `bench.json` under PRICING_HOME.

Here: the order of the rows, and where they go. Not here: how anything is measured (one module per subject).

    python -m benchmarks [loading stepping features anomalies strategies decisions goals drift demand elasticities
        cross]
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

from pricing_assets.settings import Settings

SUBJECTS = (
    "loading",
    "stepping",
    "features",
    "anomalies",
    "strategies",
    "decisions",
    "goals",
    "drift",
    "demand",
    "elasticities",
    "cross",
)


def main(subjects: list[str], written_to: Path) -> int:
    """Measures the subjects in turn; 0 where every bar holds."""
    rows: list[dict[str, Any]] = []
    for subject in subjects:
        start = time.monotonic()
        print(f"==> {subject}", file=sys.stderr, flush=True)
        rows += importlib.import_module(f"benchmarks.{subject}").run()
        print(f"    {time.monotonic() - start:.0f} s", file=sys.stderr, flush=True)
    written_to.parent.mkdir(parents=True, exist_ok=True)
    written_to.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"{'figure':>14}  {'bar':>14}  holds  what")
    for row in rows:
        bar = "" if row["bar"] is None else f"{row['bar']:,}"
        print(f"{row['figure']:>14,}  {bar:>14}  {'yes' if row['holds'] else 'NO':5}  {row['name']}")
    print(f"written to {written_to}")
    return 0 if all(row["holds"] for row in rows) else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; all of them where none"
    )
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    if unknown := set(chosen) - set(SUBJECTS):
        parser.error(f"{', '.join(sorted(unknown))}: expected {', '.join(SUBJECTS)}")
    sys.exit(main(chosen, Settings().home / "bench.json"))
