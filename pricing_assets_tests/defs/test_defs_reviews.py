"""Answers on the line: a price waits, a person answers, the next run obeys, and everything replays."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tiny_shop import FIRST, Line, Once, Shop

from pricing_assets.governance import AutonomyScope, Limits, Proposal, Review
from pricing_assets.lake import Provenance, claims
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.approved import commit_answers
from pricing_assets.pricing.queue import queue
from pricing_assets.pricing.replay import replay
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import PriceBook, PriceDecisions, Reviews

DAY = FIRST + timedelta(days=3)
NEXT = DAY + timedelta(days=1)
TRIAL = """strategy: trial
type: rules
priority: 10
rules: [{name: half-off, then: {multiply: 0.95}}]
autonomy: {mode: manual, expires_days: 2}
"""


@pytest.fixture
def asked(line: Line, once: Once) -> Line:
    """A line on which every change waits for a person, decided for DAY; for NEXT all but the decisions is there."""

    def run(folder: Path) -> None:
        made = Line(folder / "home", line.shop)
        with made.platform().store as store:
            store.activate(TRIAL, "ann", "trial", "activate")
        assert made.run(DAY).success
        assert made.run(NEXT, only=["raw", "features", "anomalies", "forecasts", "elasticities"]).success
        made.ended()

    shutil.copytree(once("reviews-asked", run) / "home", line.home, dirs_exist_ok=True)
    return line


def rows(line: Line, table: type[Table], day: date = DAY) -> pl.DataFrame:
    file = manifests.manifested(line.lake, table).get(day)
    return line.lake.read_files(table, [file] if file else [])


def decision(line: Line, sku: str, day: date = DAY) -> dict[str, Any]:
    basis = line.standing()[day]["basis"]
    return rows(line, PriceDecisions, day).filter(basis=basis, sku=sku, market="UK").row(0, named=True)


def open_prices(line: Line, today: date = NEXT) -> pl.DataFrame:
    return queue(line.lake, line.platform().store.desk.reviews(), today)


def proposal(line: Line, sku: str, market: str) -> Proposal:
    row = open_prices(line).filter(sku=sku, market=market).row(0, named=True)
    said = {name: row[name] for name in Proposal.__dataclass_fields__ if name in row}
    return Proposal(**said, day=row["date"], binds_until=NEXT + timedelta(days=row["days"]))


def answer(line: Line, sku: str, what: Any = "approve", price: str | None = None, market: str = "UK") -> Review:
    of = proposal(line, sku, market)
    other = Decimal(price) if price else None
    [made] = (
        line.platform()
        .store.desk.decide("ann", of, what, "r", f"{sku} {market} {what}", today=NEXT, price=other)
        .reviews
    )
    return made


def enter(line: Line, day: date = DAY) -> pl.DataFrame:
    platform = line.platform()
    given = platform.reviews(platform.store.newest())
    line.ended()
    claims.claim(line.lake, [day], "cut-off", lambda _: True)
    made = commit_answers(line.lake, day, given, Provenance("cut-off", "1"), platform.source.cutoff(day))
    claims.release(line.lake, "cut-off")
    return made


def replayed(line: Line) -> list[str | None]:
    return [outcome.difference for outcome in replay(line.lake)]


def test_every_change_waits_and_the_largest_impact_is_asked_first(asked: Line) -> None:
    found = open_prices(asked)
    assert rows(asked, PriceBook).is_empty()
    assert found.height == 4 and set(found["mode"]) == {"manual"}
    assert found["impact"].to_list() == sorted(found["impact"], reverse=True)
    assert set(found["expires"]) == {NEXT + timedelta(days=2)}
    assert open_prices(asked, NEXT + timedelta(days=2)).height == 4
    assert open_prices(asked, NEXT + timedelta(days=3)).is_empty(), "expired: nothing happens"


def test_the_next_run_obeys_what_was_answered_and_replays(asked: Line) -> None:
    approved, refused = answer(asked, "A"), answer(asked, "B", "reject")
    amended = answer(asked, "C", "amend", "29.00")
    assert open_prices(asked).select("sku", "market").rows() == [("A", "DE")]
    charged = answer(asked, "A", market="DE")
    same = str(decision(asked, "B")["current_price"])  # so that the same price is proposed
    asked.shop.change("prices", NEXT, sku="B", price=same)
    asked.shop.change("prices", NEXT, market="DE", price=str(charged.price))
    assert asked.run(NEXT).success
    a, b, c = (decision(asked, sku, NEXT) for sku in "ABC")
    assert (a["action"], a["final_price"]) == ("publish", approved.price)
    assert (c["action"], c["final_price"], c["method"]) == ("publish", Decimal("29.0000"), "static")
    assert (b["action"], b["final_price"]) == ("hold", b["current_price"])
    assert refused.id in b["reason"]
    book = rows(asked, PriceBook, NEXT)
    assert dict(book.select("sku", "review_id").iter_rows()) == {"A": approved.id, "C": amended.id}
    obeyed = set(rows(asked, Reviews, NEXT)["review_id"])
    assert obeyed == {approved.id, refused.id, amended.id}, "what was charged is not asserted again"
    assert not {"ann", "r"} & {str(value) for row in rows(asked, Reviews, NEXT).rows() for value in row}
    assert replayed(asked) == [None, None]
    versions = asked.versions()
    assert asked.run(NEXT, only=["decisions"]).success
    assert asked.versions() == versions, "equal inputs commit nothing"


def test_an_answer_withdrawn_before_the_next_run_is_not_obeyed(asked: Line) -> None:
    made = answer(asked, "A")
    asked.platform().store.desk.withdraw("bob", made.proposal.subject, "too soon", "w")
    assert open_prices(asked).height == 4
    assert asked.run(NEXT, only=["decisions"]).success
    assert decision(asked, "A", NEXT)["action"] == "review"


def test_what_is_approved_before_the_cut_off_enters_the_book_of_its_day_once(asked: Line) -> None:
    before = asked.standing()[DAY]
    made = answer(asked, "A")
    [entry] = enter(asked).to_dicts()
    assert (entry["sku"], entry["price"], entry["review_id"]) == ("A", made.price, made.id)
    assert entry["decision_id"] == made.proposal.decision_id
    after = asked.standing()[DAY]
    assert after["run_id"] == "cut-off" and after["sequence"] > before["sequence"]
    kept = ("basis", "decisions_hash", "steps_hash", "decided", "published", "inputs", "settings")
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert rows(asked, PriceBook).height == 1
    assert enter(asked).is_empty() and replayed(asked) == [None]
    asked.ended()
    assert asked.run(DAY, only=["decisions"]).success
    assert rows(asked, PriceBook).height == 1, "a run from equal inputs leaves the book as it is"


def test_a_withdrawn_approval_is_taken_back_from_the_book(asked: Line) -> None:
    made = answer(asked, "A")
    enter(asked)
    asked.platform().store.desk.withdraw("ann", made.proposal.subject, "r", "w")
    [entry] = enter(asked).to_dicts()
    assert (entry["entry_no"], entry["price"], entry["review_id"]) == (2, made.proposal.current_price, made.id)
    assert entry["supersedes"] == made.proposal.decision_id
    assert enter(asked).is_empty()


def test_after_the_cut_off_nothing_is_entered(asked: Line) -> None:
    answer(asked, "A")
    platform = asked.platform()
    given = platform.reviews(platform.store.newest())
    cut_off = platform.source.effective_from(DAY)
    assert commit_answers(asked.lake, DAY, given, Provenance("late"), cut_off).is_empty()
    assert commit_answers(asked.lake, NEXT, given, Provenance("no such day"), cut_off).is_empty()


def test_a_rejection_or_an_amendment_below_a_floor_enters_nothing(line: Line) -> None:
    with line.platform().store as store:
        store.activate(TRIAL + "constraints: [{min_price: {cost_times: 1.1}}]\n", "ann", "trial", "activate")
    assert line.run(DAY).success
    answer(line, "B", "reject")
    answer(line, "C", "amend", "16.49")  # cost 15.00
    assert enter(line).is_empty()


def test_killed_between_the_book_and_its_day_it_is_entered_once(asked: Line, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(asked, "A")

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(manifests, "alone", killed)
        with pytest.raises(KeyboardInterrupt):
            enter(asked)
    assert rows(asked, PriceBook).is_empty(), "no reader sees it"
    version = asked.lake.version(PriceBook)
    assert enter(asked).height == 1 and rows(asked, PriceBook).height == 1
    assert asked.lake.version(PriceBook) == version, "the same file"


def test_governance_tightens_the_next_run_and_replays(line: Line) -> None:
    assert line.run(DAY).success
    free = rows(line, PriceDecisions)["action"].to_list()
    assert "publish" in free and "review" not in free
    with line.platform().store as store:
        store.desk.tighten(AutonomyScope(None, "UK"), Limits("manual"), by="ann", reason="r", key="k")
    assert line.run(DAY, only=["decisions"]).success
    basis = line.standing()[DAY]["basis"]
    now = rows(line, PriceDecisions).filter(basis=basis)
    assert "publish" not in now.filter(market="UK")["action"].to_list()
    assert "review" in now["action"].to_list()
    assert replayed(line) == [None]


def test_a_price_decided_anew_the_same_day_is_not_asked_twice(asked: Line, shop: Shop) -> None:
    answer(asked, "A")
    shop.change("stock", DAY, sku="C", on_hand="1")
    assert asked.run(DAY).success
    assert sorted(open_prices(asked)["sku"]) == ["A", "B", "C"]
    assert open_prices(asked).filter(market="UK", sku="A").is_empty()
