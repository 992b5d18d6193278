"""A listing taken back by the shop, through the stations: not listed from the day that knows it, unchanged before."""

from __future__ import annotations

import polars as pl
from tiny_shop import DAYS, FIRST, Begin, Line, Shop

from pricing_assets.pricing.replay import replay
from pricing_assets.tables import raw
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.features import FeatureSnapshots

SECOND, THIRD = DAYS[1], DAYS[2]
ARTICLE = "sku = 'A' AND market = 'UK'"


def withdraw(shop: Shop, which: str) -> None:
    """Lets the SELECT of listings say `on_sale`, false for the rows of a condition."""
    select = (
        f"SELECT date, sku, market, NOT ({which}) AS on_sale FROM read_csv('data/listings.csv', all_varchar = true)"
    )
    (shop.folder / "listings.sql").write_text(select)


def standing(line: Line) -> pl.DataFrame:
    bases = [row["basis"] for row in line.standing().values()]
    return line.lake.read(PriceDecisions).filter(pl.col("basis").is_in(bases))


def priced(line: Line) -> dict[object, int]:
    """Day → standing decisions of the article."""
    rows = standing(line).filter(sku="A", market="UK")
    return dict(rows.group_by("date").len().sort("date").iter_rows())


def test_a_column_that_withdraws_nothing_changes_nothing(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST, SECOND)
    before = line.versions()
    withdraw(shop, "false")
    assert line.run(FIRST, SECOND).success
    assert line.versions() == before


def test_a_withdrawal_known_later_changes_no_earlier_day(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST, SECOND)
    before = line.hashes()
    withdraw(shop, f"{ARTICLE} AND date >= '{SECOND}'")
    assert line.run(THIRD).success
    assert line.run(FIRST, SECOND).success

    after = line.hashes()
    for table in ("features.feature_snapshots", "decisions.price_decisions", "decisions.price_book"):
        assert {day: after[table][day] for day in before[table]} == before[table], table
    told = line.lake.read(raw.Listings, SECOND, SECOND).filter(sku="A", market="UK").sort("known_at")
    assert told.select("on_sale", pl.col("known_at").dt.date()).rows() == [(True, THIRD), (False, DAYS[3])]
    assert priced(line) == {FIRST: 1, SECOND: 1}, "the third day knows it"
    assert line.standing()[THIRD]["decided"] == 3
    assert not line.lake.read(FeatureSnapshots, THIRD, THIRD).filter(sku="A", market="UK").height
    assert [each.difference for each in replay(line.lake)] == [None] * 3


def test_what_was_published_stays_in_the_book_without_a_new_entry(line: Line, shop: Shop, begin: Begin) -> None:
    begin(line, FIRST)
    book = line.lake.read(PriceBook)
    assert book.filter(sku="A", market="UK").height == 1
    withdraw(shop, ARTICLE)
    assert line.run(FIRST).success

    assert priced(line) == {}, "a historical shop's day is judged as if run on time: it knows"
    again = line.lake.read(PriceBook).filter(sku="A", market="UK")
    assert again.equals(book.filter(sku="A", market="UK"))


def test_a_withdrawal_taken_back_lists_the_article_again(line: Line, shop: Shop) -> None:
    withdraw(shop, ARTICLE)
    line.run(FIRST)
    assert priced(line) == {}
    withdraw(shop, "false")
    assert line.run(FIRST).success
    assert priced(line) == {FIRST: 1}


def test_a_day_with_nothing_on_sale_stops(line: Line, shop: Shop) -> None:
    withdraw(shop, f"date = '{SECOND}'")
    assert line.run(FIRST, THIRD).success
    assert list(line.standing()) == [FIRST, THIRD]
