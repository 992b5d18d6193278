"""`pricing strategy backtest`: a draft beside what stands, on a home in which five days were run."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST

from pricing_assets import drawing
from pricing_assets.strategies import packaged_default

LAST = DAYS[4]
RANGE = ("--from", str(FIRST), "--to", str(LAST))
CUT = "strategy: cut\ntype: rules\nscope: {market: [DE]}\npriority: 50\nrules: [{name: cut, then: {multiply: 0.9}}]\n"


@pytest.fixture
def draft(tmp_path: Path) -> Path:
    path = tmp_path / "cut.yaml"
    path.write_text(CUT)
    return path


def files(home: Path) -> set[Path]:
    return {path for path in home.rglob("*") if path.is_file() and "backtests" not in path.parts}


def test_a_draft_is_compared_drawn_and_written_and_nothing_else_changes(
    copied: Path, draft: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "png", lambda draw, size: b"picture")
    before = files(copied)
    out = tmp_path / "rows.parquet"
    said = answer("strategy", "backtest", str(draft), *RANGE, "--out", str(out))
    assert files(copied) == before
    assert (said["strategy"], len(said["days"]), said["left_out"]) == ("cut", 5, [])
    assert said["claimed"] == 5
    assert Path(said["plot"]).read_bytes() == b"picture"
    assert Path(said["plot"]) == copied / "backtests" / f"cut-{FIRST}-{LAST}.png"
    by = {row["market"]: row for row in said["summary"]}
    assert (by["DE"]["rows"], by["DE"]["draft_changed"], by["DE"]["other_price"] > 0) == (5, 5, True)
    assert (by["UK"]["rows"], by["UK"]["other_price"], by["UK"]["difference"]) == (15, 0, 0.0)
    assert (by["DE"]["currency"], by["UK"]["currency"]) == ("EUR", "GBP")
    assert [(row["sku"], row["market"]) for row in said["top"]] == [("A", "DE")]
    assert said["top"][0]["low"] <= said["top"][0]["difference"] <= said["top"][0]["high"]
    assert {row["currency"] for row in said["by_day"]} == {"EUR", "GBP"}
    rows = pl.read_parquet(out)
    assert rows.height == 20
    other = rows.filter(pl.col("live_price") != pl.col("draft_price"))
    assert other["market"].unique().to_list() == ["DE"]
    assert "winner" not in str(said)


def test_it_is_told_in_words_with_a_picture(copied: Path, draft: Path, tmp_path: Path) -> None:
    out = tmp_path / "rows.csv"
    said = pricing("strategy", "backtest", str(draft), *RANGE[:3], str(DAYS[6]), "--out", str(out)).stdout
    assert "on 5 days, 2026-03-01 to 2026-03-05: 20 decisions" in said
    assert "left out: 2026-03-06 to 2026-03-07 (2 days): never decided" in said
    assert "chosen by neither side" in said
    assert "day by day from the prices really in force" in said
    assert "20 rows written to" in said
    assert pl.read_csv(out).height == 20
    picture = copied / "backtests" / f"cut-{FIRST}-{DAYS[6]}.png"
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_the_text_in_force_differs_in_nothing(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "png", lambda draw, size: b"picture")
    path = tmp_path / "default.yaml"
    path.write_text(packaged_default())
    assert "no price differs" in pricing("strategy", "backtest", str(path), *RANGE).stdout
    assert all(row["difference"] in (0.0, None) for row in answer("strategy", "backtest", str(path), *RANGE)["summary"])


def test_a_draft_that_claims_nothing_says_so(copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "png", lambda draw, size: b"picture")
    path = tmp_path / "fr.yaml"
    path.write_text(CUT.replace("DE", "FR"))
    said = pricing("strategy", "backtest", str(path), *RANGE).stdout
    assert "cut claims no SKU on these days: look at its scope, active window and priority" in said


def test_a_model_nobody_trained_holds_and_the_reason_is_told(
    copied: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "png", lambda draw, size: b"picture")
    path = tmp_path / "model.yaml"
    path.write_text("strategy: default\ntype: ml\n")
    said = pricing("strategy", "backtest", str(path), *RANGE).stdout
    assert "the draft holds 20 prices, most of them for:" in said
    assert "× no model demand@champion made its forecast" in said


def test_bad_input_is_named(copied: Path, draft: Path, tmp_path: Path) -> None:
    def refused(*words: str) -> dict[str, str]:
        found: dict[str, str] = answer("strategy", "backtest", *words, code=1)
        return found

    never = refused(str(draft), "--from", "2020-01-01", "--to", "2020-01-31")
    assert never["error"] == "no day from 2020-01-01 to 2020-01-31 was ever decided"
    assert "pricing run" in never["remedy"]
    faulty = tmp_path / "faulty.yaml"
    faulty.write_text(CUT.replace("multiply", "multipli"))
    assert "multipli" in refused(str(faulty), *RANGE)["error"]
    assert "none.yaml: cannot be read" in refused(str(tmp_path / "none.yaml"), *RANGE)["error"]
    equal = tmp_path / "equal.yaml"
    equal.write_text(CUT.replace("priority: 50", "priority: 0"))
    conflict = refused(str(equal), *RANGE)
    assert "cut and default both claim" in conflict["error"]
    assert "higher priority" in conflict["remedy"]
    assert "no folder" in refused(str(draft), *RANGE, "--out", str(tmp_path / "no" / "rows.csv"))["error"]
    pricing("strategy", "backtest", str(draft), "--from", "2026-03-05", "--to", "2026-03-01", code=2)
    pricing("strategy", "backtest", str(draft), "--from", "soon", "--to", "2026-03-01", code=2)
    pricing("strategy", "backtest", str(draft), "--from", "2026-03-01", code=2)
    assert not (copied / "backtests").exists()
