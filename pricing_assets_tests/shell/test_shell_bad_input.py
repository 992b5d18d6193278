"""What bad input gets: each fault named with thing and remedy, by the trial of a source and by a run alike."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from shell_commands import answer, pricing
from tiny_shop import LAST, Shop


def sql(table: str, select: str) -> Callable[[Shop], object]:
    return lambda shop: (shop.folder / f"{table}.sql").write_text(select)


FAULTS: dict[str, tuple[Callable[[Shop], object], str]] = {
    "missing file": (lambda shop: (shop.folder / "data" / "sales.csv").unlink(), "sales.csv"),
    "missing SELECT": (lambda shop: (shop.folder / "sales.sql").unlink(), "sales.sql: no such file"),
    "unknown column": (sql("prices", "SELECT *, 1 AS colour FROM read_csv('data/prices.csv')"), "colour"),
    "missing column": (sql("prices", "SELECT date, sku, market FROM read_csv('data/prices.csv')"), "price"),
    "wrong type": (sql("prices", "SELECT date, sku, market, [1] AS price FROM read_csv('data/prices.csv')"), "price"),
    "no number": (lambda shop: shop.change("prices", LAST, price="cheap"), "price"),
    "NaN": (lambda shop: shop.change("prices", LAST, price="NaN"), "price"),
    "infinite": (lambda shop: shop.change("prices", LAST, price="inf"), "price"),
    "negative": (lambda shop: shop.change("prices", LAST, price="-4.00"), "price"),
    "unknown currency": (lambda shop: shop.change("prices", LAST, currency="XXX"), "currency"),
    "unknown market": (lambda shop: shop.add("listings", date=str(LAST), sku="A", market="FR"), "market"),
    "duplicate key": (lambda shop: shop.put("prices", shop.rows("prices") + shop.rows("prices")[-1:]), "prices"),
    "future date": (
        lambda shop: [shop.add("stock", date="2027-01-01", sku=f"{n}", market="UK", on_hand="1") for n in range(9)],
        "dated",
    ),
    "empty required table": (lambda shop: shop.put("prices", []), "prices.sql: no row"),
    "no time zone": (lambda shop: shop.settings(time_zone="Europe/Nowhere"), "time_zone"),
}


@pytest.mark.parametrize("fault", sorted(FAULTS))
def test_the_trial_of_a_source_names_it(shop: Shop, fault: str) -> None:
    break_it, named = FAULTS[fault]
    break_it(shop)
    found = [each for each in answer("source", "check", str(shop.folder), code=1) if not each["passed"]]
    assert any(named in f"{each['file']}: {each['what']}" for each in found), found
    assert all(each["remedy"] for each in found)


@pytest.mark.parametrize(
    ("fault", "named", "explained"),
    [
        ("duplicate key", "prices", "was stopped: raw.prices contract: 1 of 5 rows in quarantine"),
        ("unknown column", "colour", ": no decisions"),
        ("empty required table", "raw.prices not_empty", "was stopped: raw.prices not_empty"),
    ],
)
def test_a_run_refuses_it_and_writes_no_half_table(
    quick: Callable[[], None], shop: Shop, fault: str, named: str, explained: str
) -> None:
    break_it, _ = FAULTS[fault]
    break_it(shop)
    refused = pricing("run", "--date", str(LAST), code=1)
    if "was stopped" in explained:
        assert refused.stdout == f"{LAST}: stopped\n"
    assert named in refused.stderr
    assert "remedy: " in refused.stderr
    assert explained in answer("explain", "A", "--market", "UK", "--date", str(LAST), code=1)["error"]
