"""`pricing review` and `pricing autonomy`: people in, words out; what cannot be meant or charged is refused by name."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from shell_commands import answer, pricing
from tiny_shop import FIRST, Line, Once, Shop

DAY = FIRST + timedelta(days=3)
TRIAL = """strategy: trial
type: rules
priority: 10
rules: [{name: less, then: {multiply: 0.95}}]
constraints: [{min_price: {cost_times: 1.1}}]
autonomy: {mode: MODE}
"""


def priced(line: Line, folder: Path, mode: str) -> None:
    """A home in which one day was priced by a trial strategy."""
    made = Line(folder / "home", line.shop)
    with made.platform().store as store:
        store.activate(TRIAL.replace("MODE", mode), "ann", "trial", "activate")
    assert made.run(DAY).success
    made.ended()


@pytest.fixture
def waiting(line: Line, once: Once, home: Path) -> Path:
    """Every change waits for a person."""
    folder = once("reviews-shell", lambda folder: priced(line, folder, "manual"))
    shutil.copytree(folder / "home", home, dirs_exist_ok=True)
    return home


def open_prices(*words: str) -> list[dict[str, Any]]:
    return answer("review", "list", *words)  # type: ignore[no-any-return]


def first(sku: str, market: str = "UK") -> str:
    [found] = [row["id"] for row in open_prices() if (row["sku"], row["market"]) == (sku, market)]
    return found  # type: ignore[no-any-return]


def test_what_waits_is_listed_by_impact_and_says_nothing_of_its_action(waiting: Path) -> None:
    rows = open_prices()
    assert len(rows) == 4 and rows[0]["sku"] == "C"
    assert rows[0]["change"].startswith("-")
    assert not {"action", "confidence", "audit", "mode"} & set(rows[0])
    assert [row["market"] for row in open_prices("--market", "DE")] == ["DE"]
    said = pricing("review", "list", "--limit", "1").stdout
    assert "(3 more prices; --limit shows more)" in said
    assert "no price of category HOME is open" in pricing("review", "list", "--category", "HOME").stdout


def test_without_anything_open_it_says_why(home: Path, shop: Shop, copied: Path) -> None:
    assert "comes from the `autonomy` of a strategy" in pricing("review", "list").stdout
    assert answer("review", "list") == [] and answer("review", "answers") == []
    assert "nobody answered anything yet" in pricing("review", "answers").stdout
    assert "nothing is held for a person" in pricing("review", "held").stdout and answer("review", "held") == []
    assert "nobody answered a price yet" in pricing("autonomy", "list").stdout


def test_before_the_first_day_it_says_so(home: Path, shop: Shop) -> None:
    assert "no day is decided yet" in pricing("review", "list").stdout


def test_a_price_is_approved_explained_and_taken_back(waiting: Path) -> None:
    price = first("A")
    waits = pricing("explain", "A", "--market", "UK").stdout
    assert f"waits for a person: `pricing review approve {price[:12]} --reason …`" in waits
    said = pricing("review", "approve", price[:8], "--reason", "fine", "--by", "ann").stdout
    assert "A in UK approved at " in said and "goes out by the cut-off of its day" in said
    [given] = answer("review", "answers")
    assert (given["answer"], given["by"], given["decision_id"], given["state"]) == (
        "approved",
        "ann",
        price,
        "standing",
    )
    assert "by ann: fine (RV-" in pricing("explain", "A", "--market", "UK").stdout
    assert price not in [row["id"] for row in open_prices()]
    refused = answer("review", "reject", price, "--reason", "r", "--by", "bob", code=1)
    assert "is approved by ann at" in refused["error"]
    assert "is open again" in pricing("review", "withdraw", given["id"], "--reason", "too soon").stdout
    assert price in [row["id"] for row in open_prices()]
    assert "no answer stands" in answer("review", "withdraw", given["id"], "--reason", "r", code=1)["error"]


def test_a_rejection_keeps_the_current_price(waiting: Path) -> None:
    said = pricing("review", "reject", first("B"), "--reason", "too low").stdout
    assert "it is not proposed again until 2026-03-08" in said


@pytest.mark.parametrize(
    ("price", "said"),
    [
        ("16.49", "0.01 below the floor min_price: {cost_times: 1.1}"),
        ("28.555", "is no price in GBP"),
        ("cheap", "is no price in GBP"),
        ("-1", "is no price in GBP"),
        ("30.10", "is the current price"),
    ],
)
def test_an_amendment_that_cannot_be_charged_is_refused(waiting: Path, price: str, said: str) -> None:
    assert said in answer("review", "amend", first("C"), f"--price={price}", "--reason", "r", code=1)["error"]
    assert answer("review", "answers") == []


def test_an_amended_price_is_bound(waiting: Path) -> None:
    made = answer("review", "amend", first("C"), "--price", "28.50", "--reason", "r")
    assert [(row["answer"], row["price"]) for row in made["reviews"]] == [("amended", "28.50")]


def test_many_are_answered_as_one_and_those_of_others_are_left(waiting: Path) -> None:
    pricing("review", "reject", first("A"), "--reason", "r", "--by", "bob")
    done = answer("review", "approve", "--market", "UK", "--reason", "agreed")
    assert sorted(row["sku"] for row in done["reviews"]) == ["B", "C"]
    assert "as one" not in pricing("review", "approve", "--all", "--reason", "rest").stdout
    assert "is open for review" in answer("review", "approve", "--market", "UK", "--reason", "r", code=1)["error"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["review", "approve"], "no price is named"),
        (["review", "approve", "ab"], "ab: is no id of a price"),
        (["review", "approve", "SKU-1"], "SKU-1: is no id of a price"),
        (["review", "approve", "0000dead"], "0000dead: is not open"),
        (["review", "withdraw", "RV-1"], "no answer stands under it"),
        (["autonomy", "tighten", "TEA/DE"], "nothing to tighten"),
        (["autonomy", "tighten", "TEA/", "--mode", "manual"], "is no scope"),
        (["autonomy", "tighten", "TEA", "--mode", "off"], "off: is no mode"),
        (["autonomy", "loosen", "TEA/DE"], "governance does not tighten it"),
    ],
)
def test_what_nobody_can_mean_is_refused(waiting: Path, words: list[str], said: str) -> None:
    assert said in answer(*words, "--reason", "r", code=1)["error"]


def test_tightening_is_listed_and_loosening_asks_for_evidence(waiting: Path) -> None:
    said = pricing("autonomy", "tighten", "*/DE", "--threshold", "0.9", "--reason", "new market", "--by", "ann").stdout
    assert "*/DE is now threshold 0.9, on the word of ann: new market" in said
    [row] = answer("autonomy", "list")
    assert (row["scope"], row["threshold"], row["said_by"]) == ("*/DE", 0.9, "ann")
    refused = answer("autonomy", "loosen", "*/DE", "--reason", "r", code=1)["error"]
    assert "the blind audit does not show" in refused and "no outcome of a hold-out is known" in refused
    assert "threshold 0.9" in pricing("audit").stdout or "autonomy:*/DE" in pricing("audit").stdout


def test_published_prices_are_drawn_for_the_blind_audit_and_look_like_all_others(
    line: Line, once: Once, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pricing_assets.pricing import queue

    folder = once("reviews-shell-auto", lambda folder: priced(line, folder, "semi-auto"))
    shutil.copytree(folder / "home", home, dirs_exist_ok=True)
    monkeypatch.setattr(queue, "_DRAWN", 0)
    assert open_prices() == []
    monkeypatch.setattr(queue, "_DRAWN", 16**8)
    rows = open_prices()
    assert len(rows) == 4 and not {"action", "audit"} & set(rows[0])
    made = answer("review", "approve", rows[0]["id"], "--reason", "r")
    assert made["reviews"][0]["audit"] is True
    assert "for the blind audit" in pricing("review", "reject", rows[1]["id"], "--reason", "r").stdout
    [scope] = [row for row in answer("autonomy", "list") if row["market"] == rows[0]["market"]]
    assert scope["audited_approved"] >= 1
