"""A pass through price lists in a folder: what goes out, what does not, and what comes of it."""

from __future__ import annotations

import csv
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from publishing_shop import DAY, EFFECTIVE, TWO, Place

from pricing_assets.tables.publishing import Publications

FILE = {"publish": {"default": {"connector": "csv", "acknowledge": "file"}}}
DONE = ["scheduled", "sending", "sent", "acknowledged", "live"]


def delivered(place: Place) -> list[tuple[str, str]]:
    """sku and price of every row of every file."""
    rows = [row for file in place.files() for row in csv.DictReader(file.open(newline=""))]
    return [(row["sku"], row["price"]) for row in rows]


def test_a_decided_price_goes_from_scheduled_to_live(place: Place) -> None:
    place.decide()
    done = place.publish()
    assert done.faults == []
    assert place.path("A") == place.path("B") == DONE
    assert delivered(place) == [("A", "4.49"), ("B", "9.99")]
    Publications.validate(place.rows())
    assert place.rows().filter(pl.col("step") > 1)["dispatch"].n_unique() == 1


def test_a_second_pass_changes_nothing(place: Place) -> None:
    place.decide()
    place.publish()
    before = place.rows()
    assert place.publish().recorded.is_empty()
    assert place.rows().equals(before)
    assert len(delivered(place)) == 2


def test_before_the_cut_off_a_price_is_only_scheduled(place: Place) -> None:
    place.decide()
    place.now = EFFECTIVE - timedelta(seconds=1)
    place.publish()
    assert place.state() == "scheduled" and not place.files()


def test_with_a_lead_it_is_handed_over_earlier_and_live_when_it_takes_effect(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"lead_minutes": 60})
    place.decide()
    place.now = EFFECTIVE - timedelta(minutes=60)
    place.publish()
    assert place.state() == "acknowledged"
    place.now = EFFECTIVE
    place.publish()
    assert place.path() == DONE


def test_a_shop_may_publish_nothing(tmp_path: Path) -> None:
    place = Place(tmp_path, publish=False)
    place.decide()
    assert place.publish().recorded.is_empty() and not place.files()


def test_only_the_highest_entry_of_a_moment_goes_out(place: Place) -> None:
    place.decide()
    place.enter("A", "UK", "4.39")
    place.publish()
    assert place.states() == {("A", "UK", 1): "superseded", ("A", "UK", 2): "live", ("B", "UK", 1): "live"}
    assert delivered(place) == [("A", "4.39"), ("B", "9.99")]


def test_an_entry_made_after_the_first_went_out_follows_it(place: Place) -> None:
    place.decide()
    place.publish()
    place.enter("A", "UK", "4.39")
    place.publish()
    assert place.state("A", entry_no=1) == "live" and place.state("A", entry_no=2) == "live"
    assert sorted(delivered(place)) == [("A", "4.39"), ("A", "4.49"), ("B", "9.99")]


def test_an_entry_replaced_before_it_took_effect_never_is_live(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"lead_minutes": 60})
    place.decide()
    place.now = EFFECTIVE - timedelta(minutes=30)
    place.publish()
    place.enter("A", "UK", "4.39")
    place.now = EFFECTIVE
    place.publish()
    assert place.states() == {("A", "UK", 1): "superseded", ("A", "UK", 2): "live", ("B", "UK", 1): "live"}


def test_of_two_days_that_are_due_the_last_goes_out(place: Place) -> None:
    place.decide()
    place.decide([("A", "UK", "4.29")], DAY + timedelta(days=1))
    place.now = EFFECTIVE + timedelta(days=1)
    place.publish()
    assert delivered(place) == [("B", "9.99"), ("A", "4.29")]
    assert place.path("A") == ["superseded", *DONE]


def test_an_approval_binds_for_some_days_only(place: Place) -> None:
    place.decide()
    place.now = EFFECTIVE + timedelta(days=3)
    place.publish()
    assert place.path() == ["scheduled", "expired"] and not place.files()


def test_prices_of_markets_go_out_apart(place: Place) -> None:
    place.decide([*TWO, ("A", "DE", "7.95")])
    place.publish()
    assert len(delivered(place)) == 2
    (german,) = (place.home / "outbox" / "DE").glob("*.csv")
    assert "A,DE,7.95,EUR,2026-03-06T06:00:00Z" in german.read_text()


@pytest.mark.parametrize(
    ("decision", "why"),
    [
        ({"action": "recommend"}, "a late day only recommends"),
        ({"action": "review"}, "it waits for a review"),
    ],
)
def test_what_was_not_decided_to_go_out_stays(place: Place, decision: dict[str, Any], why: str) -> None:
    place.decide(**decision)
    done = place.publish()
    assert place.path() == ["scheduled", "stopped"] and why in place.message() and not place.files()
    assert f"A in UK does not go out: {place.message()}" in done.faults


def test_an_approved_price_of_a_decision_under_review_goes_out(place: Place) -> None:
    place.decide(action="review")
    place.enter("A", "UK", "4.79")
    place.publish()
    assert place.state("A", entry_no=2) == "live" and place.state("B") == "stopped"


def test_a_book_that_says_another_price_than_its_decision_is_stopped(place: Place) -> None:
    place.decide()
    place.enter("A", "UK", "1.99", review_id=None)
    place.publish()
    assert place.state("A", entry_no=2) == "stopped" and delivered(place) == [("B", "9.99")]
    assert place.message("A", entry_no=2) == "the price book says 1.9900, its decision 4.4900"


def test_an_entry_without_a_decision_is_stopped(place: Place) -> None:
    place.decide()
    place.enter("A", "UK", "4.49", decision_id="nobody")
    place.publish()
    assert "its decision is not in force" in place.message("A", entry_no=2)


def test_an_entry_for_an_unknown_market_is_stopped_by_name(place: Place) -> None:
    place.decide([*TWO, ("A", "FR", "4.49")], currency="GBP")
    place.publish()
    assert place.message("A", "FR") == "no connector: market FR is not in source.yaml"
    assert place.state("A", "UK") == "live"


def test_a_cost_that_rose_since_the_decision_stops_the_price(place: Place) -> None:
    place.decide()
    place.charge(DAY, [("A", "UK", "5.00")], cost="4.10")
    place.publish()
    assert place.message() == "the floor min_price: {cost_times: 1.1} is now 4.5100 GBP, above the price"
    assert place.state("B") == "live"


def test_a_cost_known_only_after_the_cut_off_stops_nothing(place: Place) -> None:
    place.decide()
    place.charge(DAY, [("A", "UK", "5.00")], cost="4.10", known_at=EFFECTIVE)
    place.publish()
    assert place.state() == "live", "its decision's own cost counts"


def test_a_minimum_advertised_price_set_since_stops_the_price(place: Place) -> None:
    place.decide()
    place.catalogue(DAY, "A", '{"map_price": "4.50"}')
    place.publish()
    assert place.message() == "the floor map: required is now 4.5000 GBP, above the price"


def test_another_currency_stops_the_price(place: Place) -> None:
    place.decide()
    place.charge(DAY, [("A", "UK", "5.00")], currency="EUR")
    place.publish()
    assert place.message() == "the shop now prices it in EUR, not in GBP"


def test_history_is_played_day_by_day_as_of_its_own_moments(tmp_path: Path) -> None:
    place = Place(tmp_path, historical=True, last_day=DAY + timedelta(days=7))
    next_day = DAY + timedelta(days=1)
    place.decide()
    place.decide([("A", "UK", "4.29")], next_day)
    place.charge(next_day, [("A", "UK", "5.00")], cost="4.20")
    place.publish(DAY, next_day)
    assert place.path("B") == DONE and place.rows().filter(date=DAY, sku="A", state="live").height == 1
    stopped = place.rows().filter(date=next_day, state="stopped")["message"].to_list()
    assert stopped[0].startswith("the floor min_price"), "the newer cost counts for the newer day"
    assert delivered(place) == [("A", "4.49"), ("B", "9.99")]


def test_a_file_that_was_taken_away_is_not_written_again(place: Place) -> None:
    place.decide()
    place.publish()
    place.files()[0].unlink()
    place.publish()
    assert not place.files() and place.state() == "live"


def test_a_file_edited_after_it_was_written_is_a_mismatch_until_it_is_mended(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"lead_minutes": 60})
    place.decide()
    place.now = EFFECTIVE - timedelta(minutes=30)
    place.publish()
    (file,) = place.files()
    written = file.read_text()
    file.write_text(written.replace("4.49", "4.94"))
    place.now = EFFECTIVE
    done = place.publish()
    assert place.state("A") == place.state("B") == "mismatched", "which line was meant, nobody knows"
    assert f"{file.name} was edited after it was written" in place.message()
    assert any("was edited after it was written" in fault for fault in done.faults)
    assert place.publish().recorded.is_empty(), "said once"
    file.write_text(written)
    place.publish()
    assert place.state() == "live"


def test_a_disk_that_refuses_keeps_the_price_waiting(place: Place) -> None:
    place.decide()
    place.outbox.parent.mkdir(parents=True)
    place.outbox.write_text("a file where a folder should be")
    done = place.publish()
    assert place.state() == "failed" and "UK wait: " in done.faults[0]
    place.outbox.unlink()
    place.publish()
    assert place.path() == ["scheduled", "sending", "failed", "sent", "acknowledged", "live"]
    assert len(delivered(place)) == 2


def test_money_is_exact_to_the_coin_of_the_currency(place: Place) -> None:
    place.decide([("A", "UK", "1234567.05")])
    place.publish()
    assert delivered(place) == [("A", "1234567.05")]
    assert place.rows()["price"][0] == Decimal("1234567.0500")
