from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import polars as pl
from polars.testing import assert_frame_equal
from pricing_frames import DAY, days_frame

from pricing_assets.pricing import book
from pricing_assets.tables.decisions import PriceBook, PriceDecisions

NOW = datetime(2024, 3, 2, 3, tzinfo=UTC)
EMPTY = PriceBook.create_empty()


def decisions(*rows: dict[str, Any]) -> pl.DataFrame:
    common: dict[str, Any] = {
        "date": DAY,
        "basis": "b",
        "sku": "S",
        "market": "UK",
        "currency": "GBP",
        "method": "rules",
        "reason": "",
        "action": "publish",
    }
    schema = {name: column.dtype for name, column in PriceDecisions.columns().items()}
    return pl.DataFrame([{**dict.fromkeys(schema), **common, **row} for row in rows], schema=schema, orient="row")


def one(identity: str, price: str, action: str = "publish") -> pl.DataFrame:
    return decisions({"decision_id": identity, "final_price": Decimal(price), "action": action})


def entries(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    return frame.select("entry_no", pl.col("price").cast(pl.Float64), "decision_id", "supersedes").rows()


def test_publishing_enters_the_price() -> None:
    found = book(one("a", "9"), days_frame(), EMPTY, NOW)
    assert entries(found) == [(1, 9.0, "a", None)]
    PriceBook.validate(found)


def test_the_same_decision_is_entered_once() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    assert_frame_equal(book(one("a", "9"), days_frame(), first, NOW), first)


def test_a_new_decision_supersedes_and_the_chain_goes_on() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    second = book(one("b", "8"), days_frame(), first, NOW)
    third = book(one("a", "9"), days_frame(), second, NOW)
    assert entries(third) == [(1, 9.0, "a", None), (2, 8.0, "b", "a"), (3, 9.0, "a", "b")]


def test_a_hold_enters_nothing() -> None:
    assert not book(one("a", "9", "hold"), days_frame(), EMPTY, NOW).height
    assert not book(one("a", "9", "review"), days_frame(), EMPTY, NOW).height


def test_a_hold_takes_back_what_was_entered() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    second = book(one("b", "10", "hold"), days_frame(), first, NOW)
    assert entries(second) == [(1, 9.0, "a", None), (2, 10.0, "b", "a")]
    assert_frame_equal(book(one("b", "10", "hold"), days_frame(), second, NOW), second)


def test_a_hold_at_the_entered_price_leaves_it() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    assert_frame_equal(book(one("b", "9", "hold"), days_frame(), first, NOW), first)


def test_a_persons_word_on_a_decision_outlives_a_rerun_but_not_another_decision() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    taken_back = first.with_columns(
        entry_no=2, price=Decimal("10"), review_id=pl.lit("RB-000001"), supersedes="decision_id"
    )
    known = pl.concat([first, PriceBook.cast(taken_back)])
    assert_frame_equal(book(one("a", "9"), days_frame(), known, NOW), known)
    assert entries(book(one("b", "8"), days_frame(), known, NOW))[-1] == (3, 8.0, "b", "a")


def test_a_late_day_adds_nothing() -> None:
    first = book(one("a", "9"), days_frame(), EMPTY, NOW)
    assert_frame_equal(book(one("b", "8"), days_frame(late=True), first, NOW), first)


def test_skus_and_markets_are_apart_and_sorted() -> None:
    rows = decisions(
        *({"sku": s, "market": m, "decision_id": s + m, "final_price": Decimal(1)} for s in "BA" for m in ("UK", "DE"))
    )
    found = book(rows, days_frame(), EMPTY, NOW)
    assert found["decision_id"].to_list() == ["ADE", "AUK", "BDE", "BUK"]
    assert found["entry_no"].to_list() == [1] * 4
