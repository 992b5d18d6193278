"""What is lost is not begun anew: a log, the days, people's words."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from lake_frames import RUN, day, prices
from lake_shop import Days, on_disk

from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, continuity, marks, soundness, store
from pricing_assets.lake import days as manifests
from pricing_assets.lake.expiry import Terms
from pricing_assets.tables import raw, runs


@pytest.fixture
def shop(lake: Lake) -> Days:
    decided = Days(lake)
    for number in range(3):
        decided.decide(number)
    return decided


def forget(shop: Days) -> Lake:
    """The lake as another process finds it."""
    store._opened.cache_clear()
    manifests._known.cache_clear()
    continuity._require_logs.cache_clear()
    return shop.lake


def test_a_whole_lake_goes_on(shop: Days) -> None:
    continuity.require(forget(shop))
    continuity.require(Lake(shop.lake.root.parent / "new"))
    assert marks.mark(shop.lake) == marks.Mark(days=2, events=0)


@pytest.mark.parametrize("emptied", [True, False])
def test_a_table_whose_log_is_lost_is_not_begun_anew(shop: Days, emptied: bool) -> None:
    shutil.rmtree(log := shop.lake.folder(raw.Prices) / "_delta_log")
    if emptied:
        log.mkdir()
    with pytest.raises(
        PricingError, match=r"raw\.prices 2024-03-01: its log does not hold what runs\.days names"
    ) as said:
        continuity.require(forget(shop))
    assert "pricing doctor" in said.value.remedy


def test_a_log_begun_anew_is_seen_though_its_versions_reach_as_far(shop: Days) -> None:
    shutil.rmtree(shop.lake.folder(raw.Prices) / "_delta_log")
    for number in range(5):
        forget(shop).commit(raw.Prices, prices(day(2), str(number + 2)), [day(2)], RUN)
    with pytest.raises(PricingError, match="its log does not hold"):
        continuity.require(forget(shop))
    assert any("the log never held it" in each.what for each in soundness.flaws(forget(shop)))
    before = on_disk(shop.lake)
    with pytest.raises(PricingError, match="its log does not hold"):
        shop.keep(Terms(0, 0))
    assert on_disk(shop.lake) == before, "nothing goes that a lost log named"


def test_days_that_are_lost_are_not_begun_anew(shop: Days) -> None:
    shutil.rmtree(shop.lake.folder(runs.Days))
    with pytest.raises(PricingError, match=r"runs\.days ends at version -1, it had come to 2"):
        continuity.require(forget(shop))
    assert [each.table for each in soundness.flaws(forget(shop))] == ["runs.days"]


def test_an_earlier_copy_of_the_days_is_seen(shop: Days, tmp_path: Path) -> None:
    folder = shop.lake.folder(runs.Days)
    shutil.copytree(folder, tmp_path / "days")
    shop.decide(3)
    shutil.rmtree(folder)
    shutil.copytree(tmp_path / "days", folder)
    with pytest.raises(PricingError, match=r"runs\.days ends at version 2, it had come to 3"):
        continuity.require(forget(shop))


def test_words_of_people_that_are_lost_are_missed(lake: Lake) -> None:
    nothing, same, other = lambda number: "", lambda number: f"word {number}", lambda number: f"another {number}"
    continuity.require_words(lake, nothing)
    marks.note(lake, events=4, word="word 4")
    marks.note(lake, events=3, word="word 3")
    continuity.require_words(lake, same)
    for lost, now in ((nothing, "missing"), (other, "another 4")):
        with pytest.raises(
            PricingError, match=f"event 4 .* was 'word 4' when a run knew it, and is '{now}' now"
        ) as said:
            continuity.require_words(lake, lost)
        assert str(lake.root / "_came_to") in said.value.remedy


def test_a_home_of_an_earlier_release_has_no_mark_and_goes_on(shop: Days) -> None:
    (shop.lake.root / "_came_to").unlink()
    continuity.require(forget(shop))
    continuity.require_words(shop.lake, lambda number: "")
    shop.decide(3)
    assert marks.mark(shop.lake).days == 3
