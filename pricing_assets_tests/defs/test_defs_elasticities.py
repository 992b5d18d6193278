"""The elasticities station: once a week, in one run and day by day."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
from tiny_shop import CLOSED, DAYS, LAST, Line, Shop

from pricing_assets.lake import days as manifests
from pricing_assets.tables.forecasts import Elasticities

LINE = ("raw", "elasticities")
MONDAYS = {day - timedelta(days=day.weekday()) for day in DAYS[6:10]}


def test_day_by_day_gives_what_one_run_gives(shop: Shop, line: Line, tmp_path: Path) -> None:
    line.pictures = True
    result = line.run(DAYS[6], DAYS[9], only=LINE)
    assert result.success
    alone = Line(tmp_path / "alone", shop)
    for day in DAYS[6:10]:
        assert alone.run(day, only=LINE).success
    rows = line.lake.read(Elasticities)
    assert alone.lake.read(Elasticities).equals(rows)
    assert set(rows["date"]) == {day for day in DAYS[6:10] if day != CLOSED}
    assert set(rows["estimated_on"]) == MONDAYS
    assert rows.group_by("date").len()["len"].unique().to_list() == [8], "two kinds of four SKU-markets"
    (event,) = (e for e in result.asset_materializations_for_node("elasticities") if e.partition == str(DAYS[9]))
    assert event.metadata["estimated on"].value == str(max(MONDAYS))
    assert [row.data["kind"] for row in event.metadata["medians"].value.records] == ["base", "promotion"]
    assert "](data:image/png;base64," in event.metadata["elasticities"].value


def test_a_day_that_stands_has_them_in_force_and_a_second_run_commits_none(line: Line) -> None:
    assert line.run(LAST).success
    assert sorted(manifests.manifested(line.lake, Elasticities)) == [LAST]
    rows = line.lake.read(Elasticities)
    assert rows.filter(pl.col("fallback_reason").is_null()).is_empty(), "twelve days say nothing of prices"
    before = line.versions()
    assert line.run(LAST, only=LINE).success
    assert line.versions()["forecasts.elasticities"] == before["forecasts.elasticities"]
