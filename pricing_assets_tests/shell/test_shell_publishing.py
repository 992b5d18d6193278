"""`pricing publish`, its status and its rollback: words, JSON, exit codes, and what analysts see."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import FIRST, Once, Shop

from pricing_assets.lake import marks

LAST = "2026-03-05"


@pytest.fixture(scope="session")
def sent(priced: Path, location: Path, once: Once) -> Path:
    """The home in which five days were decided, the last two of them published. Not to be changed."""

    def publish(folder: Path) -> None:
        shutil.copytree(priced / "lake", folder / "home" / "lake", ignore=shutil.ignore_patterns(marks.FILE))
        shutil.copyfile(priced / "analytics.duckdb", folder / "home" / "analytics.duckdb")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PRICING_HOME", str(folder / "home"))
            patch.setenv("PRICING_SOURCE", str(location))
            pricing("publish", "--from", "2026-03-04", "--to", LAST)

    return once("published", publish) / "home"


@pytest.fixture
def published(sent: Path, home: Path, shop: Shop) -> Path:
    """A copy of it."""
    shutil.copytree(sent, home)
    return home


def test_days_go_out_once_and_analysts_see_it(published: Path) -> None:
    said = pricing("publish", "--from", "2026-03-04", "--to", LAST).stdout.splitlines()
    assert said[0] == "nothing was due"
    counts = answer("publish", "status", "--from", LAST, "--to", LAST)
    assert {(row["market"], row["state"]) for row in counts["states"]} == {("UK", "live"), ("DE", "live")}
    rows = answer("query", "SELECT state, count(*) AS n FROM publishing.publications GROUP BY ALL ORDER BY ALL")
    assert {row["state"] for row in rows} >= {"scheduled", "sending", "sent", "acknowledged", "live"}
    assert list((published / "outbox" / "UK").glob("prices-UK-20260306T060000Z-*.csv"))


def test_what_was_decided_and_not_sent_is_approved(home: Path, copied: Path) -> None:
    found = answer("publish", "status")
    assert {row["state"] for row in found["states"]} == {"approved"} and found["mismatches"] == []


def test_status_names_mismatches_first(published: Path) -> None:
    said = pricing("publish", "status").stdout
    assert said.index("not as they should be") < said.index("prices by the moment they take effect")
    found = answer("publish", "status")
    assert {row["what"] for row in found["mismatches"]} <= {"other_price", "not_charged", "charged_unsent"}
    assert {"effective_from", "market", "state", "prices"} == set(found["states"][0])


def test_what_went_wrong_at_the_tills_is_among_what_a_person_is_to_see(published: Path) -> None:
    wrong = answer("publish", "status")["mismatches"]
    seen = answer("review", "held")
    kinds = {(row["sku"], row["market"], row["what"]) for row in wrong}
    assert wrong and sorted((row["sku"], row["market"]) for row in seen) == sorted(each[:2] for each in kinds)
    assert all(row["reason"].startswith(tuple(each["what"] for each in wrong)) for row in seen)
    assert "not as it should be at the tills" in pricing("review", "held").stdout


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


def test_a_rollback_nobody_can_mean_is_refused(published: Path) -> None:
    refused = {
        "names no SKU, category or market": [],
        "--undo and a scope at once": ["--all", "--undo", "RB-1"],
        "is no id of a rollback": ["--undo", "x"],
        "no price was decided to go out": ["--all", "--day", "2026-03-20"],
        "everything and one sku at once": ["--all", "--sku", "A"],
    }
    for what, words in refused.items():
        assert what in answer("publish", "rollback", *words, "--reason", "r", code=1)["error"]


def test_a_shop_that_goes_on_is_published_as_of_now(home: Path, shop: Shop) -> None:
    shop.goes_on(FIRST)
    assert "goes on" in answer("publish", "--date", "2026-03-01", code=1)["error"]
    assert pricing("publish").stdout.splitlines()[0] == "nothing was due"
