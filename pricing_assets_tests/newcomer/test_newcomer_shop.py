"""A newcomer connects a shop with docs/sources.md and `pricing --help` alone: CSV, then Excel; then lives with it."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
import unadorned
import xlsxwriter
from newcomer_shop import PRICE_COLUMNS, Kontor
from tiny_shop import Shop
from torture_runs import Place, check_whole
from typer.testing import CliRunner

from pricing_assets.lake import days as manifests

EXCEL = """\
files:
  preisliste: {path: preise.xlsx, sheet: Preise}
"""


def new_shop(folder: Path) -> tuple[Kontor, Place]:
    """The shop with data up to its last day of trade, not connected yet, and a home for it."""
    # a day has ended at 02:00 of the next one
    yesterday = (datetime.now(ZoneInfo("Europe/Berlin")) - timedelta(hours=2)).date() - timedelta(days=1)
    last = yesterday if yesterday.isoweekday() != 7 else yesterday - timedelta(days=1)
    return Kontor(folder / "kontor", last), Place(folder / "kontor_home", folder / "kontor")


@pytest.fixture
def kontor(tmp_path: Path) -> Kontor:
    """Connected, as long as nobody breaks it."""
    shop, _ = new_shop(tmp_path)
    shop.export()
    shop.connect()
    return shop


@pytest.fixture
def place(kontor: Kontor, home: Path) -> Place:
    return Place(home, kontor.folder)


def ask(place: Place, *arguments: str) -> list[dict[str, Any]]:
    """The answer of a command under --json, asked in this process: it looks at the home alone."""
    return json.loads(told(place, 0, *arguments, "--json"))


def refused(place: Place, code: int, *arguments: str) -> str:
    """What a command says, in a process of its own, that ends with an exit code."""
    process = place.start(*arguments)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == code, output
    return output


def told(place: Place, code: int, *arguments: str) -> str:
    """What a command says in this process, of a home or source it is given by name."""
    from pricing_assets.cli import app

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PRICING_HOME", str(place.home))
        result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code and (code == 0 or isinstance(result.exception, SystemExit)), result.output
    return result.output


def test_from_the_template_to_a_replayed_price_and_on_to_excel(tmp_path: Path) -> None:
    kontor, place = new_shop(tmp_path)
    folder, day = kontor.folder, str(kontor.last)
    assert "source check" in place.run("source", "init", str(folder))
    assert "no fault" in told(place, 0, "source", "check", str(folder))
    kontor.export()
    dirty = kontor.soil()
    kontor.connect()
    assert "no fault in the rows; `pricing run` also asks" in told(place, 0, "source", "check", str(folder))

    priced = place.run("run", "--date", day)
    assert f"{day}: 6 decided" in priced
    check_whole(place.lake)
    with duckdb.connect(str(place.home / "analytics.duckdb"), read_only=True) as connection:  # as any client would
        assert connection.sql("from decisions.price_decisions").aggregate("count(*)").fetchall() == [(6,)]
    explained = told(place, 0, "explain", "00123", "--market", "CH", "--date", day)
    assert "11.38" in explained
    assert "CHF" in explained
    assert ("recommend" in explained) == ("late, so it only recommends: prices were due by " in priced)
    sql = "SELECT market, currency, count(*) AS n FROM decisions.price_decisions GROUP BY ALL ORDER BY ALL"
    assert ask(place, "query", sql) == [
        {"market": "CH", "currency": "CHF", "n": 3},
        {"market": "DE", "currency": "EUR", "n": 3},
    ]
    rules = [row["rule"] for row in ask(place, "query", "SELECT DISTINCT rule FROM raw.quarantine")]
    for words in (*dirty, "the shop's own reason: postage"):
        expected = words.replace("'0.00'", "'0.0000'")
        assert any(rule.startswith(expected) for rule in rules), f"{expected} in {rules}"
    lost = "SELECT record FROM raw.quarantine WHERE rule LIKE 'no usable date%'"
    assert "31.02.2026" in str(ask(place, "query", lost))
    assert f"{day}: equal" in told(place, 0, "replay", "--date", day)

    to_excel(kontor)
    assert "no fault" in told(place, 0, "source", "check", str(folder))
    before = manifests.standing(place.lake)
    again = run_line(place, "--date", day)
    assert f"{day}: nothing changed, run " in again
    assert manifests.standing(place.lake).equals(before), "the same facts from Excel: nothing new is committed"


def run_line(place: Place, *arguments: str) -> str:
    """What `pricing run` says, the marts left out, in a process that reads the source as it is now."""
    command = [sys.executable, unadorned.__file__, unadorned.WITHOUT_MARTS, "run", *arguments]
    folder = place.home.parent
    done = subprocess.run(command, env=place.environment, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def to_excel(kontor: Kontor) -> None:
    """The price list moves from CSV to a sheet of a workbook."""
    (kontor.folder / "preise.csv").unlink()
    with xlsxwriter.Workbook(kontor.folder / "preise.xlsx") as book:
        sheet = book.add_worksheet("Preise")
        for number, row in enumerate([PRICE_COLUMNS, *kontor.prices()]):
            sheet.write_row(number, 0, row)
    kontor.connect(prices="preisliste", more=EXCEL)


FAULTS = [
    ("prices.sql", "VK,", "Vk_netto,", ["prices.sql", "Vk_netto", "mend"]),
    ("prices.sql", "AS price", "AS preis", ["prices.sql", "preis", "price"]),
    ("sales.sql", "kasse/", "kassse/", ["sales.sql", "kassse"]),
    ("sales.sql", "FROM", "FORM", ["sales.sql", "syntax error"]),
    ("source.yaml", "currency: EUR", "curency: EUR", ["source.yaml", "curency"]),
    ("source.yaml", "Europe/Berlin", "Europa/Berlin", ["source.yaml", "Europa/Berlin"]),
    ("source.yaml", "[EUR, CHF]", "[EUR]", ["currency: found 'CHF'", "expected one of EUR"]),
]


@pytest.mark.parametrize("slip", FAULTS, ids=lambda slip: f"{slip[0]}-{slip[2]}")
def test_each_slip_is_named(kontor: Kontor, place: Place, slip: tuple[str, str, str, list[str]]) -> None:
    file, right, wrong, words = slip
    path = kontor.folder / file
    assert right in path.read_text()
    path.write_text(path.read_text().replace(right, wrong, 1))
    said = told(place, 1, "source", "check", str(kontor.folder))
    for word in words:
        assert word in said, said
    assert "Traceback" not in said


def test_today_is_not_asked_for(kontor: Kontor, place: Place, location: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from pricing_assets.defs import partitions

    monkeypatch.setattr(partitions, "SOURCE", Shop(kontor.folder).load())
    tomorrow = str(date.today() + timedelta(days=1))
    assert "has not ended yet: Kontor can be priced up to " in told(place, 1, "run", "--date", tomorrow)


def test_what_is_refused_ends_with_its_exit_code(kontor: Kontor, place: Place) -> None:
    assert "expected a day as YYYY-MM-DD" in refused(place, 2, "run", "--date", "?")
    (kontor.folder / "source.yaml").unlink()
    assert "holds no source.yaml" in refused(place, 1, "source", "check", str(kontor.folder))
