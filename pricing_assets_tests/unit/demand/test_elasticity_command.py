from __future__ import annotations

import json
from datetime import timedelta
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


def test_negative_units_are_told_with_a_number_a_place_and_what_was_expected(folder: Path):
    frame = pl.read_csv(folder / "panel.csv", try_parse_dates=True)
    first = frame["unique_id"][0]
    of_it = (pl.col("unique_id") == first) & (pl.col("ds").dt.day() < 6)
    frame = frame.with_columns(pl.when(of_it).then(-3.0).otherwise(pl.col("y")).alias("y"))
    frame.write_csv(folder / "panel.csv")
    said = _run(folder, "--out", str(folder / "e.csv")).output
    count = frame.filter(of_it).height
    assert f"WARNING: negative units in {count} rows of 1 series, left out; 1 of them borrow" in said
    assert f"-3 of {first} on {frame.filter(of_it)['ds'].min()}" in said
    assert "returns are not negative sales" in said
    assert f"{first}: {count} of 120 rows are wrong: {count} negative" in said
    answer = json.loads(_run(folder, "--out", str(folder / "e.csv"), "--json").output)
    assert len(answer["negative"]) == count
    assert [each["unique_id"] for each in answer["borrowed"]] == [first]


def test_a_week_off_its_weekday_is_refused_by_file_series_and_date(folder: Path):
    frame = panel(skus=2, days=60, step=7)
    place = (pl.col("unique_id") == "S01|M0") & (pl.col("ds") == pl.date(2024, 3, 4))
    slipped = pl.when(place).then(pl.col("ds") + timedelta(days=1)).otherwise(pl.col("ds")).alias("ds")
    frame.with_columns(slipped).write_csv(folder / "panel.csv")
    done = _run(folder, "--out", str(folder / "e.csv"))
    assert done.exit_code == 1
    assert f"{folder / 'panel.csv'}: S01|M0 has a row on 2024-03-05, a Tuesday" in done.output
    assert "expected every row on a Monday" in done.output
    assert not (folder / "e.csv").exists()
