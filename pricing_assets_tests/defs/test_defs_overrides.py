"""Overrides and severe anomalies on the line: snapshotted, obeyed, replayed, and never in the way of a run."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from tiny_shop import FIRST, Begin, Line, Shop

from pricing_assets.governance import Override, Scope
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.replay import replay
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import Overrides, PriceBook, PriceDecisions, PriceSteps

DAY = FIRST + timedelta(days=3)
EFFECTIVE = DAY + timedelta(days=1)


def freeze(line: Line, key: str, *, kind: Any = "PRICE_FREEZE", **scope: Any) -> Override:
    """Set by ann, on the one day the prices of DAY take effect."""
    said = Scope(**scope, everything=not scope)
    span = (EFFECTIVE, EFFECTIVE)
    with line.platform().store as store:
        return store.set_override(kind, said, span, by="ann", reason="trial", key=key, today=EFFECTIVE)


def decisions(line: Line, day: date = DAY) -> pl.DataFrame:
    """The standing decisions of a day, by SKU and market."""
    basis = line.standing()[day]["basis"]
    file = manifests.manifested(line.lake, PriceDecisions)[day]
    return line.lake.read_files(PriceDecisions, [file]).filter(pl.col("basis") == basis).sort("sku", "market")


def replayed(line: Line) -> list[str | None]:
    return [outcome.difference for outcome in replay(line.lake)]


def test_a_run_obeys_what_is_in_force_on_the_effective_day_and_records_it(line: Line) -> None:
    set_by_ann = freeze(line, "k", sku="A")
    assert line.run(DAY, EFFECTIVE).success
    found = decisions(line)
    assert found.select("sku", "override_id").rows() == [("A", "OV-000001")] * 2 + [("B", None), ("C", None)]
    assert found.filter(sku="A")["action"].to_list() == ["hold", "hold"]
    assert decisions(line, EFFECTIVE)["override_id"].null_count() == 4, "one effective day, and no more"
    (row,) = line.lake.read(Overrides).to_dicts()
    assert (row["date"], row["override_id"], row["sku"]) == (DAY, set_by_ann.id, "A")
    assert "decisions.overrides" in {file["table"] for file in line.standing()[DAY]["inputs"]}
    assert replayed(line) == [None, None]


def test_setting_and_ending_an_override_supersedes_and_brings_back(line: Line, begin: Begin) -> None:
    begin(line, DAY)
    before = decisions(line)
    freeze(line, "k")
    assert line.run(DAY, only=["decisions"]).success
    frozen = decisions(line)
    assert set(frozen["override_id"]) == {"OV-000001"}
    outgoing = line.lake.read(PriceBook).sort("sku", "market", "entry_no").unique(["sku", "market"], keep="last")
    kept = frozen.select("sku", "market", price="current_price").join(outgoing, on=["sku", "market", "price"])
    assert kept.height == outgoing.height > 0, "prices already in the book are taken back"
    with line.platform().store as store:
        store.end_override("OV-1", "bob", "trial over", "k2")
    assert line.run(DAY, only=["decisions"]).success
    assert decisions(line).equals(before)
    assert Overrides.table_name() not in line.hashes(), "the day no longer has any in force"
    assert replayed(line) == [None]
    versions = line.versions()
    assert line.run(DAY, only=["decisions"]).success
    assert line.versions() == versions, "equal inputs commit nothing"


def test_an_override_set_during_a_run_waits_for_the_next_one(line: Line) -> None:
    def clock() -> datetime:
        freeze(line, "while it runs")  # the first step of the line looks at the clock, long before the decisions
        return datetime.now(UTC)

    line.clock = clock
    assert line.run(DAY).success
    line.clock = None
    assert len(line.platform().store.overrides()) == 1
    assert decisions(line)["override_id"].null_count() == 4
    assert line.run(DAY, only=["decisions"]).success
    assert decisions(line)["override_id"].null_count() == 0


def test_an_override_is_obeyed_though_the_clock_was_set_back_since(
    line: Line, begin: Begin, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.governance import ledger

    class Ahead(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(hours=1)

    begin(line, DAY)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "datetime", Ahead)
        freeze(line, "before the jump")
    assert line.run(DAY, only=["decisions"]).success
    assert decisions(line)["override_id"].null_count() == 0


def test_a_severe_anomaly_holds_and_replays_until_its_fact_is_mended(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, DAY)
    free = decisions(line)
    shop.change("prices", DAY, cost="40.00")
    assert line.run(DAY).success
    held = decisions(line)
    assert held["action"].to_list()[1] == "hold"
    assert held["reason"].to_list()[1].startswith("severe anomaly NEGATIVE_MARGIN: ")
    steps = line.lake.read(PriceSteps).filter(decision_id=held["decision_id"][1])
    assert ("anomaly", "anomalies.price_anomalies") in steps.select("step", "reference").rows()
    assert line.lake.read(PriceAnomalies).height == 1
    assert replayed(line) == [None]
    shop.change("prices", DAY, cost="2.00")
    assert line.run(DAY).success
    assert line.lake.read(PriceAnomalies).is_empty()
    assert manifests.manifested(line.lake, PriceAnomalies) == {}
    assert line.standing()[DAY]["decided"] == 4
    told = ["sku", "market", "action", "reason", "final_price"]
    assert decisions(line).select(told).equals(free.select(told)), "the day is what it was before"


def test_a_price_under_a_severe_anomaly_does_not_take_the_place_of_the_one_in_the_book(
    line: Line, shop: Shop, begin: Begin
) -> None:
    begin(line, DAY)
    before = line.lake.read(PriceBook).filter(date=DAY, sku="C")
    shop.change("prices", DAY, sku="C", price="0.30")
    assert line.run(DAY).success
    assert decisions(line).filter(sku="C")["reason"].to_list()[0].startswith("severe anomaly ")
    assert line.lake.read(PriceBook).filter(date=DAY, sku="C").equals(before)


@pytest.mark.parametrize("others", ["never computed", "of an earlier snapshot"])
def test_without_the_anomalies_of_its_snapshot_nothing_is_decided(
    line: Line, shop: Shop, begin: Begin, others: str
) -> None:
    if others == "of an earlier snapshot":
        begin(line, DAY)
    stood = line.standing()
    shop.change("prices", DAY, cost="40.00")
    refused = line.run(DAY, only=["raw", "features", "decisions"])
    assert not refused.success
    assert line.standing() == stood
    assert line.run(DAY, only=["anomalies", "forecasts", "elasticities", "decisions"]).success
    assert replayed(line) == [None]


def test_an_edited_snapshot_of_overrides_is_named_by_replay(line: Line) -> None:
    freeze(line, "k", sku="A")
    assert line.run(DAY).success
    path = line.lake.path(Overrides, manifests.manifested(line.lake, Overrides)[DAY])
    pl.read_parquet(path, hive_partitioning=False).with_columns(sku=pl.lit("B")).write_parquet(path)
    [named] = replayed(line)
    assert named is not None and "basis" in named
