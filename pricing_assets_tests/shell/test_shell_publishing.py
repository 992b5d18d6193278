"""`pricing publish`, its status and its rollback: words, JSON, exit codes, and what analysts see."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import Shop

LAST = "2026-03-05"


@pytest.fixture
def published(priced: Path, home: Path, shop: Shop) -> Path:
    """A copy of the home in which five days were decided, the last two of them published."""
    shutil.copytree(priced / "lake", home / "lake")
    shutil.copyfile(priced / "analytics.duckdb", home / "analytics.duckdb")
    pricing("publish", "--from", "2026-03-04", "--to", LAST)
    return home


def test_days_go_out_once_and_analysts_see_it(published: Path) -> None:
    said = pricing("publish", "--from", "2026-03-04", "--to", LAST).stdout.splitlines()
    assert said[0] == "nothing was due"
    counts = answer("publish", "status", "--from", LAST, "--to", LAST)
    assert {(row["market"], row["state"]) for row in counts["states"]} == {("UK", "live"), ("DE", "live")}
    rows = answer("query", "SELECT state, count(*) AS n FROM publishing.publications GROUP BY ALL ORDER BY ALL")
    assert {row["state"] for row in rows} == {"scheduled", "sending", "sent", "acknowledged", "live"}
    assert list((published / "outbox" / "UK").glob("prices-UK-20260306T060000Z-*.csv"))


def test_status_names_mismatches_first(published: Path) -> None:
    said = pricing("publish", "status").stdout
    assert said.index("not as they should be") < said.index("prices by the moment they take effect")
    found = answer("publish", "status")
    assert {row["what"] for row in found["mismatches"]} <= {"other_price", "not_charged", "charged_unsent"}
    assert {"effective_from", "market", "state", "prices"} == set(found["states"][0])
    assert any(row["state"] == "approved" for row in found["states"]), "the days before were decided, and not sent"


def test_a_scope_returns_to_its_former_prices_and_back(published: Path) -> None:
    done = answer("publish", "rollback", "--sku", "A", "--market", "UK", "--reason", "wrong", "--by", "ann")
    assert (done["id"], done["day"], done["returned"], done["left"]) == ("RB-000001", LAST, 1, [])
    assert [(row["market"], row["state"], row["prices"]) for row in done["states"]] == [("UK", "live", 1)]
    again = pricing("publish", "rollback", "--sku", "A", "--market", "UK", "--reason", "wrong", "--by", "ann").stdout
    assert again.startswith(f"nothing to return: no price of it decided for {LAST} is another than before")
    (row,) = answer("audit", "--subject", "RB-000001")
    assert (row["actor"], row["action"], row["reason"]) == ("ann", "prices_returned", "wrong")
    assert answer("publish", "rollback", "--undo", "1", "--reason", "was right")["returned"] == 1
    files = sorted((published / "outbox" / "UK").glob("prices-UK-20260306T060000Z-*.csv"))
    assert len(files) == 3, "sent, returned, and back"
    assert "equal" in pricing("replay", "--date", LAST).stdout


@pytest.mark.parametrize(
    ("words", "what"),
    [
        ((), "names no SKU, category or market"),
        (("--all", "--undo", "RB-1"), "--undo and a scope at once"),
        (("--undo", "x"), "is no id of a rollback"),
        (("--all", "--day", "2026-03-20"), "no price was decided to go out"),
        (("--all", "--sku", "A"), "everything and one sku at once"),
    ],
)
def test_a_rollback_nobody_can_mean_is_refused(published: Path, words: tuple[str, ...], what: str) -> None:
    assert what in answer("publish", "rollback", *words, "--reason", "r", code=1)["error"]


def test_a_shop_that_goes_on_is_published_as_of_now(home: Path, shop: Shop) -> None:
    from tiny_shop import FIRST

    shop.goes_on(FIRST)
    assert "goes on" in answer("publish", "--date", "2026-03-01", code=1)["error"]
    assert pricing("publish").stdout.splitlines()[0] == "nothing was due"
