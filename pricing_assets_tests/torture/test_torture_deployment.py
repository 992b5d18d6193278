"""What deploy/ describes, for real: code server, daemon and both webservers on PostgreSQL over a shop that trades.

A day is launched by GraphQL, days the schedule missed are requested by the daemon's sensor, and each process is killed
in turn while they run. It takes several minutes.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psutil
import pytest
from deployment import Deployment, deployed
from postgres_server import started
from tiny_shop import COLUMNS, DAYS, SETTINGS, Shop
from torture_runs import Place, check_whole, hashes

from pricing_assets.lake import Lake, claims
from pricing_assets.lake import days as manifests

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
ENGINEER, READERS = "pricing-engineer", "pricing-readers"

pytestmark = pytest.mark.torture


@pytest.fixture(scope="module")
def trading(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny shop, moved to the days up to yesterday, and no history: what its schedule misses is caught up."""
    shop = Shop(tmp_path_factory.mktemp("trading") / "shop").write()
    later = yesterday() - DAYS[-1]
    for table in COLUMNS:
        rows = shop.rows(table)
        shop.put(table, [row | {"date": str(date.fromisoformat(row["date"]) + later)} for row in rows])
    shop.settings(historical=None, last_day=None, empty_days="no_trade", first_day=SETTINGS["first_day"] + later)
    return shop.folder


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory, trading: Path) -> Iterator[Deployment]:
    """Code server and webservers at work; the daemon not yet."""
    with started() as postgres, deployed(tmp_path_factory.mktemp("deployed"), trading, postgres) as made:
        made.start("pricing-code", READERS, ENGINEER)
        made.ready(READERS)
        made.ready(ENGINEER)
        yield made


def yesterday() -> date:
    """The day that ended last, by the shop's clock: at 02:00 of the next."""
    return (datetime.now(ZoneInfo(str(SETTINGS["time_zone"]))) - timedelta(hours=2)).date() - timedelta(days=1)


def stands(deployment: Deployment, day: date) -> bool:
    return day in manifests.standing(deployment.lake)["date"].to_list()


def test_the_pages_for_users_refuse_every_change(deployment: Deployment) -> None:
    said = deployment.launch(READERS, yesterday())
    assert said["__typename"] == "UnauthorizedError", said
    for name, arguments in (
        ("wipeAssets", 'assetPartitionRanges: [{assetKey: {path: ["runs", "days"]}}]'),
        ("deleteRun", 'runId: "00000000-0000-0000-0000-000000000000"'),
        ("reloadWorkspace", None),
    ):
        asked = f"mutation {{ {name}{f'({arguments})' if arguments else ''} {{ __typename }} }}"
        assert deployment.ask(READERS, asked)[name]["__typename"] == "UnauthorizedError", name
    assert {deployment.switch(READERS, "catch_up", on=on) for on in (True, False)} == {"UnauthorizedError"}
    assert deployment.runs() == []


def test_in_a_browser_users_find_nothing_to_press(deployment: Deployment, tmp_path: Path) -> None:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed: the pages were not looked at")
    playwright = pytest.importorskip("playwright.sync_api")
    pressed = {}
    with playwright.sync_playwright() as running:
        browser = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        for unit in (READERS, ENGINEER):
            page = browser.new_page(viewport={"width": 1500, "height": 900})
            page.set_default_timeout(90_000)
            page.goto(f"{deployment.url(unit)}/assets/decisions/price_decisions?view=overview")
            button = page.get_by_text("Materialize", exact=False).locator("xpath=ancestor-or-self::button").first
            button.wait_for()
            page.get_by_text("final_price", exact=True).first.wait_for()
            pressed[unit] = button.is_enabled()
            page.screenshot(path=tmp_path / f"{unit}.png")
        browser.close()
    assert pressed == {READERS: False, ENGINEER: True}


def test_each_process_is_killed_in_turn_and_every_day_ends_standing(
    deployment: Deployment, trading: Path, tmp_path: Path
) -> None:
    assert deployment.switch(ENGINEER, "catch_up", on=False) == "StopSensorMutationResult"
    days = [yesterday() - timedelta(days=back) for back in (2, 1, 0)]
    launched = deployment.launch(ENGINEER, days[0])
    assert launched["__typename"] == "LaunchRunSuccess", launched
    assert deployment.runs()[0]["status"] == "QUEUED", "the daemon takes it from the queue"

    deployment.start("pricing-daemon")
    killed = [_kill_the_run(deployment, days[0])]
    deployment.until("the day launched stands", lambda: stands(deployment, days[0]))

    # the sensor asks for the days after it, which nobody launched
    assert deployment.switch(ENGINEER, "catch_up", on=True) == "Sensor"
    deployment.until("a run of the sensor's", lambda: _runs_of(deployment, days[1]))
    deployment.until("it is at work", lambda: _held(deployment, days[1]))
    deployment.kill("pricing-daemon")
    deployment.until("the day stands, its run watched by nobody", lambda: stands(deployment, days[1]))
    deployment.start("pricing-daemon")

    deployment.until("a run of the next day", lambda: _held(deployment, days[2]))
    for unit in (READERS, ENGINEER):
        deployment.kill(unit)
        deployment.start(unit)
    killed.append(_held(deployment, days[2]) or "")
    deployment.kill("pricing-code")  # and the run with it
    assert not stands(deployment, days[2]), "it was killed at work"
    deployment.start("pricing-code")
    deployment.until("the last day stands", lambda: stands(deployment, days[2]))
    deployment.ready(READERS)
    deployment.ready(ENGINEER)
    ended = {"SUCCESS", "FAILURE"}
    deployment.until("every run has ended", lambda: {run["status"] for run in deployment.runs()} <= ended)

    standing = manifests.standing(deployment.lake)
    assert standing["date"].sort().to_list()[:3] == days, "and the next, where one has ended meanwhile"
    check_whole(deployment.lake)
    statuses = {run["runId"]: run["status"] for run in deployment.runs()}
    assert [statuses[run_id] for run_id in killed] == ["FAILURE", "FAILURE"]
    assert all(statuses[run_id] == "SUCCESS" for run_id in standing["run_id"])
    assert Counter(statuses.values())["SUCCESS"] == standing.height, "no day was run twice"
    deployment.until("no day is held", lambda: claims.holders(deployment.lake) == {})
    examined = deployment.pricing("doctor")
    assert examined.returncode == 0, examined.stdout
    again = deployment.pricing("run", "--from", str(days[0]), "--to", str(days[2]))
    assert again.stdout.count("nothing changed") == 3, again.stdout + again.stderr
    assert _of(deployment.lake, days) == _undisturbed(trading, tmp_path / "home", days)


def test_postgresql_is_restarted_under_all_of_them(deployment: Deployment) -> None:
    """No process has to be started again; the run ends well, or by name and the next one does."""
    if "pricing-daemon" not in deployment.processes:
        deployment.start("pricing-daemon")
    day = yesterday() - timedelta(days=3)
    deployment.launch(ENGINEER, day)
    deployment.until("the day is held", lambda: _held(deployment, day))
    deployment.postgres.restart()

    def ended() -> str | None:
        with suppress(OSError, AssertionError):  # a page may say that the database was away
            found = _runs_of(deployment, day)[0]["status"]
            return found if found in ("SUCCESS", "FAILURE") else None
        return None

    if deployment.until("its run has ended", ended) == "FAILURE":
        deployment.launch(ENGINEER, day)
    deployment.until("the day stands", lambda: stands(deployment, day))
    for unit in (READERS, ENGINEER):
        deployment.ready(unit)
    assert {unit: process.poll() for unit, process in deployment.processes.items()} == dict.fromkeys(
        deployment.processes
    )
    check_whole(deployment.lake)


def _runs_of(deployment: Deployment, day: date) -> list[dict[str, Any]]:
    return [run for run in deployment.runs() if run["tags"].get("dagster/partition") == str(day)]


def _held(deployment: Deployment, day: date) -> str | None:
    """The run that holds a day."""
    holder = claims.holders(deployment.lake).get(day)
    return holder.run_id if holder else None


def _kill_the_run(deployment: Deployment, day: date) -> str:
    """SIGKILL to the process of the run that holds a day, as soon as it does; the run."""
    run_id = deployment.until("the day is held", lambda: _held(deployment, day))
    psutil.Process(claims.holders(deployment.lake)[day].pid).kill()
    return run_id


def _of(lake: Lake, days: list[date]) -> dict[str, dict[date, str]]:
    """Table → day → hash, of these days."""
    return {table: {day: made for day, made in files.items() if day in days} for table, files in hashes(lake).items()}


def _undisturbed(shop: Path, home: Path, days: list[date]) -> dict[str, dict[date, str]]:
    """The same days by the shell, on SQLite."""
    place = Place(home, shop)
    place.run("run", "--from", str(days[0]), "--to", str(days[2]))
    return _of(place.lake, days)
