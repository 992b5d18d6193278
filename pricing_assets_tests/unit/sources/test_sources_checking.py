from datetime import date
from pathlib import Path

import pytest
from sources_shop import GOOD, Shop, write_settings

from pricing_assets import sources
from pricing_assets.settings import Settings
from pricing_assets.sources import Finding

LAST = {name: sql.replace("2026-03-02", "2026-03-31") for name, sql in GOOD.items()}
ALL_BUT_LAST = [date(2026, 3, day) for day in range(25, 31)]
ALL_SET_ASIDE = "1 row received = 0 accepted + 1 in quarantine; a run would stop at check contract"
EMPTY = {name: sql + " WHERE false" for name, sql in GOOD.items()}


def of(findings: list[Finding], file: str) -> list[Finding]:
    return [finding for finding in findings if finding.file == file]


def test_check_shows_what_comes_in(shop: Shop, settings: Settings) -> None:
    bad = LAST["sales"].replace("9.99", "-1") + " UNION ALL " + LAST["sales"]
    folder = shop({"limits": {"quarantine_share": 0.6}}, **{**LAST, "sales": bad}).folder
    findings = sources.check(folder, settings)
    assert [finding.what for finding in findings if not finding.passed] == []
    sales = of(findings, "sales.sql")[0]
    assert sales.what == "2 rows received = 1 accepted + 1 in quarantine"
    assert sales.accepted is not None and sales.accepted.height == 1
    assert sales.quarantined is not None and "unit_price" in sales.quarantined["rule"][0]
    assert sales.rules is not None and sales.rules.rows() == [("unit_price: found …; expected more than 0", 1)]
    assert "absent" in of(findings, "stock.sql")[0].what


def test_check_hints_at_prices_without_a_cost(shop: Shop, settings: Settings) -> None:
    found = of(sources.check(shop(**LAST).folder, settings), "prices.sql")
    assert any(each.passed and "the packaged default strategy holds every price" in each.what for each in found)
    found = of(sources.check(shop(prices=LAST["prices"] + ", 5 AS cost").folder, settings), "prices.sql")
    assert not any("hint" in each.what for each in found)


def test_check_explains_every_fault_and_raises_nothing(shop: Shop, settings: Settings) -> None:
    folder = shop(
        listings="SELECT * FROM 'gone.csv'",
        prices=GOOD["prices"],
        sales=LAST["sales"].replace("'UK'", "'FR'"),
        stock="SELECT",
    ).folder
    findings = [finding for finding in sources.check(folder, settings) if not finding.passed]
    told = {finding.file: finding for finding in reversed(findings)}
    assert "gone.csv" in told["listings.sql"].what
    assert told["prices.sql"].what == (
        "no row from 2026-03-25 to 2026-03-31; the SELECT yields 1 row in all, dated 2026-03-02 to 2026-03-02"
    )
    stops = " | ".join(finding.what for finding in of(findings, "sales.sql"))
    assert "a run would stop at check contract on 2026-03-31: 1 of 1 row in quarantine" in stops
    assert "DuckDB says" in told["stock.sql"].what
    assert all(finding.remedy for finding in findings)


@pytest.mark.parametrize(
    ("selects", "fault"),
    [
        ({"prices": EMPTY["prices"]}, "no row from 2026-03-25 to 2026-03-31"),
        (
            {"prices": LAST["prices"].replace("9.99", "-1")},
            ALL_SET_ASIDE,
        ),
        (
            {"sales": LAST["sales"].replace("'UK'", "'FR'")},
            ALL_SET_ASIDE,
        ),
        ({"prices": "SELECT 1 AS colour"}, "its SELECT does not fit raw.prices"),
    ],
)
def test_check_names_one_cause_once(shop: Shop, settings: Settings, selects: dict[str, str], fault: str) -> None:
    folder = shop({"empty_days": "error", "closed_days": ALL_BUT_LAST}, **{**LAST, **selects}).folder
    (name,) = selects
    findings = sources.check(folder, settings)
    (told,) = of(findings, f"{name}.sql")
    assert told.what.startswith(fault)
    assert [finding for finding in findings if not finding.passed] == [told]


@pytest.mark.parametrize("broken", ["listings", "sales"])
def test_check_takes_closed_days_for_closed_where_another_table_cannot_be_read(
    shop: Shop, settings: Settings, broken: str
) -> None:
    selects = {**LAST, broken: "SELECT nonsense"}
    folder = shop({"empty_days": "error", "closed_days": ALL_BUT_LAST}, **selects).folder
    faults = [finding for finding in sources.check(folder, settings) if not finding.passed]
    assert [fault.file for fault in faults] == [f"{broken}.sql"]


def test_check_finds_no_fault_in_a_week_of_closed_days(shop: Shop, settings: Settings) -> None:
    folder = shop({"empty_days": "error", "closed_days": [*ALL_BUT_LAST, date(2026, 3, 31)]}).folder
    findings = sources.check(folder, settings)
    assert [finding.what for finding in findings if not finding.passed] == []
    assert "the SELECT yields 1 row in all, dated 2026-03-02" in of(findings, "prices.sql")[0].what


def test_check_names_the_file_each_fault_is_in(folder: Path, settings: Settings) -> None:
    write_settings(folder, currency="pounds", colour="red")
    (folder / "prices.sql").unlink()
    findings = sources.check(folder, settings)
    assert not any(finding.passed for finding in findings)
    assert [finding.file for finding in findings] == ["source.yaml", "source.yaml", "prices.sql"]
    assert findings[-1].what == "no such file; expected the SELECT of raw.prices"


def test_check_of_no_source_says_so_once(folder: Path, settings: Settings) -> None:
    (gone,) = sources.check(folder / "gone", settings)
    assert gone.what == f"{folder / 'gone'}: no such folder"
    assert gone.remedy == f"name the folder of a source, or write one: `pricing source init {folder / 'gone'}`"
    (folder / "source.yaml").unlink()
    (empty,) = sources.check(folder, settings)
    assert empty.what == f"{folder}: holds no source.yaml"
