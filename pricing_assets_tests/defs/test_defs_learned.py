"""A day priced by a model, through the stations: what its prices rest on is kept with them, and the day replays."""

from __future__ import annotations

import shutil
from pathlib import Path
from unittest import mock

import polars as pl
import pytest
from learned_shop import DAY, MADE_BY, begun, in_force, write
from tiny_shop import Line, Once

from pricing_assets import models
from pricing_assets.lake import days as manifests
from pricing_assets.lake import marks
from pricing_assets.models import ModelUnavailable
from pricing_assets.pricing.replay import replay
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import DemandDrivers, PriceDecisions, PriceSentences

LAST = ("forecasts", "decisions")


@pytest.fixture
def learned(line: Line, once: Once, location: Path) -> Line:
    """The day decided, with the model in `model` beside the home."""
    made = begun(once, location)
    for name in ("home", "model"):
        shutil.copytree(made / name, line.home.parent / name, dirs_exist_ok=True)
    write(line.shop)
    return line


def rows(line: Line, table: type[Table]) -> pl.DataFrame:
    """Rows of the day that its row in runs.days puts in force."""
    file = manifests.manifested(line.lake, table).get(DAY)
    return line.lake.read_files(table, [file] if file else [])


def changed(line: Line) -> pl.DataFrame:
    return rows(line, PriceDecisions).filter(pl.col("strategy").cast(pl.String) == "learned")


def test_a_price_of_a_model_is_kept_with_what_it_rests_on_and_what_drives_its_demand(learned: Line) -> None:
    decisions = changed(learned)
    assert decisions["sku"].to_list() == ["A", "B"]
    assert decisions["method"].cast(pl.String).unique().to_list() == ["ml"]
    assert decisions["action"].cast(pl.String).unique().to_list() == ["review"]
    sentences, drivers = rows(learned, PriceSentences), rows(learned, DemandDrivers)
    for kept in (sentences, drivers):
        assert set(kept["decision_id"]) == set(decisions["decision_id"]), "of changed prices of a model alone"
    said = sentences.filter(sku="A")["sentence"].to_list()
    assert said[0].startswith("likely range ") and said[0].endswith(" units in 28 days at 3.70")
    assert said[1].startswith("elasticity -") and "borrowed from its category" in said[1]
    assert said[2].startswith("its category takes in ") and "with probability 0.60" in said[2]
    mine = drivers.filter(sku="A").sort("driver_no")
    assert mine["driver_no"].to_list() == list(range(1, mine.height + 1))
    assert mine["effect_pct"].abs().max() == abs(mine["effect_pct"][0]) > 0
    assert {"recent sales", "weekday", "price against its usual level"} <= set(mine["driver"].cast(pl.String))


def test_a_day_priced_by_a_model_replays_with_equal_hashes(learned: Line) -> None:
    [outcome] = replay(learned.lake, [DAY])
    assert outcome.difference is None
    assert (outcome.rows, outcome.hash) == (3, learned.standing()[DAY]["decisions_hash"])


def test_sentences_that_do_not_follow_from_the_day_are_found_by_replay(learned: Line) -> None:
    with mock.patch("pricing_assets.pricing.grounds.units", return_value=pl.lit("many")):
        [outcome] = replay(learned.lake, [DAY])
    assert str(outcome.difference).startswith("decisions.price_sentences hashes to ")


def test_the_day_again_asks_the_model_nothing_and_commits_nothing(learned: Line) -> None:
    before = learned.versions()
    with in_force(learned.home.parent / "model") as asked:
        assert learned.run(DAY, only=LAST).success
    assert asked == []
    assert learned.versions() == before


def test_a_model_that_cannot_be_had_again_stops_no_price(learned: Line) -> None:
    decided = learned.hashes()["decisions.price_decisions"]
    shutil.rmtree(learned.home / "lake" / "decisions" / "demand_drivers")
    shutil.rmtree(learned.home / "lake" / "runs" / "days")
    (learned.home / "lake" / marks.FILE).unlink()  # a run would refuse to go on without its days
    gone = ModelUnavailable("unreachable", "model registry: no answer")
    with in_force(learned.home.parent / "model"), mock.patch.object(models, "recorded", side_effect=gone):
        assert learned.run(DAY, only=LAST).success
    assert learned.hashes()["decisions.price_decisions"] == decided
    assert rows(learned, PriceSentences).height == 6
    assert rows(learned, DemandDrivers).is_empty()
    learned.ended()
    with in_force(learned.home.parent / "model") as asked:
        assert learned.run(DAY, only=LAST).success
    assert asked == [MADE_BY]
    assert rows(learned, DemandDrivers)["sku"].unique().sort().to_list() == ["A", "B"]
