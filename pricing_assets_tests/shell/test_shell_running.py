"""`pricing run`: days, ranges, and what is refused."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from shell_commands import answer, pricing
from tiny_shop import CLOSED, DAYS, FIRST, LAST, Shop

from pricing_assets.lake import Lake, claims, days
from pricing_assets.lake.entries import PartitionFile
from pricing_assets.tables import Table

Quick = Callable[[], None]


def test_without_a_date_the_last_day_of_history_is_priced_though_a_run_died_at_it(quick: Quick, home: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    claims.claim(Lake(home / "lake"), [LAST], "dead", lambda run: True, pid=process.pid)
    process.kill()
    process.wait()
    said = pricing("doctor", code=1).stdout
    assert f"FAULT claims: {LAST} is held by run dead (process {process.pid} on " in said
    assert f"remedy: the next run frees it, now `pricing run --date {LAST}`; nothing is lost" in said
    answered = answer("run")  # without a date: the last day of history
    assert answered["days"][0] | {"run_id": "", "says": "", "published": 0, "held": 0} == {
        **{"date": str(LAST), "status": "priced", "decided": 4, "published": 0, "held": 0, "quarantined": 0},
        **{"run_id": "", "says": "", "changed": True},
    }
    assert [day["date"] for day in answered["days"]] == ["2026-03-12"]
    assert answered["days"][0]["says"].startswith(f"{LAST}: 4 decided, ")
    assert claims.holders(Lake(home / "lake")) == {}


def test_days_a_verdict_stopped_are_named_at_once_and_afterwards_even_where_one_stood_before(
    quick: Quick, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.shell import command, standing

    for day in DAYS[1:3]:
        shop.change("prices", day, price="inf")
    stopped = pricing("run", "--from", str(FIRST), "--to", str(DAYS[3]), code=1)
    verdict = "raw.prices contract: 1 of 4 rows in quarantine"
    assert [f"\n{day}: stopped\n" in f"\n{stopped.stdout}" for day in DAYS[:4]] == [False, True, True, False]
    assert f"2 days stopped\n  {DAYS[1]}: {verdict}" in stopped.stderr and f"\n  {DAYS[2]}: {verdict}" in stopped.stderr
    assert "remedy: mend what it names" in stopped.stderr

    row = answer("runs")[0]
    assert (row["outcome"], row["error"]) == ("success", f"2 days stopped: {DAYS[1]}, {DAYS[2]}")
    monkeypatch.setattr(command, "_PIPE_WIDTH", 80)
    assert f"run {row['run_id']}: {row['error']}\n" in pricing("runs").stdout, "on a line of its own"

    said = pricing("status", code=1).stdout
    assert f"2 days stand, {FIRST} to {DAYS[3]}" in said
    assert [f"FAULT {day} was stopped: {verdict}" in said for day in DAYS[:4]] == [False, True, True, False]
    assert list(answer("status", code=1)["stopped"]) == [str(day) for day in DAYS[1:3]]
    monkeypatch.setattr(standing, "_SHOWN", 1)
    assert "FAULT and 1 more fault; --json names all\n" in pricing("status", code=1).stdout

    refused = answer("explain", "A", "--market", "UK", "--date", str(DAYS[1]), code=1)
    assert refused["error"].startswith(f"{DAYS[1]} was stopped: {verdict}")
    assert refused["remedy"] == "mend what it names, then run this day again"

    shop.change("prices", FIRST, price="inf")
    again = answer("run", "--date", str(FIRST), code=1)
    assert again["days"] == [
        {"date": str(FIRST), "status": "stopped", "says": f"{FIRST}: stopped; what run {row['run_id']} decided stands"}
    ]
    assert "raw.prices contract" in again["error"]
    assert answer("runs")[0]["outcome"] == "failure"
    assert "raw.prices contract" in answer("runs")[0]["error"]


def test_a_range_runs_in_chunks_and_again_says_of_each_day_that_nothing_changed(
    quick: Quick, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import partitions

    words = ["run", "--from", str(DAYS[5]), "--to", str(CLOSED)]
    with monkeypatch.context() as patch:
        patch.setattr(partitions, "CHUNK_DAYS", 2)
        said = pricing(*words).stdout.splitlines()
    assert said[0].startswith(f"[1/2] {DAYS[5]} to {DAYS[6]}: done in ")
    assert said[1].startswith(f"[2/2] {CLOSED}: done in ")
    assert said[-1] == f"{CLOSED}: no trade"
    last, first = answer("runs")
    assert (first["first_day"], last["first_day"]) == (str(DAYS[5]), str(CLOSED))

    again = answer(*words)["days"]
    stands = f"nothing changed, run {first['run_id']} stands: 4 decided, "
    assert [day["says"] for day in again] == [
        *(f"{day['date']}: {stands}{day['held']} held, 0 quarantined" for day in again[:2]),
        f"{CLOSED}: nothing changed, no trade",
    ]
    assert [day["changed"] for day in again] == [False, False, False]
    shop.change("prices", DAYS[6], price="4.40")
    corrected = pricing(*words).stdout.splitlines()
    assert corrected[0].startswith(f"{DAYS[5]}: {stands}")
    assert corrected[1].startswith(f"{DAYS[6]}: 4 decided, "), "a corrected price makes a new day"


def test_a_large_shop_runs_fewer_days_at_once_and_comes_to_the_same(
    quick: Quick, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words, other = ("run", "--from", str(DAYS[2]), "--to", str(DAYS[4])), tmp_path / "other"
    assert len(answer(*words)["runs"]) == 1
    monkeypatch.setenv("PRICING_CHUNK_ROWS", "9")  # of 4 SKU-markets, two days
    said = pricing(*words, "--home", str(other)).stdout.splitlines()
    assert said[0].startswith(f"[1/2] {DAYS[2]} to {DAYS[3]}: done in ")
    assert said[1].startswith(f"[2/2] {DAYS[4]}: done in ")
    assert content(other) == content(home)


def content(home: Path) -> dict[str, dict[date, str]]:
    """Table → day → the hash of its rows in force; runs.days is known by its runs."""
    tables = days.manifest(Lake(home / "lake"))
    return {
        name: {day: file.hash for day, file in files.items()} for name, files in tables.items() if name != "runs.days"
    }


def test_a_late_day_says_by_when_prices_were_due(quick: Quick, shop: Shop) -> None:
    shop.goes_on(LAST)
    quick()
    said = answer("run", "--date", str(LAST))["days"][0]
    assert said["status"] == "recommended"
    assert said["says"].endswith("; late, so it only recommends: prices were due by 2026-03-13 06:00 Europe/London")
    recommended = said["decided"] - said["held"]
    assert recommended
    words = f"{LAST}: 4 decided, {recommended} recommended, none to publish because it was late, {said['held']} held"
    assert words in pricing("status", code=1).stdout


def test_a_backfill_over_a_day_another_run_holds_names_it_and_starts_no_day_of_that_chunk(
    quick: Quick, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.defs import partitions

    monkeypatch.setattr(partitions, "CHUNK_DAYS", 2)
    claims.claim(Lake(home / "lake"), [DAYS[3]], "another", lambda run: True)
    refused = pricing("run", "--from", str(FIRST), "--to", str(DAYS[4]), code=1)
    lines = refused.stdout.splitlines()
    assert lines[0].startswith(f"[1/3] {FIRST} to {DAYS[1]}: done in ")
    assert [line.split(",")[0] for line in lines[1:]] == [
        *(f"{day}: 4 decided" for day in DAYS[:2]),
        *(f"{day}: not started" for day in DAYS[2:5]),
    ]
    assert f"{DAYS[3]}: run another (process " in refused.stderr
    assert "remedy: wait until it ends" in refused.stderr
    assert list(claims.holders(Lake(home / "lake"))) == [DAYS[3]], "days of the refused chunk are not kept"
    days = answer("run", "--from", str(DAYS[1]), "--to", str(DAYS[4]), code=1)["days"]
    assert [day["status"] for day in days] == ["priced", "priced", "not started", "not started"]


def test_a_missing_file_is_named(quick: Quick, shop: Shop) -> None:
    (shop.folder / "data" / "listings.csv").unlink()
    refused = pricing("run", "--date", str(FIRST), code=1)
    assert f"{FIRST}: failed" in refused.stdout, "no verdict stopped what was never received"
    assert "failed: listings.sql" in refused.stderr
    assert "remedy: " in refused.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_stops_a_run_for_good(quick: Quick, monkeypatch: pytest.MonkeyPatch, number: signal.Signals) -> None:
    from pricing_assets import sources

    received = []

    def interrupted(*asked: object) -> None:
        received.append(asked)
        signal.raise_signal(number)

    monkeypatch.setattr(sources, "take_in", interrupted)
    refused = answer("run", "--date", str(FIRST), code=1)
    assert refused["error"].endswith("failed: stopped by a signal")
    assert refused["remedy"] == "run these days again to go on"
    assert [day["status"] for day in refused["days"]] == ["failed"]
    assert len(received) == 1, "the station is not begun again"


def test_a_second_live_run_is_refused_before_it_starts(quick: Quick, home: Path) -> None:
    claims.claim(Lake(home / "lake"), [FIRST], "another", lambda run: True)
    refused = answer("run", "--date", str(FIRST), code=1)
    assert refused["error"].startswith(f"{FIRST}: run another (process ")
    assert refused["remedy"].startswith("wait until it ends")
    assert answer("runs") == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--date", "yesterday"), "yesterday: expected a day as YYYY-MM-DD"),
        (("--date", "2026-02-30"), "expected a day as YYYY-MM-DD"),
        (("--from", "2026-03-01"), "--from and --to go together"),
        (("--date", "2026-03-01", "--to", "2026-03-02"), "one or the other"),
        (("--from", "2026-03-05", "--to", "2026-03-02"), "is after --to"),
        (("--never",), "No such option"),
    ],
)
def test_wrong_usage_says_what_was_expected(words: tuple[str, ...], said: str) -> None:
    refused = pricing("run", *words, code=2).stderr
    assert said in " ".join(refused.replace("│", "").split())


def test_days_outside_the_calendar_are_refused(quick: Quick) -> None:
    refused = pricing("run", "--date", "2027-01-01", code=1).stderr
    assert "2027-01-01 to 2027-01-01: tiny shop has days from 2026-03-01 to 2026-03-12" in refused
    assert "remedy: name days in that range" in refused


def test_days_ahead_of_the_machines_clock_are_refused(quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.shell import running

    class Back(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime(2026, 3, 3, 23, 59, tzinfo=UTC)

    monkeypatch.setattr(running, "datetime", Back)
    refused = pricing("run", "--from", "2026-03-01", "--to", "2026-03-03", code=1).stderr
    assert "2026-03-03 has not ended yet by this machine's clock: it is 2026-03-03 23:59 UTC" in refused
    assert "remedy: set the clock right" in refused


def test_a_setting_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICING_EXECUTOR", "cluster")
    refused = pricing("status", code=1).stderr
    assert "PRICING_EXECUTOR=cluster: Input should be 'in_process' or 'multiprocess'" in refused


def test_a_model_that_could_not_be_had_is_warned_of_but_not_series_too_sparse_for_it() -> None:
    """A registry that was down showed in no line of `pricing run`."""
    from pricing_assets.shell.running import missed

    down, gone = "demand-daily/2 cannot be had: the registry does not answer", "demand-weekly/1 is missing"
    usual = ["intermittent: no sales on 93 % of recent dates", "no version of demand-weekly has been put in force yet"]
    said = {FIRST: [down, down, None, *usual], LAST: [down, gone]}
    rows = pl.DataFrame(
        [(day, reason) for day, reasons in said.items() for reason in reasons],
        ["date", "fallback_reason"],
        orient="row",
    )
    assert missed(rows) == [
        f"{down}; a simple method forecast instead on 2 days",
        f"{gone}; a simple method forecast instead on 1 day",
    ]
    assert missed(rows.filter(pl.col("fallback_reason").is_in(usual))) == []
    assert missed(rows.clear()) == []


def test_what_a_range_warns_of_is_read_day_by_day(quick: Quick, monkeypatch: pytest.MonkeyPatch) -> None:
    """Forecasts of a year, read at once to be warned of, took more memory than all that made them."""
    asked: list[int] = []
    read = Lake.read_files

    def spied(lake: Lake, table: type[Table], files: Iterable[PartitionFile], *more: Any, **named: Any) -> pl.DataFrame:
        chosen = list(files)
        asked.extend([len(chosen)] if named.get("columns") == ["date", "fallback_reason"] else [])
        return read(lake, table, chosen, *more, **named)

    pricing("run", "--from", str(FIRST), "--to", str(DAYS[3]))
    monkeypatch.setattr(Lake, "read_files", spied)
    assert "nothing changed" in pricing("run", "--from", str(FIRST), "--to", str(DAYS[3])).stdout
    assert max(asked) == 1 and asked.count(1) >= 4
