from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from pricing_frames import DAY, day, features, strategy, takes_effect
from pricing_outlooks import elasticity, expect

from pricing_assets.anomalies import anomalies_of
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, PartitionFile, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.pricing import Active, Timing, commit_days, decide_days
from pricing_assets.pricing.batch import Committed
from pricing_assets.pricing.expected import NO_FORECAST
from pricing_assets.tables import Table
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, PriceSteps
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.raw import Listings, Quarantine, Sales
from pricing_assets.tables.runs import Checks, Days

TENTH = strategy("{name: tenth, then: {multiply: 0.9}}")
FIFTH = strategy("{name: fifth, then: {multiply: 0.8}}", name="t")
ELASTIC = elasticity(-3.0, sku="A", kind="promotion")


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(tmp_path / "lake")


def typed(table: type[Table], rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={name: column.dtype for name, column in table.columns().items()}, orient="row")


def receive(
    lake: Lake, on: date, *skus: str, price: str = "10", known_at: datetime | None = None, on_sale: bool = True
) -> None:
    """Listings, a snapshot, forecasts and a verdict of a day; no snapshot where nothing is on sale in time."""
    at = known_at or takes_effect(on) - timedelta(hours=6)
    listed = [{"date": on, "sku": sku, "market": "UK", "known_at": at, "on_sale": on_sale} for sku in skus]
    verdict = {"date": on, "table": "raw.sales", "check": "contract", "passed": True, "message": "", "run_id": "r"}
    rows = [{"date": on, "sku": sku, "list_price": Decimal(price)} for sku in skus]
    lake.commit(Listings, typed(Listings, listed), [on], Provenance("r"))
    lake.commit(Checks, typed(Checks, [{**dict.fromkeys(Checks.columns()), **verdict}]), [on], Provenance("r"))
    snapshot = features(*rows) if rows and on_sale and not known_at else FeatureSnapshots.create_empty()
    lake.commit(FeatureSnapshots, snapshot, [on], Provenance("r"))
    lake.commit(PriceAnomalies, anomalies_of(lake, [on]), [on], Provenance("r"))
    expect(lake, on, *(skus if snapshot.height else ()))


def run(
    lake: Lake, *days: date, by: Sequence[Any] = (TENTH,), run_id: str = "run", late: bool = False, commit: bool = True
) -> Committed:
    as_of = {on: takes_effect(on) + timedelta(hours=1 if late else -4) for on in days}
    timing = Timing(as_of, {on: takes_effect(on) for on in days}, {"time_zone": "UTC"})
    batch = decide_days(lake, days, timing, [Active(each, 1, "anna") for each in by])
    if not commit:
        return Committed([], batch.decisions, batch.steps)
    return commit_days(lake, batch, Provenance(run_id, "1.0"), as_of[days[0]])


def in_force(lake: Lake, table: type[Table]) -> pl.DataFrame:
    return lake.read_files(table, manifests.manifested(lake, table).values())


def standing(lake: Lake) -> pl.DataFrame:
    bases = manifests.standing(lake).select("date", "basis")
    return in_force(lake, PriceDecisions).join(bases, on=["date", "basis"]).sort("date", "sku")


def versions(lake: Lake) -> list[int]:
    return [lake.version(table) for table in (PriceDecisions, PriceSteps, PriceBook, Days)]


def test_each_listed_pair_gets_one_standing_decision(lake: Lake) -> None:
    receive(lake, DAY, "A", "B")
    receive(lake, day(1), "B", "C", "D")
    done = run(lake, DAY, day(1))
    assert done.changed == [DAY, day(1)]
    assert standing(lake).select("date", "sku").rows() == [
        (DAY, "A"),
        (DAY, "B"),
        (day(1), "B"),
        (day(1), "C"),
        (day(1), "D"),
    ]
    rows = manifests.standing(lake)
    assert rows.select("status", "decided", "published", "held").rows() == [("priced", 2, 2, 0), ("priced", 3, 3, 0)]
    assert in_force(lake, PriceBook).height == 5


def test_equal_inputs_commit_nothing(lake: Lake) -> None:
    receive(lake, DAY, "A")
    receive(lake, day(1), "A")
    run(lake, DAY, day(1))
    before = versions(lake)
    assert run(lake, DAY, day(1), run_id="again").changed == []
    assert run(lake, DAY, run_id="late", late=True).changed == []
    assert run(lake, day(1), run_id="alone").changed == []
    assert versions(lake) == before


def test_changed_inputs_supersede_and_the_old_stays(lake: Lake) -> None:
    receive(lake, DAY, "A", "B")
    run(lake, DAY)
    old = standing(lake)
    receive(lake, DAY, "A", "B", price="11")
    assert run(lake, DAY, run_id="second").changed == [DAY]
    assert standing(lake)["final_price"].to_list() == [Decimal("9.9")] * 2
    kept = in_force(lake, PriceDecisions)
    assert kept.height == 4 and set(old["decision_id"]) < set(kept["decision_id"])
    assert set(in_force(lake, PriceSteps)["decision_id"]) == set(kept["decision_id"])
    book = in_force(lake, PriceBook).sort("sku", "entry_no")
    assert book["entry_no"].to_list() == [1, 2, 1, 2]
    assert book["supersedes"].to_list()[1] == book["decision_id"].to_list()[0]


def test_back_to_earlier_inputs_brings_the_earlier_decisions_back(lake: Lake) -> None:
    receive(lake, DAY, "A")
    run(lake, DAY, by=[TENTH], run_id="one")
    first = standing(lake)
    run(lake, DAY, by=[FIFTH], run_id="two")
    assert standing(lake)["final_price"].to_list() == [Decimal("8")]
    assert run(lake, DAY, by=[TENTH], run_id="three").changed == [DAY]
    assert standing(lake).equals(first)
    assert in_force(lake, PriceDecisions).height == 2
    assert in_force(lake, PriceBook)["price"].to_list() == [Decimal("9"), Decimal("8"), Decimal("9")]


def test_a_rerun_after_the_cut_off_only_recommends(lake: Lake) -> None:
    receive(lake, DAY, "A")
    run(lake, DAY)
    receive(lake, DAY, "A", price="11")
    assert run(lake, DAY, run_id="late", late=True).changed == [DAY]
    assert standing(lake)["action"].to_list() == ["recommend"]
    assert in_force(lake, PriceBook)["price"].to_list() == [Decimal("9")]
    assert manifests.standing(lake)["status"].to_list() == ["recommended"]


def test_a_day_without_trade_gets_its_row_only(lake: Lake) -> None:
    receive(lake, DAY)
    done = run(lake, DAY)
    assert done.changed == [DAY]
    (row,) = manifests.standing(lake).to_dicts()
    assert (row["status"], row["basis"], row["decided"]) == ("no_trade", None, 0)
    assert [file["table"] for file in row["tables"]] == ["runs.checks"]
    assert not any(lake.partitions(table) for table in (PriceDecisions, PriceSteps, PriceBook))
    assert run(lake, DAY, run_id="again").changed == []


def test_a_listing_known_only_after_the_day_took_effect_is_no_trade(lake: Lake) -> None:
    receive(lake, DAY, "A", known_at=takes_effect(DAY) + timedelta(days=2))
    run(lake, DAY)
    assert manifests.standing(lake)["status"].to_list() == ["no_trade"]


def test_a_day_whose_listings_are_all_withdrawn_needs_no_snapshot(lake: Lake) -> None:
    receive(lake, DAY, "A", "B", on_sale=False)
    run(lake, DAY)
    assert manifests.standing(lake)["status"].to_list() == ["no_trade"]


def test_a_listed_day_without_snapshot_is_refused(lake: Lake) -> None:
    receive(lake, DAY, "A")
    lake.commit(FeatureSnapshots, FeatureSnapshots.create_empty(), [DAY], Provenance("r"))
    with pytest.raises(PricingError, match=f"no snapshot for {DAY}"):
        run(lake, DAY)


@pytest.mark.parametrize("sold", [DAY, day(-9)])
def test_a_listed_day_without_forecasts_is_refused_since_the_first_sale(lake: Lake, sold: date) -> None:
    receive(lake, DAY, "A")
    expect(lake, DAY)
    run(lake, DAY)
    assert standing(lake)["model_fallback"].to_list() == [NO_FORECAST]
    sale = {"date": sold, "sku": "A", "market": "UK", "known_at": takes_effect(sold), "currency": "GBP"}
    sale |= {"units": 1, "returned_units": 0, "revenue": Decimal(9), "source_lines": 1}
    lake.commit(Sales, typed(Sales, [sale]), [sold], Provenance("r"))
    with pytest.raises(PricingError, match=rf"forecasts\.demand_forecasts: none for {DAY}") as refused:
        run(lake, DAY)
    assert "materialise forecasts.demand_forecasts" in str(refused.value)


def test_a_decision_carries_what_it_expects_to_sell_and_who_says_so(lake: Lake) -> None:
    receive(lake, DAY, "A")
    answers = [elasticity(-2.0, sku="A"), ELASTIC]
    expect(lake, DAY, "A", per_day=2.0, conditioning_price=Decimal("10"), elasticities=answers)
    run(lake, DAY)
    (row,) = standing(lake).to_dicts()
    assert row["expected_units"] == round(56 * 0.9**-3.0, 4)
    assert (row["model_hashes"], row["model_fallback"]) == ("demand-daily/3@ab12cd34ef56" + "0" * 52, None)


@pytest.mark.parametrize(
    "change",
    [
        {"per_day": 1.5},
        {"model_hash": "f" * 64},
        {"model_version": 4},
        {"fallback_reason": "new"},
        {"conditioning_price": Decimal("9")},
    ],
)
def test_other_forecasts_make_other_decisions_on_another_basis(lake: Lake, change: dict[str, Any]) -> None:
    receive(lake, DAY, "A")
    run(lake, DAY)
    before = standing(lake)
    expect(lake, DAY, "A", **change)
    assert run(lake, DAY, run_id="again").changed == [DAY]
    after = standing(lake)
    told = ["expected_units", "model_hashes", "model_fallback"]
    assert not before.select(told).equals(after.select(told))
    assert before["decision_id"].to_list() != after["decision_id"].to_list()
    assert before["final_price"].to_list() == after["final_price"].to_list()


def test_another_elasticity_is_another_basis(lake: Lake) -> None:
    receive(lake, DAY, "A")
    run(lake, DAY)
    before = standing(lake)
    expect(lake, DAY, "A", elasticities=[ELASTIC])
    assert run(lake, DAY, run_id="again").changed == [DAY]
    assert standing(lake)["decision_id"].to_list() != before["decision_id"].to_list()
    assert run(lake, DAY, run_id="thrice").changed == []


def test_the_manifest_names_forecasts_and_elasticities_as_inputs_and_puts_them_in_force(lake: Lake) -> None:
    receive(lake, DAY, "A")
    expect(lake, DAY, "A", elasticities=[ELASTIC])
    run(lake, DAY)
    inputs = {each["table"]: each for each in manifests.standing(lake)["inputs"][0]}
    for table in (DemandForecasts, Elasticities):
        file = lake.partitions(table)[DAY]
        assert (inputs[table.table_name()]["hash"], inputs[table.table_name()]["version"]) == (file.hash, file.version)
        assert manifests.manifested(lake, table)[DAY].hash == file.hash


def test_what_a_killed_run_left_does_not_enter(lake: Lake) -> None:
    receive(lake, DAY, "A")
    run(lake, DAY)
    # a run under another strategy died before its manifest row
    killed = run(lake, DAY, by=[FIFTH], commit=False)
    lake.commit(PriceDecisions, killed.book, [DAY], Provenance("killed"))
    lake.commit(PriceSteps, killed.rows, [DAY], Provenance("killed"))
    lake.commit(PriceBook, PriceBook.create_empty(), [DAY], Provenance("killed"))
    assert standing(lake).height == 1
    run(lake, DAY, run_id="resumed")
    assert standing(lake)["final_price"].to_list() == [Decimal("9")]
    for table in (PriceDecisions, PriceSteps, PriceBook):
        assert lake.partitions(table)[DAY].hash == manifests.manifested(lake, table)[DAY].hash
    assert lake.read(PriceDecisions).height == 1


def test_the_manifest_names_the_verdicts_the_day_was_decided_on(lake: Lake) -> None:
    receive(lake, DAY, "A")
    as_of, effective = {DAY: takes_effect(DAY) - timedelta(hours=4)}, {DAY: takes_effect(DAY)}
    timing = Timing(as_of, effective, {"time_zone": "UTC"})
    batch = decide_days(lake, [DAY], timing, [Active(TENTH, 1, "anna")])
    read = lake.partitions(Checks)[DAY]
    rows = lake.read(Checks)
    lake.commit(Checks, pl.concat([rows, rows.with_columns(check=pl.lit("dated"))]), [DAY], Provenance("another run"))
    commit_days(lake, batch, Provenance("run"), as_of[DAY])
    inputs = {entry["table"]: entry for entry in manifests.standing(lake)["inputs"][0]}
    assert inputs["runs.checks"]["hash"] == read.hash
    assert manifests.manifested(lake, Checks)[DAY].hash == read.hash


def test_a_resumed_run_ends_in_the_same_hashes(lake: Lake, tmp_path: Path) -> None:
    other = Lake(tmp_path / "other")
    for each in (lake, other):
        receive(each, DAY, "A", "B")
    killed = run(other, DAY, commit=False)
    other.commit(PriceSteps, killed.rows, [DAY], Provenance("killed"))
    run(lake, DAY)
    run(other, DAY)
    for table in (PriceDecisions, PriceSteps, PriceBook):
        assert lake.partitions(table)[DAY].hash == other.partitions(table)[DAY].hash


def test_hashes_are_of_the_standing_rows(lake: Lake) -> None:
    from pricing_assets.lake.hashing import content_hash

    receive(lake, DAY, "A", "B")
    run(lake, DAY)
    run(lake, DAY, by=[FIFTH], run_id="two")
    rows = standing(lake)
    steps = in_force(lake, PriceSteps).filter(pl.col("decision_id").is_in(rows["decision_id"].implode()))
    (row,) = manifests.standing(lake).to_dicts()
    assert row["decisions_hash"] == content_hash(rows, PriceDecisions)
    assert row["steps_hash"] == content_hash(steps, PriceSteps)


def quarantine(lake: Lake, on: date, *rows: int) -> None:
    found = [
        {"received_on": on, "table": "raw.sales", "row": row, "record": "{}", "rule": "r", "run_id": "r"}
        for row in rows
    ]
    lake.commit(Quarantine, typed(Quarantine, found), [on], Provenance("r"))


def entry(lake: Lake, on: date, table: str, part: date) -> PartitionFile | None:
    (row,) = manifests.standing(lake).filter(date=on).to_dicts()
    found = [PartitionFile(**file) for file in row["tables"] if (file["table"], file["partition"]) == (table, part)]
    return found[0] if found else None


@pytest.mark.parametrize("mended", [DAY, day(-3)])
def test_a_partition_that_is_gone_is_listed_with_no_rows(lake: Lake, mended: date) -> None:
    receive(lake, DAY, "A")
    quarantine(lake, mended, 1, 2)
    run(lake, DAY)
    assert manifests.manifested(lake, Quarantine)[mended].rows == 2
    quarantine(lake, mended)
    run(lake, DAY, run_id="mended")
    gone = entry(lake, DAY, "raw.quarantine", mended)
    assert gone is not None and gone.rows == 0
    assert manifests.manifested(lake, Quarantine) == {}
    assert run(lake, DAY, run_id="again").changed == []


def test_the_first_day_names_history_and_late_rows_of_other_days(lake: Lake) -> None:
    receive(lake, day(-9), "A")
    receive(lake, DAY, "A")
    receive(lake, day(1), "A")
    run(lake, DAY, day(1))
    assert entry(lake, DAY, "raw.listings", day(-9)) is not None
    assert entry(lake, day(1), "raw.listings", day(-9)) is None
    assert entry(lake, DAY, "features.feature_snapshots", day(-9)) is None  # another day's decision to make
    assert run(lake, DAY, day(1), run_id="again").changed == []


def test_strategies_in_force_are_kept_with_their_text(lake: Lake) -> None:
    from pricing_assets.tables.governance import Strategies

    receive(lake, DAY, "A")
    later = strategy("{name: r, then: {set: 1}}", "active: {from: 2024-06-01}", name="later")
    run(lake, DAY, by=[TENTH, later])
    assert in_force(lake, Strategies).select("name", "version", "text", "activated_by").rows() == [
        ("s", 1, TENTH.text, "anna")
    ]
