"""What is known at the cut-off of prices about to go out: their decision, the newest cost, the strategy as recorded.

Here: reading the lake for the guards. Not here: the guards (guards), the arithmetic of constraints (pricing/cutoff).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from pricing_assets import strategies
from pricing_assets.features import map_price
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.law import Law
from pricing_assets.strategies import Strategy
from pricing_assets.tables import Table
from pricing_assets.tables.decisions import PriceDecisions
from pricing_assets.tables.governance import Strategies
from pricing_assets.tables.raw import Prices, Products

LOOKBACK = 7
"""Days before the day of a price in which the newest cost is looked for; else the cost it was decided on counts."""


@dataclass(frozen=True)
class Standing:
    """The lake as the manifest has it in force at one moment: read once, for all a pass looks at."""

    lake: Lake
    files: Mapping[str, Mapping[date, PartitionFile]]

    @classmethod
    def of(cls, lake: Lake) -> Standing:
        """As it stands now."""
        return cls(lake, manifests.manifest(lake))

    def days(self, table: type[Table]) -> list[date]:
        """The days a table has rows of."""
        return sorted(self.files.get(table.table_name(), {}))

    def rows(self, table: type[Table], days: Sequence[date], columns: Sequence[str] | None = None) -> pl.DataFrame:
        """The rows of days."""
        files = self.files.get(table.table_name(), {})
        return self.lake.read_files(table, [files[day] for day in days if day in files], columns)


def law(standing: Standing, days: Sequence[date]) -> Law:
    """The law of each market as the newest of the days was decided under it."""
    rows = manifests.standing(standing.lake).filter(pl.col("date").is_in(list(days))).sort("date")
    found: Law = json.loads(rows["settings"][-1]).get("law", {}) if rows.height else {}
    return found


def decisions(standing: Standing, days: Sequence[date]) -> pl.DataFrame:
    """date, decision_id, action, final_price, current_price, decided_cost, strategy_hash of the days' decisions."""
    names = ["date", "decision_id", "action", "final_price", "current_price", "cost", "strategy_hash"]
    rows = standing.rows(PriceDecisions, days, names).rename({"cost": "decided_cost"})
    return rows.with_columns(pl.col("action", "strategy_hash").cast(pl.String))


def recorded_strategies(standing: Standing, days: Sequence[date]) -> dict[str, Strategy]:
    """The strategies the days were decided by, by hash of their text."""
    rows = standing.rows(Strategies, days, ["hash", "text"]).unique("hash").sort("hash")
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
