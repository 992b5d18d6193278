from datetime import date
from pathlib import Path

import pytest

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.tables import raw

FIRST, LAST = date(2026, 1, 5), date(2026, 1, 18)


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
