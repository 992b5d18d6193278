"""`pricing freeze` and its kin: people in, words out; what is not sold is refused; the run obeys and explains."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import FIRST, LAST, Line, Shop

from pricing_assets.lake import Lake, marks

NEXT = str(LAST + timedelta(days=1))  # the shop only has history: its last day's prices take effect then
UNTIL = ("--until", "2026-03-31", "--reason", "supplier talks")


def test_an_override_has_a_life(home: Path, copied: Path) -> None:
    said = pricing("freeze", "--sku", "A", "--market", "UK", *UNTIL, "--by", "ann").stdout.splitlines()
    assert said == [
        f"OV-000001: SKU A in UK is frozen from {NEXT} to 2026-03-31, on the word of ann: supplier talks",
        "  from the next run on: the current price stays, of 1 SKU-market on sale on 2026-03-05",
        "  `pricing end-override OV-000001 --reason …` ends it; it expires by itself after 2026-03-31",
    ]
    again = answer("freeze", "--sku", "A", "--market", "UK", *UNTIL)
    assert (again["id"], again["changed"], again["sku_markets"]) == ("OV-000001", False, 1)
    forced = answer("force-rules", "--market", "DE", "--from", "2026-04-01", "--until", "2026-04-02", "--reason", "r")
    assert (forced["state"], forced["sku_markets"]) == ("scheduled", 1)
    rows = answer("overrides")
    assert [(row["id"], row["kind"], row["scope"], row["state"]) for row in rows] == [
        ("OV-000001", "PRICE_FREEZE", "SKU A in UK", "active"),
        ("OV-000002", "FORCE_RULE_BASED", "every SKU in DE", "scheduled"),
    ]
    assert "is ended, on the word of bob: over" in pricing("unfreeze", "1", "--reason", "over", "--by", "bob").stdout
    refused = answer("end-override", "ov-1", "--reason", "mine", "--by", "cleo", code=1)
    assert "override OV-000001 was ended by bob at " in refused["error"]
    assert [row["id"] for row in answer("overrides")] == ["OV-000002"]
    ended = answer("overrides", "--all")[-1]
    assert (ended["state"], ended["ended_by"], ended["end_reason"]) == ("ended", "bob", "over")
    assert answer("freeze", "--sku", "A", "--market", "UK", *UNTIL)["id"] == "OV-000003", "ended, so set anew"


def test_ending_an_override_names_those_that_still_stand(home: Path, copied: Path) -> None:
    pricing("freeze", "--sku", "A", *UNTIL)
    pricing("freeze", "--market", "UK", *UNTIL, "--by", "ann")
    pricing("freeze", "--sku", "C", *UNTIL)
    said = pricing("unfreeze", "1", "--reason", "over").stdout
    assert "  OV-000002 still stands over some of it: every SKU in UK is frozen from " in said
    assert "OV-000003" not in said
    assert answer("unfreeze", "2", "--reason", "over")["still_in_force"] == ["OV-000003"]
    assert answer("unfreeze", "3", "--reason", "over")["still_in_force"] == []


def test_setting_an_override_names_the_prices_decided_already(home: Path, copied: Path) -> None:
    standing = [day for day, row in Line(home, Shop(home)).standing().items() if row["published"]]
    effective = standing[-1] + timedelta(days=1)
    said = pricing("freeze", "--all", "--from", str(effective), *UNTIL).stdout
    again = f"are decided already: `pricing run --date {standing[-1]}` decides them again"
    assert f"  prices that take effect on {effective} {again}" in said
    assert said.count("are decided already") == 1, "those of earlier days have taken effect"
    assert "are decided already" not in pricing("freeze", "--sku", "A", *UNTIL).stdout


def test_the_audit_log_says_who_did_what_before_and_after(home: Path, shop: object) -> None:
    pricing("freeze", "--all", *UNTIL, "--by", "ann")
    pricing("unfreeze", "1", "--reason", "over", "--by", "bob")
    rows = answer("audit", "--subject", "1")
    assert [(row["actor"], row["action"], row["reason"]) for row in rows] == [
        ("bob", "override_ended", "over"),
        ("ann", "override_set", "supplier talks"),
    ]
    assert rows[0]["before"] == rows[1]["after"]
    assert len(answer("audit", "--last", "2")) == 2
    said = pricing("audit").stdout
    assert "kind: override_set → override_ended" in said
    assert "strategy:default" in said
    assert "nobody decided anything" in answer("audit", "--subject", "nothing", code=1)["error"]


@pytest.mark.parametrize(
    ("scope", "what", "remedy"),
    [
        (["--sku", "a"], "sku a: nothing of that name was on sale on 2026-03-05", "did you mean A?"),
        (["--market", "UKK"], "market UKK: nothing of that name", "did you mean UK?"),
        (["--category", "HOME"], "category HOME: nothing of that name", "--anyway"),
        (["--sku", "B", "--market", "DE"], "SKU B in DE: was not on sale there", "it is listed in UK"),
        ([], "names no SKU, category or market", "--all for every SKU"),
        (["--all", "--sku", "A"], "everything and one sku at once", "leave out --all"),
    ],
)
def test_a_scope_nobody_can_mean_is_refused(home: Path, copied: Path, scope: list[str], what: str, remedy: str) -> None:
    refused = answer("freeze", *scope, *UNTIL, code=1)
    assert what in refused["error"] and remedy in refused["remedy"]
    assert answer("overrides", "--all") == []


def test_a_sku_to_come_is_frozen_anyway(home: Path, copied: Path) -> None:
    assert answer("freeze", "--sku", "NEW", "--anyway", *UNTIL)["sku_markets"] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["--from", "2026-04-01", "--until", "2026-03-31", "--reason", "r"], 1),
        (["--until", "2020-01-01", "--reason", "r"], 1),
        (["--until", "2026-03-05", "--reason", "r"], 1),  # a day of history, which only --from can name
        (["--until", "2026-03-31", "--reason", " "], 1),
        (["--until", "tomorrow", "--reason", "r"], 2),
        (["--until", "2026-03-31"], 2),
        (["--reason", "r"], 2),
    ],
)
def test_an_override_without_end_reason_or_sense_is_refused(
    home: Path, shop: object, words: list[str], code: int
) -> None:
    pricing("freeze", "--all", *words, code=code)


@pytest.mark.parametrize("begun", [("--from", "2026-03-01"), ()])
def test_a_shop_that_goes_on_has_no_override_in_the_past(
    home: Path, shop: object, quick: Callable[[], None], begun: tuple[str, ...]
) -> None:
    shop.goes_on(FIRST)  # type: ignore[attr-defined]
    refused = answer("freeze", "--all", *begun, "--until", "2026-03-02", "--reason", "r", code=1)
    assert "lies wholly in the past: it ends on 2026-03-02" in refused["error"]


def test_a_run_obeys_and_explain_shows_it(home: Path, shop: object, quick: Callable[[], None]) -> None:
    day, effective = str(FIRST), str(FIRST + timedelta(days=1))
    pricing("freeze", "--sku", "B", "--from", effective, "--until", effective, "--reason", "r")
    assert pricing("run", "--date", day).stdout.startswith(f"{day}: 4 decided, ")
    said = pricing("explain", "B", "--market", "UK", "--date", day).stdout
    assert f"hold, frozen by OV-000001 until {effective}" in said.splitlines()[0]
    assert any(line.startswith("  override ") for line in said.splitlines())
    assert "OV-000001" not in pricing("explain", "A", "--market", "UK", "--date", day).stdout
    assert "equal" in pricing("replay", "--date", day).stdout


@pytest.mark.parametrize("words", [("freeze", "--sku", "A", "--market", "UK", *UNTIL), ("overrides",), ("audit",)])
def test_nobody_decides_on_top_of_decisions_that_are_lost(home: Path, copied: Path, words: tuple[str, ...]) -> None:
    marks.note(Lake(home / "lake"), events=2, word="override:OV-000001 v1 set by ann")
    assert "event 2 of what people decided was 'override:OV-000001" in answer(*words, code=1)["error"]
    assert not (home / "governance.db").exists()
