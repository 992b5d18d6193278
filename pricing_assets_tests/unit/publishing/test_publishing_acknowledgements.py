"""Acknowledgement files: right, wrong, about nothing that was sent, and no acknowledgements at all."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from publishing_shop import DAY, TWO, Place

HEAD = "sku,market,price,status\n"


@pytest.fixture
def sent(tmp_path: Path) -> Place:
    """Two prices in a file that waits for its acknowledgement."""
    place = Place(tmp_path, publish={"default": {"connector": "csv", "acknowledge": "file"}})
    place.decide()
    place.publish()
    assert place.states() == {("A", "UK", 1): "sent", ("B", "UK", 1): "sent"}
    return place


def test_a_file_acknowledges_and_is_put_away(sent: Place) -> None:
    sent.acknowledge(HEAD + "A,UK,4.49,accepted\nB,UK,9.9900,ACCEPTED\n")
    assert sent.publish().faults == []
    assert sent.state("A") == sent.state("B") == "live"
    assert [path.name for path in (sent.outbox / "acks" / "done").iterdir()] == ["ack.csv"]
    sent.acknowledge(HEAD + "A,UK,4.49,accepted\n")
    assert sent.publish().recorded.is_empty(), "said before"
    assert len(list((sent.outbox / "acks" / "done").iterdir())) == 2, "and both are kept"


def test_no_acknowledgement_is_no_effect(sent: Place) -> None:
    assert sent.publish().recorded.is_empty() and sent.state() == "sent" and len(sent.files()) == 1


def test_another_price_is_a_mismatch_until_the_right_one_is_acknowledged(sent: Place) -> None:
    sent.acknowledge(HEAD + "A,UK,4.94,accepted\n")
    assert sent.publish().faults == ["A in UK: ack.csv says 4.94, sent was 4.4900"]
    assert sent.state("A") == "mismatched" and sent.state("B") == "sent"
    sent.acknowledge(HEAD + "A,UK,4.49,accepted\n")
    sent.publish()
    assert sent.state("A") == "live"


def test_a_rejected_price_is_refused_with_its_reason(sent: Place) -> None:
    sent.acknowledge("reason,sku,market,price,status\nnot listed,A,UK,4.49,rejected\n")
    sent.publish()
    assert sent.state() == "refused" and sent.message() == "ack.csv rejects it: not listed"


def test_acknowledgements_of_nothing_that_was_sent_are_kept_as_mismatches(sent: Place) -> None:
    before = sent.rows()
    sent.acknowledge(HEAD + "Z,UK,4.49,accepted\nA,FR,4.49,accepted\nA,DE,4.49,accepted\n")
    done = sent.publish()
    assert sent.strays() == [
        ("A", "DE", "acknowledged_unsent"),
        ("A", "FR", "unknown_market"),
        ("Z", "UK", "acknowledged_unsent"),
    ]
    assert "A: ack.csv names market FR, which there is not" in done.faults
    assert sent.rows().equals(before), "nothing is published by accident"
    sent.reconcile(DAY)
    assert len(sent.strays()) == 3, "comparing with what is charged leaves them"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sku;market;price;status\nA;UK;4.49;accepted\n", "has no column sku, market, price, status"),
        ("sku,price,status\nA,4.49,accepted\n", "has no column market; expected sku, market, price, status, reason"),
        ("", "is no CSV in UTF-8"),
        (HEAD + "A,UK,,accepted\n", "1 row of it lack sku, market, price or status"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_put_aside(sent: Place, text: str, said: str) -> None:
    sent.acknowledge(text)
    assert said in sent.publish().faults[0]
    assert sent.state() == "sent" and sent.strays() == [("ack.csv", "unknown", "unreadable_acknowledgement")]
    assert not (sent.outbox / "acks" / "ack.csv").exists()


def test_bytes_that_are_no_text_are_named(sent: Place) -> None:
    sent.acknowledge(HEAD)
    (sent.outbox / "acks" / "ack.csv").write_bytes(b"\xff\xfe\x00sku,market\n\x80\x81")
    assert "ack.csv: " in sent.publish().faults[0] and sent.state() == "sent"


def test_a_price_not_sent_yet_cannot_be_acknowledged(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.decide(TWO)
    place.now -= timedelta(hours=1)
    place.acknowledge(HEAD + "A,UK,4.49,accepted\n")
    place.publish()
    assert place.state() == "scheduled" and place.strays() == [("A", "UK", "acknowledged_unsent")]
