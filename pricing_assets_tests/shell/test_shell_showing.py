"""Looking without touching: status, runs, explain, query, lake log, replay."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import CLOSED, DAYS, FIRST, Begin, Line

from pricing_assets.lake import Lake, claims
from pricing_assets.tables import raw

FIVE = DAYS[:5]


def test_status(standing: Path) -> None:
    said = pricing("status").stdout
    assert f"5 days stand, {FIRST} to {FIVE[-1]}" in said
    assert "5 priced" in said
    assert answer("status")["days"] == {"priced": 5}


def test_status_of_days_in_work(copied: Path) -> None:
    lake = Lake(copied / "lake")
    claims.claim(lake, [DAYS[6]], "at-work", lambda run: True)
    assert f"{DAYS[6]} is held by run at-work (process " in pricing("status").stdout
    assert answer("status")["claimed"] == {str(DAYS[6]): "at-work"}


def test_status_says_once_who_holds_days_in_a_row(copied: Path) -> None:
    lake = Lake(copied / "lake")
    claims.claim(lake, [*DAYS[6:9], DAYS[10]], "a range", lambda run: True)
    claims.claim(lake, [DAYS[9]], "another", lambda run: True)
    held = [line.split(" (")[0] for line in pricing("status").stdout.splitlines() if "held by" in line]
    assert held == [
        f"  {DAYS[6]} to {DAYS[8]} are held by run a range",
        f"  {DAYS[9]} is held by run another",
        f"  {DAYS[10]} is held by run a range",
    ]
    assert list(answer("status")["claimed"]) == [str(day) for day in DAYS[6:11]]


def test_status_names_who_holds_a_day_before_any_stands(home: Path) -> None:
    claims.claim(Lake(home / "lake"), [DAYS[6]], "the first", lambda run: True)
    said = pricing("status").stdout
    assert "no day stands yet" in said
    assert f"{DAYS[6]} is held by run the first (process " in said


def test_status_of_nothing(home: Path) -> None:
    assert pricing("status", code=1).stdout.splitlines()[0].endswith("no day stands yet; `pricing run` decides one")


def test_runs_shows_whole_ids(standing: Path) -> None:
    row = answer("runs")[0]
    assert (row["outcome"], row["first_day"], row["last_day"]) == ("success", str(FIRST), str(FIVE[-1]))
    assert row["run_id"] in pricing("runs").stdout, "ids are not folded"


def test_explain_adds_up(standing: Path) -> None:
    said = answer("explain", "A", "--market", "UK", "--date", str(FIRST))
    steps = said["steps"]
    assert steps[-1]["after"] == said["decision"]["final_price"]
    words = pricing("explain", "A", "--market", "UK", "--date", str(FIRST)).stdout
    assert words.startswith(f"A in UK on {FIRST}: ")
    assert f"final {float(said['decision']['final_price']):.2f} GBP, was 4.10" in words
    assert said["decision"]["decision_id"] in words
    assert said["expectation"]["units"] == said["decision"]["expected_units"] > 0
    assert said["expectation"]["units_lo"] < said["expectation"]["units"] < said["expectation"]["units_hi"]
    assert f"expected {said['expectation']['units']:.1f} units in 28 days at this price (likely " in words
    assert "by a simple method: " in words


def test_explain_without_a_date_is_of_the_last_decided_day(standing: Path) -> None:
    assert answer("explain", "A", "--market", "UK")["decision"]["date"] == str(FIVE[-1])


def test_explain_before_any_day_says_what_decides_one(home: Path) -> None:
    refused = answer("explain", "A", "--market", "UK", code=1)
    assert refused["error"].endswith("no day is decided yet")
    assert refused["remedy"].startswith("`pricing run` decides one")


@pytest.mark.parametrize(
    ("asked", "what", "remedy"),
    [
        (("Z", "UK", FIRST), "Z in UK: not listed on 2026-03-01", "listed there are A, B, C, …"),
        (("B", "DE", FIRST), "B in DE: not listed on 2026-03-01", "it is listed in UK"),
        (("Z", "FR", FIRST), "Z in FR: not listed on 2026-03-01", "markets of that day are DE, UK"),
        (("A", "UK", date(2026, 3, 9)), "2026-03-09: no decisions", "5 days stand, 2026-03-01 to 2026-03-05"),
    ],
)
def test_explain_suggests(standing: Path, asked: tuple[str, str, date], what: str, remedy: str) -> None:
    sku, market, day = asked
    refused = answer("explain", sku, "--market", market, "--date", str(day), code=1)
    assert refused["error"] == what
    assert remedy in refused["remedy"]


def test_explain_a_day_without_trade(line: Line) -> None:
    line.run(CLOSED)
    refused = answer("explain", "A", "--market", "UK", "--date", str(CLOSED), code=1)
    assert refused["error"] == f"{CLOSED}: the shop did not trade, nothing was decided"
    assert "no day is decided yet" in answer("explain", "A", "--market", "UK", code=1)["error"]


def test_query(standing: Path) -> None:
    sql = "select sku, market, final_price from decisions.price_decisions where date = '2026-03-01' order by all"
    assert [row["sku"] for row in answer("query", sql)] == ["A", "A", "B", "C"]
    assert "final_price" in pricing("query", sql).stdout
    assert answer("query", "select decided from marts.run_summary")[0] == {"decided": 4}


def test_query_shows_the_beginning_of_much(standing: Path) -> None:
    said = pricing("query", "select i from range(1200) t(i)").stdout
    assert "(200 more rows; --json prints all)" in said


def test_wide_rows_stand_below_each_other_on_a_narrow_screen(standing: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.shell import command

    monkeypatch.setattr(command, "_PIPE_WIDTH", 80)
    said = pricing("query", "select * from runs.days limit 1").stdout
    assert "row 1" in said
    assert "  status          priced" in said


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("words", [("runs",), ("lake", "log", "raw.prices")])
def test_tables_of_runs_and_commits_cut_nothing_on_a_narrow_screen(
    standing: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], width: int
) -> None:
    from pricing_assets.shell import command

    rows = answer(*words)
    monkeypatch.setattr(command, "_PIPE_WIDTH", width)
    said = pricing(*words).stdout
    assert max(map(len, said.splitlines())) <= width
    for name, value in rows[0].items():
        shown = str(value)[:8] if name in ("run_id", "run", "hash") else "" if value is None else str(value)
        assert f" {shown} " in said, name
        assert f" {name} " in said or value is None
    assert "shortened; --json prints all of it" in said


def test_a_table_too_narrow_even_for_short_ids_stands_row_by_row(
    standing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.shell import command

    row = answer("runs")[0]
    monkeypatch.setattr(command, "_PIPE_WIDTH", 60)
    said = pricing("runs").stdout
    assert "executions, newest first (UTC)\nrow 1\n" in said
    assert f"  run_id      {row['run_id']}" in said


def test_times_of_runs_and_of_commits_read_alike(standing: Path) -> None:
    for moment in (answer("runs")[0]["started_at"], answer("lake", "log", "raw.prices")[0]["time"]):
        assert moment == f"{datetime.fromisoformat(moment):%Y-%m-%d %H:%M:%S}"


def test_query_faults(standing: Path, home: Path) -> None:
    assert "query failed" in answer("query", "select nothing from nowhere", code=1)["error"]
    assert "show all tables" in answer("query", "select nothing from nowhere", code=1)["remedy"]
    assert "read-only" in answer("query", "create table t (i int)", code=1)["error"]
    missing = answer("query", "select 1", "--home", str(home), code=1)
    assert missing["error"].endswith("there is no warehouse yet")
    assert "pricing run" in missing["remedy"]


def test_lake_log(standing: Path) -> None:
    rows = answer("lake", "log", "raw.prices")
    assert [(row["version"], row["days"], row["rows"]) for row in rows][-1] == (0, 5, 20)
    assert set(rows[0]) == {"version", "time", "run", "rows", "days", "hash"}
    assert rows[0]["hash"] in pricing("lake", "log", "raw.prices").stdout
    assert answer("lake", "log", "raw.nothing", code=1)["error"].startswith("raw.nothing: no such table")


def test_replay_says_equal(standing: Path) -> None:
    lines = pricing("replay").stdout.splitlines()
    assert lines[0].startswith(f"{FIRST}: equal ")
    assert lines[0].endswith(" 4 rows")
    assert lines[-1] == "5 of 5 days came out the same"
    assert [day["difference"] for day in answer("replay", "--date", str(FIRST))] == [None]


def test_replay_names_a_day_never_decided(standing: Path) -> None:
    assert "was never decided" in pricing("replay", "--date", "2026-03-09", code=1).stdout


def test_replay_of_nothing_is_refused(home: Path) -> None:
    assert answer("replay", code=1)["error"] == "no day stands yet"


def test_replay_finds_tampered_rows(copied: Path) -> None:
    import polars as pl

    lake = Lake(copied / "lake")
    path = lake.path(raw.Prices, lake.partitions(raw.Prices)[FIVE[1]])
    frame = pl.read_parquet(path, hive_partitioning=False)
    frame.with_columns((pl.col("price") + 1).cast(frame.schema["price"])).write_parquet(path)
    words = pricing("replay", "--date", str(FIVE[1]), code=1).stdout
    assert f"{FIVE[1]}: DIFFERS: " in words
    assert "current_price: 6.2000 replayed, 5.2000 recorded" in words
    assert answer("replay", "--date", str(FIVE[1]), code=1)[0]["difference"]


def test_one_of_a_thing_reads_as_one(line: Line, begin: Begin) -> None:
    begin(line, FIRST)
    assert f"1 day stands, {FIRST}\n  1 priced\n" in pricing("status").stdout
    assert pricing("replay").stdout.splitlines()[-1] == "1 of 1 day came out the same"
    refused = answer("explain", "A", "--market", "UK", "--date", str(DAYS[1]), code=1)
    assert refused["remedy"].startswith(f"1 day stands, {FIRST}; ")
