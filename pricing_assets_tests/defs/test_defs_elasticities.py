"""The elasticities station: once a week. That a range and day by day give the same is in test_defs_passes."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
from tiny_shop import CLOSED, DAYS, Line

from pricing_assets.tables.forecasts import Elasticities

LINE = ("raw", "elasticities")
MONDAYS = {day - timedelta(days=day.weekday()) for day in DAYS[6:10]}


def test_those_of_a_week_are_estimated_on_its_first_day_and_shown(line: Line) -> None:
    line.shown = True
    result = line.run(DAYS[6], DAYS[9], only=LINE)
    assert result.success
    rows = line.lake.read(Elasticities)
    assert set(rows["date"]) == {day for day in DAYS[6:10] if day != CLOSED}
    assert set(rows["estimated_on"]) == MONDAYS
    assert rows.filter(pl.col("fallback_reason").is_null()).is_empty(), "some days say nothing of prices"
    assert rows.group_by("date").len()["len"].unique().to_list() == [8], "two kinds of four SKU-markets"
    (event,) = (e for e in result.asset_materializations_for_node("elasticities") if e.partition == str(DAYS[9]))
    assert event.metadata["estimated on"].value == str(max(MONDAYS))
    assert [row.data["kind"] for row in event.metadata["medians"].value.records] == ["base", "promotion"]
    assert "](data:image/png;base64," in event.metadata["elasticities"].value
