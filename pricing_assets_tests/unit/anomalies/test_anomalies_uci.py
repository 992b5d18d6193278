"""UCI Online Retail's own oddities, labelled by hand from the invoice lines, are found on their day.

The lists were made by reading lines whose unit price is far from the median of their product: slipped decimal points,
60 baskets sold as one, clearances, and a second sales channel that asks two to thirty times as much. All are in the
United Kingdom. Not in them, because nothing is usual yet: 23155 at 8.29 instead of 0.83 on 28 March and 6 April 2011,
its first weeks on sale; and 37327 on 12 January, whose price strays so by itself.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from whole_shop import needed_whole_file

from pricing_assets.anomalies import anomalies
from pricing_assets.features import Calendar, snapshot
from pricing_assets.lake.arrow import ArrowStream

SOURCE = Path(__file__).parents[3] / "examples" / "uci_online_retail"
KEY = ["date", "sku", "market"]
EXCERPT = [
    ("2011-02-09", "21871", "PRICE_SPIKE"),  # 3.29 instead of 1.25: the other channel
    ("2011-04-07", "21669", "PRICE_SPIKE"),  # the same
    ("2011-01-27", "22617", "PRICE_SPIKE"),  # 10.79 instead of 4.95
    ("2011-11-07", "23494", "PRICE_SPIKE"),  # 13.78 instead of 5.95
    ("2011-05-06", "23155", "PRICE_SPIKE"),  # 8.29 instead of 0.83: a decimal point
    ("2011-06-01", "23155", "PRICE_SPIKE"),  # again
    ("2011-04-01", "22627", "PRICE_TOO_LOW"),  # kitchen scales at 0.76 instead of 8.50
    ("2011-04-01", "22627", "NEGATIVE_MARGIN"),
    ("2011-04-17", "22846", "PRICE_TOO_LOW"),  # a bread bin at 5.00 instead of 16.95
    ("2011-12-02", "22061", "PRICE_TOO_LOW"),  # 2.95 instead of 9.95: cleared out
    ("2011-12-02", "22061", "NEGATIVE_MARGIN"),
    ("2011-12-04", "22942", "PRICE_TOO_LOW"),  # 2.95 instead of 8.50
]
WHOLE = [
    ("2011-06-10", "22502", "PRICE_SPIKE"),  # 60 wicker baskets sold as one for 649.50
    ("2011-01-11", "21135", "PRICE_SPIKE"),  # 25.49 instead of 1.69
    ("2011-01-20", "40016", "PRICE_SPIKE"),  # 8.29 instead of 0.42
    ("2011-01-25", "85175", "PRICE_SPIKE"),  # 13.29 instead of 0.42
    ("2011-02-28", "85172", "PRICE_SPIKE"),  # 12.46 instead of 0.42
    ("2011-01-10", "79030G", "PRICE_SPIKE"),  # 12.72 instead of 1.65
    ("2011-01-28", "79030D", "PRICE_SPIKE"),  # 12.46 instead of 1.65
    ("2011-02-01", "16216", "PRICE_SPIKE"),  # 1.25 instead of 0.16
    ("2011-03-31", "16218", "PRICE_SPIKE"),  # 2.08 instead of 0.16
    ("2011-03-22", "22856", "PRICE_SPIKE"),  # 15.79 instead of 1.25
    ("2011-03-23", "85078", "PRICE_TOO_LOW"),  # 0.19 instead of 0.65
    ("2011-12-04", "22422", "PRICE_TOO_LOW"),  # a pen at 0.12 instead of 1.25
    ("2011-12-04", "22422", "NEGATIVE_MARGIN"),
]


def found(file: Path, days: list[date]) -> set[tuple[str, str, str]]:
    """Date, SKU and reason of the anomalies of the United Kingdom on some days of a file of invoice lines."""
    with duckdb.connect() as connection:
        connection.execute("SET VARIABLE first_day = DATE '2010-12-01'; SET VARIABLE last_day = DATE '2011-12-09'")
        connection.execute(f"SET VARIABLE UCI_ONLINE_RETAIL = '{file}'")
        listings, prices, sales = (
            pl.DataFrame(ArrowStream(connection.sql((SOURCE / f"{name}.sql").read_text())))
            for name in ("listings", "prices", "sales")
        )
    evening = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    sold = sales.filter(pl.col("quarantine").is_null() & ~pl.col("is_return") & (pl.col("unit_price") > 0))
    revenue = (pl.col("quantity") * pl.col("unit_price")).sum().round(4).cast(pl.Decimal(18, 4))
    units = pl.col("quantity").sum().cast(pl.Int64)
    raw = {
        "raw.listings": listings.with_columns(known_at=evening, on_sale=pl.lit(True)),
        "raw.prices": prices.with_columns(known_at=evening, currency=pl.lit("GBP")),
        "raw.sales": sold.group_by(KEY)
        .agg(units=units, revenue=revenue)
        .with_columns(known_at=evening, returned_units=pl.lit(0, pl.Int64), currency=pl.lit("GBP")),
    }
    british = {name: rows.filter(market="United Kingdom") for name, rows in raw.items()}
    rows = anomalies(snapshot(british, days, Calendar("Europe/London", {"United Kingdom": "GB"})))
    return set(rows.select(pl.col("date").cast(pl.String), "sku", pl.col("reason").cast(pl.String)).iter_rows())


def missed(file: Path, labelled: list[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    days = sorted({date.fromisoformat(day) for day, _, _ in labelled})
    return set(labelled) - found(file, days)


def test_the_oddities_of_the_excerpt_are_found() -> None:
    assert missed(SOURCE / "data" / "uci_online_retail_excerpt.parquet", EXCERPT) == set()


@pytest.mark.full_data
def test_the_oddities_of_the_whole_file_are_found() -> None:
    assert missed(needed_whole_file(), WHOLE) == set()
