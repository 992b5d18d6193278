"""`pricing anomalies`: alarms grouped, worst first, filtered, in words and as JSON."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell_commands import answer, pricing
from tiny_shop import DAYS, FIRST, Begin, Line, Shop


@pytest.fixture
def alarmed(line: Line, shop: Shop, begin: Begin) -> None:
    """Three days: A in the UK sells below cost on the last two, B a little on the last."""
    for day in DAYS[1:3]:
        shop.change("prices", day, cost="9.00")
    shop.change("prices", DAYS[2], "B", cost="12.50")
    begin(line, FIRST, DAYS[2])


def test_alarms_are_told_worst_first_and_once_each(alarmed: None) -> None:
    said = pricing("anomalies", "--from", str(FIRST), "--to", str(DAYS[2])).stdout.splitlines()
    assert said[0].startswith(f"{FIRST} to {DAYS[2]}: 2 alarms, ")
    assert f"NEGATIVE_MARGIN A in UK, since {DAYS[1]}, " in said[1]
    assert said[2].strip().startswith("4.00 GBP is below the cost of 9.00: each unit loses 5.00; a week")
    assert "NEGATIVE_MARGIN B in UK, " in said[3]
    assert len(said) == 5
    limited = pricing("anomalies", "--from", str(FIRST), "--to", str(DAYS[2]), "--limit", "1").stdout
    assert limited.splitlines()[-1].startswith("and 1 more")


def test_without_a_date_it_is_the_last_day_and_filters_narrow_it(alarmed: None) -> None:
    assert [row["sku"] for row in answer("anomalies")] == ["A", "B"]
    assert [row["sku"] for row in answer("anomalies", "--sku", "B", "--market", "UK")] == ["B"]
    assert answer("anomalies", "--reason", "STALE_PRICE") == []
    assert pricing("anomalies", "--reason", "STALE_PRICE").stdout.endswith(": none like this, but 2 other alarms\n")
    severities = {row["severity"] for row in answer("anomalies")}
    for severity in severities:
        assert {row["severity"] for row in answer("anomalies", "--severity", severity)} == {severity}
    assert pricing("anomalies", "--date", str(FIRST)).stdout == f"{FIRST}: quiet\n"


def test_what_cannot_be_is_refused(alarmed: None) -> None:
    assert "no reason, expected one of NEGATIVE_MARGIN" in " ".join(
        pricing("anomalies", "--reason", "SPIKE", code=2).stderr.replace("│", "").split()
    )
    refused = answer("anomalies", "--date", "2026-03-09", code=1)
    assert refused["error"] == "2026-03-09: no day stands"


def test_a_home_without_days_says_so(home: Path, shop: Shop) -> None:
    refused = answer("anomalies", code=1)
    assert refused["error"] == f"{home}: no day is decided yet"
    assert refused["remedy"].startswith("`pricing run` decides one")
