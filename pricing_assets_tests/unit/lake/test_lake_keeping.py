from __future__ import annotations

import os
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from deltalake import DeltaTable
from lake_frames import NOON, RUN, day
from lake_shop import Days, execution, filled, on_disk

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance, claims, expiry, warehouse
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import EVIDENCE, Terms, last_decided
from pricing_assets.lake.leftovers import free_files
from pricing_assets.lake.warehouse import query
from pricing_assets.tables import ALL, raw, runs
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.decisions import PriceBook, PriceSentences, PriceTests
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.publishing import Reconciliations

FOR_EVER = Terms(0, 0)


@pytest.fixture
def shop(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> Days:
    """A lake whose evidence is looked back on for two days, so that few days tell all."""
    monkeypatch.setattr(expiry, "EVIDENCE", 2)
    return Days(lake)


def test_days_older_than_kept_expire_with_their_hashes_and_the_rest_stays(shop: Days) -> None:
    rows = {number: shop.decide(number) for number in range(8)}
    later = shop.lake.read(raw.Prices)
    kept = shop.keep(Terms(3, 6))
    standing = {row["date"]: row for row in manifests.standing(shop.lake).to_dicts()}
    assert [str(standing[day(number)]["status"]) for number in range(8)] == ["expired"] * 5 + ["priced"] * 3
    assert [standing[day(number)]["decisions_hash"] for number in range(8)] == [
        rows[number]["decisions_hash"] for number in range(8)
    ]
    assert kept.expiry.expired == [day(number) for number in range(5)]
    left = {table: sorted(manifests.manifested(shop.lake, table)) for table in (raw.Prices, PriceSentences, PriceBook)}
    assert left == {
        raw.Prices: [day(number) for number in range(8)],
        PriceSentences: [day(number) for number in range(5, 8)],
        PriceBook: [day(number) for number in range(2, 8)],
    }
    assert sorted(manifests.manifested(shop.lake, PriceAnomalies)) == [day(number) for number in range(3, 8)]
    for table in (*left, PriceTests):
        assert set(shop.lake.partitions(table)) == set(left.get(table, left[PriceSentences]))
    assert shop.lake.read(raw.Prices).equals(later)
    shop.decide(8)
    again = shop.keep(Terms(3, 6))
    assert (again.expiry.expired, again.expiry.tables[PriceBook]) == ([day(5)], [day(2)])
    assert shop.keep(Terms(3, 6)).expiry == expiry.Expiry(first_kept=again.expiry.first_kept)


def test_a_model_in_force_keeps_the_evidence_it_is_judged_on(shop: Days) -> None:
    for number in range(8):
        shop.decide(number)
    shop.keep(Terms(3, 6, judged_since=day(1)))
    assert sorted(manifests.manifested(shop.lake, PriceAnomalies)) == [day(number) for number in range(1, 8)]
    assert sorted(manifests.manifested(shop.lake, PriceSentences)) == [day(number) for number in range(5, 8)]


def test_nothing_expires_where_all_is_kept_for_ever_or_no_day_stands(shop: Days) -> None:
    assert shop.keep(Terms(1, 1)).expiry.days == []
    for number in range(3):
        shop.decide(number)
    version = shop.lake.version(runs.Days)
    assert shop.keep(FOR_EVER).expiry.days == []
    assert shop.lake.version(runs.Days) == version


def test_the_audit_is_kept_as_long_as_the_decisions_it_explains() -> None:
    with pytest.raises(PricingError, match=r"decisions are kept 90 days, the audit 30 days: .* replayed under"):
        Terms(90, 30)
    with pytest.raises(PricingError, match="decisions are kept for ever"):
        Terms(0, 30)


def test_evidence_reaches_as_far_as_anything_looks_back() -> None:
    from pricing_assets.anomalies import causes, forest
    from pricing_assets.demand import accuracy
    from pricing_assets.strategies import goals

    answers = 2 * goals._LONGEST + 1
    assert max(forest.PAST_DAYS + 6, accuracy.ORIGINS, causes.LONGEST_REST, answers) <= EVIDENCE


def test_files_go_a_grace_period_after_nothing_needs_them(shop: Days) -> None:
    for number in range(6):
        shop.decide(number)
    shop.refresh()
    decided, grace = on_disk(shop.lake), timedelta(days=7)
    assert shop.keep(Terms(3, 3), grace=grace).gone == []
    assert (before := on_disk(shop.lake)) >= decided, "phase one removes nothing"
    week = NOON + timedelta(days=20_000)  # the log says when it dropped them, by the clock
    assert shop.keep(Terms(3, 3), week, grace).gone == [], "analytics.duckdb still shows them"
    shop.refresh()
    first = shop.keep(Terms(3, 3), week, grace)
    assert first.gone == []
    dropped = {"price_sentences": 3, "price_book": 3, "price_tests": 3, "price_anomalies": 1, "days": 3}
    assert Counter(each.path.split("/")[1] for each in first.waiting) == dropped
    assert shop.keep(Terms(3, 3), week + grace - timedelta(seconds=1), grace).gone == []
    gone = shop.keep(Terms(3, 3), week + grace, grace).gone
    assert [each.why for each in gone] == ["replaced, dropped or merged"] * len(first.waiting)
    assert on_disk(shop.lake) == before - {shop.lake.root / each.path for each in gone}
    assert not list(shop.lake.root.glob(f"decisions/price_sentences/date={day(0)}")), "nor its folder"


def test_a_file_stays_while_a_day_replays_from_it(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    shop.decide(4, "2", late=1)  # day 3 saw day 1 as it was before
    at = [(entry["version"], entry["first"], entry["last"]) for entry in standing_inputs(shop, 3)]
    seen = [shop.lake.read(raw.Prices, *span, version=version) for version, *span in at]
    shop.keep(FOR_EVER, NOON + timedelta(days=20_000))
    assert [f.rows for f in shop.lake.files(raw.Prices, 3)] == [3, 3, 3, 3]
    for (version, *span), rows in zip(at, seen, strict=True):
        assert shop.lake.read(raw.Prices, *span, version=version).equals(rows)
    shop.keep(Terms(1, 1), NOON + timedelta(days=20_001))
    with pytest.raises(PricingError, match=r"raw\.prices: its files cannot be read"):
        shop.lake.read(raw.Prices, *at[0][1:], version=at[0][0])
    assert shop.lake.read(raw.Prices).height == 3 * 4 + 4


def standing_inputs(shop: Days, number: int) -> list[dict[str, object]]:
    row = manifests.standing(shop.lake).filter(pl.col("date") == day(number)).to_dicts()[0]
    return [entry for entry in row["inputs"] if entry["table"] == "raw.prices"]


def test_what_killed_commits_left_behind_goes(shop: Days) -> None:
    shop.decide(0)
    left = shop.lake.folder(raw.Prices) / f"date={day(5)}" / f"{'0' * 64}.parquet"
    left.parent.mkdir()
    left.write_bytes(b"half")
    torn = left.with_name(f"{left.name}.abc.tmp")
    torn.write_bytes(b"")
    assert len(shop.keep(FOR_EVER, grace=timedelta(days=7)).waiting) == 2
    gone = shop.keep(FOR_EVER, NOON + timedelta(days=7), timedelta(days=7)).gone
    assert [each.why for each in gone] == ["left by a killed commit", "left by a killed write"]
    assert not left.parent.exists()


def test_a_day_that_a_live_run_holds_waits(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    with claims.claim(shop.lake, [day(0)], "a live run", lambda _: True):
        kept = shop.keep(Terms(2, 2))
    assert (kept.expiry.expired, kept.expiry.held) == ([day(1)], [day(0)])
    claims.release(shop.lake, "a live run")
    assert shop.keep(Terms(2, 2)).expiry.expired == [day(0)]
    assert claims.holders(shop.lake) == {}


def test_a_day_without_trade_stays_as_it_is(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    rest = manifests.standing(shop.lake).row(1, named=True)
    row = {k: v for k, v in rest.items() if k != "sequence"} | {"status": "no_trade", "run_id": "rest", "basis": None}
    frame = pl.DataFrame([row], schema=manifests.standing(shop.lake).drop("sequence").schema)
    manifests.commit_days(shop.lake, frame, RUN)
    assert shop.keep(Terms(1, 1)).expiry.expired == [day(0), day(2)]
    assert manifests.standing(shop.lake)["status"].to_list() == ["expired", "no_trade", "expired", "priced"]


def test_days_to_come_that_a_wrong_clock_noted_as_closed_make_nothing_expire(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    rest = manifests.standing(shop.lake).row(1, named=True)
    row = {k: v for k, v in rest.items() if k != "sequence"} | {"status": "no_trade", "run_id": "rest", "basis": None}
    schema = manifests.standing(shop.lake).drop("sequence").schema
    manifests.commit_days(shop.lake, pl.DataFrame([row | {"date": day(30)}], schema=schema), RUN)
    assert shop.keep(Terms(4, 4)).expiry.expired == []
    assert last_decided(shop.lake) == day(3)


def test_what_was_recorded_of_a_day_without_trade_is_as_old_as_any(shop: Days) -> None:
    for number in range(8):
        shop.decide(number)
    closed = manifests.standing(shop.lake).drop("sequence").with_columns(pl.lit("no_trade").alias("status"))
    schema = closed.schema | {"status": manifests.standing(shop.lake).schema["status"]}
    manifests.commit_days(shop.lake, closed.filter(date=day(1)).cast(schema), Provenance("closed"))
    for number in range(8):
        shop.execute(number)
        shop.lake.commit(Reconciliations, filled(Reconciliations, day(number)), [day(number)], RUN)
    first = Terms(2, 4).first_kept(day(7))["audit"]
    shop.keep(Terms(2, 4))
    for table in (runs.Executions, Reconciliations):
        assert min(shop.lake.partitions(table)) == first, table.table_name()


def test_an_execution_a_clock_set_back_has_dated_is_kept_as_long_as_its_day(shop: Days) -> None:
    for number in range(8):
        shop.decide(number)
    for name, last in (("of a day that is kept", 7), ("of one that is not", 1)):
        rows = execution(name, date(1970, 1, 1 + last), day(last))
        shop.lake.append(runs.Executions, rows, Provenance(name))
    shop.keep(Terms(2, 4))
    assert shop.lake.read(runs.Executions)["run_id"].to_list() == ["of a day that is kept"]


def test_a_folder_that_vanishes_while_files_are_looked_for_is_passed_over(
    shop: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.decide(0)
    checkpoint, walked = shop.lake.folder(raw.Prices) / ".checkpoint-1", os.scandir
    checkpoint.mkdir()
    half = shop.lake.root / "_locks" / "x.json.1.tmp"
    half.touch()

    def scandir(path: str) -> Any:
        if Path(path) == checkpoint:
            checkpoint.rmdir()
        return walked(path)

    monkeypatch.setattr(os, "scandir", scandir)
    free = free_files(shop.lake, lambda path: False, NOON)
    assert [each.path for each in free if each.why == "left by a killed write"] == ["_locks/x.json.1.tmp"]
    assert not checkpoint.exists()


def test_what_a_refresh_has_shown_since_stays(shop: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A month that was free when files were looked for, and is shown again before they go."""
    for number in range(4):
        shop.decide(number)
    month = shop.lake.root / "_months" / "raw.prices" / "2026-01-a.parquet"
    month.parent.mkdir(parents=True)
    month.touch()
    asked = iter([lambda path: False, lambda path: path == month])
    shop.keep(FOR_EVER, grace=timedelta(days=7))
    monkeypatch.setattr(warehouse, "files_read", lambda analytics: next(asked))
    kept = shop.keep(FOR_EVER, NOON + timedelta(days=30))
    assert month.exists() and month.name not in {Path(each.path).name for each in kept.gone}


def test_expired_days_are_named(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    shop.keep(Terms(2, 2))
    expiry.require_kept(shop.lake, [day(2), day(3), day(9)])
    with pytest.raises(PricingError, match=f"{day(0)} and 1 later day expired on {NOON:%Y-%m-%d}"):
        expiry.require_kept(shop.lake, [day(number) for number in range(4)])


def test_a_day_that_drops_more_later_expired_when_it_did(shop: Days) -> None:
    for number in range(4):
        shop.decide(number)
    shop.keep(Terms(2, 3))
    for number in range(4, 7):
        shop.decide(number)
    shop.keep(Terms(2, 3), NOON + timedelta(days=30))
    dropped = shop.lake.read(runs.Days).filter(pl.col("date") == day(0), pl.col("status") == "expired")
    assert dropped["committed_at"].to_list() == [NOON, NOON + timedelta(days=30)]
    assert expiry.expired(shop.lake, [day(0), day(1), day(2), day(6)]) == {
        day(0): NOON,
        day(1): NOON,
        day(2): NOON + timedelta(days=30),
    }


def test_executions_of_closed_days_become_one_file_with_the_same_rows(shop: Days) -> None:
    for number in (0, 0, 0, 1, 5, 12, 12):
        shop.execute(number)
    shop.refresh()
    before = shop.lake.read(runs.Executions)
    assert shop.keep(FOR_EVER).merged == {runs.Executions: [day(0)]}
    assert shop.lake.read(runs.Executions).equals(before)
    assert [file.rows for file in shop.lake.files(runs.Executions)] == [3, 1, 1, 1, 1]
    assert len(on_disk(shop.lake)) == 8, "the small files stay while analytics.duckdb reads them"
    shop.refresh()
    shop.keep(FOR_EVER, NOON + timedelta(days=20_000))
    assert len(on_disk(shop.lake)) == 5
    shop.execute(12)
    shop.execute(30)
    shown = query(shop.analytics, "select run_id from runs.executions order by started_on, run_id")["run_id"].to_list()
    assert shown == shop.lake.read(runs.Executions).sort("started_on", "run_id")["run_id"].to_list()
    assert shop.keep(FOR_EVER).merged == {runs.Executions: [day(12)]}


def test_every_log_gets_a_checkpoint_and_old_ones_go(shop: Days) -> None:
    for number in range(12):
        shop.decide(number)
    assert set(shop.keep(FOR_EVER).checkpoints) >= {raw.Prices, runs.Days}
    shop.decide(12)
    kept = shop.keep(FOR_EVER, NOON + timedelta(days=20_000))
    assert {each.why for each in kept.gone} == {"a checkpoint before the last one"}
    for table in ALL:
        if shop.lake.version(table) >= 0:
            delta = DeltaTable(shop.lake.folder(table))
            assert delta.version() == shop.lake.version(table)
            assert len(list((shop.lake.folder(table) / "_delta_log").glob("*.checkpoint.parquet"))) == 1
    past = DeltaTable(shop.lake.folder(raw.Prices), version=5)
    assert len(past.file_uris()) == 6
    assert shop.keep(FOR_EVER).checkpoints == []


def test_a_table_that_is_no_class_of_kept_rows_stays_for_ever() -> None:
    kinds = {table.table_name(): table.kept for table in ALL}
    assert {kinds[name] for name in kinds if name.startswith("raw.")} == {"for ever"}
    assert (kinds["runs.days"], kinds["runs.checks"], FeatureSnapshots.kept) == ("for ever", "for ever", "evidence")
