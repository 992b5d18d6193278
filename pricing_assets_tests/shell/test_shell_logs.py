"""`pricing logs`: what a run and a command left in the log."""

from __future__ import annotations

from pathlib import Path

from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Shop

LAST = DAYS[4]


def test_a_run_leaves_its_stations_commits_and_end(standing: Path) -> None:
    run = answer("runs", "--last", "1")[0]["run_id"]
    lines = answer("logs", "--run", run[:8], "--date", str(DAYS[2]), "--last", "1000")
    assert {(line["run_id"], line["first_day"], line["last_day"]) for line in lines} == {(run, str(FIRST), str(LAST))}
    ended = {line["station"]: line["seconds"] for line in lines if line["event"] == "station_ended"}
    assert set(ended) >= {"raw", "feature_snapshots", "demand_forecasts", "price_decisions"}
    assert all(seconds > 0 for seconds in ended.values())
    committed = {line["table"]: line for line in lines if line["event"] == "committed"}
    prices = committed["raw.prices"]
    assert (prices["rows"], prices["files"], prices["station"], len(prices["hash"])) == (20, 5, "raw", 64)
    (end,) = [line for line in lines if line["event"] == "run_ended"]
    assert (end["outcome"], end["level"]) == ("success", "info")
    (whole,) = [line for line in answer("logs", "--last", "1000") if line.get("event") == "command_ended"][:1]
    assert (whole["command"].split()[-1], whole["exit_code"]) == ("run", 0)
    words = pricing("logs", "--run", run, "--last", "1000").stdout
    assert f"station_ended  days={FIRST} to {LAST}" in words.replace(
        f"command={whole['command']} run_id={run[:8]} ", ""
    )


def test_a_refusal_is_logged_with_its_remedy_and_looking_is_not(copied: Path) -> None:
    pricing("status", code=0)
    assert answer("logs") == []
    pricing("explain", "Z", "--market", "UK", "--date", str(FIRST), code=1)
    (line,) = answer("logs", "--level", "error")
    assert (line["event"], line["error"]) == ("command_failed", f"Z in UK: not listed on {FIRST}")
    assert line["remedy"].startswith("listed there are A, B, C")
    assert f"  remedy: {line['remedy']}" in pricing("logs").stdout


def test_what_people_say_of_a_decision_stays_in_governance(copied: Path) -> None:
    pricing("freeze", "--sku", "A", "--until", "2026-12-31", "--reason", "secret plan", "--by", "ann")
    (recorded,) = [line for line in answer("logs") if line["event"] == "recorded" and line["kind"] == "override_set"]
    assert recorded["stream"] == "override:OV-000001"
    assert "secret plan" not in str(answer("logs")) and "ann" not in {
        str(v) for line in answer("logs") for v in line.values()
    }


def test_an_unknown_level_is_wrong_usage_and_an_empty_log_is_said(shop: Shop) -> None:
    assert "expected info, warning, error" in pricing("logs", "--level", "loud", code=2).output
    assert pricing("logs").stdout.startswith("nothing of that is in ")
