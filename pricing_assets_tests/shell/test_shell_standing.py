"""`pricing status` of shops that go on: on time or late, what waits, what failed, and its exit code for cron."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Shop

from pricing_assets import governance, publishing
from pricing_assets.governance import Drift, Scope
from pricing_assets.lake import Lake, Provenance, claims
from pricing_assets.settings import Settings
from pricing_assets.shell.instance import open_instance
from pricing_assets.watch import disk, situation

Clock = Callable[[datetime], None]
LAST = DAYS[4]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return lambda moment: monkeypatch.setattr(situation, "moment", lambda: moment)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """An hour of the day after."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC) + timedelta(days=1)


@pytest.fixture
def live(copied: Path, priced: Path, shop: Shop) -> Path:
    """Five days of the shop stand, which goes on trading."""
    shop.goes_on(DAYS[-1])
    return copied


@pytest.fixture
def sent(live: Path, shop: Shop) -> Path:
    """The same, and its prices are out."""
    for moment in (at(LAST, 6), at(LAST, 6, 5)):
        publishing.publish(
            Lake(live / "lake"), shop.load(), Settings(), [LAST], Provenance("pass"), clock=lambda moment=moment: moment
        )
    return live


def store(home: Path) -> governance.Store:
    return governance.open_store(f"sqlite:///{home / 'governance.db'}")


def test_a_shop_on_time_is_well(sent: Path, clock: Clock) -> None:
    clock(at(LAST, 23))
    said = answer("status")
    assert (said["well"], said["faults"], said["late"]) == (True, [], [])
    assert said["sent"] == {"live": 4}
    assert said["next"] == {"date": "2026-03-06", "due": "2026-03-07 06:00:00+00:00"}
    assert "on time: 2026-03-06 is due 2026-03-07 06:00 UTC" in pricing("status").stdout
    assert {"free", "total", "parts", "days_left", "lake_files"} <= set(said["disk"])
    assert said["disk"]["parts"]["lake"] > said["disk"]["parts"]["lake logs"] > 0
    assert {"code", "lock"} <= set(said["versions"])


def test_prices_that_stay_where_they_are_at_the_cut_off_are_a_fault(live: Path, clock: Clock) -> None:
    clock(at(LAST, 7))
    said = answer("status", code=1)
    assert said["overdue"] == 4 and said["sent"] == {"approved": 4}
    (fault,) = said["faults"]
    assert fault.startswith("4 prices not handed over, due 2026-03-06 06:00 UTC: ")
    with open_instance(Settings()):
        pass  # as a run makes it
    pricing("publish")
    assert [path.name for path in (live / "metrics").glob("*.prom")] == ["pricing_tiny_shop.prom"], "written anew"


def test_a_home_that_is_named_and_not_there_is_a_fault(shop: Shop, home: Path) -> None:
    assert answer("status", code=1)["faults"] == [f"{home}: there is no such folder"]
    home.mkdir()
    assert answer("status")["well"], "nothing is decided yet, and nothing is late: the shop is history"


def test_a_late_day_is_named_once_on_record_and_ends_with_exit_code_1(live: Path, clock: Clock) -> None:
    store(live).close()
    clock(at(DAYS[6], 8, 30))
    words = pricing("status", code=1).stdout
    assert "late: 2 days, the oldest 2026-03-06, by 1 d 2 h" in words
    assert "FAULT 2 days are late, 2026-03-06 to 2026-03-07: the first was due 2026-03-07 06:00 UTC" in words
    said = answer("status", code=1)
    assert [(each["date"], each["late_seconds"]) for each in said["late"]] == [
        ("2026-03-06", 26 * 3600 + 1800),
        ("2026-03-07", 2 * 3600 + 1800),
    ]
    with store(live) as opened:
        assert [event.stream for event in opened.events()] == ["late:2026-03-06", "late:2026-03-07"]
    assert [line["event"] for line in answer("logs") if line["event"] == "day_late"] == ["day_late"] * 2


def test_the_sla_is_a_setting(live: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICING_SLA", "04:15")
    clock(at(DAYS[5], 4, 16))
    assert answer("status", code=1)["late"][0]["due"] == "2026-03-07 04:15:00+00:00"
    for wrong in ("soon", "01:30"):  # a day's run starts at 02:00
        monkeypatch.setenv("PRICING_SLA", wrong)
        assert answer("status", code=1)["error"].startswith("PRICING_SLA=")


def test_a_shop_that_is_history_is_never_late(standing: Path, clock: Clock) -> None:
    clock(datetime(2031, 1, 1, tzinfo=UTC))
    said = answer("status")
    assert said["next"] is None and said["late"] == []
    assert "on time" not in pricing("status").stdout


def test_it_names_what_waits_for_whom(sent: Path, clock: Clock) -> None:
    clock(at(LAST, 12))
    with store(sent) as opened:
        event = opened.gate.open(Drift("demand-daily", None, "psi", "all"), "drifted", timedelta(days=3650)).event
        day = date(2026, 3, 7)
        opened.set_override("PRICE_FREEZE", Scope(sku="A"), (FIRST, day), by="ann", reason="r", key="k", today=FIRST)
    said = {each["kind"]: each for each in answer("status")["waiting"]}
    assert said["approval"]["words"].startswith(f"{event.id}, psi in all, demand-daily with no champion")
    assert said["override"]["until"] == "2026-03-07"
    words = pricing("status").stdout
    assert "waits: drift-1, psi in all" in words and "(until 2026-03-07)" in words


def test_a_failed_run_is_a_fault_until_its_days_stand(shop: Shop, quick: Callable[[], None], clock: Clock) -> None:
    broken = (shop.folder / "prices.sql").read_text()
    (shop.folder / "prices.sql").write_text("SELECT nothing FROM nowhere")
    pricing("run", "--date", str(FIRST), code=1)
    (failed,) = answer("status", code=1)["failed"]
    assert (failed["first_day"], failed["outcome"]) == (str(FIRST), "failure")
    assert f"FAULT run {failed['run_id']} of {FIRST} failed: " in pricing("status", code=1).stdout
    (shop.folder / "prices.sql").write_text(broken)
    pricing("run", "--date", str(FIRST))
    assert answer("status")["failed"] == []


def test_a_dead_run_that_holds_days_is_a_fault(copied: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claims.claim(Lake(copied / "lake"), [DAYS[6]], "the-dead", lambda run: True, pid=process.pid)
    assert answer("status")["held"][0]["dead"] is False
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert answer("status", code=1)["faults"] == ["run the-dead died and holds its days; the next run frees them"]
    held = f"{DAYS[6]} is held by run the-dead (process {process.pid} on {socket.gethostname()}) since "
    (line,) = [line for line in pricing("status", code=1).stdout.splitlines() if held in line]
    assert line.endswith(", which died: the next run frees it")


def test_a_disk_nearly_full_is_a_fault(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "FREE_BYTES", 10**18)
    assert "FAULT the disk is nearly full: " in pricing("status", code=1).stdout


def test_a_governance_store_that_cannot_be_read_is_a_fault(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICING_GOVERNANCE_URL", "postgresql://me:secret@127.0.0.1:1/shop")
    said = answer("status", code=1)
    assert said["days"] == {"priced": 5} and "secret" not in str(said)
    assert said["faults"][0].startswith("governance store postgresql+psycopg://me:***@127.0.0.1:1/shop")
