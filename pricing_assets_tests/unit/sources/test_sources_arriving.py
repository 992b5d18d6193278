from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import polars as pl
import pytest
from sources_shop import DAY, Shop

from pricing_assets import sources
from pricing_assets.sources import Source
from pricing_assets.tables import raw

END = datetime(2026, 3, 3, tzinfo=UTC)
RUN_DAY = date(2026, 3, 9)
RUN_END = datetime(2026, 3, 10, tzinfo=UTC)


@pytest.fixture
def source(shop: Shop) -> Source:
    return shop()


def prices(*rows: tuple[str, str, datetime]) -> pl.DataFrame:
    """(sku, price, known_at) → raw.prices."""
    fixed = {
        "date": DAY,
        "market": "UK",
        "price_type": "current",
        "cost": None,
        "currency": "GBP",
        "tax_basis": "gross",
        "price_kind": "posted",
        "cost_source": None,
    }
    made = [{**fixed, "sku": sku, "price": Decimal(price), "known_at": known} for sku, price, known in rows]
    return raw.Prices.validate(pl.DataFrame(made, schema=raw.Prices.create_empty().schema))


def told(frame: pl.DataFrame) -> list[tuple[str, str, datetime]]:
    return [(row["sku"], str(row["price"].normalize()), row["known_at"]) for row in frame.iter_rows(named=True)]


def test_first_reading_is_taken_as_it_is(source: Source) -> None:
    received = prices(("B", "2", END), ("A", "1", END))
    arrived = sources.arrive(raw.Prices, prices(), received, source, RUN_DAY)
    assert told(arrived) == [("A", "1", END), ("B", "2", END)]


def test_the_same_reading_changes_nothing(source: Source) -> None:
    known = prices(("A", "1", END), ("B", "2", END))
    assert sources.arrive(raw.Prices, known, known, source, RUN_DAY).equals(known)


def test_new_rows_join_and_vanished_rows_stay(source: Source) -> None:
    arrived = sources.arrive(raw.Prices, prices(("A", "1", END)), prices(("B", "2", END)), source, RUN_DAY)
    assert told(arrived) == [("A", "1", END), ("B", "2", END)]


def test_a_correction_in_place_is_known_at_the_end_of_the_run(source: Source) -> None:
    known, received = prices(("A", "1", END)), prices(("A", "3", END))
    arrived = sources.arrive(raw.Prices, known, received, source, RUN_DAY)
    assert told(arrived) == [("A", "1", END), ("A", "3", RUN_END)]
    assert sources.arrive(raw.Prices, arrived, received, source, RUN_DAY + timedelta(days=1)).equals(arrived)


def test_a_correction_found_after_publication_is_known_when_it_was_found(source: Source) -> None:
    found_at = END + timedelta(days=18)
    known, received = prices(("A", "1", END)), prices(("A", "3", END))
    arrived = sources.arrive(raw.Prices, known, received, source, RUN_DAY, found_at=found_at)
    assert [moment for _, _, moment in told(arrived)] == [END, found_at]


def test_a_second_correction_of_the_same_run_comes_after_the_first(source: Source) -> None:
    known = prices(("A", "1", END), ("A", "3", RUN_END))
    arrived = sources.arrive(raw.Prices, known, prices(("A", "4", END)), source, RUN_DAY)
    assert told(arrived)[-1] == ("A", "4", RUN_END + timedelta(microseconds=1))


def test_a_correction_may_be_taken_back(source: Source) -> None:
    known = prices(("A", "1", END), ("A", "3", RUN_END))
    later = RUN_DAY + timedelta(days=1)
    arrived = sources.arrive(raw.Prices, known, prices(("A", "1", END)), source, later)
    assert told(arrived)[-1] == ("A", "1", source.end_of(later))


def test_a_correction_with_its_own_known_at_keeps_it(source: Source) -> None:
    later = END + timedelta(hours=5)
    received = prices(("A", "1", END), ("A", "3", later))
    arrived = sources.arrive(raw.Prices, prices(("A", "1", END)), received, source, RUN_DAY)
    assert told(arrived) == [("A", "1", END), ("A", "3", later)]
    assert sources.arrive(raw.Prices, arrived, received, source, RUN_DAY).equals(arrived)


def listings(*rows: tuple[str, bool, datetime]) -> pl.DataFrame:
    """(sku, on_sale, known_at) → raw.listings."""
    made = [{"date": DAY, "sku": sku, "market": "UK", "known_at": known, "on_sale": sold} for sku, sold, known in rows]
    return raw.Listings.validate(pl.DataFrame(made, schema=raw.Listings.create_empty().schema))


def test_a_withdrawn_listing_joins_the_row_known_before(source: Source) -> None:
    known = listings(("A", True, END), ("B", True, END))
    received = listings(("A", False, END), ("B", True, END))
    arrived = sources.arrive(raw.Listings, known, received, source, RUN_DAY)
    assert arrived.equals(listings(("A", True, END), ("A", False, RUN_END), ("B", True, END)))
    assert sources.arrive(raw.Listings, arrived, received, source, RUN_DAY + timedelta(days=1)).equals(arrived)


def test_a_withdrawal_may_be_taken_back(source: Source) -> None:
    known, later = listings(("A", True, END), ("A", False, RUN_END)), RUN_DAY + timedelta(days=1)
    arrived = sources.arrive(raw.Listings, known, listings(("A", True, END)), source, later)
    assert arrived.equals(listings(("A", True, END), ("A", False, RUN_END), ("A", True, source.end_of(later))))


def test_snapshots_are_replaced(source: Source) -> None:
    schema = raw.Products.create_empty().schema
    old = pl.DataFrame([{"date": DAY, "sku": "A"}, {"date": DAY, "sku": "B"}], schema=schema)
    new = pl.DataFrame([{"date": DAY, "sku": "A", "name": "tea"}], schema=schema)
    assert sources.arrive(raw.Products, old, new, source, RUN_DAY).equals(new)
