"""Wrote what is in `first_release/`: a shop, its home as the first released schema keeps it, what replay said of it.

Run once, with version 0.1.0. What it wrote must never be written again: later versions are to read what that one left.
It stays to say how that came about.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sys
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

TESTS = Path(__file__).parents[1]
RELEASE = Path(__file__).with_name("first_release")
SPRING = """strategy: spring
type: rules
priority: 10
scope: {market: [UK]}
rules:
  - {name: aged, when: "has(on_hand) && on_hand > 40", then: {multiply: 0.90}}
  - {name: rival, when: "has(competitor_min)", then: {match: competitor_min, beat_by: 0.01}}
constraints: [{min_price: {cost_times: 1.1}}, {max_daily_change: 0.10}]
endings: [0.49, 0.99]
autonomy: {mode: manual}
"""


def write(into: Path, home: Path) -> None:
    """Five days by two strategies, an override, prices answered by people, a drift event, one day sent."""
    from shell_commands import answer, pricing
    from tiny_shop import FIRST, Line, Shop, load_location

    from pricing_assets.archive import saving
    from pricing_assets.governance import Drift, Scope
    from pricing_assets.settings import Settings

    into.mkdir()
    shop = Shop(into / "shop").write()
    os.environ |= {"PRICING_HOME": str(home), "PRICING_SOURCE": str(shop.folder)}
    load_location(shop.folder)
    line = Line(home, shop)
    with line.platform().store as store:
        store.activate(SPRING, "ann", "spring", "activate spring")
        days = (FIRST, FIRST + timedelta(days=30))
        store.set_override("PRICE_FREEZE", Scope(sku="B"), days, by="ann", reason="label", key="freeze B", today=FIRST)
        store.gate.open(Drift("demand-daily", None, "bias", "HOME"), "no model yet", timedelta(days=36500))
    for first, last in ((0, 1), (2, 4)):
        assert line.run(FIRST + timedelta(days=first), FIRST + timedelta(days=last)).success
        line.ended()
        price = answer("review", "list")[0]["id"]
        pricing("review", "approve" if first else "reject", price, "--reason", "as agreed", "--by", "bob")
    pricing("publish", "--from", str(FIRST), "--to", str(FIRST + timedelta(days=2)))
    told = {str(day): row["decisions_hash"] for day, row in line.standing().items()}
    (into / "expected.json").write_text(json.dumps(told, indent=1) + "\n")
    with (
        (home / "governance.db").open("rb") as database,
        gzip.GzipFile(into / "governance.db.gz", "wb", 9, mtime=0) as out,
    ):
        shutil.copyfileobj(database, out)
    saving.save(into / "home.backup", Settings(), level=9)


if __name__ == "__main__":
    sys.path[:0] = [str(TESTS), str(TESTS / "shell")]
    if RELEASE.exists():
        sys.exit(f"{RELEASE} is written, once and for all")
    with TemporaryDirectory() as folder:
        write(Path(folder) / "release", Path(folder) / "home")
        shutil.copytree(Path(folder) / "release", RELEASE)
    print(date.today(), *(f"{path.name} {path.stat().st_size}" for path in sorted(RELEASE.iterdir())))
