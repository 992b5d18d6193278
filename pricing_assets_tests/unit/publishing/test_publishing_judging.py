"""What an answer means, on frames: taken, refused, another price, twice, about nothing that was sent."""

from __future__ import annotations

from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from publishing_shop import DAY, frame

from pricing_assets.publishing.connectors import ANSWER
from pricing_assets.publishing.judging import judge
from pricing_assets.tables.publishing import Publications

Answer = tuple[str, str, str, str | None]  # sku, price, status, reason


def sent(*skus: str, state: str = "sent", price: str = "4.49") -> pl.DataFrame:
    row = {"date": DAY, "market": "UK", "state": state, "price": Decimal(price), "currency": "GBP"}
    return frame(Publications, [row | {"sku": sku} for sku in skus])


def judged(state: pl.DataFrame, *answers: Answer, market: str = "UK") -> tuple[dict[str, tuple[str, str]], list[str]]:
    rows = [(sku, market, price, status, reason) for sku, price, status, reason in answers]
    found = judge(state, pl.DataFrame(rows, schema=ANSWER, orient="row"), ["UK", "DE"], "ack.csv")
    news = {sku: (now, said) for sku, now, said in found.verdicts.select("sku", "now", "said").rows()}
    return news, found.strays["kind"].to_list()


@pytest.mark.parametrize(
    ("answers", "now", "said"),
    [
        ([("A", "4.49", "accepted", None)], "acknowledged", "ack.csv"),
        ([("A", "4.4900", "Accepted", None)], "acknowledged", "ack.csv"),
        ([("A", "4.49", "rejected", "no such item")], "refused", "ack.csv rejects it: no such item"),
        ([("A", "4.39", "accepted", None)], "mismatched", "ack.csv says 4.39, sent was 4.4900"),
        ([("A", "4,49", "accepted", None)], "mismatched", "ack.csv says 4,49, sent was 4.4900"),
        ([("A", "4.49001", "accepted", None)], "mismatched", "ack.csv says 4.49001, sent was 4.4900"),
        ([("A", "4.49", "maybe", None)], "mismatched", "ack.csv says maybe, expected accepted or rejected"),
        ([("A", "4.49", "accepted", None), ("A", "4.29", "accepted", None)], "mismatched", "says 4.29"),
        ([("A", "4.49", "accepted", None)] * 2, "acknowledged", "ack.csv"),
    ],
)
def test_an_answer_has_one_meaning(answers: list[Answer], now: str, said: str) -> None:
    news, strays = judged(sent("A"), *answers)
    assert news["A"][0] == now and said in news["A"][1] and strays == []


def test_what_was_acknowledged_before_is_no_news() -> None:
    for state in ("acknowledged", "live"):
        assert judged(sent("A", state=state), ("A", "4.49", "accepted", None)) == ({}, [])
    assert judged(sent("A", state="live"), ("A", "4.39", "accepted", None))[0]["A"][0] == "mismatched"


def test_what_was_not_sent_cannot_be_acknowledged() -> None:
    for state in ("scheduled", "stopped", "superseded"):
        assert judged(sent("A", state=state), ("A", "4.49", "accepted", None)) == ({}, ["acknowledged_unsent"])
    assert judged(sent("A"), ("A", "4.49", "accepted", None), market="FR") == ({}, ["unknown_market"])


ANSWERS = st.tuples(
    st.sampled_from("ABC"), st.sampled_from(["4.49", "4.50"]), st.sampled_from(["accepted", "rejected"])
)


@given(st.lists(ANSWERS, max_size=6))
def test_every_answer_is_heard_once_and_nothing_else_changes(answers: list[tuple[str, str, str]]) -> None:
    news, strays = judged(sent("A", "B"), *[(*answer, None) for answer in answers])
    told = {sku: {(price, status) for name, price, status in answers if name == sku} for sku in "AB"}
    assert {sku: now for sku, (now, _) in news.items()} == {
        sku: "mismatched"
        if any(price != "4.49" for price, _ in said)
        else "refused"
        if any(status == "rejected" for _, status in said)
        else "acknowledged"
        for sku, said in told.items()
        if said
    }
    assert len(strays) == sum(sku == "C" for sku, _, _ in answers)
