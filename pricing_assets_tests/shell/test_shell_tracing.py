"""`pricing trace`: from a price to its source rows; and what `explain` says of a price that is not there."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Line, Shop

ASKED = ("trace", "A", "--market", "UK", "--date", str(FIRST))


def test_trace_leads_from_the_price_to_the_rows_received(standing: Path) -> None:
    rows = answer(*ASKED)
    steps = list(dict.fromkeys(row["step"] for row in rows))
    assert steps == ["price", "decision", "explanation", "strategy", "features", "raw rows seen", "check", "run"]
    by_table = {row["table"]: row for row in rows}
    price, decision = by_table["decisions.price_book"]["value"], by_table["decisions.price_decisions"]["value"]
    assert (price["decision_id"], price["price"]) == (decision["decision_id"], decision["final_price"])
    assert by_table["governance.strategies"]["value"]["hash"] == decision["strategy_hash"]
    assert by_table["raw.prices"]["value"]["price"] == by_table["features.feature_snapshots"]["value"]["current_price"]
    assert {row["value"]["sku"] for row in rows if row["table"] == "raw.prices"} == {"A"}
    assert by_table["runs.days"]["value"]["run_id"] == answer("runs")[0]["run_id"]


def test_trace_names_files_that_hold_the_rows(standing: Path) -> None:
    for row in answer(*ASKED):
        assert (standing / row["source"]).exists(), row["source"]


def test_trace_reads_as_a_tree(standing: Path, shop: Shop) -> None:
    said = pricing(*ASKED).stdout
    assert said.startswith(f"A in UK, decided on {FIRST}\n├── price: 1 row of decisions.price_book\n")
    assert "2026-03-01 current known 2026-03-02 00:00 UTC: price 4.1, cost 2.0, currency GBP" in said
    assert f"received from {shop.folder / 'prices.sql'}" in said
    assert "passed\n" in said
    later = pricing("trace", "A", "--market", "UK", "--date", str(DAYS[4])).stdout
    assert "… 1 earlier row; --json prints all" in later


def test_trace_of_a_moment_is_that_of_the_price_then_in_force(standing: Path) -> None:
    asked = ("trace", "A", "--market", "UK", "--at")
    assert answer(*asked, "2026-03-02T06:00") == answer(*asked, "2026-03-03T05:59:59+00:00") == answer(*ASKED)
    early = answer(*asked, "2026-03-02T05:59", code=1)
    assert early["error"] == "A in UK: no published price is in force at 2026-03-02 05:59:00+00:00"
    assert early["remedy"] == "the first is from 2026-03-02T06:00Z"
    assert answer("trace", "Z", "--market", "UK", "--at", "2026-03-02", code=1)["error"].endswith("ever published")


def test_the_query_trace_prints_gives_the_same_rows(standing: Path) -> None:
    sql = answer(*ASKED, "--sql")["sql"]
    assert pricing(*ASKED, "--sql").stdout == f"{sql}\n"
    assert [row["key"] for row in answer("query", sql)] == [row["key"] for row in answer(*ASKED)]
    quoted = answer("trace", "O'Neill", "--market", "UK", "--date", str(FIRST), "--sql")["sql"]
    assert answer("query", quoted) != [], "checks and the run are those of the day"


@pytest.mark.parametrize(
    ("asked", "what", "remedy"),
    [
        (("Z", "UK", FIRST), "Z in UK: not listed on 2026-03-01", "listed there are A, B, C, …"),
        (("B", "DE", FIRST), "B in DE: not listed on 2026-03-01", "it is listed in UK"),
        (("A", "UK", date(2026, 3, 9)), "2026-03-09: no decisions", "5 days stand, 2026-03-01 to 2026-03-05"),
    ],
)
def test_trace_suggests_as_explain_does(standing: Path, asked: tuple[str, str, date], what: str, remedy: str) -> None:
    sku, market, day = asked
    refused = answer("trace", sku, "--market", market, "--date", str(day), code=1)
    assert refused["error"] == what
    assert remedy in refused["remedy"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "give one of --date and --at"),
        (("--date", "2026-03-01", "--at", "2026-03-02"), "give one of --date and --at"),
        (("--at", "noon"), "noon: expected a moment as YYYY-MM-DDTHH:MM"),
    ],
)
def test_trace_needs_a_day_or_a_moment(words: tuple[str, ...], said: str) -> None:
    assert said in " ".join(pricing("trace", "A", "--market", "UK", *words, code=2).stderr.replace("│", "").split())


def test_explain_says_why_a_sku_is_not_there(line: Line, shop: Shop) -> None:
    """B is left out from the second day on, C taken back, and A's price of the first day breaks its contract."""
    second, third = DAYS[1], DAYS[2]
    shop.put("listings", [row for row in shop.rows("listings") if row["sku"] != "B" or row["date"] < str(second)])
    select = f"SELECT date, sku, market, sku <> 'C' OR date < '{second}' AS on_sale FROM read_csv('data/listings.csv')"
    (shop.folder / "listings.sql").write_text(select)
    shop.change("prices", FIRST, price="-4.00")
    shop.settings(limits={"quarantine_share": 0.5})
    assert line.run(FIRST, third).success
    for sku, said in {"B": f"it was last on sale on {FIRST}", "C": f"it was withdrawn on {second}"}.items():
        refused = answer("explain", sku, "--market", "UK", "--date", str(third), code=1)
        assert (refused["error"], refused["remedy"]) == (f"{sku} in UK: not listed on {third}", said)
    said = pricing("explain", "A", "--market", "UK", "--date", str(FIRST)).stdout
    assert said.startswith(f"A in UK on {FIRST}: hold, ")
    assert "set aside: raw.prices row 1: price: found '-4.0000'; expected more than 0" in said
