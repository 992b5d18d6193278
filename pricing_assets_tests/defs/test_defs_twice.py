"""Two of everything at once, in one process: one effect each. With processes of their own: torture/test_torture_twice.

People and runs at the governance store are in unit/governance, claims on days in unit/lake.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Shop, twice

from pricing_assets.lake import claims, warehouse
from pricing_assets.tables.publishing import Publications
from pricing_assets.tables.runs import Executions


@pytest.fixture
def live(home: Path, shop: Shop) -> Line:
    """The shop as one that goes on trading, on 4 March, with an instance on disk as schedules want it."""
    shop.goes_on(DAYS[2])
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 4, 10, tzinfo=UTC))
    line.instance = dg.DagsterInstance.local_temp(str(home.parent))
    return line


def test_two_ticks_at_once_ask_for_a_day_under_one_key(live: Line, begin: Begin) -> None:
    from pricing_assets.defs import automation

    begin(live, FIRST)
    platform, moment = live.platform(), datetime(2026, 3, 4, 2, tzinfo=UTC)

    def sensed() -> Any:
        asked = automation.catch_up(dg.build_sensor_context(instance=live.instance), platform=platform)
        return [each.run_key for each in asked]

    def scheduled() -> Any:
        context = dg.build_schedule_context(instance=live.instance, scheduled_execution_time=moment)
        return automation.at_two(context, platform=platform).run_key

    assert twice(sensed) == [["2026-03-02#0", "2026-03-03#0"]] * 2, "Dagster starts one run of a key"
    assert twice(scheduled) == ["2026-03-03#0"] * 2


def test_a_person_at_a_day_the_schedule_started_is_refused_by_name(live: Line) -> None:
    claims.claim(live.lake, [FIRST], "the-schedule-s", lambda run: True, pid=os.getppid())
    mine = live.run(FIRST, only=["raw"])
    assert not mine.success
    (failure,) = [event for event in mine.all_events if event.is_step_failure]
    said = failure.step_failure_data.user_failure_data.description
    assert f"{FIRST}: run the-schedule-s (process {os.getppid()} on " in said
    claims.release(live.lake, "the-schedule-s")
    assert live.run(FIRST).success and live.standing()[FIRST]["decided"] == 4


def test_two_that_conclude_a_run_at_once_record_it_once(line: Line) -> None:
    from pricing_assets.defs import executions

    done = line.run(FIRST, only=["raw"])
    assert twice(lambda: executions.conclude(line.instance, line.lake, done.run_id)) == [None, None]
    assert line.lake.read(Executions)["run_id"].to_list() == [done.run_id]


def test_two_passes_at_once_send_each_price_once(line: Line, begin: Begin) -> None:
    from pricing_assets import publishing
    from pricing_assets.lake import Lake, Provenance

    begin(line, FIRST)
    platform = line.platform()

    def sent() -> int:
        lake = Lake(line.lake.root)
        return publishing.publish(lake, platform.source, platform.settings, [FIRST], Provenance("p")).recorded.height

    both, states = twice(sent), line.lake.read(Publications)
    assert sorted(both) == [0, states.height], "the second finds nothing left"
    assert states.height == states.unique(["sku", "market", "entry_no", "step"]).height > 0


def test_two_refreshes_at_once_end_in_one_whole_warehouse(line: Line, begin: Begin) -> None:
    begin(line, FIRST)
    analytics = line.home / "analytics.duckdb"

    def refreshed() -> None:
        with warehouse.draft(line.lake, analytics) as draft, duckdb.connect(str(draft)) as connection:
            connection.execute("create table mine as select 1 as one")

    assert twice(refreshed) == [None, None]
    assert warehouse.query(analytics, "select count(*) as n from decisions.price_decisions")["n"].to_list() == [4]
    assert list(line.home.glob("draft-*")) == []
