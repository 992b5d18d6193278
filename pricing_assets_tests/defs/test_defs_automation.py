"""What starts by itself: the day at 02:00, missed days, runs that died, the record of executions."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Shop

from pricing_assets.lake import Lake, claims
from pricing_assets.tables.runs import Executions
from pricing_assets.watch.punctuality import punctuality

SECOND = DAYS[1]


@pytest.fixture
def live(home: Path, shop: Shop) -> Line:
    """The shop as one that goes on trading, at 10:00 of 4 March, with an instance on disk as schedules want it."""
    shop.goes_on(DAYS[2])
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 4, 10, tzinfo=UTC))
    line.instance = dg.DagsterInstance.local_temp(str(home.parent))
    return line


def at_two(line: Line, moment: datetime) -> Any:
    from pricing_assets.defs import automation

    context = dg.build_schedule_context(instance=line.instance, scheduled_execution_time=moment)
    return automation.at_two(context, platform=line.platform())


def catch_up(line: Line) -> Any:
    from pricing_assets.defs import automation

    return automation.catch_up(dg.build_sensor_context(instance=line.instance), platform=line.platform())


def ran(line: Line, day: date, status: dg.DagsterRunStatus, job: str = "daily") -> str:
    """A run of a day as the instance may know it."""
    run = dg.DagsterRun(job_name=job, tags={"dagster/partition": str(day)}, status=status)
    line.instance.add_run(run)
    return run.run_id


def requested(answer: Any) -> list[tuple[str, str]]:
    return [(each.partition_key, each.run_key) for each in answer]


def test_at_two_the_day_that_ended_is_requested(live: Line) -> None:
    request = at_two(live, datetime(2026, 3, 4, 2, tzinfo=UTC))
    assert (request.partition_key, request.run_key) == ("2026-03-03", "2026-03-03#0")


def test_at_two_follows_the_clock_of_the_shop(live: Line) -> None:
    request = at_two(live, datetime(2026, 7, 1, 1, tzinfo=UTC))
    assert request.partition_key == "2026-06-30", "02:00 in London is 01:00 UTC in summer"


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2026, 3, 4, 0, 5, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 4, 1, 59, tzinfo=UTC), date(2026, 3, 2)),
        (datetime(2026, 3, 4, 2, tzinfo=UTC), date(2026, 3, 3)),
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), date(2026, 3, 27)),
        (datetime(2026, 3, 29, 1, tzinfo=UTC), date(2026, 3, 28)),
    ],
)
def test_a_day_has_ended_at_its_cut_off_not_at_midnight(location: Path, moment: datetime, day: date) -> None:
    from pricing_assets.defs.partitions import SOURCE

    assert SOURCE.last_ended(moment) == day, "02:00 in London; on 29 March the clock jumps at 01:00 UTC"


def test_after_midnight_the_day_is_left_until_its_cut_off(home: Path, shop: Shop) -> None:
    shop.goes_on(DAYS[2])
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 4, 0, 5, tzinfo=UTC))
    line.instance = dg.DagsterInstance.local_temp(str(home.parent))
    assert requested(catch_up(line)) == [("2026-03-02", "2026-03-02#0")]


def test_nothing_starts_for_a_shop_that_is_history(line: Line) -> None:
    for answer in (at_two(line, datetime(2026, 3, 4, 2, tzinfo=UTC)), catch_up(line)):
        assert isinstance(answer, dg.SkipReason)
        assert answer.skip_message == "tiny shop is history: its last day is 2026-03-12"


def test_nothing_starts_before_the_shop_begins(home: Path, shop: Shop) -> None:
    shop.goes_on(FIRST)
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 1, 10, tzinfo=UTC))
    for answer in (at_two(line, datetime(2026, 3, 1, 2, tzinfo=UTC)), catch_up(line)):
        assert answer.skip_message == "tiny shop begins on 2026-03-01"


def test_both_leave_alone_what_stands(live: Line, begin: Begin) -> None:
    begin(live, FIRST, DAYS[2])
    assert at_two(live, datetime(2026, 3, 4, 2, tzinfo=UTC)).skip_message == "2026-03-03 stands already"
    assert catch_up(live).skip_message.startswith("every day up to 2026-03-03 stands")


@pytest.mark.parametrize("status", [dg.DagsterRunStatus.NOT_STARTED, dg.DagsterRunStatus.STARTED])
def test_both_leave_alone_what_is_in_flight(live: Line, status: dg.DagsterRunStatus) -> None:
    run_id = ran(live, DAYS[2], status)
    assert at_two(live, datetime(2026, 3, 4, 2, tzinfo=UTC)).skip_message == f"run {run_id} is at 2026-03-03"
    assert isinstance(catch_up(live), dg.SkipReason)


def test_a_range_in_flight_covers_its_days(live: Line) -> None:
    from pricing_assets.defs import executions

    run = dg.DagsterRun(job_name="daily", tags=executions.range_tags(DAYS[:3]), status=dg.DagsterRunStatus.STARTED)
    live.instance.add_run(run)
    reasons = executions.why_not(live.instance, live.lake, DAYS[:4], live.platform().now())
    assert reasons == {day: f"run {run.run_id} is at {day}" for day in DAYS[:3]}


def test_missed_days_are_requested_oldest_first(live: Line, begin: Begin) -> None:
    begin(live, FIRST)
    assert requested(catch_up(live)) == [("2026-03-02", "2026-03-02#0"), ("2026-03-03", "2026-03-03#0")]


def test_a_new_shop_begins_with_the_day_that_ended(live: Line) -> None:
    assert requested(catch_up(live)) == [("2026-03-03", "2026-03-03#0")]


def test_every_attempt_has_its_own_run_key_and_the_fourth_is_not_made(live: Line, begin: Begin) -> None:
    begin(live, FIRST)
    for attempt, status in enumerate([dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED], 1):
        ran(live, SECOND, status)
        assert requested(catch_up(live))[0] == ("2026-03-02", f"2026-03-02#{attempt}")
    ran(live, SECOND, dg.DagsterRunStatus.FAILURE)
    assert requested(catch_up(live)) == [("2026-03-03", "2026-03-03#0")], "given up: a person must look at it"


def test_an_attempt_waits_longer_than_the_one_before(live: Line, begin: Begin) -> None:
    from pricing_assets.defs import executions

    begin(live, FIRST)

    def asked(minutes: int) -> list[tuple[date, int]]:
        now = datetime.now(UTC) + timedelta(minutes=minutes)
        return executions.missed_days(live.instance, live.lake, SECOND, 9, now)

    ran(live, SECOND, dg.DagsterRunStatus.FAILURE)
    assert (asked(9), asked(11)) == ([], [(SECOND, 1)])
    ran(live, SECOND, dg.DagsterRunStatus.FAILURE)
    assert (asked(44), asked(46)) == ([], [(SECOND, 2)])
    assert asked(-60) == [(SECOND, 2)], "the clock was set back"


def test_a_day_a_clock_set_ahead_noted_as_closed_is_run_when_it_comes(home: Path, shop: Shop) -> None:
    from pricing_assets.defs import executions

    shop.goes_on(DAYS[3])
    clock = [datetime(2026, 3, 5, 2, tzinfo=UTC)]
    line = Line(home, shop, clock=lambda: clock[0])
    assert line.run(DAYS[3]).success
    clock[0] = datetime(2026, 4, 1, 2, tzinfo=UTC)
    assert line.run(DAYS[5]).success and line.standing()[DAYS[5]]["status"] == "no_trade"
    clock[0] = datetime(2026, 3, 7, 2, tzinfo=UTC)
    reasons = executions.why_not(line.instance, line.lake, [DAYS[3], DAYS[5]], clock[0])
    assert reasons == {DAYS[3]: f"{DAYS[3]} stands already"}
    found = punctuality(line.lake, shop.load(), None, datetime(2026, 3, 7, 7, tzinfo=UTC))
    assert found and [late.day for late in found.late] == [DAYS[4], DAYS[5]]
    line.ended()
    assert line.run(DAYS[5]).success, "nothing was sold on it: the row says the same, and now counts"
    assert line.standing()[DAYS[5]]["as_of"] == clock[0]
    assert DAYS[5] in executions.why_not(line.instance, line.lake, [DAYS[5]], clock[0])


def test_a_run_that_succeeded_before_its_day_came_takes_no_key_from_the_one_that_counts(
    live: Line, begin: Begin
) -> None:
    begin(live, FIRST)
    ran(live, SECOND, dg.DagsterRunStatus.SUCCESS)
    assert requested(catch_up(live))[0] == ("2026-03-02", "2026-03-02#1")


def test_a_run_that_died_and_is_about_to_be_started_again_is_not_requested_beside(live: Line, begin: Begin) -> None:
    begin(live, FIRST)
    died = ran(live, SECOND, dg.DagsterRunStatus.FAILURE)
    live.instance.add_run_tags(died, {"dagster/will_retry": "true"})
    assert requested(catch_up(live)) == [("2026-03-03", "2026-03-03#0")]
    live.instance.add_run_tags(died, {"dagster/auto_retry_run_id": "another"})
    assert requested(catch_up(live))[0] == ("2026-03-02", "2026-03-02#1")


def test_single_stations_that_failed_are_no_attempts_at_the_day(live: Line, begin: Begin) -> None:
    begin(live, FIRST)
    ran(live, SECOND, dg.DagsterRunStatus.FAILURE, job="__ASSET_JOB")
    assert requested(catch_up(live))[0] == ("2026-03-02", "2026-03-02#0")


def test_only_a_few_missed_days_start_at_once(home: Path, shop: Shop) -> None:
    shop.goes_on(DAYS[0])
    line = Line(home, shop, clock=lambda: datetime(2026, 3, 12, 10, tzinfo=UTC))
    line.run(FIRST)
    assert [day for day, _ in requested(catch_up(line))] == [str(day) for day in DAYS[1:6]]


@pytest.fixture
def dead_process() -> Iterator[int]:
    """A process that claims and dies without a word."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    yield process.pid
    process.kill()
    process.wait()


def test_runs_whose_process_died_are_failed_and_their_days_free(live: Line, dead_process: int) -> None:
    import os
    import signal

    live.run(FIRST)
    run_id = ran(live, SECOND, dg.DagsterRunStatus.STARTED)
    claims.claim(live.lake, [SECOND], run_id, lambda run: True, pid=dead_process)
    claims.claim(live.lake, [DAYS[4]], "of-another-instance", lambda run: True, pid=dead_process)
    os.kill(dead_process, signal.SIGKILL)
    os.waitpid(dead_process, 0)

    assert requested(catch_up(live))[0] == ("2026-03-02", "2026-03-02#1")
    assert set(claims.holders(live.lake)) == {FIRST}, "a finished run frees its days when it is concluded"
    run = live.instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    from pricing_assets.defs import executions

    assert "died; its days are free again" in executions.first_error(live.instance, run_id)


def test_the_days_of_a_live_process_are_left_alone(live: Line) -> None:
    run_id = ran(live, FIRST, dg.DagsterRunStatus.STARTED)
    claims.claim(live.lake, [FIRST], run_id, lambda run: True)
    catch_up(live)
    assert claims.holders(live.lake)[FIRST].run_id == run_id


def executions_of(lake: Lake) -> list[dict[str, Any]]:
    return lake.read(Executions).to_dicts()


def tell(line: Line, result: Any, sensor: dg.RunStatusSensorDefinition, kind: dg.DagsterEventType) -> None:
    """Calls a run status sensor as the daemon does after a run."""
    event = line.instance.all_logs(result.run_id, of_type=kind)[0].dagster_event
    context = (
        dg.build_run_status_sensor_context(
            sensor_name=sensor.name,
            dagster_event=event,
            dagster_instance=line.instance,
            dagster_run=line.instance.get_run_by_id(result.run_id),
        )
        if event
        else None
    )
    sensor(context, platform=line.platform())


def test_every_execution_is_recorded_once_and_frees_its_days(line: Line, shop: Shop) -> None:
    from pricing_assets.defs import automation

    done = line.run(FIRST, only=["raw"])
    assert FIRST in claims.holders(line.lake)
    for _ in range(2):
        tell(line, done, automation.record_success, dg.DagsterEventType.RUN_SUCCESS)
    assert claims.holders(line.lake) == {}

    (shop.folder / "data" / "sales.csv").unlink()
    failed = line.run(SECOND, DAYS[2])
    for _ in range(2):
        tell(line, failed, automation.record_failure, dg.DagsterEventType.RUN_FAILURE)

    rows = {row["run_id"]: row for row in executions_of(line.lake)}
    assert len(executions_of(line.lake)) == 2
    good, bad = rows[done.run_id], rows[failed.run_id]
    assert (good["outcome"], good["first_day"], good["last_day"], good["error"]) == ("success", FIRST, FIRST, None)
    assert (bad["outcome"], bad["first_day"], bad["last_day"]) == ("failure", SECOND, DAYS[2])
    assert bad["error"].startswith("sales.sql")


def test_a_run_still_going_is_not_recorded(line: Line) -> None:
    from pricing_assets.defs import executions

    run_id = ran(line, FIRST, dg.DagsterRunStatus.STARTED)
    executions.conclude(line.instance, line.lake, run_id)
    executions.conclude(line.instance, line.lake, "unknown")
    assert executions_of(line.lake) == []


def test_a_run_without_days_has_none(line: Line) -> None:
    from pricing_assets.defs import executions

    assert executions.days_of(dg.DagsterRun(job_name="marts")) is None
    assert executions.first_error(line.instance, ran(line, FIRST, dg.DagsterRunStatus.FAILURE)) == "no error was logged"


def test_a_late_day_raises_one_event_which_is_closed_when_it_stands(live: Line, begin: Begin) -> None:
    from pricing_assets.defs.lateness import lateness

    def tick() -> str:
        said = lateness(dg.build_sensor_context(instance=live.instance), platform=live.platform())
        assert isinstance(said, dg.SkipReason)
        return str(said.skip_message)

    def kinds() -> list[str]:
        return [event.kind for event in live.platform().store.events() if event.stream == "late:2026-03-03"]

    begin(live, FIRST, SECOND)
    assert [tick(), tick()] == ["late: 2026-03-03"] * 2
    assert kinds() == ["late_opened"]
    assert live.run(DAYS[2]).success
    assert tick() == "nothing is late; 2026-03-04 is due 2026-03-05 06:00 UTC"
    assert kinds() == ["late_opened", "late_closed"]
    (late,) = live.platform().store.lateness.days()
    assert late.late_seconds == 4 * 3600, "decided at 10:00, due at 06:00"


def test_a_shop_that_is_history_is_never_late(line: Line) -> None:
    from pricing_assets.defs.lateness import lateness

    said = lateness(dg.build_sensor_context(instance=line.instance), platform=line.platform())
    assert "nothing is due" in str(said)
