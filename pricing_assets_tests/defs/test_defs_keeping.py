"""A home that is kept: days that expire, days decided after that, and what Dagster forgets."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from tiny_shop import CLOSED, COLUMNS, DAYS, FIRST, LAST, Begin, Line, Shop, _rows, twice

from pricing_assets.errors import PricingError
from pricing_assets.lake import Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.runs import Executions


def platform(line: Line, now: datetime | None = None, **settings: int) -> Any:
    """The line's platform under settings too short for a real shop, at another time if need be."""
    from pricing_assets.settings import Settings

    class Short(type(line.platform())):  # type: ignore[misc]
        def now(self) -> datetime:
            return now or super().now()  # type: ignore[no-any-return]

        @property
        def settings(self) -> Settings:
            short = {"home": line.home, "keep_decisions_days": 3, "keep_audit_days": 3}
            return Settings().model_copy(update=short | settings)

    return Short(home=str(line.home))


def keep(line: Line, *, dry_run: bool = False, now: datetime | None = None, **settings: int) -> Any:
    from pricing_assets.defs import keeping

    return keeping.keep(platform(line, now, **settings), line.instance, dry_run=dry_run)


def test_an_expired_day_is_said_to_be_and_is_not_priced_again(line: Line, begin: Begin) -> None:
    from pricing_assets.defs import executions

    begin(line, FIRST, LAST)
    before = {day: row["decisions_hash"] for day, row in line.standing().items()}
    versions = line.versions()
    planned = keep(line, dry_run=True)
    assert line.versions() == versions
    done = keep(line)
    expired = [day for day in DAYS[:-3] if day != CLOSED]
    assert planned.lake.expiry == done.lake.expiry
    assert done.lake.expiry.expired == expired
    outcomes = {outcome.day: outcome for outcome in replay(line.lake)}
    assert [day for day in DAYS if outcomes[day].status == "expired"] == expired
    assert [outcomes[day].difference for day in DAYS] == [None] * len(DAYS)
    assert {day: outcomes[day].hash for day in DAYS[-3:]} == {day: before[day] for day in DAYS[-3:]}
    assert {day: row["decisions_hash"] for day, row in line.standing().items()} == before
    assert executions.missed_days(line.instance, line.lake, LAST, 99, datetime.now(UTC)) == []
    refused = line.run(FIRST)
    assert not refused.success
    assert f"{FIRST} expired on" in executions.first_error(line.instance, refused.run_id)
    line.ended()
    kept = line.hashes()
    assert line.run(LAST).success
    assert line.hashes() == kept, "the last day is as it was, all it rests on is there"
    assert set(kept["features.feature_snapshots"]) == set(before) - {CLOSED}, "evidence is looked back on for longer"


def test_days_decided_after_an_expiry_are_those_decided_without(line: Line, begin: Begin, tmp_path: Path) -> None:
    begin(line, FIRST, DAYS[9])
    other = Line(tmp_path / "other", line.shop)
    shutil.copytree(line.home, other.home)
    assert keep(line).lake.expiry.expired == [day for day in DAYS[:7] if day != CLOSED]
    for each in (line, other):
        assert each.run(DAYS[10], LAST).success
        each.ended()
    mine, theirs = line.hashes(), other.hashes()
    for table in theirs:
        assert {day: mine[table].get(day) for day in DAYS[7:]} == {day: theirs[table].get(day) for day in DAYS[7:]}
    assert not set(mine["decisions.price_decisions"]) & set(DAYS[:7])


def test_two_keepings_at_once_expire_each_day_once(line: Line, begin: Begin, tmp_path: Path) -> None:
    begin(line, FIRST, LAST)
    alone = Line(tmp_path / "alone", line.shop)
    shutil.copytree(line.home, alone.home)
    wanted = keep(alone).lake.expiry.expired
    both = [each.lake.expiry.expired for each in twice(lambda: keep(line))]
    assert sorted(both) == [[], wanted] and wanted
    assert (line.hashes(), line.versions()) == (alone.hashes(), alone.versions())


@pytest.mark.torture
def test_days_decided_after_evidence_expired_are_those_decided_without(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over four months, as a shop keeps the least it may: 40 days of decisions, 110 of evidence."""
    days = [FIRST + timedelta(days=number) for number in range(125)]

    def between(_: object, partition_key_range: dg.PartitionKeyRange) -> list[str]:
        keys = [str(day) for day in days]
        return keys[keys.index(partition_key_range.start) : keys.index(partition_key_range.end) + 1]

    # the code location was loaded with a shop of twelve days, and Dagster refuses any later one
    monkeypatch.setattr(dg.TimeWindowPartitionsDefinition, "get_partition_keys_in_range", between)
    line.shop.settings(last_day=days[-1])
    for table in COLUMNS:
        line.shop.put(table, [row for day in days for row in _rows(table, day)])
    for start in range(0, 120, 30):
        assert line.run(days[start], days[start + 29]).success
        line.ended()
    other = Line(tmp_path / "other", line.shop)
    shutil.copytree(line.home, other.home)
    done = keep(line, keep_decisions_days=40, keep_audit_days=40)
    assert (len(done.lake.expiry.expired), len(done.lake.expiry.tables[FeatureSnapshots])) == (80, 10)
    for each in (line, other):
        for first, last in ((days[85], days[86]), (days[120], days[124])):  # also one as old as any that is kept
            assert each.run(first, last).success
            each.ended()
    mine, theirs = line.hashes(), other.hashes()
    for table in theirs:
        assert {day: mine[table].get(day) for day in days[80:]} == {day: theirs[table].get(day) for day in days[80:]}
    assert [each.difference for each in replay(line.lake)] == [None] * len(days)


def test_the_job_says_what_it_did_and_a_shop_of_history_is_kept_by_hand(line: Line, begin: Begin) -> None:
    from pricing_assets.definitions import defs
    from pricing_assets.defs import keeping

    begin(line, FIRST, LAST)
    resources = {"platform": platform(line)}
    result = keeping.keeping_job.execute_in_process(resources=resources, instance=line.instance)
    (output,) = [event for event in result.all_node_events if event.is_successful_output]
    said = {name: value.value for name, value in output.step_output_data.metadata.items()}
    assert len(said["expired"]) == 8
    assert said["kept from"]["decisions"] == str(DAYS[-3])
    assert "decisions.price_book" in {record.data["table"] for record in said["dropped"].records}
    assert keep(line).lake.expiry.expired == []
    context = dg.build_schedule_context(resources=resources)
    assert "`pricing lake keep`" in keeping.on_sundays(context).skip_message
    line.shop.goes_on(LAST)
    goes_on = dg.build_schedule_context(resources={"platform": platform(line)})
    assert isinstance(keeping.on_sundays(goes_on), dg.RunRequest)
    assert defs().resolve_job_def(keeping.JOB).name == keeping.JOB


def test_neither_the_job_nor_a_person_lets_days_expire_by_a_default_in_place_of_a_misspelt_setting(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import keeping

    monkeypatch.setenv("PRICING_KEEP_DECISION_DAYS", "0")
    refused = "PRICING_KEEP_DECISION_DAYS is no setting: PRICING_KEEP_DECISIONS_DAYS may be meant"
    with pytest.raises(PricingError, match=refused):
        keep(line)
    with pytest.raises(PricingError, match=refused):
        keeping.keeping_job.execute_in_process(resources={"platform": platform(line)}, instance=line.instance)


def test_evidence_stays_while_a_model_in_force_cannot_be_had(line: Line, begin: Begin, monkeypatch: Any) -> None:
    from pricing_assets.defs import keeping
    from pricing_assets.lake import expiry

    begin(line, FIRST, LAST)
    monkeypatch.setattr(expiry, "EVIDENCE", 1)
    assert keeping.judged_since(platform(line)) is None
    monkeypatch.setattr(type(platform(line).gate), "champion", lambda gate, name: object())
    monkeypatch.setattr("pricing_assets.defs.monitoring.in_force", lambda *_: ({"demand-daily": "gone"}, []))
    done = keep(line)
    assert FeatureSnapshots not in done.lake.expiry.tables
    assert {PriceDecisions, PriceBook} <= set(done.lake.expiry.tables)


def test_dagster_forgets_old_runs_that_are_kept_elsewhere(line: Line, begin: Begin, tmp_path: Path) -> None:
    from pricing_assets.defs import executions, keeping

    begin(line, FIRST, LAST)
    (tmp_path / "dagster").mkdir()
    instance = line.instance = dg.DagsterInstance.local_temp(str(tmp_path / "dagster"))

    @dg.asset(partitions_def=dg.DailyPartitionsDefinition(str(FIRST)))
    def made() -> None:
        print("made")

    def run(day: Any, *, recorded: bool = True) -> str:
        run_id = dg.materialize([made], instance=instance, partition_key=str(day)).run_id
        if recorded:
            executions.conclude(instance, line.lake, run_id)
        return run_id

    done, unrecorded, of_another_day = run(LAST), run(LAST, recorded=False), run(LAST + timedelta(days=1))
    now = datetime.now(UTC)
    later = now + timedelta(days=100)
    row = {"started_on": later.date(), "run_id": "later", "started_at": later, "job": "daily", "outcome": "success"}
    rows = pl.DataFrame([row], schema=Executions.create_empty().schema)
    line.lake.append(Executions, rows, Provenance("later"))
    assert keeping.old_runs(instance, line.lake, 0, later) == []
    assert keeping.old_runs(instance, line.lake, 90, now) == [], "a clock that was ahead makes nothing old"
    shards = {path.stem for path in (tmp_path / "dagster").rglob("*.db")}
    assert {done, unrecorded, of_another_day} <= shards
    assert list(keep(line, now=later).runs) == [done]
    assert {run.run_id for run in instance.get_runs()} == {unrecorded, of_another_day}
    assert done not in {path.stem for path in (tmp_path / "dagster").rglob("*.db")}
    assert not list((tmp_path / "dagster").rglob(f"*{done}*"))
    assert done in line.lake.read(Executions)["run_id"]
    assert manifests.standing(line.lake).height == len(DAYS)


def test_a_shop_must_keep_decisions_long_enough() -> None:
    from pydantic import ValidationError

    from pricing_assets.settings import Settings

    assert Settings(keep_decisions_days=0).keep_decisions_days == 0
    with pytest.raises(ValidationError, match="at least 40 days, or 0 for ever"):
        Settings(keep_decisions_days=39)


def test_the_shop_of_these_tests_has_history(shop: Shop) -> None:
    assert shop.load().historical
