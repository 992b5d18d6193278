"""`pricing simulate` writes a market and keeps its truth apart; `pricing simulate score` says what alarms found."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from shell_commands import answer, pricing

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake.days import commit_days
from pricing_assets.shell.simulating import LABELS, PLOT, TRUTH
from pricing_assets.tables import Table, runs
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots

RUN = Provenance("run-1")
SMALL = ("--skus", "10", "--days", "120", "--seed", "3")
LAST = date(2026, 10, 31)


@pytest.fixture
def simulated(home: Path) -> dict[str, Any]:
    """What the command says of a small market in this test's home."""
    said = answer("simulate", *SMALL)
    assert isinstance(said, dict)
    return said


def test_a_market_is_written_with_its_truth_beside_it(home: Path, simulated: dict[str, Any]) -> None:
    assert simulated["settings"]["seed"] == 3 and simulated["version"] >= 1
    with sqlite3.connect(home / "market.db") as connection:
        rows = connection.execute("SELECT count(*) FROM daily_prices").fetchone()[0]
    assert rows >= simulated["rows"]["prices"] > 2000
    for name in (TRUTH, LABELS):
        assert stat.S_IMODE((home / "simulation" / name).stat().st_mode) == 0o600
    assert json.loads((home / "simulation" / TRUTH).read_text())["settings"] == simulated["settings"]
    assert sum(simulated["episodes"].values()) == pl.read_parquet(home / "simulation" / LABELS)["episode_id"].n_unique()


def test_words_tell_no_label(home: Path) -> None:
    said = pricing("simulate", *SMALL).stdout
    assert "10 SKUs × 2 markets, 2026-07-04 to 2026-10-31, law log_log, seed 3" in said
    assert "SKU-0" not in said


def test_the_database_may_be_named(home: Path, tmp_path: Path) -> None:
    assert answer("simulate", *SMALL, "--to", f"sqlite:///{tmp_path / 'other.db'}")["url"].endswith("other.db")
    assert (tmp_path / "other.db").exists() and not (home / "market.db").exists()


def test_what_makes_no_market_is_refused(home: Path) -> None:
    assert answer("simulate", *SMALL, "--to", "no address", code=1)["error"] == "--to is no database URL"
    assert not (home / "simulation").exists()
    pricing("simulate", "--law", "cubic", code=2)
    pricing("simulate", "--last-day", "tomorrow", code=2)


def test_a_score_needs_labels_and_days(home: Path) -> None:
    assert "no labels" in answer("simulate", "score", code=1)["error"]
    pricing("simulate", *SMALL)
    assert "no day is decided" in answer("simulate", "score", code=1)["error"]


def test_a_score_is_of_the_market_that_was_priced(home: Path, simulated: dict[str, Any]) -> None:
    labels = pl.read_parquet(home / "simulation" / LABELS)
    decide(Lake(home / "lake"), labels, skus=["another shop's"], alarmed=lambda row: False)
    assert "is not of the market" in answer("simulate", "score", code=1)["error"]


def test_the_score_counts_what_was_found(home: Path, simulated: dict[str, Any]) -> None:
    labels = pl.read_parquet(home / "simulation" / LABELS).filter(pl.col("episode_id").str.starts_with("SKU-"))
    skus = [f"SKU-{number:04}" for number in range(1, 11)]
    decide(Lake(home / "lake"), labels, skus=skus, alarmed=lambda row: row["effect_size"] >= 1)
    said = answer("simulate", "score")
    assert said["overall"]["recall"] == said["overall"]["precision"] == 1
    small = [row for row in said["by_size"] if row["to"] is not None and row["to"] <= 1]
    assert not any(row["found"] for row in small) and sum(row["episodes"] for row in small) > 0
    assert (home / "simulation" / PLOT).read_bytes().startswith(b"\x89PNG")
    words = pricing("simulate", "score").stdout
    assert "recall 1.000 of" in words and str(home / "simulation" / PLOT) in words


def decide(lake: Lake, labels: pl.DataFrame, *, skus: list[str], alarmed: Callable[[dict[str, Any]], bool]) -> None:
    """Days of a lake in which all SKUs are listed and the alarmed labels are flagged."""
    days = [LAST - timedelta(days=number) for number in range(90)]
    keys = [{"date": day, "sku": sku, "market": market} for day in days for sku in skus for market in ("DE", "UK")]
    alarms = [
        {**row, "severity": "low", "value": row["effect_size"] * 10, "threshold": 10.0, "cause": row["episode_id"]}
        for row in labels.iter_rows(named=True)
        if alarmed(row) and row["date"] in days
    ]
    files = lake.commit(FeatureSnapshots, filled(FeatureSnapshots, keys), days, RUN)
    files += lake.commit(PriceAnomalies, filled(PriceAnomalies, alarms), days, RUN)
    manifest = [
        {"date": day, "status": "priced", "tables": [asdict(file) for file in files if file.partition == day]}
        for day in days
    ]
    commit_days(lake, filled(runs.Days, manifest).drop("sequence"), RUN)


def filled(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    """Rows of a table; columns not named are null, empty or zero."""
    noon = datetime(2026, 11, 1, 12, tzinfo=UTC)
    fillers: dict[Any, Any] = {pl.Boolean: False, pl.Int64: 0, pl.Date: LAST, pl.List: [], pl.Datetime: noon}
    columns = table.columns()
    empty = {
        name: None if column.nullable else fillers.get(column.dtype.base_type(), "-")
        for name, column in columns.items()
    }
    known = [{name: row.get(name, empty[name]) for name in columns} for row in rows]
    return pl.DataFrame(known, schema={name: column.dtype for name, column in columns.items()})


def test_a_market_is_written_up_to_a_day_and_its_shift_told_once_it_has_come(home: Path) -> None:
    words = (*SMALL, "--shift", "TOYS=0.6", "--shift-from", "2026-10-04")
    said = pricing("simulate", *words, "--until", "2026-10-03").stdout
    assert "2026-07-04 to 2026-10-03" in said and "TOYS" not in said
    assert "planted: demand for TOYS -40 % from 2026-10-04 on" in pricing("simulate", *words).stdout
    assert "write CATEGORY=FACTOR" in answer("simulate", "--shift", "TOYS=much", code=1)["remedy"]
