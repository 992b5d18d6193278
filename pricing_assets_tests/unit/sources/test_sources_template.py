from datetime import date
from pathlib import Path

import pytest
from sources_shop import GOOD, Shop, write_settings

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.sources import Finding
from pricing_assets.tables import raw

FIRST, LAST = date(2026, 1, 5), date(2026, 1, 18)


def of(findings: list[Finding], file: str) -> list[Finding]:
    return [finding for finding in findings if finding.file == file]


def test_the_template_works_at_once(tmp_path: Path, settings: Settings) -> None:
    written = sources.init(tmp_path / "new" / "shop")
    assert all(path.is_file() for path in written)
    findings = sources.check(tmp_path / "new" / "shop", settings)
    assert [finding.what for finding in findings if not finding.passed] == []
    source = sources.load(tmp_path / "new" / "shop", settings)
    sales = sources.receive(source, raw.Sales, FIRST, LAST, LAST)
    assert sales.quarantined["rule"].to_list() == ["the shop's own reason: not an article"]
    assert sales.accepted["returned_units"].sum() == 1
    days = sources.receive(source, raw.Prices, FIRST, LAST, LAST).counts
    assert days["accepted"].to_list() == [3] * 14


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "prices.sql").write_text("mine")
    with pytest.raises(PricingError, match=r"holds prices\.sql already"):
        sources.init(tmp_path)
    assert [path.name for path in tmp_path.iterdir() if path.name != "home"] == ["prices.sql"]


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(PricingError, match="cannot be written"):
        sources.init(tmp_path / "file" / "shop")


def test_check_shows_what_comes_in(shop: Shop, settings: Settings) -> None:
    last = {name: sql.replace("2026-03-02", "2026-03-31") for name, sql in GOOD.items()}
    bad = last["sales"].replace("9.99", "-1") + " UNION ALL " + last["sales"]
    folder = shop({"limits": {"quarantine_share": 0.6}}, **{**last, "sales": bad}).folder
    findings = sources.check(folder, settings)
    assert [finding.what for finding in findings if not finding.passed] == []
    sales = of(findings, "sales.sql")[0]
    assert sales.what == "2 rows received = 1 accepted + 1 in quarantine"
    assert sales.accepted is not None and sales.accepted.height == 1
    assert sales.quarantined is not None and "unit_price" in sales.quarantined["rule"][0]
    assert sales.rules is not None and sales.rules.rows() == [("unit_price: found …; expected more than 0", 1)]
    assert "absent" in of(findings, "stock.sql")[0].what


def test_check_hints_at_prices_without_a_cost(shop: Shop, settings: Settings) -> None:
    last = {name: sql.replace("2026-03-02", "2026-03-31") for name, sql in GOOD.items()}
    found = of(sources.check(shop(**last).folder, settings), "prices.sql")
    assert any(each.passed and "the packaged default strategy holds every price" in each.what for each in found)
    found = of(sources.check(shop(prices=last["prices"] + ", 5 AS cost").folder, settings), "prices.sql")
    assert not any("hint" in each.what for each in found)


def test_check_explains_every_fault_and_raises_nothing(shop: Shop, settings: Settings) -> None:
    last = {name: sql.replace("2026-03-02", "2026-03-31") for name, sql in GOOD.items()}
    folder = shop(
        listings="SELECT * FROM 'gone.csv'",
        prices=GOOD["prices"],
        sales=last["sales"].replace("'UK'", "'FR'"),
        stock="SELECT",
    ).folder
    findings = [finding for finding in sources.check(folder, settings) if not finding.passed]
    told = {finding.file: finding for finding in reversed(findings)}
    assert "gone.csv" in told["listings.sql"].what
    assert told["prices.sql"].what == (
        "no row from 2026-03-25 to 2026-03-31; the SELECT yields 1 rows in all, dated 2026-03-02 to 2026-03-02"
    )
    stops = " | ".join(finding.what for finding in of(findings, "sales.sql"))
    assert "a run would stop at check contract on 2026-03-31: 1 of 1 rows" in stops
    assert "DuckDB says" in told["stock.sql"].what
    assert all(finding.remedy for finding in findings)


def test_check_of_no_source(folder: Path, settings: Settings) -> None:
    write_settings(folder, currency="pounds", colour="red")
    findings = sources.check(folder, settings)
    assert len(findings) == 2 and not any(finding.passed for finding in findings)
    assert "cannot be read" in sources.check(folder / "gone", settings)[0].what
