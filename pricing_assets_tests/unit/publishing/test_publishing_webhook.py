"""Webhooks against a real server: down, slow, answering twice, answering wrongly. Every price sent has one effect."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from publishing_receiver import SECRET, Receiver, answer, saying, slow, status, taken
from publishing_shop import DAY, EFFECTIVE, Place

from pricing_assets.errors import PricingError
from pricing_assets.publishing.connectors.connector import Dispatch, Unreachable
from pricing_assets.publishing.connectors.webhook import Webhook


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    made = Receiver()
    yield made
    made.close()


@pytest.fixture
def hooked(tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("TILL_SECRET", SECRET)
    return place_of(tmp_path, receiver.url)


def place_of(folder: Path, url: str, attempts: int = 3, timeout: float = 5.0) -> Place:
    outlet = {"connector": "webhook", "url": url, "secret": "TILL_SECRET", "timeout_seconds": timeout}
    place = Place(folder, publish={"attempts": attempts, "default": outlet})
    place.decide()
    return place


def test_a_signed_request_is_answered_price_by_price(hooked: Place, receiver: Receiver) -> None:
    hooked.publish()
    (said,) = receiver.requests  # the receiver has checked the signature
    assert said["market"] == "UK" and said["effective_from"] == "2026-03-06T06:00:00Z"
    assert [(each["sku"], each["price"], each["currency"]) for each in said["prices"]] == [
        ("A", "4.49", "GBP"),
        ("B", "9.99", "GBP"),
    ]
    assert hooked.path() == ["scheduled", "sending", "sent", "acknowledged", "live"]


def test_what_is_no_answer_is_asked_again_and_has_one_effect(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_SECRET", SECRET)
    place = place_of(tmp_path, receiver.url, attempts=7)
    receiver.replies = [
        status(503, b"busy"),
        status(500, b"", effect=True),
        status(200, b"<html>welcome</html>", effect=True),
        status(200, b'{"prices": [{"sku": "A"}]}', effect=True),
        status(200, b"[]", effect=True),
        status(302, b"elsewhere"),
    ]
    assert place.publish().faults == []
    assert place.waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0], "longer from time to time"
    assert len({said["key"] for said in receiver.requests}) == 1 and len(receiver.requests) == 7
    assert receiver.effects_of("A") == ["4.49"] and place.state() == "live"


def test_a_receiver_that_is_down_gets_the_price_once_it_is_up(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_SECRET", SECRET)
    place = place_of(tmp_path, "http://127.0.0.1:9/prices")
    done = place.publish()
    assert place.state() == "failed" and "UK wait: http://127.0.0.1:9/prices: ConnectError" in done.faults[0]
    assert place.publish().recorded.is_empty(), "said once, not in every pass"
    up = {"connector": "webhook", "url": receiver.url, "secret": "TILL_SECRET"}
    place.shop.settings(historical=None, last_day=None, publish={"default": up})
    place.publish()
    assert place.path() == ["scheduled", "sending", "failed", "sent", "acknowledged", "live"]
    assert receiver.effects_of("A") == ["4.49"]


def test_a_slow_receiver_is_not_waited_for_and_has_one_effect(
    tmp_path: Path, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TILL_SECRET", SECRET)
    place = place_of(tmp_path, receiver.url, attempts=1, timeout=0.2)
    receiver.replies = [slow(0.8)]
    assert "the answer takes longer than 0.2 s" in place.publish().faults[0]
    patient = {"connector": "webhook", "url": receiver.url, "secret": "TILL_SECRET"}
    place.shop.settings(historical=None, last_day=None, publish={"default": patient})
    place.publish()
    assert receiver.effects_of("A") == ["4.49"] and place.state() == "live"


def test_a_market_that_may_have_an_old_price_gets_no_newer_one_before(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [status(503)] * 3
    hooked.publish()
    hooked.enter("A", "UK", "4.39")
    receiver.replies = [status(503)] * 3
    hooked.publish()
    assert {each["price"] for said in receiver.requests for each in said["prices"]} == {"4.49", "9.99"}
    hooked.publish()
    assert receiver.effects_of("A") == ["4.49", "4.39"], "in this order"
    assert hooked.state("A", entry_no=2) == "live"


def test_a_receiver_may_answer_later(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [status(202, effect=True)] * 2
    hooked.publish()
    assert hooked.state() == "sent" and len(receiver.requests) == 1
    hooked.publish()
    assert hooked.state() == "sent" and len(receiver.requests) == 2, "the same request asks for the answer"
    hooked.publish()
    assert hooked.state() == "live" and receiver.effects_of("A") == ["4.49"]


def test_an_answer_for_some_prices_leaves_the_others_waiting(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [saying(lambda said: answer({"prices": said["prices"][:1]}))]
    hooked.publish()
    assert (hooked.state("A"), hooked.state("B")) == ("live", "sent")
    hooked.publish()
    assert hooked.state("B") == "live" and hooked.path("A").count("acknowledged") == 1


def test_a_refusal_for_good_is_not_tried_again(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [status(409, b"no")]
    done = hooked.publish()
    assert hooked.state() == "refused" and "answers 409: no" in done.faults[0] and hooked.waits == []
    hooked.publish()
    assert len(receiver.requests) == 1 and receiver.all_effects == {}


def test_a_wrong_answer_is_named_and_nothing_is_live(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [saying(lambda said: answer(said, price="4.39"))]
    done = hooked.publish()
    assert hooked.path() == ["scheduled", "sending", "sent", "mismatched"]
    assert "A in UK: webhook says 4.39, sent was 4.4900" in done.faults


def test_an_answer_about_prices_never_sent_is_a_mismatch(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [saying(lambda said: answer({"prices": [*said["prices"], {"sku": "Z", "price": "1.00"}]}))]
    hooked.publish()
    assert hooked.strays() == [("Z", "UK", "acknowledged_unsent")] and hooked.state() == "live"


def test_a_dispatch_nobody_answers_for_days_is_given_up_by_name(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [status(503)] * 3
    hooked.publish()
    hooked.now = EFFECTIVE + timedelta(days=3)
    hooked.publish()
    assert hooked.state() == "expired" and "nobody could say whether it arrived" in hooked.message()


def test_without_the_secret_nothing_goes_out(tmp_path: Path, receiver: Receiver) -> None:
    place = place_of(tmp_path, receiver.url)
    with pytest.raises(PricingError, match="TILL_SECRET is not set"):
        place.publish()
    assert place.rows().is_empty() and receiver.requests == []


def test_a_dispatch_underway_is_not_sent_through_another_connector(hooked: Place, receiver: Receiver) -> None:
    receiver.replies = [status(503)] * 3
    hooked.publish()
    hooked.shop.settings(historical=None, last_day=None)
    assert "it went out through webhook, which UK has no more" in hooked.publish(DAY).faults[0]
    assert not hooked.files()


def test_the_receiver_of_these_tests_has_one_effect_per_key() -> None:
    made = Receiver()
    said = {"path": "", "key": "k", "effective_from": "2026-11-02", "prices": [{"sku": "A", "price": "1"}]}
    taken(made, said)
    taken(made, said)
    made.close()
    assert made.effects_of("A") == ["1"]


def test_the_time_allowed_is_that_of_the_whole_exchange() -> None:
    """A receiver that sends its headers a byte at a time answers every read in time, and never."""
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(1) as pool:

        def dribble() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while True:
                    connection.sendall(b"a")
                    time.sleep(0.05)

        dribbling = pool.submit(dribble)
        hook = Webhook(f"http://127.0.0.1:{server.getsockname()[1]}/", SECRET, 0.5)
        rows = {"sku": ["A"], "price": [Decimal("1.0000")], "currency": ["GBP"], "entry_no": [1], "decision_id": ["d"]}
        with pytest.raises(Unreachable, match=r"takes longer than 0\.5 s"):
            hook.send(Dispatch("key", "UK", EFFECTIVE, pl.DataFrame(rows)))
        dribbling.result(10)
