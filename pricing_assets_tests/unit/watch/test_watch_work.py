"""Work: which execution is the last, and which failure matters still."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tiny_shop import DAYS
from watch_lake import at, executed

from pricing_assets.lake import Lake
from pricing_assets.watch import work

NOW = at(DAYS[4], 7)
HOUR = timedelta(hours=1)


@pytest.fixture
def lake(home: Path) -> Lake:
    return Lake(home / "lake")


def undone(lake: Lake) -> list[str]:
    return [row["run_id"] for row in work.undone(work.executions(lake, NOW), [])]


def test_the_last_execution_is_the_one_recorded_last_whatever_the_clock_said(lake: Lake) -> None:
    executed(lake, NOW, run_id="ahead", outcome="failure")
    executed(lake, NOW - HOUR, run_id="after the clock was set back")
    assert work.executions(lake, NOW)["run_id"].to_list() == ["ahead", "after the clock was set back"]
    assert undone(lake) == []
    executed(lake, NOW - 2 * HOUR, run_id="set back again", outcome="failure")
    assert work.executions(lake)["run_id"].to_list()[-1] == "set back again"
    assert undone(lake) == ["set back again"]


def test_a_canceled_execution_is_no_failure_and_hides_none(lake: Lake) -> None:
    executed(lake, NOW - 2 * HOUR, run_id="canceled first", outcome="canceled")
    assert undone(lake) == []
    executed(lake, NOW - HOUR, run_id="failed", outcome="failure")
    executed(lake, NOW, run_id="canceled", outcome="canceled")
    assert undone(lake) == ["failed"]
