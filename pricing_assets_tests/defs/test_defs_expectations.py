"""Expectations through the stations: a bad day blocks itself alone, however it was reached, and the UI shows why."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from tiny_shop import COLUMNS, Line, Row, Shop

from pricing_assets.tables.runs import Checks

OPENED = date(2026, 2, 5)
BAD, LAST = date(2026, 3, 5), date(2026, 3, 6)
DAYS = [BAD - timedelta(days=1), BAD, LAST]
BAD_DAY: dict[str, Callable[[Row], Row]] = {
    "prices": lambda row: row | {"price": f"{float(row['price']) * 100:.2f}"},
    "stock": lambda row: row | ({"on_hand": "many"} if row["sku"].endswith(("1", "3", "5")) else {}),
}
OPEN: dict[str, Any] = {"first_day": OPENED, "limits": {"quarantine_share": 0.6}}


@pytest.fixture
def weeks(shop: Shop) -> Shop:
    """The tiny shop, open for five weeks by now and with twelve articles a market.

    On one day all prices are pence, and half of stock breaks its contract, which is within the fixed limit.
    """
    shop.settings(**OPEN)
    for table in COLUMNS:
        rows = [
            _row(row, number, OPENED + timedelta(days=age))
            for row in shop.rows(table)[:4]
            for number in range(6)
            for age in range((LAST - OPENED).days + 1)
        ]
        change = BAD_DAY.get(table, dict)
        shop.put(table, [change(row) if row["date"] == str(BAD) else row for row in rows])
    return shop


def _row(row: Row, number: int, day: date) -> Row:
    sold = {"quantity": str(1 + (day.toordinal() * (number + 1)) % 5)} if "quantity" in row else {}
    return row | {"sku": f"{row['sku']}{number}", "date": str(day)} | sold


def evaluations(result: Any) -> dict[tuple[str, str], dg.AssetCheckEvaluation]:
    found = result.get_asset_check_evaluations()
    return {(each.asset_key.to_user_string(), each.check_name): each for each in found}


def test_one_bad_day_of_a_range_blocks_only_itself_and_is_shown_as_a_table(
    line: Line, weeks: Shop, tmp_path: Path
) -> None:
    result = line.run(DAYS[0], LAST)
    assert result.success
    verdicts = [each.hash for each in line.lake.files(Checks)]
    assert list(line.standing()) == [DAYS[0], LAST]
    found = evaluations(result)
    failed = {name for name, each in found.items() if not each.passed}
    stopped = {("raw/prices", "price_level"), ("raw/prices", "price_jumps"), ("raw/stock", "quarantine")}
    assert failed == stopped | {("runs/days", "every_day_stands")}
    level = found["raw/prices", "price_level"]
    assert level.severity is dg.AssetCheckSeverity.ERROR
    record = level.metadata["failed"].value.records[0].data  # type: ignore[union-attr]
    assert (record["date"], record["found"], record["expected"]) == (str(BAD), 100.0, "0.67 to 1.5")
    quarantined = found["raw/stock", "quarantine"].metadata["failed"].value.records[0].data  # type: ignore[union-attr]
    assert "A1 in UK (rule on_hand: found 'many'" in quarantined["examples"]
    assert record["examples"].startswith("A0 in UK (price 410.0000, currency GBP, usual 4.1")
    rising = found["raw/prices", "coverage"].metadata
    assert rising["lowest found"].value == rising["highest found"].value == 1.0, "what was looked at, where it passed"
    page, build = level.metadata["data docs"], level.metadata["build the data docs"]
    assert isinstance(page, dg.PathMetadataValue) and page.value == str(line.home / "data_docs" / "index.html")
    assert isinstance(build, dg.MarkdownMetadataValue)
    assert build.value == f"`pricing checks docs --from {DAYS[0]} --to {LAST}` draws them there"

    line.run(DAYS[0], LAST, only=["raw"])
    assert [each.hash for each in line.lake.files(Checks)] == verdicts, "a run again leaves the same ones"
    daily = Line(tmp_path / "daily", weeks)
    for day in DAYS:
        daily.run(day, only=["raw"])
    assert [each.hash for each in daily.lake.files(Checks)] == verdicts, "and so do days one by one"


def test_a_bad_day_alone_stops_the_line_by_its_verdict_until_it_is_accepted(line: Line, weeks: Shop) -> None:
    result = line.run(BAD)
    assert not result.success
    assert not line.standing()
    checks = line.lake.read(Checks, BAD, BAD)
    message = checks.filter(check="price_level", table="raw.prices")["message"][0]
    found = evaluations(result)
    assert found["raw/prices", "coverage"].metadata["found"].value == 1.0
    assert found["raw/prices", "price_level"].metadata["found"].value == 100.0
    assert "found 100, expected 0.67 to 1.5" in message and "off by 100" in message

    weeks.settings(**OPEN, expectations={"accepted": {str(BAD): "prices rose, really"}})
    assert line.run(BAD).success
    assert list(line.standing()) == [BAD]
