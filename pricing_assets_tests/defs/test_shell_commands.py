"""The commands of `pricing`, in this process: words, JSON, exit codes, remedies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from tiny_shop import CLOSED, DAYS, FIRST, Line, Shop
from typer.testing import CliRunner

from pricing_assets.lake import Lake, claims
from pricing_assets.tables import raw

Say = Callable[..., Result]
FIVE = DAYS[:5]
STRATEGY = """\
strategy: {name}
type: rules
scope: {{market: [DE]}}
priority: 50
rules:
  - {{name: up, priority: 1, when: "units_7d > 100", then: {{multiply: {factor}}}}}
"""


def pricing(*words: str, code: int = 0) -> Result:
    """Runs a command; its exit code must be `code`."""
    from pricing_assets.cli import app

    result = CliRunner().invoke(app, list(words))
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result


def answer(*words: str, code: int = 0) -> Any:
    return json.loads(pricing(*words, "--json", code=code).stdout)


@pytest.fixture(scope="module")
def priced(location: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A home in which five days were run by the shell, dbt and all. Not to be changed."""
    home = tmp_path_factory.mktemp("priced") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRICING_HOME", str(home))
        patch.setenv("PRICING_SOURCE", str(location))
        said = pricing("run", "--from", str(FIRST), "--to", str(FIVE[-1])).stdout
    assert said.splitlines()[0].startswith(f"{FIRST}: 4 decided, ")
    yield home


@pytest.fixture
def standing(priced: Path, home: Path, monkeypatch: pytest.MonkeyPatch, shop: Shop) -> Path:
    """The same home, to look at."""
    monkeypatch.setenv("PRICING_HOME", str(priced))
    return priced


@pytest.fixture
def copied(priced: Path, home: Path, shop: Shop) -> Path:
    """A copy of the lake, to be changed."""
    shutil.copytree(priced / "lake", home / "lake")
    return home


@pytest.fixture
def quick(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """`pricing run` on this test's shop, without dbt; call it again after a change of settings."""
    from pricing_assets.defs import resources, warehouse

    nodes = warehouse._nodes()
    parents = {name: node["depends_on"]["nodes"] for name, node in nodes.items() if "depends_on" in node}
    status = {"model": "success", "test": "pass"}
    results = {
        name: {"status": status[kind], "execution_time": 0, "failures": 0, "message": ""}
        for name in TopologicalSorter(parents).static_order()
        if (kind := nodes[name]["resource_type"]) in status
    }
    monkeypatch.setattr(warehouse, "dbt", lambda *arguments: subprocess.CompletedProcess([], 0, stdout=""))
    monkeypatch.setattr(warehouse, "_results", lambda target: results)

    def load() -> None:
        monkeypatch.setattr(resources, "SOURCE", shop.load())

    load()
    return load


class TestRun:
    def test_a_day(self, quick: object, home: Path) -> None:
        said = answer("run", "--date", str(FIRST))
        assert said["days"][0] | {"run_id": "", "says": "", "published": 0, "held": 0} == {
            **{"date": str(FIRST), "status": "priced", "decided": 4, "published": 0, "held": 0, "quarantined": 0},
            **{"run_id": "", "says": ""},
        }
        assert said["days"][0]["says"].startswith(f"{FIRST}: 4 decided, ")
        assert claims.holders(Lake(home / "lake")) == {}

    def test_without_a_date_the_last_day_of_history(self, quick: object) -> None:
        assert [day["date"] for day in answer("run")["days"]] == ["2026-03-12"]

    def test_a_range_in_chunks(self, quick: object, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from pricing_assets.defs import partitions

        monkeypatch.setattr(partitions, "CHUNK_DAYS", 3)
        said = pricing("run", "--from", str(DAYS[4]), "--to", str(CLOSED)).stdout.splitlines()
        assert said[0].startswith(f"[1/2] {DAYS[4]} to {DAYS[6]}: done in ")
        assert said[1].startswith(f"[2/2] {CLOSED}: done in ")
        assert said[-1] == f"{CLOSED}: no trade"
        assert len(answer("runs")) == 2

    def test_a_stopped_day_is_named_though_it_stood_before(self, quick: object, shop: Shop) -> None:
        shop.change("prices", DAYS[1], price="inf")
        refused = pricing("run", "--from", str(FIRST), "--to", str(DAYS[2]), code=1)
        assert f"{DAYS[1]}: stopped" in refused.stdout
        assert f"1 day(s) stopped\n  {DAYS[1]}: raw.prices contract: 1 of 4 rows in quarantine" in refused.stderr
        assert "remedy: mend what it names" in refused.stderr

        failed = answer("run", "--date", str(DAYS[1]), code=1)
        assert failed["days"][0]["status"] == "stopped"
        assert "raw.prices contract" in failed["error"]
        assert answer("runs")[0]["outcome"] == "failure"
        assert "raw.prices contract" in answer("runs")[0]["error"]

        shop.put("prices", [row for row in shop.rows("prices") if row["date"] != str(FIRST)])
        again = pricing("run", "--date", str(FIRST), code=1).stdout
        assert f"{FIRST}: stopped; what run" in again

    def test_a_missing_file_is_named(self, quick: object, shop: Shop) -> None:
        (shop.folder / "data" / "listings.csv").unlink()
        refused = pricing("run", "--date", str(FIRST), code=1).stderr
        assert "failed: listings.sql" in refused
        assert "remedy: " in refused

    def test_a_second_live_run_is_refused_before_it_starts(self, quick: object, home: Path) -> None:
        claims.claim(Lake(home / "lake"), [FIRST], "another", lambda run: True)
        refused = answer("run", "--date", str(FIRST), code=1)
        assert refused["error"].startswith(f"{FIRST}: run another (process ")
        assert refused["remedy"].startswith("wait until it ends")
        assert answer("runs") == []

    def test_a_run_that_died_is_freed(self, quick: object, home: Path) -> None:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
        claims.claim(Lake(home / "lake"), [FIRST], "dead", lambda run: True, pid=process.pid)
        process.kill()
        process.wait()
        assert "days held by dead runs dead; the next run frees them" in pricing("doctor").stdout
        assert pricing("run", "--date", str(FIRST)).stdout.startswith(f"{FIRST}: 4 decided")

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
    def test_wrong_usage(self, words: tuple[str, ...], said: str) -> None:
        refused = pricing("run", *words, code=2).stderr
        assert said in " ".join(refused.replace("│", "").split())

    def test_days_outside_the_calendar(self, quick: object) -> None:
        refused = pricing("run", "--date", "2027-01-01", code=1).stderr
        assert "2027-01-01 to 2027-01-01: tiny shop has days from 2026-03-01 to 2026-03-12" in refused
        assert "remedy: name days in that range" in refused

    def test_a_setting_that_is_none(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PRICING_EXECUTOR", "cluster")
        refused = pricing("status", code=1).stderr
        assert "PRICING_EXECUTOR=cluster: Input should be 'in_process' or 'multiprocess'" in refused


class TestLooking:
    def test_status(self, standing: Path) -> None:
        said = pricing("status").stdout
        assert f"5 days stand, {FIRST} to {FIVE[-1]}" in said
        assert "5 priced" in said
        assert answer("status")["days"] == {"priced": 5}

    def test_status_of_days_in_work(self, copied: Path) -> None:
        lake = Lake(copied / "lake")
        claims.claim(lake, [DAYS[6]], "at-work", lambda run: True)
        assert f"{DAYS[6]} is held by run at-work since" in pricing("status").stdout
        assert answer("status")["claimed"] == {str(DAYS[6]): "at-work"}

    def test_status_of_nothing(self, home: Path) -> None:
        assert pricing("status").stdout.strip().endswith("no day stands yet; `pricing run` decides one")

    def test_runs(self, standing: Path) -> None:
        row = answer("runs")[0]
        assert (row["outcome"], row["first_day"], row["last_day"]) == ("success", str(FIRST), str(FIVE[-1]))
        assert row["run_id"] in pricing("runs").stdout, "ids are not folded"

    def test_explain_adds_up(self, standing: Path) -> None:
        said = answer("explain", "A", "--market", "UK", "--date", str(FIRST))
        steps = said["steps"]
        assert steps[-1]["after"] == said["decision"]["final_price"]
        words = pricing("explain", "A", "--market", "UK", "--date", str(FIRST)).stdout
        assert words.startswith(f"A in UK on {FIRST}: ")
        assert f"final {float(said['decision']['final_price']):.2f} GBP, was 4.10" in words
        assert said["decision"]["decision_id"] in words

    @pytest.mark.parametrize(
        ("asked", "what", "remedy"),
        [
            (("Z", "UK", FIRST), "Z in UK: not listed on 2026-03-01", "listed there are A, B, C, …"),
            (("B", "DE", FIRST), "B in DE: not listed on 2026-03-01", "it is listed in UK"),
            (("Z", "FR", FIRST), "Z in FR: not listed on 2026-03-01", "markets of that day are DE, UK"),
            (("A", "UK", date(2026, 3, 9)), "2026-03-09: no decisions", "days from 2026-03-01 to 2026-03-05 stand"),
        ],
    )
    def test_explain_suggests(self, standing: Path, asked: tuple[str, str, date], what: str, remedy: str) -> None:
        sku, market, day = asked
        refused = answer("explain", sku, "--market", market, "--date", str(day), code=1)
        assert refused["error"] == what
        assert remedy in refused["remedy"]

    def test_explain_a_day_without_trade(self, line: Line) -> None:
        line.run(CLOSED)
        refused = answer("explain", "A", "--market", "UK", "--date", str(CLOSED), code=1)
        assert refused["error"] == f"{CLOSED}: the shop did not trade, nothing was decided"

    def test_query(self, standing: Path) -> None:
        sql = "select sku, market, final_price from decisions.price_decisions where date = '2026-03-01' order by all"
        assert [row["sku"] for row in answer("query", sql)] == ["A", "A", "B", "C"]
        assert "final_price" in pricing("query", sql).stdout
        assert answer("query", "select decided from marts.run_summary")[0] == {"decided": 4}

    def test_query_shows_the_beginning_of_much(self, standing: Path) -> None:
        said = pricing("query", "select i from range(1200) t(i)").stdout
        assert "(200 more rows; --json prints all)" in said

    def test_wide_rows_stand_below_each_other_on_a_narrow_screen(
        self, standing: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from pricing_assets.shell import command

        monkeypatch.setattr(command, "_PIPE_WIDTH", 80)
        said = pricing("query", "select * from runs.days limit 1").stdout
        assert "row 1" in said
        assert "  status          priced" in said

    def test_query_faults(self, standing: Path, home: Path) -> None:
        assert "query failed" in answer("query", "select nothing from nowhere", code=1)["error"]
        assert "show all tables" in answer("query", "select nothing from nowhere", code=1)["remedy"]
        assert "read-only" in answer("query", "create table t (i int)", code=1)["error"]
        missing = answer("query", "select 1", "--home", str(home), code=1)
        assert missing["error"].endswith("there is no warehouse yet")
        assert "pricing run" in missing["remedy"]

    def test_lake_log(self, standing: Path) -> None:
        rows = answer("lake", "log", "raw.prices")
        assert [(row["version"], row["days"], row["rows"]) for row in rows][-1] == (0, 5, 20)
        assert set(rows[0]) == {"version", "time", "run", "rows", "days", "hash"}
        assert rows[0]["hash"] in pricing("lake", "log", "raw.prices").stdout
        assert answer("lake", "log", "raw.nothing", code=1)["error"].startswith("raw.nothing: no such table")


class TestReplay:
    def test_equal(self, standing: Path) -> None:
        lines = pricing("replay").stdout.splitlines()
        assert lines[0].startswith(f"{FIRST}: equal ")
        assert lines[0].endswith(" 4 rows")
        assert lines[-1] == "5 of 5 days came out the same"
        assert [day["difference"] for day in answer("replay", "--date", str(FIRST))] == [None]

    def test_a_day_never_decided(self, standing: Path) -> None:
        assert "was never decided" in pricing("replay", "--date", "2026-03-09", code=1).stdout

    def test_nothing(self, home: Path) -> None:
        assert answer("replay", code=1)["error"] == "no day stands yet"

    def test_tampered_rows_are_found(self, copied: Path) -> None:
        import polars as pl

        lake = Lake(copied / "lake")
        path = lake.path(raw.Prices, lake.partitions(raw.Prices)[FIVE[1]])
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame.with_columns((pl.col("price") + 1).cast(frame.schema["price"])).write_parquet(path)
        words = pricing("replay", "--date", str(FIVE[1]), code=1).stdout
        assert f"{FIVE[1]}: DIFFERS: " in words
        assert "current_price: 6.2000 replayed, 5.2000 recorded" in words
        assert answer("replay", "--date", str(FIVE[1]), code=1)[0]["difference"]


class TestDoctor:
    def test_sound(self, standing: Path) -> None:
        found = {each["what"]: each for each in answer("doctor")}
        assert all(each["sound"] for each in found.values())
        assert set(found) == {
            *("python", "libraries", "dbt", "home", "disk", "source", "lake", "claims"),
            *("governance", "dagster", "warehouse"),
        }
        assert "ok    source: tiny shop" in pricing("doctor").stdout

    def test_a_new_installation_is_sound(self, shop: Shop) -> None:
        assert "FAULT" not in pricing("doctor").stdout

    @pytest.mark.parametrize("fault", ["source", "lake", "warehouse", "governance", "dagster", "disk", "settings"])
    def test_faults_have_a_remedy(self, copied: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
        from pricing_assets.shell import doctor

        if fault == "source":
            (shop.folder / "prices.sql").unlink()
        elif fault == "lake":
            lake = Lake(copied / "lake")
            lake.path(raw.Prices, lake.partitions(raw.Prices)[FIRST]).unlink()
        elif fault == "warehouse":
            (copied / "analytics.duckdb").write_bytes(b"no database")
        elif fault == "governance":
            monkeypatch.setenv("PRICING_GOVERNANCE_URL", "nosuch://database")
        elif fault == "dagster":
            monkeypatch.setenv("DAGSTER_HOME", str(copied / "nowhere"))
        elif fault == "disk":
            monkeypatch.setattr(doctor, "_FREE_BYTES", float("inf"))
        elif fault == "settings":
            monkeypatch.setattr(sys, "version_info", (3, 10, 0))
            fault = "python"
        said = pricing("doctor", code=1).stdout
        line = said.splitlines().index(next(line for line in said.splitlines() if line.startswith(f"FAULT {fault}")))
        assert any("remedy: " in line for line in said.splitlines()[line + 1 :])

    def test_a_home_that_cannot_be_written(self, shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(path: Path, content: bytes) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "write_bytes", refused)
        found = {each["what"]: each for each in answer("doctor", code=1)}
        assert not found["home"]["sound"]
        assert found["home"]["remedy"] == "set PRICING_HOME to a folder you may write"


class TestSource:
    def test_a_template_works_at_once(self, tmp_path: Path) -> None:
        folder = tmp_path / "mine"
        assert f"wrote {folder / 'prices.sql'}" in pricing("source", "init", str(folder)).stdout
        assert "no fault: `pricing run` can price this shop" in pricing("source", "check", str(folder)).stdout
        assert all(each["passed"] for each in answer("source", "check", str(folder)))
        assert "holds source.yaml" in answer("source", "init", str(folder), code=1)["error"]

    def test_faults_are_explained(self, shop: Shop) -> None:
        (shop.folder / "prices.sql").write_text("SELECT date, sku, market, cost FROM read_csv('data/prices.csv')")
        (shop.folder / "stock.sql").write_text("SELECT * FROM read_csv('data/nowhere.csv')")
        said = pricing("source", "check", str(shop.folder), code=1).stdout
        assert "FAULT prices.sql" in said
        assert "price" in said
        assert "FAULT stock.sql" in said
        assert "nowhere.csv" in said
        assert "2 fault(s)" in said

    def test_no_source(self, tmp_path: Path) -> None:
        said = pricing("source", "check", str(tmp_path), code=1).stdout
        assert "FAULT source.yaml" in said


class TestStrategy:
    @pytest.fixture
    def draft(self, tmp_path: Path) -> Callable[..., str]:
        def write(name: str = "germany", factor: str = "1.05") -> str:
            path = tmp_path / f"{name}.yaml"
            path.write_text(STRATEGY.format(name=name, factor=factor))
            return str(path)

        return write

    def test_a_life(self, home: Path, draft: Callable[..., str]) -> None:
        assert "no fault" in pricing("strategy", "lint", draft()).stdout
        assert "no active strategy of that name" in answer("strategy", "diff", draft(), code=1)["error"]
        first = answer("strategy", "activate", draft(), "--reason", "spring", "--by", "ann")
        assert (first["version"], first["changed"]) == (1, True)
        assert answer("strategy", "activate", draft(), "--reason", "spring")["changed"] is False
        assert "is active already, version 1" in pricing("strategy", "activate", draft(), "--reason", "again").stdout
        assert pricing("strategy", "diff", draft()).stdout.strip() == "no difference"
        assert "1.1" in pricing("strategy", "diff", draft(factor="1.10")).stdout
        assert (
            "version 2, on the word of"
            in pricing("strategy", "activate", draft(factor="1.10"), "--reason", "summer").stdout
        )
        assert "germany is back at" in pricing("strategy", "rollback", "germany", "--reason", "too dear").stdout
        rows = answer("strategy", "list")
        assert [(row["name"], row["version"]) for row in rows] == [("germany", 3), ("default", 1)]
        assert rows[0]["hash"] == first["hash"][:12]
        assert "too dear" in pricing("strategy", "list").stdout

    def test_an_unknown_feature_is_named_with_its_place(self, home: Path, tmp_path: Path) -> None:
        path = tmp_path / "s.yaml"
        path.write_text(STRATEGY.format(name="s", factor="1.1").replace("units_7d", "unit_7d"))
        said = pricing("strategy", "lint", str(path), code=1).stdout
        assert f"{path}:6:" in said
        assert "unit_7d" in said
        assert "units_7d" in said, "the name meant is suggested"
        found = answer("strategy", "lint", str(path), code=1)
        assert found[0]["line"] == 6
        assert "unit_7d" in answer("strategy", "activate", str(path), "--reason", "r", code=1)["error"]

    def test_faults(self, home: Path, tmp_path: Path, draft: Callable[..., str]) -> None:
        missing = answer("strategy", "lint", str(tmp_path / "none.yaml"), code=1)
        assert "none.yaml: cannot be read" in missing["error"]
        assert "name a strategy file" in missing["remedy"]
        assert answer("strategy", "rollback", "nobody", "--reason", "r", code=1)["error"]
        pricing("strategy", "activate", draft(), code=2)


class TestHelp:
    def test_help_reads_like_documentation(self) -> None:
        said = pricing("--help").stdout
        for words in ("First steps:", "PRICING_HOME", "Exit codes: 0 done, 1 refused or failed"):
            assert words in said
        for command in ("run", "runs", "status", "explain", "replay", "query", "doctor", "source", "strategy", "lake"):
            assert f"│ {command} " in said

    @pytest.mark.parametrize("command", ["run", "explain", "replay", "query", "source check", "strategy activate"])
    def test_every_command_has_its_own(self, command: str) -> None:
        said = pricing(*command.split(), "--help").stdout
        for option in ("--home", "--json", "--by", "--help"):
            assert option in said

    def test_who_asks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from pricing_assets.shell import command

        def nobody() -> str:
            raise KeyError("uid")

        monkeypatch.setattr(command.getpass, "getuser", nobody)
        assert command._user() == "unknown"


def test_the_instance_is_that_of_the_project_for_its_own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.settings import Settings
    from pricing_assets.shell import instance

    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.chdir(tmp_path)
    assert instance.instance_folder(Settings(home=Path(".pricing"))) == tmp_path
    assert instance.instance_folder(Settings(home=tmp_path / "other")) == tmp_path / "other" / "dagster"
    os.environ.pop("PRICING_HOME")
