"""The golden days: what a few days of the shipped excerpt come to under the packaged strategy.

Here: pricing them in a fresh home and writing golden.json. Not here: judging (test_replay_excerpt.py).
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

import polars as pl

from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.settings import EXAMPLES
from pricing_assets.tables.decisions import PriceDecisions

UCI = EXAMPLES / "uci_online_retail"
UNADORNED = Path(__file__).parents[1] / "unadorned.py"
GOLDEN = Path(__file__).with_name("golden.json")
FIRST, LAST = date(2011, 11, 10), date(2011, 12, 9)
DAYS = [FIRST, date(2011, 11, 29), LAST]


def price_the_excerpt(home: Path) -> None:
    """`pricing run` over the last thirty days of the excerpt, by the packaged strategy."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PRICING_", "DAGSTER_", "UCI_"))}
    command = [sys.executable, str(UNADORNED), "run", "--from", str(FIRST), "--to", str(LAST)]
    home.parent.mkdir(parents=True, exist_ok=True)
    environment = kept | {"PRICING_HOME": str(home), "PRICING_SOURCE": str(UCI)}
    done = subprocess.run(command, env=environment, cwd=home.parent, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def golden(lake: Lake) -> dict[str, dict[str, object]]:
    """Of each golden day: how many decisions, SHA-256 over the prices alone, content hashes of decisions and steps."""
    standing = {row["date"]: row for row in manifests.standing(lake).to_dicts()}
    files = manifests.manifested(lake, PriceDecisions)
    return {
        str(day): {
            "decided": standing[day]["decided"],
            "prices": _prices(lake.read_files(PriceDecisions, [files[day]])),
            "decisions": standing[day]["decisions_hash"],
            "steps": standing[day]["steps_hash"],
        }
        for day in DAYS
    }


def _prices(decisions: pl.DataFrame) -> str:
    chosen = decisions.sort("sku", "market").select("sku", "market", "action", "final_price")
    lines = ("\t".join(str(value) for value in row) for row in chosen.iter_rows())
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        price_the_excerpt(Path(folder) / "home")
        GOLDEN.write_text(json.dumps(golden(Lake(Path(folder) / "home" / "lake")), indent=2) + "\n")
