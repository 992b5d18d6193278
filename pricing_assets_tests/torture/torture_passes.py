"""Passes over days that stand, done while a disk fails: keeping, and sending prices to a folder.

Here: each pass, what is there before it, and what readers see. Not here: operations of one table
(torture_scenarios), judging.

A pass goes on in steps; one that was cut short is taken up by the next, and ends as one that was not.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from lake_frames import NOON
from lake_shop import Days, on_disk
from publishing_shop import TWO, Place
from torture_scenario import Scenario, State, lake_of, rows_of

from pricing_assets.errors import PricingError
from pricing_assets.lake import Provenance, expiry
from pricing_assets.lake.keeping import keep
from pricing_assets.tables import ALL, runs
from pricing_assets.tables.publishing import Publications

_DAYS, _KEPT = 3, expiry.Terms(1, 2)
_KEEPER = Provenance("keeper")


def before_keeping(home: Path) -> None:
    """Days that expire, small files that are merged, and files nothing needs since a day was decided again."""
    shop = Days(lake_of(home))
    for number in range(_DAYS):
        shop.decide(number)
    shop.decide(_DAYS - 1, "2")
    for number in (0, 1, 1, 12):
        shop.execute(number)


def kept(home: Path) -> None:
    with patch.object(expiry, "EVIDENCE", 1):  # days looked back on: so that few days tell all
        keep(
            *(lake_of(home), home / "analytics.duckdb", _KEPT, timedelta(0)),
            provenance=_KEEPER,
            now=NOON + timedelta(days=20_000),  # long after any file was written
            is_live=lambda _: False,
        )


def keeping_seen(home: Path) -> State:
    """Every table as both readers have it, and what stands."""
    lake = lake_of(home)
    tables = [table for table in ALL if lake.version(table) >= 0]
    seen = {table.table_name(): rows_of(lake, table) for table in tables if table is not runs.Days}
    days = [{name: row[name] for name in ("date", "status", "decisions_hash")} for row in rows_of(lake, runs.Days)]
    return {**seen, "days": days, "files": sorted(path.name for path in on_disk(lake))}


def before_sending(home: Path) -> None:
    Place(home).decide(TWO)


def sent(home: Path) -> None:
    """What a pass says a person must know is a refusal here: it goes on with the other markets, and ends."""
    if faults := Place(home).publish().faults:
        raise PricingError("; ".join(faults), "publish again")


def sending_seen(home: Path) -> State:
    """Which states prices are in, and what lies in the folder of who sells at them."""
    place = Place(home)
    rows_of(place.lake, Publications)
    return place.states(), {file.name: file.read_text(encoding="utf-8") for file in place.files()}


PASSES = {
    "lake: keep": Scenario(before_keeping, kept, keeping_seen, in_steps=True),
    "publishing: a pass": Scenario(before_sending, sent, sending_seen, in_steps=True),
}
