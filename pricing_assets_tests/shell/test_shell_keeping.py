"""`pricing lake keep`, and what other commands say of a day that has expired."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Shop
from unadorned import unadorned

from pricing_assets.lake import Lake, Provenance
from pricing_assets.lake.expiry import Terms, expire

FIVE = DAYS[:5]


@pytest.fixture
def expired(copied: Path) -> Path:
    """The five days, of which all but the last two have expired."""
    by, now = Provenance("keeper", "1"), datetime(2026, 4, 1, tzinfo=UTC)
    expire(Lake(copied / "lake"), Terms(2, 2), by, now=now, is_live=lambda _: True)
    return copied


def test_commands_say_that_a_day_has_expired(expired: Path) -> None:
    said = "expired on 2026-04-01: decisions of that age are no longer kept"
    article = ("A", "--market", "UK", "--date", str(FIRST))
    for words in (("explain", *article), ("trace", *article), ("replay", "--date", str(FIRST))):
        assert f"{FIRST} {said}" in pricing(*words, code=1).output
    refused = answer("run", "--from", str(FIRST), "--to", str(FIVE[3]), code=1)
    assert refused["error"] == f"{FIRST} and 2 later days {said}"
    assert "5 days stand" in pricing("status").stdout
    assert answer("status")["days"] == {"expired": 3, "priced": 2}
    assert pricing("explain", "A", "--market", "UK", "--date", str(FIVE[3])).stdout.startswith("A in UK")


def test_a_replay_of_a_range_names_the_days_that_expired(expired: Path) -> None:
    said = pricing("replay").stdout
    assert f"{FIRST}: expired on 2026-04-01, its decisions are no longer kept" in said
    assert said.endswith("2 of 2 days came out the same, 3 days expired\n")
    assert [row["status"] for row in answer("replay")] == ["expired"] * 3 + ["priced"] * 2
    pricing("replay", "--from", str(FIRST), "--to", str(FIVE[1]))


def test_what_would_be_done_is_said_and_then_done(copied: Path, quick: object) -> None:
    lake = Lake(copied / "lake")
    lost = lake.root / "raw" / "prices" / f"date={FIRST}" / f"{'0' * 64}.parquet"
    lost.write_bytes(b"half a file")
    first = pricing("lake", "keep", "--dry-run").stdout
    assert "would get a checkpoint" in first
    version = lake.root / "raw" / "prices" / "_delta_log" / "_last_checkpoint"
    assert not version.exists()
    done = answer("lake", "keep")
    assert version.exists()
    assert (done["expired"], done["files_removed"], done["kept_from"]["decisions"]) == (
        [],
        0,
        str(FIVE[-1] - timedelta(days=89)),
    )
    assert done["files_waiting"] >= 1
    words = pricing("lake", "keep").stdout
    assert "left by a killed commit" in words
    assert "no longer needed, and gone from" in words
    assert lost.exists()


def test_a_home_in_which_nothing_was_decided_is_named_and_stays_as_it_is(home: Path) -> None:
    for words in ([], ["--dry-run"]):
        assert f"{home}: nothing was ever decided here" in pricing("lake", "keep", *words, code=1).output
    assert not home.exists()


def test_nothing_expires_by_a_default_in_place_of_a_misspelt_setting(
    copied: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRICING_KEEP_DECISION_DAYS", "0")
    refused = pricing("lake", "keep", code=1).output
    assert "PRICING_KEEP_DECISION_DAYS is no setting: PRICING_KEEP_DECISIONS_DAYS may be meant" in refused


def test_settings_that_contradict_are_refused(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PRICING_KEEP_AUDIT_DAYS", "60")
    assert "PRICING_KEEP_AUDIT_DAYS" in pricing("lake", "keep", code=1).output
    monkeypatch.setenv("PRICING_KEEP_DECISIONS_DAYS", "7")
    assert "PRICING_KEEP_DECISIONS_DAYS=7: Value error, at least 40 days" in pricing("lake", "keep", code=1).output


@pytest.mark.torture
def test_marts_are_built_over_days_that_expired(expired: Path, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.defs import resources

    monkeypatch.setattr(resources, "SOURCE", shop.load())
    with unadorned():
        pricing("run", "--date", str(DAYS[5]))
    sql = (
        "select date, status, (select count(decision_id) from marts.price_history h where h.date = s.date) as decisions"
    )
    rows = answer("query", f"{sql} from marts.run_summary s order by date")
    assert [(row["status"], row["decisions"]) for row in rows] == [("expired", 0)] * 3 + [("priced", 4)] * 3
    assert answer("query", "select count(*) as rows from marts.price_history where units > 0")[0]["rows"] > 12
    assert "4 decided" in pricing("status").stdout
