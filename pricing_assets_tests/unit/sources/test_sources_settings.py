from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import pytest
from sources_shop import Shop, write_settings

from pricing_assets import sources
from pricing_assets.errors import PricingError
from pricing_assets.settings import Settings
from pricing_assets.tables import raw


def test_defaults(shop: Shop) -> None:
    source = shop({"currencies": None, "markets": ["UK", "DE"]})
    assert source.currencies == ("GBP",)
    assert source.markets == {"UK": None, "DE": None}
    assert source.tables == (raw.Listings, raw.Prices, raw.Sales)
    assert (source.trailing_days, source.publish_at, source.empty_days) == (7, time(6), "no_trade")


def test_experiments_hold_out_a_twentieth_for_four_weeks_by_the_name_of_the_shop_unless_it_says_otherwise(
    shop: Shop,
) -> None:
    plain = shop({})
    assert plain.experiments.model_dump() == {"hold_out": 0.05, "period_days": 28, "salt": plain.name}
    asked = shop({"experiments": {"hold_out": 0, "period_days": 14, "salt": "s"}})
    assert asked.experiments.model_dump() == {"hold_out": 0.0, "period_days": 14, "salt": "s"}
    for wrong in ({"hold_out": 0.6}, {"period_days": 3}, {"salt": ""}, {"holdout": 0.1}):
        with pytest.raises(PricingError, match=f"experiments.{next(iter(wrong))}"):
            shop({"experiments": wrong})


def test_a_shop_that_goes_on_needs_rows_every_day(shop: Shop) -> None:
    source = shop({"historical": False, "last_day": None})
    assert source.empty_days == "error"
    assert source.last_admissible(date(2026, 5, 1)) == date(2026, 5, 1)


def test_days_follow_the_clock_of_the_shop(shop: Shop) -> None:
    source = shop({"publish_at": "10:30"})
    winter, summer = date(2026, 3, 28), date(2026, 3, 29)  # clocks go forward at 01:00 on the 29th
    assert source.end_of(winter) == datetime(2026, 3, 29, 0, tzinfo=UTC)
    assert source.cutoff(winter) == datetime(2026, 3, 29, 1, tzinfo=UTC)
    assert source.end_of(summer) == datetime(2026, 3, 29, 23, tzinfo=UTC)
    assert source.effective_from(summer) == datetime(2026, 3, 30, 9, 30, tzinfo=UTC)


def test_an_unquoted_clock_is_read_as_meant(folder: Path, settings: Settings) -> None:
    path = folder / "source.yaml"
    path.write_text(path.read_text() + "publish_at: 10:30\n")
    assert sources.load(folder, settings).publish_at == time(10, 30)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": None}, "name: missing"),
        ({"curency": "GBP"}, "curency: unknown key; expected one of name, time_zone"),
        ({"time_zone": "London"}, "time_zone: no such time zone; expected an IANA name"),
        ({"currency": "pounds"}, "currency: no such currency; expected the ISO 4217 code of one in use, like EUR"),
        ({"currency": "ABC"}, "currency: no such currency; expected the ISO 4217 code of one in use, like EUR"),
        ({"currencies": ["GBP", "CLF"]}, "currencies.1: a unit of account of four decimals; prices are decided in"),
        ({"currency": "USD"}, "lack the default currency USD"),
        ({"markets": {}}, "markets: Dictionary should have at least 1 item"),
        ({"markets": {"UK": {"country": "Britain"}}}, "markets.UK.country"),
        ({"markets": {"UK": {"land": "GB"}}}, "markets.UK.land: unknown key"),
        ({"first_day": "soon"}, "first_day: Input should be a valid date"),
        ({"last_day": None}, "last_day: missing; expected the last day of the data, because historical is true"),
        ({"historical": False}, "last_day: given; expected only where historical is true"),
        ({"last_day": date(2025, 1, 1)}, "last_day: 2025-01-01 lies before first_day"),
        ({"trailing_days": -1}, "trailing_days: Input should be greater than or equal to 0"),
        ({"closed_days": ["funday"]}, "expected a date or one of monday"),
        ({"empty_days": "maybe"}, "empty_days: Input should be 'no_trade' or 'error'"),
        ({"limits": {"quarantine_share": 5}}, "limits.quarantine_share: Input should be less than or equal to 1"),
        ({"limits": {"quarantine": 0.1}}, "limits.quarantine: unknown key"),
        ({"variables": {"first_day": "x"}}, "the name is taken"),
        ({"variables": {"MY FILE": "x"}}, "expected a name of letters"),
        ({"files": {"list": {"sheet": "x"}}}, "files.list.path: missing"),
        ({"publish_at": "late"}, "publish_at: Input should be in a valid time format"),
        ({"publish_at": "01:59"}, "publish_at: expected 02:00 or later, because the run"),
        ({"publish_at": "01:00Z"}, "publish_at: expected 02:00 or later"),
    ],
)
def test_every_fault_is_named_by_its_key(folder: Path, settings: Settings, changes: dict[str, Any], words: str) -> None:
    write_settings(folder, **changes)
    with pytest.raises(PricingError) as caught:
        sources.load(folder, settings)
    assert words in caught.value.what
    assert caught.value.remedy


def test_all_faults_at_once(folder: Path, settings: Settings) -> None:
    write_settings(folder, currency="pounds", time_zone="London", colour="red")
    (folder / "prices.sql").unlink()
    with pytest.raises(PricingError) as caught:
        sources.load(folder, settings)
    for words in ("4 faults", "currency:", "time_zone:", "colour:", "prices.sql: no such file"):
        assert words in caught.value.what


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "holds no source.yaml"),
        ("a: [", "no YAML"),
        ("- a", "holds list; expected keys and values"),
        ("", "holds None"),
    ],
)
def test_no_settings_file(folder: Path, settings: Settings, content: str | None, words: str) -> None:
    path = folder / "source.yaml"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(PricingError, match=words):
        sources.load(folder, settings)


def test_the_environment_names_the_database_before_source_yaml_does(shop: Shop, folder: Path) -> None:
    assert shop().database is None
    assert shop({"database": "sqlite:///books.db"}).database == "sqlite:///books.db"
    settings = Settings(_env_file=None, source_url="postgresql://shop")  # type: ignore[call-arg]
    assert sources.load(folder, settings).database == "postgresql://shop"


def test_a_variable_comes_from_the_environment_or_the_folder(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    changes = {"variables": {"SHOP_LINES": "data/lines.csv"}}
    source = shop(changes)
    assert source.variables["SHOP_LINES"] == str(source.folder / "data/lines.csv")
    monkeypatch.setenv("SHOP_LINES", "/elsewhere/lines.csv")
    assert shop(changes).variables["SHOP_LINES"] == "/elsewhere/lines.csv"
