"""Killed after any durable act and run again: nothing is lost, and every price sent has one effect."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from publishing_receiver import SECRET, Receiver
from publishing_shop import DAY, TWO, Place

from pricing_assets import governance
from pricing_assets.tables.decisions import PriceBook

PROGRAM = Path(__file__).with_name("publishing_kills.py")
PRICED = [*TWO, ("A", "DE", "7.95")]


class Killed:
    """What the kills left: the folder of the copies, after which act each was killed, and the receiver's effects."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.receiver = folder, Receiver()
        template = Place(folder / "template", historical=True, last_day=date(2026, 3, 12))
        template.decide(PRICED)
        root = PROGRAM.parents[2]
        path = os.pathsep.join([str(root.parent), str(root), str(PROGRAM.parent)])
        environment = os.environ | {"PYTHONPATH": path, "RECEIVER": self.receiver.url, "TILL_SECRET": SECRET}
        environment["POLARS_MAX_THREADS"] = (
            "1"  # a process per kill: starting its threads would cost more than the work
        )
        command = [sys.executable, str(PROGRAM), str(folder / "template"), str(folder), "pass", "40", "rollback", "4"]
        said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert said.returncode == 0, said.stderr
        lines = [line.split(" ") for line in said.stdout.splitlines()]
        self.acts = {mode: [line[1] for line in lines if line[0] == mode] for mode in ("pass", "rollback")}

    def copies(self, mode: str) -> list[Place]:
        return [Place(self.folder / f"{mode}-{number}") for number in range(1, len(self.acts[mode]) + 1)]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    made = Killed(tmp_path_factory.mktemp("kills"))
    yield made
    made.receiver.close()


def effects(place: Place, receiver: Receiver) -> list[tuple[str, str, str]]:
    """sku, market and price of every effect a copy had, by webhook and by file."""
    found = receiver.all_effects.items()
    hooked = [
        (sku, "UK", price) for (path, _), prices in found for sku, price in prices if path == place.home.parent.name
    ]
    files = sorted((place.home / "outbox" / "DE").glob("*.csv"))
    rows = [row for file in files for row in csv.DictReader(file.open(newline=""))]
    return sorted([*hooked, *((row["sku"], "DE", row["price"]) for row in rows)])


def test_a_pass_killed_between_any_two_states_has_one_effect_per_price(killed: Killed) -> None:
    acts = killed.acts["pass"]
    assert acts.count("Lake._transact") == 6, "scheduled; sending, sent and acknowledged of each market; live"
    assert {"Webhook.send", "CsvList.send", "folder.write_durably"} <= set(acts)
    for place in killed.copies("pass"):
        assert set(place.states().values()) == {"live"}, place.home
        assert effects(place, killed.receiver) == sorted(PRICED), place.home
        assert place.rows().group_by("sku", "market").len()["len"].to_list() == [5, 5, 5], "no state twice"


def test_a_rollback_killed_anywhere_is_made_once(killed: Killed) -> None:
    assert killed.acts["rollback"] == ["Store.return_prices", "Lake._transact", "Lake._transact", "Lake._transact"]
    for place in killed.copies("rollback"):
        with governance.open_store(place.settings.governance) as store:
            assert [each.kind for each in store.events() if each.stream.startswith("rollback")] == ["prices_returned"]
        book = place.lake.read(PriceBook, DAY, DAY)
        assert book["entry_no"].to_list().count(2) == len(PRICED) == book.filter(review_id="RB-000001").height
        assert effects(place, killed.receiver) == sorted((sku, market, "5.00") for sku, market, _ in PRICED)
