"""A range in one pass, and the same days one by one: the same content. And what the pass itself shows of its days.

The shop has all that could tell the two apart: a closed day, an article sold below cost before and after it, a price
that breaks its contract, a row without a date. Not here: days run again, stopped or late (test_defs_days).
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tiny_shop import COLUMNS, DAYS, FIRST, Line, Shop

from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import Replayed, replay
from pricing_assets.tables import raw
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceDecisions

LOSS, CLOSED, SECOND_LOSS = DAYS[1:4]
FOUR = DAYS[:4]
OPEN = [FIRST, LOSS, SECOND_LOSS]
LOST = {"date": "", "sku": "A", "market": "UK", "quantity": "7", "unit_price": "4.00", "currency": "GBP"}


@dataclass
class Passes:
    """The lines of one run over the range, with its result, and of a run a day."""

    range: Line
    result: Any
    daily: Line

    def shown(self, node: str, table: str) -> list[Mapping[str, Any]]:
        """What the materialisations of a table show, in the order they came."""
        events = self.result.asset_materializations_for_node(node)
        return [event.metadata for event in events if ".".join(event.asset_key.path) == table]


@pytest.fixture(scope="module")
def passes(location: Path, tmp_path_factory: pytest.TempPathFactory) -> Passes:
    folder = tmp_path_factory.mktemp("passes")
    shutil.copytree(location, folder / "shop")
    shop = Shop(folder / "shop")
    shop.settings(limits={"quarantine_share": 0.5, "undated_share": 0.9})
    shop.change("prices", FIRST, "B", price="NaN")
    shop.add("sales", **LOST)
    for day in (LOSS, SECOND_LOSS):
        shop.change("prices", day, cost="6.00")
    for table in COLUMNS:
        shop.drop(table, CLOSED)
    whole, daily = Line(folder / "range", shop), Line(folder / "daily", shop)
    whole.shown = True
    result = whole.run(FIRST, FOUR[-1])
    assert result.success
    for day in FOUR:
        assert daily.run(day).success
    return Passes(whole, result, daily)


def test_a_range_and_day_by_day_give_the_same_content(passes: Passes) -> None:
    whole, single = passes.range.hashes(), passes.daily.hashes()
    assert whole == single
    assert list(whole["decisions.price_decisions"]) == OPEN
    bases = [{day: row["basis"] for day, row in each.standing().items()} for each in (passes.range, passes.daily)]
    assert bases[0] == bases[1]
    anomalies = [each.lake.read(PriceAnomalies) for each in (passes.range, passes.daily)]
    assert anomalies[0].equals(anomalies[1])
    foreseen = {"forecasts.demand_forecasts", "forecasts.accuracy", "forecasts.elasticities"}
    assert foreseen <= set(whole), "compared with the rest"


def test_both_replay_to_the_same_hashes(passes: Passes) -> None:
    of_range, of_days = (list(replay(each.lake)) for each in (passes.range, passes.daily))
    assert [outcome.difference for outcome in of_range + of_days] == [None] * (len(of_range) + len(of_days))
    assert set(hashes(of_range)) >= set(OPEN)
    assert hashes(of_range) == hashes(of_days)


def hashes(outcomes: list[Replayed]) -> dict[Any, str | None]:
    return {outcome.day: outcome.hash for outcome in outcomes}


def test_every_listed_article_gets_one_decision_a_day(passes: Passes) -> None:
    standing = passes.range.standing()
    assert list(standing) == FOUR
    assert [day for day, row in standing.items() if row["status"] == "no_trade"] == [CLOSED]
    decisions = passes.range.lake.read(PriceDecisions)
    counts = dict(decisions.group_by("date").len().iter_rows())
    assert counts == dict.fromkeys(OPEN, 4), "also where the price of one is missing"
    assert not decisions.select("date", "sku", "market").is_duplicated().any()


def test_rows_without_a_date_are_held_once(passes: Passes) -> None:
    for line in (passes.range, passes.daily):
        held = line.lake.read_files(raw.Quarantine, manifests.manifested(line.lake, raw.Quarantine).values())
        assert held.select("received_on", "table").sort("table").rows() == [
            (FIRST, "raw.prices"),
            (FIRST, "raw.sales"),
        ]
        assert json.loads(held.filter(table="raw.sales")["record"][0])["quantity"] == "7"


def test_a_run_flags_groups_and_commits_before_it_decides(passes: Passes) -> None:
    rows = passes.range.lake.read(PriceAnomalies).sort("date")
    losses = [(day, "A", "UK", "NEGATIVE_MARGIN") for day in (LOSS, SECOND_LOSS)]
    assert rows.select("date", "sku", "market", "reason").rows() == [(FIRST, "B", "UK", "MISSING_DATA"), *losses]
    assert rows.filter(sku="A")["since"].unique().to_list() == [LOSS], "closed days end no cause"
    assert rows.filter(sku="A")["cause"].n_unique() == 1
    assert sorted(manifests.manifested(passes.range.lake, PriceAnomalies)) == OPEN, "readers see them"
    seen = passes.shown("price_anomalies", "anomalies.price_anomalies")[0]
    assert seen["by reason and severity"].value.records[0].data["alarms"] == 1
    assert "](data:image/png;base64," in seen["alarms by day"].value
    assert seen["sample"].value.records


def test_a_range_shows_its_actions_day_by_day(passes: Passes) -> None:
    shown = passes.shown("price_decisions", "decisions.price_decisions")
    assert shown[-1]["actions by day"].value.startswith("![")


def test_each_day_of_a_range_has_its_own_row_count(passes: Passes) -> None:
    counts = {
        event.partition: event.metadata["dagster/partition_row_count"].value
        for event in passes.result.asset_materializations_for_node("raw")
        if event.asset_key.to_user_string() == "raw/prices"
    }
    assert counts == {str(FIRST): 3, str(LOSS): 4, str(CLOSED): 0, str(SECOND_LOSS): 4}
