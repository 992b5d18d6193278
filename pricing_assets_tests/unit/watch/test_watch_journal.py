"""The log: who is heard, where it goes, what is read back, and that it stops nobody."""

from __future__ import annotations

import errno
import json
import logging
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.watch import journal

LOGGER = logging.getLogger("pricing_assets.tests")
DAY = date(2026, 3, 4)


@pytest.fixture
def settings(home: Path) -> Settings:
    home.mkdir()
    return Settings(log_days=3)


def test_a_line_says_when_what_and_about_which_run_and_days(settings: Settings) -> None:
    with (
        journal.about(settings, command="pricing run"),
        journal.about(settings, run_id="r1", first_day=DAY, last_day=DAY),
    ):
        LOGGER.info("committed", extra={"table": "raw.prices", "rows": 3})
    (path,) = journal.files(settings)
    assert path.name == f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    said = json.loads(path.read_text())
    assert datetime.fromisoformat(said.pop("time")).tzinfo
    assert said == {
        "level": "info",
        "event": "committed",
        "command": "pricing run",
        "run_id": "r1",
        "first_day": "2026-03-04",
        "last_day": "2026-03-04",
        "table": "raw.prices",
        "rows": 3,
    }


def test_a_fault_says_its_remedy_and_any_other_where_it_came_from(settings: Settings) -> None:
    with journal.about(settings):
        for fault in (PricingError("the disk is full", "free space"), ValueError("no number")):
            try:
                raise fault
            except Exception:
                LOGGER.exception("station_failed")
    mendable, other = journal.read(settings)
    assert (mendable["error"], mendable["remedy"]) == ("the disk is full", "free space")
    assert other["error"] == "ValueError: no number" and "raise fault" in other["trace"]


def test_outside_and_in_a_home_that_is_not_there_nothing_is_written(home: Path, capfd: pytest.CaptureFixture) -> None:  # type: ignore[type-arg]
    with journal.about(Settings()) as lines:
        LOGGER.error("looked")
    LOGGER.error("said to nobody")
    assert lines == [1] and not home.exists()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("fault", ["full", "folder is a file"])
def test_a_log_that_cannot_be_written_stops_nobody(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    def refuse(handle: int, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    if fault == "full":
        monkeypatch.setattr(os, "write", refuse)
    else:
        settings.logs.write_text("")
    with journal.about(settings):
        LOGGER.info("committed")
    monkeypatch.undo()


def test_a_line_cut_off_by_a_full_disk_costs_only_itself(settings: Settings) -> None:
    with journal.about(settings):
        LOGGER.info("first")
        with journal.files(settings)[0].open("a") as file:
            file.write('{"time": "2026-')
        LOGGER.info("second")
    assert [said["event"] for said in journal.read(settings)] == ["first", "second"]


def test_a_line_that_quotes_another_end_of_line_is_read_whole(settings: Settings) -> None:
    quoted = "prices.csv: row 3: found 'A\u2028B\u0085C'"
    with journal.about(settings, run_id="r1"):
        LOGGER.error(quoted)
    assert [line["event"] for line in journal.read(settings)] == [quoted]


def test_the_newest_files_are_kept_whatever_the_clock_says(settings: Settings) -> None:
    settings.logs.mkdir()
    for name in ("2026-03-01", "2026-03-02", "2099-01-01", "2099-01-02"):
        (settings.logs / f"{name}.jsonl").write_text('{"level": "info", "event": "old"}\n')
    with journal.about(settings):
        LOGGER.info("new")
    assert len(journal.files(settings)) == 3


def test_lines_are_found_by_run_day_and_level(settings: Settings) -> None:
    with journal.about(settings, run_id="abc1", first_day=DAY, last_day=date(2026, 3, 6)):
        LOGGER.info("one")
        LOGGER.warning("two")
    with journal.about(settings, run_id="def2"):
        LOGGER.error("three")

    def found(**asked: object) -> list[str]:
        return [said["event"] for said in journal.read(settings, **asked)]  # type: ignore[arg-type]

    assert found() == ["one", "two", "three"]
    assert found(run="abc") == found(day=date(2026, 3, 5)) == ["one", "two"]
    assert found(day=date(2026, 3, 7)) == []
    assert found(level="warning") == ["two", "three"]
    assert found(last=2) == ["two", "three"]


def test_lines_of_several_processes_do_not_mix(settings: Settings) -> None:
    code = (
        "import logging\nfrom pricing_assets.settings import Settings\nfrom pricing_assets.watch import journal\n"
        "with journal.about(Settings()):\n    for n in range(200):\n"
        "        logging.getLogger('pricing_assets.x').info('said', extra={'n': n, 'words': 'w' * 300})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(2)]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(journal.read(settings, last=1000)) == 400
