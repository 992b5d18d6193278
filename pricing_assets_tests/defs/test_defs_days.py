"""Days through the stations: alone, as a range, again, with changed inputs, stopped, without trade."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from tiny_shop import CLOSED, DAYS, FIRST, LAST, Begin, Line, Shop

from pricing_assets.lake import claims, continuity, store
from pricing_assets.lake import days as manifests
from pricing_assets.tables import raw
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.runs import Checks, Days

FIVE = DAYS[:5]


def checks_of(result: object, name: str) -> list[bool]:
    evaluations = result.get_asset_check_evaluations()  # type: ignore[attr-defined]
    return [each.passed for each in evaluations if each.check_name == name]


def failure(line: Line, result: object) -> str:
    from pricing_assets.defs import executions

    assert not result.success  # type: ignore[attr-defined]
    return executions.first_error(line.instance, result.run_id)  # type: ignore[attr-defined]


def steps_started(line: Line, result: object) -> int:
    import dagster as dg

    kinds = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}
    return len(line.instance.all_logs(result.run_id, of_type=kinds))  # type: ignore[attr-defined]


def test_equal_inputs_commit_nothing(line: Line, begin: Begin) -> None:
    begin(line, FIRST, FIVE[2])
    before, files = line.versions(), sorted(line.lake.root.rglob("*.parquet"))
    assert line.run(FIRST, FIVE[2]).success
    assert line.run(FIVE[1]).success

    assert line.versions() == before
    assert sorted(line.lake.root.rglob("*.parquet")) == files


def test_a_changed_row_of_the_day_supersedes_its_decisions(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST)
    shop.change("prices", FIRST, price="6.00")
    assert line.run(FIRST).success

    decisions = line.lake.read(PriceDecisions)
    assert decisions.height == 8, "the superseded decisions are kept"
    standing = decisions.filter(pl.col("basis") == line.standing()[FIRST]["basis"])
    assert standing.height == 4
    assert str(standing.filter(sku="A", market="UK")["current_price"][0]) == "6.0000"
    book = line.lake.read(PriceBook).filter(sku="A", market="UK").sort("entry_no")
    assert book["supersedes"].drop_nulls().to_list() == book["decision_id"].to_list()[:-1]


def test_a_correction_known_later_changes_no_earlier_day(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST, FIVE[2])
    seen = {day: line.lake.read(FeatureSnapshots, day, day)["inputs_hash"][0] for day in FIVE[:3]}
    before = line.hashes()["decisions.price_decisions"]
    shop.change("prices", FIVE[1], price="9.99")
    assert line.run(FIVE[3]).success
    assert line.run(FIRST, FIVE[2]).success

    again = {day: line.lake.read(FeatureSnapshots, day, day)["inputs_hash"][0] for day in FIVE[:3]}
    assert again == seen
    after = line.hashes()["decisions.price_decisions"]
    assert {day: after[day] for day in before} == before
    corrected = line.lake.read(raw.Prices, FIVE[1], FIVE[1]).filter(sku="A", market="UK")
    assert corrected["known_at"].dt.date().to_list() == [FIVE[2], FIVE[4]], "the correction stands beside the row"


def test_one_bad_day_of_a_range_blocks_only_itself(line: Line, shop: Shop) -> None:
    shop.change("prices", FIVE[2], price="-1")
    result = line.run(FIRST, FIVE[-1])

    assert result.success
    assert list(line.standing()) == [day for day in FIVE if day != FIVE[2]]
    assert checks_of(result, "every_day_stands") == [False]
    check = next(each for each in result.get_asset_check_evaluations() if each.check_name == "every_day_stands")
    assert check.metadata["stopped"].value == str(FIVE[2])
    contracts = {
        e.asset_key.to_user_string(): e for e in result.get_asset_check_evaluations() if e.check_name == "contract"
    }
    assert [key for key, each in contracts.items() if not each.passed] == ["raw/prices"]
    record = contracts["raw/prices"].metadata["failed"].value.records[0].data
    assert record["date"] == str(FIVE[2])
    assert "prices.sql" in record["message"]


def test_a_blocked_day_fails_at_once_with_the_verdict_and_no_later_run_walks_past_it(line: Line, shop: Shop) -> None:
    shop.change("prices", FIRST, price="-1")
    result = line.run(FIRST)

    message = failure(line, result)
    assert message.startswith(f"{FIRST}: raw.prices contract: 1 of 4 rows in quarantine (25.00%), limit 5.00%")
    assert "mend prices.sql" in message
    assert steps_started(line, result) == 4, "raw, then features, forecasts and elasticities once each"
    assert line.standing() == {}

    for station in ("features", "decisions"):
        assert "raw.prices contract" in failure(line, line.run(FIRST, only=[station])), station
        assert line.lake.version(FeatureSnapshots) == -1
        assert line.lake.version(Days) == -1


@pytest.mark.parametrize("station", ["features", "decisions"])
def test_no_run_walks_past_a_day_never_received(line: Line, station: str) -> None:
    message = failure(line, line.run(FIRST, only=[station]))
    assert message == f"{FIRST}: no raw data received; materialise the raw tables first"


def test_stations_may_run_alone_one_after_the_other_and_in_no_other_order(
    line: Line, tmp_path: Path, shop: Shop, begin: Begin
) -> None:
    apart = Line(tmp_path / "apart", shop)
    assert apart.run(FIRST, only=["raw"]).success
    assert apart.standing() == {}
    message = failure(apart, apart.run(FIRST, only=["decisions"]))
    assert message.startswith(f"features.feature_snapshots: no snapshot for {FIRST}")
    assert "materialise features.feature_snapshots" in message
    for station in ("features", "forecasts", "elasticities"):
        assert apart.run(FIRST, only=[station]).success
        assert apart.standing() == {}, "a day exists when its row commits"
    assert apart.run(FIRST, only=["decisions"]).success
    begin(line, FIRST)
    assert apart.hashes() == line.hashes()


def test_a_day_without_trade_gets_its_row_and_nothing_else(line: Line) -> None:
    assert line.run(CLOSED).success

    row = line.standing()[CLOSED]
    assert (row["status"], row["decided"], row["basis"]) == ("no_trade", 0, None)
    assert CLOSED not in line.hashes().get("decisions.price_decisions", {})


def test_rows_that_break_a_contract_balance_the_books(line: Line, shop: Shop) -> None:
    shop.settings(limits={"quarantine_share": 0.5})
    shop.change("prices", FIRST, price="NaN")
    shop.change("sales", FIRST, "B", currency="XXX")
    assert line.run(FIRST).success

    checks = line.lake.read(Checks, FIRST, FIRST)
    assert checks["passed"].all()
    assert (checks["received"] == checks["accepted"] + checks["quarantined"]).all()
    quarantine = line.lake.read(raw.Quarantine)
    assert quarantine["table"].sort().to_list() == ["raw.prices", "raw.sales"]
    assert json.loads(quarantine.filter(table="raw.prices")["record"][0])["price"] == "NaN"
    assert line.standing()[FIRST]["quarantined"] == 2
    held = line.lake.read(PriceDecisions).filter(sku="A", market="UK")
    assert held["action"].to_list() == ["hold"], "a listed article is decided also when its price is missing"


def test_late_runs_only_recommend(home: Path, shop: Shop) -> None:
    shop.goes_on(FIRST)
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 2, 7, tzinfo=UTC))
    assert line.run(FIRST).success

    row = line.standing()[FIRST]
    assert (row["status"], row["late"], row["published"]) == ("recommended", True, 0)
    assert line.lake.read(PriceBook).is_empty()
    assert set(line.lake.read(PriceDecisions)["action"].cast(pl.String)) <= {"recommend", "hold"}


def test_after_publication_a_changed_rerun_only_recommends(home: Path, shop: Shop) -> None:
    shop.goes_on(FIRST)
    moment = datetime(2026, 3, 2, 2, tzinfo=UTC)
    line = Line(home, shop, clock=lambda: moment)
    line.run(FIRST)
    book, row = line.lake.read(PriceBook), line.standing()[FIRST]
    assert row["status"] == "priced"
    assert book.height == row["published"] > 0

    moment = datetime(2026, 3, 2, 9, tzinfo=UTC)
    line.run(FIRST)
    assert line.standing()[FIRST]["run_id"] == row["run_id"], "time alone supersedes nothing"

    shop.add("listings", date=str(FIRST), sku="D", market="UK")
    line.run(FIRST)
    assert line.standing()[FIRST]["status"] == "recommended"
    assert line.lake.read(PriceBook).equals(book)


def test_a_second_live_run_of_a_day_is_refused_by_name(line: Line) -> None:
    claims.claim(line.lake, [FIRST], "the-other-run", lambda run: True)
    result = line.run(FIRST)

    message = failure(line, result)
    assert f"{FIRST}: run the-other-run (process" in message
    assert "remedy: wait until it ends, or terminate it" in message
    assert steps_started(line, result) == 1, "no retry"
    assert line.versions() == dict.fromkeys(line.versions(), -1)


def test_a_fault_to_mend_is_not_retried(line: Line, shop: Shop) -> None:
    (shop.folder / "data" / "prices.csv").unlink()
    result = line.run(FIRST)

    message = failure(line, result)
    assert message.startswith("prices.sql")
    assert "\n  remedy: " in message
    assert steps_started(line, result) == 1


def test_a_passing_fault_is_retried(line: Line, impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets import sources
    from pricing_assets.defs import raw as station

    calls = []

    def shaky(*arguments: object) -> object:
        calls.append(arguments)
        if len(calls) == 1:
            raise ConnectionResetError("the network share went away")
        return sources.intake.take_in(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(station.sources, "take_in", shaky)
    assert line.run(FIRST, only=["raw"]).success
    assert len(calls) == 2


def test_a_full_disk_leaves_the_old_state(line: Line, monkeypatch: pytest.MonkeyPatch, begin: Begin) -> None:
    begin(line, FIRST)
    before = line.hashes()
    import errno
    import os

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        message = failure(line, line.run(FIVE[1]))
    assert "the disk is full: free some space there" in message
    assert line.hashes() == before
    assert line.run(FIVE[1]).success


def test_a_lake_of_another_schema_is_named(line: Line, monkeypatch: pytest.MonkeyPatch, begin: Begin) -> None:
    begin(line, FIRST)
    import dataframely as dy

    columns = FeatureSnapshots.columns() | {"weekday": dy.String(description="as a later release may have it")}
    monkeypatch.setattr(FeatureSnapshots, "columns", classmethod(lambda cls: columns))
    message = failure(line, line.run(FIVE[1], only=["raw", "features"]))
    assert "features.feature_snapshots: column weekday is" in message
    assert "use that release, or a fresh PRICING_HOME" in message


def test_words_of_people_that_are_lost_stop_the_decisions(line: Line) -> None:
    from pricing_assets.governance import Scope

    with line.platform().store as store:
        frozen = ("PRICE_FREEZE", Scope(sku="A"), (FIRST, LAST))
        store.set_override(*frozen, by="ann", reason="a flyer", key="1", today=FIRST)
    assert line.run(FIRST).success
    for file in line.home.glob("governance.db*"):
        file.unlink()
    said = failure(line, line.run(DAYS[1]))
    assert "of what people decided was 'override:" in said and "by ann' when a run knew it" in said
    assert DAYS[1] not in line.standing()


def test_a_lost_log_stops_a_run_before_anything_is_committed(line: Line, begin: Begin) -> None:
    begin(line, FIRST)
    shutil.rmtree(line.lake.folder(raw.Sales) / "_delta_log")
    before = sorted(line.lake.root.rglob("*.parquet"))
    store._opened.cache_clear()
    continuity._require_logs.cache_clear()
    assert f"raw.sales {FIRST}: its log does not hold what runs.days names" in failure(line, line.run(DAYS[1]))
    assert sorted(line.lake.root.rglob("*.parquet")) == before


def test_what_stood_before_still_stands_when_a_rerun_is_stopped(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST)
    decided = line.hashes()["decisions.price_decisions"]
    shop.put("prices", [])
    assert "raw.prices not_empty" in failure(line, line.run(FIRST))

    assert line.hashes()["decisions.price_decisions"] == decided
    assert manifests.manifested(line.lake, raw.Prices)[FIRST].rows == 4


def test_a_future_row_is_quarantined_on_the_first_day(line: Line, shop: Shop) -> None:
    shop.settings(limits={"undated_share": 0.5})
    shop.add("sales", date=str(date(2027, 1, 1)), sku="A", market="UK", quantity="1", unit_price="4", currency="GBP")
    assert line.run(FIRST).success
    assert "dated in the future" in line.lake.read(raw.Quarantine)["rule"][0]


def test_some_of_the_decisions_assets_can_be_launched_alone(line: Line) -> None:
    line.run(FIRST, only=["raw", "features", "anomalies", "forecasts", "elasticities"])
    alone = line.run(FIRST, only=["decisions"], tables=["decisions.price_decisions", "runs.days"])
    assert alone.success
    made = {event.asset_key.to_user_string() for event in alone.get_asset_materialization_events()}
    assert made == {"decisions/price_decisions", "runs/days"}
    assert line.standing()[FIRST]["decided"] > 0


def test_a_run_that_a_signal_ended_outside_of_its_stations_says_so(line: Line) -> None:
    import dagster as dg

    from pricing_assets.defs import executions

    @dg.asset
    def between() -> None:
        raise dg.DagsterExecutionInterruptedError

    ended = dg.materialize([between], instance=line.instance, raise_on_error=False)
    said = executions.first_error(line.instance, ended.run_id)
    assert said == "stopped by a signal\n  remedy: run these days again to go on"
