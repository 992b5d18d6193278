"""The anomalies station: a shop that sells below cost for some days, in one run and day by day."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from tiny_shop import CLOSED, DAYS, FIRST, Line, Shop

from pricing_assets.lake import days as manifests
from pricing_assets.tables.anomalies import PriceAnomalies

LOSS = [DAYS[6], DAYS[8], DAYS[9]]  # the shop is closed on the day between


@pytest.fixture
def selling_below_cost(shop: Shop) -> Shop:
    assert DAYS[7] == CLOSED
    for day in LOSS:
        shop.change("prices", day, cost="6.00")
    return shop


def test_a_run_flags_groups_and_commits_before_it_decides(selling_below_cost: Shop, line: Line) -> None:
    line.pictures = True
    result = line.run(FIRST, DAYS[-1])
    assert result.success
    rows = line.lake.read(PriceAnomalies)
    assert rows.select("date", "sku", "market", "reason").rows() == [(d, "A", "UK", "NEGATIVE_MARGIN") for d in LOSS]
    assert rows["since"].unique().to_list() == [LOSS[0]], "closed days end no cause"
    assert rows["cause"].n_unique() == 1
    assert sorted(manifests.manifested(line.lake, PriceAnomalies)) == LOSS, "readers see them"
    (seen,) = result.asset_materializations_for_node("price_anomalies")[:1]
    assert seen.metadata["by reason and severity"].value.records[0].data["alarms"] == 1
    assert "](data:image/png;base64," in seen.metadata["alarms by day"].value
    assert seen.metadata["sample"].value.records


def test_day_by_day_gives_what_one_run_gives(selling_below_cost: Shop, line: Line, tmp_path: Path) -> None:
    assert line.run(DAYS[5], DAYS[-1]).success
    alone = Line(tmp_path / "alone", selling_below_cost)
    for day in DAYS[5:]:
        assert alone.run(day).success
    together = line.lake.read(PriceAnomalies)
    assert alone.lake.read(PriceAnomalies).equals(together)
    assert alone.hashes() == line.hashes()


def test_a_day_run_again_after_its_facts_were_mended_loses_its_alarm(selling_below_cost: Shop, line: Line) -> None:
    assert line.run(LOSS[0]).success
    assert line.lake.read(PriceAnomalies).height == 1
    selling_below_cost.change("prices", LOSS[0], cost="2.00")
    assert line.run(LOSS[0]).success
    assert line.lake.read(PriceAnomalies).height == 0
    assert manifests.manifested(line.lake, PriceAnomalies) == {}
    assert pl.Series([row["decided"] for row in line.standing().values()]).to_list() == [4]
