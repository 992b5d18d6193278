"""Prices on their way out as `pricing status` and the metrics file say them: what is a fault, and when it is over."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from publishing_shop import DAY, EFFECTIVE, Place

from pricing_assets.watch.outgoing import GRACE, Outgoing, outgoing

NEXT = DAY + timedelta(days=1)


def seen(place: Place, after: timedelta, last: date = DAY) -> Outgoing:
    return outgoing(place.lake, place.source, last, EFFECTIVE + after)


def live(place: Place) -> None:
    place.publish()
    place.now = EFFECTIVE + timedelta(minutes=5)
    place.publish()


def test_prices_nobody_hands_over_are_due_and_after_half_an_hour_a_fault(place: Place) -> None:
    place.decide()
    before = seen(place, -timedelta(hours=4))
    assert before.due == EFFECTIVE and list(before.faults()) == [], "an alarm compares it with its own clock"
    assert list(seen(place, GRACE).faults()) == []
    (fault,) = seen(place, timedelta(hours=10)).faults()
    assert fault.startswith("2 prices not handed over, due 2026-03-06 06:00 UTC")
    live(place)
    after = seen(place, timedelta(hours=10))
    assert after.due is None and list(after.faults()) == [] and after.states == {"live": 2}


def test_a_price_is_overdue_still_when_the_next_one_is_decided(place: Place) -> None:
    place.decide()
    place.decide(day=NEXT)
    assert seen(place, timedelta(hours=23)).overdue == 2


def test_a_shop_that_is_history_has_nothing_due(place: Place) -> None:
    place.shop.settings()
    place.decide()
    found = seen(place, timedelta(days=100))
    assert (found.due, found.overdue, found.states) == (None, 0, {"approved": 2})


def test_a_price_that_was_stopped_or_came_otherwise_is_a_fault(place: Place) -> None:
    place.decide()
    place.charge(DAY, [("A", "UK", "5.00")], cost="9.00")
    place.now = EFFECTIVE
    place.publish()
    for file in place.files():
        file.write_text(file.read_text().replace("9.99", "0.99"))
    place.now = EFFECTIVE + timedelta(minutes=10)
    place.publish()
    assert place.states() == {("A", "UK", 1): "stopped", ("B", "UK", 1): "mismatched"}
    said = ["1 price mismatched on the way out", "1 price stopped on the way out"]
    assert list(seen(place, timedelta(hours=1)).faults()) == said


@pytest.mark.parametrize(("charged", "faults"), [("9.99", 0), ("7.77", 1)])
def test_a_price_charged_otherwise_is_a_fault_of_the_last_day_compared(place: Place, charged: str, faults: int) -> None:
    place.decide()
    live(place)
    place.charge(NEXT, [("A", "UK", "4.49"), ("B", "UK", charged)])
    place.reconcile(NEXT)
    assert list(seen(place, timedelta(hours=20)).faults()) == [], "a day is compared at its cut-off"
    said = list(seen(place, timedelta(days=1)).faults())
    assert said == ["1 price charged otherwise than sent: `pricing publish status`"] * faults
    later = NEXT + timedelta(days=1)
    place.charge(later, [("A", "UK", "4.49"), ("B", "UK", "9.99")])
    place.reconcile(later)
    assert list(seen(place, timedelta(days=2)).faults()) == []


def test_a_price_that_went_wrong_is_over_once_the_next_day_is_decided(tmp_path: Path) -> None:
    place = Place(tmp_path, publish={"default": {"connector": "csv", "acknowledge": "file"}})
    place.decide()
    place.publish()
    place.acknowledge("sku,market,price,status\nA,UK,4.49,rejected\nB,UK,9.99,accepted\n")
    place.publish()
    assert list(seen(place, timedelta(hours=19)).faults()) == ["1 price refused on the way out"]
    after = seen(place, timedelta(hours=20), last=NEXT)
    assert list(after.faults()) == [], "what customers are charged is what the next day began with"
    assert after.states == {"live": 1}


def test_an_article_that_is_sold_no_more_and_a_price_somebody_changed_are_no_faults(place: Place) -> None:
    place.decide()
    live(place)
    place.charge(NEXT, [("A", "UK", "4.49"), ("C", "UK", "3.00")])
    place.reconcile(NEXT)
    found = seen(place, timedelta(days=1))
    assert set(found.otherwise) == {"no_price"} and list(found.faults()) == []


def test_history_is_charged_as_it_was(place: Place) -> None:
    place.shop.settings()
    place.decide()
    place.publish(DAY)
    place.charge(NEXT, [("A", "UK", "5.00"), ("B", "UK", "5.00")])
    assert {kind for _, kind, _ in place.reconcile(NEXT)} == {"not_charged"}
    found = seen(place, timedelta(days=30), last=NEXT)
    assert found.otherwise == {} and list(found.faults()) == []
