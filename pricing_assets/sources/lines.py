"""Transaction lines: how sales arrive from most shops, and how they become raw.sales.

Here: the contract of a line and the exact sum. Not here: how lines are read, or what else a row must hold.
"""

from __future__ import annotations

import dataframely as dy
import polars as pl

from pricing_assets.tables import raw
from pricing_assets.tables.base import Table, currency, day, identifier, known_at, money
from pricing_assets.tables.money import AT_REST

MAX_QUANTITY = 10**9
MAX_AMOUNT = 10**10  # per line: sums of Int64 ten-thousandths stay exact past 90,000 such lines


class SaleLines(Table):
    """One row per transaction line. Equal lines are two sales: a line has no key."""

    date = day(key=False)
    sku = identifier("stock keeping unit", key=False)
    market = identifier("market", key=False)
    known_at = known_at()
    quantity = dy.Int64(min=-MAX_QUANTITY, max=MAX_QUANTITY, description="units; negative only where is_return")
    unit_price = money("price per unit", min_exclusive=0)
    currency = currency()
    is_return = dy.Bool(description="whether the units came back")


def summed(lines: pl.DataFrame) -> pl.DataFrame:
    """Lines (columns of SaleLines) → raw.sales, exact: revenue and units of what was sold, returns beside them.

    Lines of one day, SKU and market that became known at different moments make a row for each moment, of all lines
    known by then: the latest row is the whole day.
    """
    returned, key = pl.col("is_return"), ["date", "sku", "market"]
    sums = ["units", "returned_units", "ten_thousandths", "source_lines"]
    amount = pl.col("quantity") * pl.col("unit_price").to_physical().cast(pl.Int64)
    moments = (
        lines.with_columns(amount.alias("amount"))
        .group_by(*key, "known_at", "currency")
        .agg(
            pl.col("quantity").filter(~returned).sum().alias("units"),
            pl.col("quantity").abs().filter(returned).sum().alias("returned_units"),
            pl.col("amount").filter(~returned).sum().alias("ten_thousandths"),
            pl.len().cast(pl.Int64).alias("source_lines"),
        )
        .sort(*key, "known_at")
    )
    if moments.select(key).is_duplicated().any():
        moments = moments.with_columns(pl.col(sums).cum_sum().over(key))
    revenue = pl.col("ten_thousandths").cast(pl.Decimal(38, 4)) / pl.lit(10_000).cast(pl.Decimal(38, 4))
    return moments.with_columns(revenue.cast(AT_REST).alias("revenue")).select(raw.Sales.column_names())
