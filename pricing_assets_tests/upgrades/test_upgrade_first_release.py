"""A home as version 0.1.0, the first released schema, left it: restored, replayed, answered and gone on with.

What is in `first_release/` is kept for ever and must never be rewritten, whatever a change to the lake or the
governance store asks for: a change these tests refuse needs a migration, or code that reads both.
"""

from __future__ import annotations

import gzip
import json
import shutil
from datetime import date, timedelta
from pathlib import Path

import pytest
from tiny_shop import Line, Shop

from pricing_assets import governance, strategies
from pricing_assets.archive import restoring
from pricing_assets.lake import contents
from pricing_assets.pricing.replay import replay
from pricing_assets.settings import Settings
from pricing_assets.tables import ALL
from pricing_assets.tables.decisions import PriceBook
from pricing_assets.tables.publishing import Publications
from pricing_assets_tests.shell.shell_commands import answer, pricing

RELEASE = Path(__file__).with_name("first_release")
EXPECTED: dict[date, str] = {
    date.fromisoformat(day): told for day, told in json.loads((RELEASE / "expected.json").read_text()).items()
}


@pytest.fixture
def line(location: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    """The home restored, and its shop."""
    monkeypatch.setenv("PRICING_SOURCE", str(tmp_path / "shop"))
    restoring.restore(RELEASE / "home.backup", Settings())
    shutil.copytree(RELEASE / "shop", tmp_path / "shop")
    return Line(home, Shop(tmp_path / "shop"))


def test_every_day_replays_to_the_hash_it_had(line: Line) -> None:
    assert {day: row["decisions_hash"] for day, row in line.standing().items()} == EXPECTED
    assert {each.day: (each.hash, each.difference) for each in replay(line.lake)} == {
        day: (told, None) for day, told in EXPECTED.items()
    }


def test_every_table_can_be_read(line: Line) -> None:
    found = {table.table_name(): line.lake.read(table).height for table in ALL if line.lake.version(table) >= 0}
    assert len(found) >= 19 and all(found.values())
    assert line.lake.read(Publications).height and line.lake.read(PriceBook).height


def test_every_file_holds_what_was_written(line: Line) -> None:
    number, found = contents.flaws(line.lake)
    assert number > 90 and found == []


def test_the_database_of_people_opens_and_says_what_the_backup_says(line: Line, tmp_path: Path) -> None:
    with gzip.open(RELEASE / "governance.db.gz") as packed, (tmp_path / "governance.db").open("wb") as database:
        shutil.copyfileobj(packed, database)
    with (
        governance.open_store(f"sqlite:///{tmp_path / 'governance.db'}", strategies) as theirs,
        governance.open_store(Settings().governance, strategies) as restored,
    ):
        assert theirs.events() == restored.events() and theirs.audit() == restored.audit()
        assert [each.name for each in theirs.active()] == ["spring", "default"]
        assert [each.id for each in theirs.overrides()] == ["OV-000001"]


def test_an_event_is_approved_a_further_day_priced_and_a_price_of_it_answered(line: Line) -> None:
    assert "drift-1" in pricing("drift", "approve", "drift-1", "--reason", "train it", "--by", "cyd").stdout
    further = max(EXPECTED) + timedelta(days=1)
    assert line.run(further).success
    line.ended()
    waiting = answer("review", "list")
    pricing("review", "approve", waiting[0]["id"], "--reason", "fine", "--by", "cyd")
    replayed = {each.day: each for each in replay(line.lake)}
    assert set(replayed) == {*EXPECTED, further} and replayed[further].rows == 4
    assert not [each for each in replayed.values() if each.difference]
    assert [row["actor"] for row in answer("audit")].count("cyd") == 2
