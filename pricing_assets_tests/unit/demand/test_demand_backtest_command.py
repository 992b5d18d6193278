from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from demand_panels import WEEKLY, weekly
from typer.testing import CliRunner, Result

from pricing_assets.cli_demand import app
from pricing_assets.demand import fit
from pricing_assets.demand.boosting import FOLDS

COLUMNS = ["unique_id", "ds", "cutoff", "model", "yhat", "yhat_lo", "yhat_hi", "y"]
KNOWN = ("--known", "price,rival_price,feature", "--static", "store")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    weekly(6, 80).write_csv(tmp_path / "panel.csv")
    return tmp_path


def _run(folder: Path, *options: str) -> Result:
    fixed = ["--panel", str(folder / "panel.csv"), "--freq", "W", "--horizon", "4", "--origins", "2"]
    return CliRunner().invoke(app, [*fixed, *options])


def test_a_csv_of_anyone_is_backtested_beside_simple_methods(folder: Path) -> None:
    done = _run(folder, "--out", str(folder / "f.csv"), *KNOWN)
    assert done.exit_code == 0, done.output
    made = pl.read_csv(folder / "f.csv", try_parse_dates=True)
    assert made.columns == COLUMNS
    assert set(made["model"]) == {"blend", "naive", "seasonal naive", "AutoETS"}
    assert made.height == 4 * 2 * 4 * 6
    assert "bias by origin" in done.output
    assert "192 forecasts written to" in done.output


def test_without_rivals_json_has_the_same_measures(folder: Path) -> None:
    done = _run(folder, "--out", str(folder / "f.parquet"), "--no-rivals", "--json", *KNOWN)
    answer = json.loads(done.stdout)
    assert [row["model"] for row in answer["summary"]] == ["blend"]
    measures = {"wape", "rmsse", "bias", "mean_abs_bias", "coverage", "interval_score", "cpu_seconds_per_series"}
    assert measures <= set(answer["summary"][0])
    made = pl.read_parquet(folder / "f.parquet")
    wape = made.select((pl.col("y") - pl.col("yhat")).abs().sum() / pl.col("y").sum()).item()
    assert answer["summary"][0]["wape"] == pytest.approx(wape)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "nowhere/f.csv"], "no folder nowhere"),
        (["--out", "f.csv", "--known", "prise"], "no column prise"),
        (["--out", "f.csv", "--origins", "30"], "too short for 30 origins"),
        (["--out", "f.csv", "--static", "price"], "changes over time"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(
    folder: Path, options: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    done = _run(folder, *options)
    assert done.exit_code == 1
    assert said in done.output
    assert "remedy" in done.output


def test_trees_are_grown_by_one_thread_whatever_the_machine_has() -> None:
    """Threads that wait for each other took a busy machine seven times the CPU, and minutes for a small panel."""
    files = fit(weekly(6, 80), WEEKLY).files()
    trees = [text for name, text in files.items() if name.startswith(("ratio", "tweedie"))]
    assert len(trees) == 2 * FOLDS
    assert all("[num_threads: 1]" in text for text in trees)
