"""`pricing strategy shadow|unshadow|shadows` and `pricing effectiveness`: in words, as JSON, refused with a remedy."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from held_out_sales import START, sold
from shell_commands import answer, pricing

from pricing_assets.lake import warehouse

BOLD = "strategy: {name}\ntype: rules\npriority: {priority}\nrules: [{{name: up, then: {{multiply: {factor}}}}}]\n"


@pytest.fixture
def bold(tmp_path: Path) -> Path:
    path = tmp_path / "bold.yaml"
    path.write_text(BOLD.format(name="bold", priority=9, factor=1.1))
    return path


def test_a_shadow_has_a_life(home: Path, bold: Path) -> None:
    said = pricing("strategy", "shadow", str(bold), "--reason", "does it earn more?", "--by", "ann").stdout
    assert "decides beside the strategies in force from the next run on, and is never published" in said
    assert answer("strategy", "shadow", str(bold), "--reason", "again")["changed"] is False
    [row] = answer("strategy", "shadows")
    assert (row["shadow"], row["by"], row["reason"]) == ("bold", "ann", "does it earn more?")
    assert (row["last day"], row["differing"]) == ("none yet", None)
    assert [each["name"] for each in answer("strategy", "list")] == ["default"], "nothing is in force by it"
    assert "bold decides no more" in pricing("strategy", "unshadow", "bold", "--reason", "seen enough").stdout
    assert answer("strategy", "shadows") == []
    kinds = [row["action"] for row in answer("audit") if row["subject"] == "shadow:bold"]
    assert sorted(kinds) == ["shadow_ended", "shadow_set"]


def test_a_draft_of_a_live_name_says_that_it_stands_in_for_it(home: Path, bold: Path) -> None:
    bold.write_text(BOLD.format(name="default", priority=0, factor=1.1))
    said = pricing("strategy", "shadow", str(bold), "--reason", "r").stdout
    assert "decides instead of the strategy default from the next run on" in said


def test_what_cannot_be_done_is_said(home: Path, bold: Path) -> None:
    refused = answer("strategy", "unshadow", "nobody", "--reason", "r", code=1)
    assert refused["error"] == "no shadow is named nobody"
    assert "pricing strategy shadows" in refused["remedy"]
    bold.write_text(BOLD.format(name="bold", priority=0, factor=1.1))
    refused = answer("strategy", "shadow", str(bold), "--reason", "r", code=1)
    assert "bold cannot decide beside those in force" in refused["error"]
    assert "cannot be read" in answer("strategy", "shadow", str(bold) + "x", "--reason", "r", code=1)["error"]


def test_without_a_draw_effectiveness_says_so_and_figures_are_null(standing: Path) -> None:
    assert pricing("effectiveness").stdout.startswith("no cluster was ever drawn")
    rows = answer("effectiveness")
    assert [row["measure"] for row in rows] == ["profit", "revenue", "units"]
    assert {row["effect_pct"] for row in rows} == {None}
    assert rows[0]["reason"] == "too few: 0 clusters can be compared, 20 are needed"


def test_effectiveness_prints_the_effect_its_range_and_the_amount(
    standing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = sold(lift=0.1)
    monkeypatch.setattr(warehouse, "query", lambda path, sql: days)
    said = pricing("effectiveness").stdout.splitlines()
    assert [line.split()[0] for line in said[:3]] == ["profit", "revenue", "units"]
    assert "% of past revenue (likely range +" in said[0]
    assert "GBP" in "".join(said)
    few = answer("effectiveness", "--from", str(START), "--to", str(START))
    assert few[0]["reason"].startswith("too few")
    assert pl.DataFrame(answer("effectiveness"))["amount"].drop_nulls().len() == 2
