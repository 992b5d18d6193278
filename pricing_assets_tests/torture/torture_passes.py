"""Passes over days that stand, done while a disk fails: keeping, and sending prices to a folder.

Here: each pass, what is there before it, and what readers see. Not here: operations of one table
(torture_scenarios), judging.

A pass goes on in steps; one that was cut short is taken up by the next, and ends as one that was not.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from lake_frames import NOON, day
from lake_shop import Days
from publishing_shop import TWO, Place
from torture_findings import require
from torture_scenario import Scenario, State, lake_of, rows_of

from pricing_assets.errors import PricingError
from pricing_assets.lake import Provenance, expiry, warehouse
from pricing_assets.lake import days as manifests
from pricing_assets.lake.keeping import keep
from pricing_assets.tables import ALL, raw, runs
from pricing_assets.tables.publishing import Publications

_KEPT = expiry.Terms(2, 3)
_KEEPER = Provenance("keeper")


def before_keeping(home: Path) -> None:
    """Days that expire, small files that are merged, and files nothing needs since a day was decided again."""
    shop = Days(lake_of(home))
    for number in range(5):
        shop.decide(number)
        shop.execute(number)
    shop.decide(3, "2")
    shop.refresh()


def kept(home: Path) -> None:
    with patch.object(expiry, "EVIDENCE", 2):  # days looked back on: so that few days tell all
        keep(
            *(lake_of(home), home / "analytics.duckdb", _KEPT, timedelta(0)),
            provenance=_KEEPER,
            now=NOON + timedelta(days=100),
            is_live=lambda _: False,
        )


def keeping_seen(home: Path) -> State:
    """Every table as both readers have it, what stands, and what an analyst sees of it."""
    lake = lake_of(home)
    manifests.standing(lake)
    tables = [table for table in ALL if lake.version(table) >= 0]
    seen = {table.table_name(): rows_of(lake, table) for table in tables if table is not runs.Days}
    days = [{name: row[name] for name in ("date", "status", "decisions_hash")} for row in rows_of(lake, runs.Days)]
    with warehouse.reader(home / "analytics.duckdb") as ask:
        shown = ask(f"select count(*) as n from raw.prices where date = date '{day(4)}'").item()
    require(shown == lake.read(raw.Prices, day(4), day(4)).height, torn="an analyst sees other rows")
    return {**seen, "days": days}


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
