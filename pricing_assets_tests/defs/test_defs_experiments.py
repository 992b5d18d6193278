"""Experiments on the line: who is held out, what shadows decide beside the live prices, and what is never disturbed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import polars as pl
import pytest
from tiny_shop import DAYS, FIRST, Begin, Line, Shop

from pricing_assets.demand import fit
from pricing_assets.demand.inputs import read
from pricing_assets.features import Calendar
from pricing_assets.governance import Gate
from pricing_assets.lake import days as manifests
from pricing_assets.models import ModelUnavailable
from pricing_assets.pricing.replay import replay
from pricing_assets.tables.decisions import Holdouts, PriceBook, PriceDecisions, PriceTests, ShadowDecisions

DAY = FIRST + timedelta(days=3)
EXPERIMENTS = (Holdouts, PriceTests, ShadowDecisions)
RULE = "rules: [{name: tenth, then: {multiply: 0.9}}]\n"
HYBRID = f"strategy: default\ntype: hybrid\n{RULE}autonomy: {{mode: semi-auto, threshold: 0.5}}\n"
DRAFT = "strategy: {name}\ntype: rules\npriority: {priority}\nrules: [{{name: up, then: {{multiply: {factor}}}}}]\n"


def draft(name: str = "default", factor: float = 1.2, priority: int = 0) -> str:
    return DRAFT.format(name=name, factor=factor, priority=priority)


@pytest.fixture
def told(line: Line) -> Callable[..., Any]:
    """Calls the governance store of the line's home."""

    def call(operation: str, *arguments: Any) -> Any:
        with line.platform().store as store:
            return getattr(store, operation)(*arguments)

    return call


def decisions(line: Line) -> pl.DataFrame:
    file = manifests.manifested(line.lake, PriceDecisions)[DAY]
    found = line.lake.read_files(PriceDecisions, [file]).filter(pl.col("basis") == line.standing()[DAY]["basis"])
    return found.sort("sku", "market")


def metadata(result: Any) -> dict[str, Any]:
    """What the station says of shadows."""
    events = result.asset_materializations_for_node("experiments")
    [event] = [each for each in events if each.asset_key.path[-1] == "shadow_decisions"]
    return dict(event.metadata)


def test_a_shop_priced_by_rules_writes_nothing_asks_no_registry_and_decides_under_the_settings_it_always_had(
    line: Line, begin: Begin
) -> None:
    from pricing_assets.defs.resources import Platform

    begin(line, DAY)
    with mock.patch.object(Platform, "registry") as registry, mock.patch.object(Gate, "champion", mock.Mock()):
        assert line.run(DAY, only=["decisions", "experiments"]).success
    assert not registry.aliases.called
    assert [line.lake.version(table) for table in EXPERIMENTS] == [-1, -1, -1]
    assert "experiments" not in line.standing()[DAY]["settings"]


def test_a_cluster_of_a_strategy_with_a_model_is_held_out_shadowed_and_replayed(
    line: Line, told: Callable[..., Any], begin: Begin
) -> None:
    begin(line, DAY)
    told("activate", HYBRID, "ann", "try a model", "k")
    assert line.run(DAY, only=["decisions", "experiments"]).success
    drawn = line.lake.read(Holdouts)
    assert drawn.select("category", "market", "skus").rows() == [("none", "DE", 1), ("none", "UK", 3)]
    (market,) = drawn.filter("held")["market"]
    found = decisions(line)
    held, free = found.filter(market=market), found.filter(pl.col("market") != market)
    until = drawn["period_until"][0]
    assert set(held["reason"]) == {f"held out until {until}: its category shows what would have been without"}
    assert set(free["action"]) == {"publish"}
    shadowed = line.lake.read(ShadowDecisions)
    assert shadowed["shadow"].unique().to_list() == ["without hold-out"]
    assert shadowed["sku"].to_list() == held["sku"].to_list()
    assert shadowed["live_price"].equals(held["final_price"].alias("live_price"))
    assert shadowed["final_price"].equals(held["proposed_price"].alias("final_price"))
    assert set(shadowed["action"]) == {"publish"}
    assert [outcome.difference for outcome in replay(line.lake)] == [None]


def test_another_share_or_salt_is_another_decision_and_replays_too(
    line: Line, shop: Shop, told: Callable[..., Any], begin: Begin
) -> None:
    begin(line, DAY)
    told("activate", HYBRID, "ann", "try a model", "k")
    shop.settings(experiments={"hold_out": 0.0})
    assert line.run(DAY, only=["decisions", "experiments"]).success
    basis = line.standing()[DAY]["basis"]
    assert not line.lake.read(Holdouts)["held"].any()
    assert set(decisions(line)["action"]) == {"publish"}
    shop.settings(experiments={"hold_out": 0.05, "salt": "another"})
    assert line.run(DAY, only=["decisions", "experiments"]).success
    assert line.standing()[DAY]["basis"] != basis
    assert line.lake.read(Holdouts)["held"].sum() == 1
    assert [outcome.difference for outcome in replay(line.lake)] == [None]


def test_a_draft_decides_beside_the_live_strategy_of_its_name_and_publishes_nothing(
    line: Line, told: Callable[..., Any], begin: Begin
) -> None:
    begin(line, DAY)
    standing, book = line.standing(), line.lake.read(PriceBook)
    told("set_shadow", draft(), "ann", "bolder", "k")
    line.shown = True
    result = line.run(DAY, only=["decisions", "experiments"])
    assert line.standing() == standing, "nothing of the day has changed"
    assert line.lake.read(PriceBook).equals(book)
    rows, live = line.lake.read(ShadowDecisions), decisions(line)
    assert set(rows["shadow"]) == {"default"}
    assert rows.select("live_price", "live_action").equals(live.select(live_price="final_price", live_action="action"))
    raised = (live["list_price"].cast(pl.Float64) * 1.2).round(2)
    assert rows["final_price"].cast(pl.Float64).to_list() == pytest.approx(raised.to_list())
    assert rows["live_expected_units"].equals(live["expected_units"].alias("live_expected_units"))
    assert (rows["expected_units"] <= rows["live_expected_units"]).all()
    seen = metadata(result)
    assert [row.data["differing"] for row in seen["shadows"].value.records] == [4]
    assert "](data:image/png;base64," in seen["against the live prices"].value


def test_a_draft_of_another_name_joins_the_live_ones_and_one_that_cannot_decide_is_named_and_stops_nobody(
    line: Line, told: Callable[..., Any], begin: Begin
) -> None:
    begin(line, DAY)
    abroad = "scope: {market: [DE]}\n"
    told("set_shadow", draft("bold", priority=9) + abroad, "ann", "bolder", "k")
    assert line.run(DAY, only=["experiments"]).success
    assert line.lake.read(ShadowDecisions).select("shadow", "sku", "market").rows() == [("bold", "A", "DE")]
    told("set_shadow", draft(), "ann", "bolder", "k2")
    told("activate", draft("late", priority=9) + abroad, "bob", "now at the same priority", "k3")
    result = line.run(DAY, only=["decisions", "experiments"])
    assert result.success
    said = metadata(result)["could not decide"].value
    assert said.startswith(f"- {DAY} bold: strategies ") and "both claim SKU" in said
    assert set(line.lake.read(ShadowDecisions)["shadow"]) == {"default"}


def test_what_an_ended_shadow_decided_stays_until_the_live_decisions_change(
    line: Line, told: Callable[..., Any], begin: Begin, shop: Shop
) -> None:
    begin(line, DAY)
    told("set_shadow", draft(), "ann", "bolder", "k")
    assert line.run(DAY, only=["experiments"]).success
    rows = line.lake.read(ShadowDecisions)
    version = line.lake.version(ShadowDecisions)
    told("end_shadow", "default", "ann", "seen enough", "k2")
    assert line.run(DAY, only=["experiments"]).success
    assert line.lake.read(ShadowDecisions).equals(rows)
    assert line.lake.version(ShadowDecisions) == version, "equal rows commit nothing"
    shop.change("prices", DAY, price="4.44")
    assert line.run(DAY).success
    assert line.lake.read(ShadowDecisions).is_empty()


def test_a_range_is_shadowed_as_day_by_day(line: Line, told: Callable[..., Any], begin: Begin) -> None:
    last = DAY + timedelta(days=1)
    begin(line, DAY, last)
    told("activate", HYBRID, "ann", "try a model", "k")
    told("set_shadow", draft(), "ann", "bolder", "k2")
    stations = ["decisions", "experiments"]
    assert line.run(DAY, last, only=stations).success
    together = [line.lake.read(table) for table in EXPERIMENTS]
    versions = line.versions()
    assert line.run(DAY, only=stations).success and line.run(last, only=stations).success
    assert line.versions() == versions
    assert all(line.lake.read(table).equals(rows) for table, rows in zip(EXPERIMENTS, together, strict=True))


@pytest.fixture
def registry(line: Line, tmp_path: Path) -> Iterator[mock.Mock]:
    """One with a challenger, version 3, trained on the shop's first days; version 2 is in force."""
    assert line.run(DAYS[6], only=("raw",)).success
    panels = read(line.lake, [DAYS[6]], Calendar("Europe/London")).daily(DAYS[6])
    fit(panels.history, panels.plan).save(tmp_path / "model")
    made = mock.Mock()
    made.aliases.return_value = {"champion": 2, "challenger": 3}
    made.version.return_value = mock.Mock(version=3, label="demand-daily/3", artifact_hash="ab12" * 16)
    made.fetch.return_value = mock.Mock(folder=tmp_path / "model")
    in_force = mock.Mock(version=2)
    from pricing_assets.defs.resources import Platform  # not before the code location has its shop

    with (
        mock.patch.object(Platform, "registry", made),
        mock.patch.object(Gate, "champion", lambda gate, name: in_force),
    ):
        yield made


def test_a_challenger_decides_for_strategies_with_a_model_after_its_training(
    line: Line, told: Callable[..., Any], registry: mock.Mock
) -> None:
    told("activate", HYBRID, "ann", "try a model", "k")
    assert line.run(DAYS[6], DAYS[8]).success
    rows = line.lake.read(ShadowDecisions).filter(pl.col("shadow") == "challenger demand-daily/3")
    assert rows["date"].unique().to_list() == [DAYS[8]], "it has seen the days before, and one is without trade"
    assert rows.height == 4
    assert set(rows["text_hash"].cast(pl.String)) == {"ab12" * 16}
    assert rows["expected_units"].equals(rows["live_expected_units"].alias("expected_units")), (
        "rules price alike, and both sides are judged under the live forecasts"
    )
    registry.fetch.side_effect = ModelUnavailable("missing", "its files are gone")
    result = line.run(DAYS[8], only=["experiments"])
    assert result.success
    assert metadata(result)["could not decide"].value == "- challenger of demand-daily: its files are gone"
    registry.aliases.return_value = {"champion": 2, "challenger": 2}
    assert "could not decide" not in metadata(line.run(DAYS[8], only=["experiments"]))
