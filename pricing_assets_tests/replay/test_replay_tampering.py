"""Replay on a tiny shop: what must not change a past day does not, and what was tampered with is named."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from tiny_shop import FIRST, Begin, Line, Shop

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake import days as manifests
from pricing_assets.lake.hashing import content_hash
from pricing_assets.pricing.replay import Replayed, replay
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import PriceDecisions
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.raw import Prices
from pricing_assets.tables.runs import Days

A, B, C = (FIRST + timedelta(days=number) for number in (3, 4, 5))
TAMPERER = Provenance("tamperer")
OTHER = """\
strategy: default
type: rules
rules:
  - {name: dearer, then: {multiply: 1.07}}
"""


def differences(lake: Lake, *days: date) -> list[str | None]:
    return [outcome.difference for outcome in replay(lake, days or None)]


def hashes(lake: Lake, *days: date) -> dict[date, str | None]:
    outcomes: list[Replayed] = list(replay(lake, days or None))
    assert [outcome.difference for outcome in outcomes if outcome.difference] == []
    return {outcome.day: outcome.hash for outcome in outcomes}


def edit_file(lake: Lake, table: type[Table], day: date, **values: object) -> Path:
    """Changes cells of the first row of a partition in place, behind the lake's back."""
    path = lake.path(table, manifests.manifested(lake, table)[day])
    frame = pl.read_parquet(path, hive_partitioning=False)
    first = pl.int_range(pl.len()) == 0
    cells = [
        pl.when(first).then(pl.lit(value, dtype=frame.schema[name])).otherwise(name).alias(name)
        for name, value in values.items()
    ]
    frame.with_columns(cells).write_parquet(path)
    return path


def test_under_another_active_strategy_and_without_the_store(line: Line, begin: Begin) -> None:
    begin(line, A)
    before = hashes(line.lake)
    with_store = line.platform().store
    version = with_store.history("default")[-1].version
    with_store.activate(OTHER, "a tester", "dearer", "key", version)
    assert hashes(line.lake) == before
    assert line.run(B).success
    of_both = hashes(line.lake)
    assert of_both[A] == before[A]
    used = line.lake.read(PriceDecisions).group_by("date").agg(pl.col("strategy_hash").unique().first())
    assert used["strategy_hash"].n_unique() == 2
    for path in line.home.glob("governance.db*"):
        path.unlink()
    assert hashes(line.lake) == of_both


def test_corrections_known_later_change_no_earlier_day(shop: Shop, line: Line, begin: Begin) -> None:
    begin(line, A, B)
    before = hashes(line.lake)
    shop.change("prices", A, price="3.33")
    shop.change("sales", A, quantity="4000")
    assert line.run(C).success
    after = hashes(line.lake)
    assert {day: after[day] for day in before} == before
    assert line.lake.read(Prices, A, A).filter(pl.col("sku") == "A")["price"].n_unique() == 3


def test_a_commit_of_other_raw_values_changes_no_recorded_day(line: Line, begin: Begin) -> None:
    begin(line, A)
    before = hashes(line.lake)
    prices = line.lake.read(Prices, A, A)
    doubled = (pl.col("price") * 2).cast(prices.schema["price"])
    line.lake.commit(Prices, prices.with_columns(doubled), [A], TAMPERER)
    assert hashes(line.lake) == before


def test_an_edited_raw_file_is_named_down_to_the_cell(line: Line, begin: Begin) -> None:
    begin(line, A, B)
    edit_file(line.lake, Prices, A, price=77)
    named, later = differences(Lake(line.lake.root))
    assert named is not None
    assert "SKU A, market DE, current_price: 77.0000 replayed, 5.1000 recorded" in named
    assert later is not None, "the day after looked at the edited price too"


def test_an_edited_decision_file_is_named(line: Line, begin: Begin) -> None:
    begin(line, A)
    edit_file(line.lake, PriceDecisions, A, final_price=1)
    [named] = differences(Lake(line.lake.root))
    assert named is not None
    assert "decisions.price_decisions" in named
    assert "final_price" in named


def test_an_edited_forecast_or_elasticity_is_named(line: Line, begin: Begin) -> None:
    begin(line, A)
    edits: list[tuple[type[Table], dict[str, object]]] = [
        (DemandForecasts, {"mean": 77.0}),
        (DemandForecasts, {"fallback_reason": "because"}),
        (Elasticities, {"elasticity": -4.5}),
    ]
    for table, values in edits:
        path = line.lake.path(table, manifests.manifested(line.lake, table)[A])
        whole = path.read_bytes()
        edit_file(line.lake, table, A, **values)
        [named] = differences(Lake(line.lake.root))
        assert named is not None
        assert named.startswith(f"{table.table_name()} hashes to ")
        path.write_bytes(whole)
    hashes(Lake(line.lake.root))


def test_other_forecasts_made_later_change_no_recorded_day(line: Line, begin: Begin) -> None:
    begin(line, A)
    before = hashes(line.lake)
    forecasts, elasticities = (line.lake.read(table, A, A) for table in (DemandForecasts, Elasticities))
    line.lake.commit(DemandForecasts, forecasts.with_columns(pl.col("sum_mean") * 2), [A], TAMPERER)
    line.lake.commit(Elasticities, elasticities.with_columns(elasticity=pl.lit(-5.0)), [A], TAMPERER)
    assert hashes(line.lake) == before


def test_an_edited_strategy_text_is_named(line: Line, begin: Begin) -> None:
    begin(line, A)
    edit_file(line.lake, Strategies, A, text=OTHER)
    [named] = differences(Lake(line.lake.root))
    assert named is not None
    assert "strateg" in named or "basis" in named


def test_other_settings_are_named(line: Line, begin: Begin) -> None:
    begin(line, A)
    days = line.lake.read(Days)
    changed = days.with_columns(settings=pl.lit(json.dumps({**json.loads(days["settings"][0]), "publish_at": "07:00"})))
    line.lake.commit(Days, changed, [A], TAMPERER)
    [named] = differences(Lake(line.lake.root))
    assert named is not None
    assert "basis" in named or "settings" in named


def test_a_lost_raw_file_is_named(line: Line, begin: Begin) -> None:
    begin(line, A)
    path = line.lake.path(Prices, manifests.manifested(line.lake, Prices)[A])
    path.unlink()
    with pytest.raises(PricingError, match=r"raw\.prices.*"):
        list(replay(Lake(line.lake.root)))


def test_the_identity_of_a_file_is_its_content(line: Line, begin: Begin) -> None:
    begin(line, A)
    for table in (Prices, PriceDecisions, Strategies):
        file = manifests.manifested(line.lake, table)[A]
        assert content_hash(line.lake.read_files(table, [file]), table) == file.hash
