"""Two of everything at once, in one process: one effect each. With processes of their own: torture/test_torture_twice.

People and runs at the governance store are in unit/governance, claims on days in unit/lake.
"""

from __future__ import annotations

import os
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Shop, twice

from pricing_assets.governance import Scope
from pricing_assets.lake import Provenance, claims, warehouse
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.tables.decisions import PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.publishing import Publications
from pricing_assets.tables.raw import Prices
from pricing_assets.tables.runs import Executions

SECOND = DAYS[1]


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


def test_a_run_that_was_ended_while_it_worked_puts_nothing_in_the_place_of_what_stands(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its process was stopped, Dagster gave it up, a person froze a price and ran the day; then it went on."""
    from pricing_assets import pricing
    from pricing_assets.defs import executions

    commit, state = pricing.commit_days, dict[str, Any]()

    def stopped(lake: Any, batch: Any, by: Any, *rest: Any) -> Any:
        if not state:
            state["ended"] = by.run_id
            line.instance.report_run_canceled(line.instance.get_run_by_id(by.run_id))
            executions.conclude(line.instance, line.lake, by.run_id)
            line.platform().store.set_override(
                "PRICE_FREEZE", Scope(sku="A"), (SECOND, SECOND), by="ann", reason="recalled", key="k", today=SECOND
            )
            assert line.run(FIRST).success
            line.ended()
            state["standing"] = line.standing()[FIRST], line.hashes()
        return commit(lake, batch, by, *rest)

    monkeypatch.setattr(pricing, "commit_days", stopped)
    late = line.run(FIRST)
    assert not late.success
    assert f"run {late.run_id} no longer holds this day" in executions.first_error(line.instance, late.run_id)
    assert (line.standing()[FIRST], line.hashes()) == state["standing"]
    file = manifests.manifested(line.lake, PriceDecisions)[FIRST]
    frozen = line.lake.read_files(PriceDecisions, [file]).filter(sku="A")
    assert frozen["override_id"].null_count() == 0 and frozen.height == 2, "each market's one decision obeys the person"


def test_a_run_that_lost_its_days_leaves_nothing_in_the_tables_of_a_station(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets import features
    from pricing_assets.defs import executions

    snapshot_of, state = features.snapshot_of, dict[str, Any]()

    def stopped(*asked: Any) -> Any:
        made = snapshot_of(*asked)
        if not state:
            state["begun"] = True
            mine = line.instance.get_runs()[0]
            line.instance.report_run_canceled(mine)
            executions.conclude(line.instance, line.lake, mine.run_id)
            assert line.run(FIRST).success
            line.ended()
            state["versions"] = line.versions()
        return made

    monkeypatch.setattr(features, "snapshot_of", stopped)
    late = line.run(FIRST)
    assert f"run {late.run_id} no longer holds this day" in executions.first_error(line.instance, late.run_id)
    assert line.versions() == state["versions"]


def other_snapshot(line: Line) -> None:
    """What a run that lost the day and was stopped just before its commit puts at the head of a table."""
    file = line.lake.partitions(FeatureSnapshots)[FIRST]
    rows = line.lake.read_files(FeatureSnapshots, [file])
    other = rows.with_columns((pl.col("list_price") * 2).cast(rows.schema["list_price"]))
    line.lake.commit(FeatureSnapshots, other, [FIRST], Provenance("stray"))


def test_a_day_stands_on_what_its_decisions_have_read(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets import pricing

    commit, read = pricing.commit_days, line.lake.partitions

    def strayed(lake: Any, batch: Any, *rest: Any) -> Any:
        named = read(FeatureSnapshots)[FIRST].hash
        other_snapshot(line)
        assert read(FeatureSnapshots)[FIRST].hash != named
        done = commit(lake, batch, *rest)
        assert manifests.manifested(lake, FeatureSnapshots)[FIRST].hash == named
        return done

    monkeypatch.setattr(pricing, "commit_days", strayed)
    assert line.run(FIRST).success
    assert [each.difference for each in replay(line.lake)] == [None]


def test_decisions_whose_ground_moved_while_they_were_made_are_refused(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import executions
    from pricing_assets.pricing import batch

    decide = batch.decide

    def moved(*asked: Any, **more: Any) -> Any:
        other_snapshot(line)
        return decide(*asked, **more)

    with monkeypatch.context() as patch:
        patch.setattr(batch, "decide", moved)
        refused = line.run(FIRST)
    said = executions.first_error(line.instance, refused.run_id)
    assert f"{FIRST}: another run wrote features.feature_snapshots while this one decided the day" in said
    assert line.standing() == {}
    line.ended()
    assert line.run(FIRST).success and [each.difference for each in replay(line.lake)] == [None]


def test_a_run_that_was_ended_begins_no_further_station(line: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets import features
    from pricing_assets.defs import executions

    snapshot_of, computed = features.snapshot_of, list[Any]()

    def ended(*asked: Any) -> Any:
        computed.append(asked)
        run = line.instance.get_runs()[0]
        line.instance.report_run_canceled(run)
        return snapshot_of(*asked)

    monkeypatch.setattr(features, "snapshot_of", ended)
    done = line.run(FIRST)
    assert len(computed) == 1 and not done.success and line.standing() == {}
    assert f"run {done.run_id} was ended while it worked" in executions.first_error(line.instance, done.run_id)


def test_what_was_read_of_the_source_first_is_not_committed_last(
    line: Line, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets import sources

    shop.settings(trailing_days=3)
    assert line.run(DAYS[3], only=["raw"]).success
    line.ended()
    take_in, others, reading = sources.take_in, list[threading.Thread](), threading.Event()

    def slow(*asked: Any) -> Any:
        found = take_in(*asked)
        if not others:  # the shop corrects a price, and a run of an earlier day reads it
            shop.change("prices", DAYS[3], price="99.00")
            others.append(threading.Thread(target=line.run, args=(DAYS[4],), kwargs={"only": ["raw"]}))
            others[0].start()
            assert not reading.wait(5), "it waits for this one before it reads"
        else:
            reading.set()
        return found

    monkeypatch.setattr(sources, "take_in", slow)
    assert line.run(DAYS[5], only=["raw"]).success
    others[0].join()
    prices = line.lake.read(Prices, DAYS[3], DAYS[3]).filter(sku="A", market="UK").sort("known_at")
    assert str(prices["price"][-1]) == "99.0000"


def test_a_claim_is_of_the_process_that_runs_the_steps_whoever_started_that(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A shell lives on when its `pricing run` is killed: were the claim the shell's, nobody would get the day again."""
    monkeypatch.setenv("PRICING_EXECUTOR", "multiprocess")
    assert line.run(FIRST, only=["raw"]).success
    assert {holder.pid for holder in claims.holders(line.lake).values()} == {os.getpid()}


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
