"""What is known at the cut-off of prices about to go out: their decision, the newest cost, the strategy as recorded.

Here: reading the lake for the guards. Not here: the guards (guards), the arithmetic of constraints (pricing/cutoff).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets import strategies
from pricing_assets.features.prices import map_price
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.strategies import Strategy
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import PriceBook, PriceDecisions
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.raw import Prices, Products

LOOKBACK = 7
"""Days before the day of a price in which the newest cost is looked for; else the cost it was decided on counts."""


def manifested_rows(
    lake: Lake, table: type[Table], days: Sequence[date], columns: Sequence[str] | None = None
) -> pl.DataFrame:
    """The rows of days as the manifest has them in force."""
    files = manifests.manifested(lake, table)
    return lake.read_files(table, [files[day] for day in days if day in files], columns)


def book(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """Every entry of the price book of the days."""
    return manifested_rows(lake, PriceBook, days)


def decisions(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """date, decision_id, action, final_price, current_price, decided_cost, strategy_hash of the days' decisions."""
    names = ["date", "decision_id", "action", "final_price", "current_price", "cost", "strategy_hash"]
    rows = manifested_rows(lake, PriceDecisions, days, names).rename({"cost": "decided_cost"})
    return rows.with_columns(pl.col("action", "strategy_hash").cast(pl.String))


def recorded_strategies(lake: Lake, days: Sequence[date]) -> dict[str, Strategy]:
    """The strategies the days were decided by, by hash of their text."""
    rows = manifested_rows(lake, Strategies, days, ["hash", "text"]).unique("hash").sort("hash")
    return {hashed: strategies.parse(text, "recorded") for hashed, text in rows.iter_rows()}


def newest_costs(lake: Lake, first: date, last: date, as_of: datetime) -> pl.DataFrame:
    """sku, market, cost, cost_currency as known at a moment: of the newest row of raw.prices up to the day `last`."""
    rows = lake.read(Prices, first - timedelta(days=LOOKBACK), last)
    newest = rows.filter(pl.col("known_at") < as_of).sort("date", "known_at", "price_type")
    newest = newest.unique(["sku", "market"], keep="last", maintain_order=True)
    return newest.select("sku", "market", "cost", cost_currency="currency")


def newest_map(lake: Lake, first: date, last: date) -> pl.DataFrame:
    """sku, map_price as the newest catalogue up to the day `last` says it."""
    rows = lake.read(Products, first - timedelta(days=LOOKBACK), last, columns=["date", "sku", "attributes"])
    newest = rows.sort("date").unique("sku", keep="last", maintain_order=True)
    return newest.select("sku", map_price(newest["attributes"]).alias("map_price"))
