"""`pricing doctor`: what is sound, and the remedy of each fault."""

from __future__ import annotations

import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Shop

from pricing_assets import governance, strategies
from pricing_assets.lake import Lake, claims, marks, warehouse
from pricing_assets.settings import Settings
from pricing_assets.shell.checkup import machine
from pricing_assets.tables import decisions, raw


def test_a_priced_shop_is_sound(standing: Path) -> None:
    found = {each["what"]: each for each in answer("doctor")}
    assert all(each["sound"] for each in found.values())
    assert set(found) == {
        *("python", "libraries", "dbt", "settings", "home", "disk", "clock", "source", "lake", "claims", "locks"),
        *("logs", "metrics"),
        *("governance", "registry", "dagster", "warehouse"),
    }
    assert "ok    source: tiny shop" in pricing("doctor").stdout


def test_a_new_installation_is_sound(shop: Shop) -> None:
    said = pricing("doctor").stdout
    assert "FAULT" not in said and "is not there: a run makes it; mount it first, if it is a disk" in said


def test_the_database_of_a_shop_is_named_and_tried(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.settings(database=f"sqlite:///{tmp_path / 'books.db'}")
    sqlite3.connect(tmp_path / "books.db").close()
    assert f"ok    database: sqlite:///{tmp_path / 'books.db'} answers" in pricing("doctor").stdout
    monkeypatch.setenv("PRICING_SOURCE_URL", "postgresql://me:secret@127.0.0.1:1/shop")
    said = pricing("doctor", code=1).stdout
    assert "FAULT database: database postgresql://me:***@127.0.0.1:1/shop: " in said
    assert "secret" not in said


@pytest.mark.parametrize(
    "fault", ["source", "lake", "warehouse", "governance", "words lost", "dagster", "disk", "settings"]
)
def test_faults_have_a_remedy(copied: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    from pricing_assets.watch import disk

    if fault == "source":
        (shop.folder / "prices.sql").unlink()
    elif fault == "lake":
        lake = Lake(copied / "lake")
        lake.path(raw.Prices, lake.partitions(raw.Prices)[FIRST]).unlink()
    elif fault == "warehouse":
        (copied / "analytics.duckdb").write_bytes(b"no database")
    elif fault == "governance":
        monkeypatch.setenv("PRICING_GOVERNANCE_URL", "nosuch://database")
    elif fault == "words lost":
        marks.note(Lake(copied / "lake"), events=3, word="override:1 v1 set by ann")
        fault = "governance: event 3 of what people decided was 'override:1 v1 set by ann'"
    elif fault == "dagster":
        monkeypatch.setenv("DAGSTER_HOME", str(copied / "nowhere"))
    elif fault == "disk":
        monkeypatch.setattr(disk, "FREE_BYTES", float("inf"))
    elif fault == "settings":
        monkeypatch.setattr(sys, "version_info", (3, 10, 0))
        fault = "python"
    said = pricing("doctor", code=1).stdout
    line = said.splitlines().index(next(line for line in said.splitlines() if line.startswith(f"FAULT {fault}")))
    assert any("remedy: " in line for line in said.splitlines()[line + 1 :])


def test_a_home_that_cannot_be_written(shop: Shop, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(path: Path, content: bytes) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_bytes", refused)
    found = {each["what"]: each for each in answer("doctor", code=1)}
    assert not found["home"]["sound"]
    assert found["home"]["remedy"].startswith("permission denied: ")


def findings(code: int = 0) -> dict[str, dict[str, Any]]:
    return {each["what"]: each for each in answer("doctor", code=code)}


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    """Another process, that holds the lock of its argument and says so."""
    code = (
        "import sys\nfrom filelock import FileLock\nlock = FileLock(sys.argv[1])\n"
        "lock.acquire()\nprint('held', flush=True)\ninput()"
    )
    lock = Settings().home / "lake" / "_locks" / "intake.lock"
    lock.parent.mkdir(parents=True, exist_ok=True)
    words = [sys.executable, "-c", code, str(lock)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout and started.stdout.readline() == "held\n"
        yield started
        started.kill()


@pytest.mark.skipif(not Path("/proc/locks").exists(), reason="needs a kernel that says who holds a lock")
def test_a_lock_is_named_with_its_holder_and_one_of_the_dead_is_free(
    copied: Path, process: subprocess.Popen[str]
) -> None:
    held = findings()["locks"]
    assert held["sound"] and held["found"].startswith(f"intake is held by process {process.pid} (")
    assert ", started " in held["found"]
    os.kill(process.pid, signal.SIGSTOP)
    stopped = findings(code=1)["locks"]
    assert stopped["found"].endswith("which is stopped") and f"kill -CONT {process.pid}" in stopped["remedy"]
    process.kill()
    process.wait()
    assert "none of " in findings()["locks"]["found"], "the file is there, and nobody holds it"


def test_a_claim_of_the_dead_names_run_process_and_what_frees_it(copied: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lake = Lake(copied / "lake")
    claims.claim(lake, [DAYS[6]], "the-dead", lambda run: True, pid=dead.pid)
    dead.kill()
    dead.communicate()
    found = findings(code=1)["claims"]
    assert found["found"].startswith(f"{DAYS[6]} is held by run the-dead (process {dead.pid} on ")
    assert found["remedy"] == f"the next run frees it, now `pricing run --date {DAYS[6]}`; nothing is lost"
    path = lake.root / "_claims" / f"{DAYS[6]}.json"
    path.write_text(path.read_text().replace(socket.gethostname(), "elsewhere"))
    assert (
        f"another machine: if it is gone, terminate the run in the UI, or delete {path}"
        in findings()["claims"]["found"]
    )


def test_a_clock_set_back_is_named_by_how_much(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with governance.open_store(Settings().governance, strategies) as store:
        store.ensure_default()
    assert findings()["clock"]["sound"]
    machine_now = datetime.now(UTC) - timedelta(days=1, minutes=5)

    class Back(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return machine_now

    monkeypatch.setattr(machine, "datetime", Back)
    clock = findings(code=1)["clock"]
    assert "the last thing recorded is event 1 of governance at " in clock["found"]
    assert "1 d 0 h in the future: the clock was set back" in clock["found"]
    assert clock["remedy"].startswith("set this machine's clock right") and "Nothing is lost" in clock["remedy"]


def test_a_folder_of_metrics_or_logs_that_cannot_be_written_is_a_fault(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICING_METRICS", str(tmp_path / "collected"))
    (tmp_path / "collected" / ".pricing-doctor").mkdir(parents=True)
    (copied / "logs" / ".pricing-doctor").mkdir(parents=True)
    found = findings(code=1)
    assert not found["metrics"]["sound"] and "PRICING_METRICS" in found["metrics"]["remedy"]
    assert not found["logs"]["sound"] and found["logs"]["remedy"].startswith("check the disk that holds it")


def test_a_folder_that_cannot_be_made_and_a_log_of_another_user_are_faults(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a file").touch()
    monkeypatch.setenv("PRICING_METRICS", str(tmp_path / "a file" / "collected"))
    today = copied / "logs" / f"{datetime.now(UTC):%Y-%m-%d}.jsonl"
    today.mkdir(parents=True)
    found = findings(code=1)
    assert not found["metrics"]["sound"] and "PRICING_METRICS" in found["metrics"]["remedy"]
    assert not found["logs"]["sound"] and found["logs"]["found"].startswith(f"{today}: ")


def test_a_setting_whose_name_is_misspelt_is_a_fault_and_variables_of_others_are_none(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PRICING_SHOP", "theirs")
    monkeypatch.setenv("PRICING_DAGSTER_FOLDER", "theirs")
    assert findings()["settings"]["found"].startswith("PRICING_HOME")
    monkeypatch.setenv("PRICING_KEEP_AUDITS_DAYS", "900")
    monkeypatch.setenv("PRICING_DAGSTER_HOME", "where its own has no prefix")
    monkeypatch.chdir(tmp_path)
    Path(".env").write_text("PRICING_GOVERNANCE_URI=sqlite:///elsewhere.db\n")
    assert findings(code=1)["settings"]["found"].split("; ") == [
        "PRICING_DAGSTER_HOME is no setting: DAGSTER_HOME may be meant",
        "PRICING_GOVERNANCE_URI is no setting: PRICING_GOVERNANCE_URL may be meant",
        "PRICING_KEEP_AUDITS_DAYS is no setting: PRICING_KEEP_AUDIT_DAYS may be meant",
    ]


def test_deep_finds_the_file_somebody_changed_where_it_lies(copied: Path) -> None:
    """A query would answer with its rows, and a backup would seal them."""
    assert answer("doctor", "--deep")[-1]["found"].endswith(" files in force hold what was written")
    lake = Lake(copied / "lake")
    path = lake.path(decisions.PriceDecisions, lake.partitions(decisions.PriceDecisions)[FIRST])
    rows = pl.read_parquet(path, hive_partitioning=False)
    rows.with_columns(pl.col("cost") + 1).cast(dict(rows.schema)).write_parquet(path)
    assert findings()["lake"]["sound"], "the file is there and whole"
    (fault,) = [each for each in answer("doctor", "--deep", code=1) if not each["sound"]]
    assert fault["what"] == "contents"
    assert f"decisions.price_decisions {FIRST}: {path} holds other rows than were written" in fault["found"]
    assert "`pricing doctor --deep` names" in pricing("replay", "--date", str(FIRST), code=1).stdout


def test_a_query_over_a_file_that_is_gone_sends_to_doctor(copied: Path) -> None:
    lake = Lake(copied / "lake")
    with warehouse.draft(lake, copied / "analytics.duckdb"):
        pass
    lake.path(decisions.PriceDecisions, lake.partitions(decisions.PriceDecisions)[FIRST]).unlink()
    sql = f"select count(*) from decisions.price_decisions where date = '{FIRST}'"
    assert "remedy: `pricing doctor` says what the lake lacks" in pricing("query", sql, code=1).output
