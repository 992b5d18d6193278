from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from elasticity_panels import panel
from typer.testing import CliRunner

from pricing_assets.cli_elasticity import app


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    panel(skus=3, days=120).write_csv(tmp_path / "panel.csv")
    return tmp_path


def _run(folder: Path, *options: str):
    return CliRunner().invoke(app, ["--panel", str(folder / "panel.csv"), *options])


def test_a_csv_of_anyone_becomes_elasticities_with_reasons(folder: Path):
    done = _run(folder, "--out", str(folder / "e.csv"))
    assert done.exit_code == 0, done.output
    rows = pl.read_csv(folder / "e.csv")
    assert rows.height == 12
    assert {"elasticity", "std_error", "spec_low", "spec_high", "fallback_reason"} <= set(rows.columns)
    assert "medians over series" in done.output


def test_json_says_how_many_are_borrowed(folder: Path):
    done = _run(folder, "--out", str(folder / "e.parquet"), "--json")
    answer = json.loads(done.output)
    assert answer["series"] == 6
    assert [kind["kind"] for kind in answer["kinds"]] == ["base", "promotion"]
    assert pl.read_parquet(folder / "e.parquet").height == 12


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--out", "e.xlsx"], "neither .csv nor .parquet"),
        (["--out", "nowhere/e.csv"], "no folder nowhere"),
        (["--out", "e.csv", "--price", "prise"], "no column prise"),
        (["--out", "e.csv", "--controls", "weather"], "no column weather"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_remedy(folder: Path, options, said: str, monkeypatch):
    monkeypatch.chdir(folder)
    done = _run(folder, *options)
    assert done.exit_code == 1
    assert said in done.output
    assert "remedy" in done.output
