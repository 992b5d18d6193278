"""The feature snapshot: all columns of `features.feature_snapshots` for one day or for many in one pass.

Here: what is read of each raw table, and how the rooms' columns come together.
Not here: how a column is computed; each has its noun: prices, rivals, demand, categories, calendar, baselines,
deliveries.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import polars as pl

from pricing_assets.features.baselines import GAP_DAYS, Ordinary, gap_baselines, margin_baseline, price_baselines
from pricing_assets.features.calendar import Calendar, calendar_features
from pricing_assets.features.categories import category_features
from pricing_assets.features.deliveries import WEEKS_DAYS, missed, named, rivals_missed, sales_missed
from pricing_assets.features.demand import SALES_DAYS, sales_features, stock_features
from pricing_assets.features.prices import YEAR, map_price, planned_price, price_features
from pricing_assets.features.rivals import RIVAL_DAYS, Rivals, rival_features
from pricing_assets.features.targets import Seen, Targets
from pricing_assets.features.visibility import Cutoffs
from pricing_assets.tables.features import FeatureSnapshots

LOOKBACK: Mapping[str, int] = {
    "raw.products": 1,
    "raw.listings": 1,
    "raw.prices": YEAR,
    "raw.sales": SALES_DAYS,
    "raw.stock": WEEKS_DAYS + 1,
    "raw.promotions": YEAR,
    "raw.competitor_snapshots": RIVAL_DAYS + GAP_DAYS,
}
"""How many days of each raw table's partitions a day sees, itself included: a width w means (D − w, D]."""

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "raw.products": ("date", "sku", "category", "brand", "attributes"),
    "raw.listings": ("date", "sku", "market", "known_at", "on_sale"),
    "raw.prices": (
        *("date", "sku", "market", "price_type", "known_at"),
        *("price", "cost", "currency", "price_kind", "cost_source"),
    ),
    "raw.sales": ("date", "sku", "market", "known_at", "units", "returned_units", "revenue", "currency"),
    "raw.stock": ("date", "sku", "market", "known_at", "on_hand", "oldest_received_on"),
    "raw.promotions": ("known_on", "target_date", "sku", "market", "planned_price", "currency"),
    "raw.competitor_snapshots": ("date", "sku", "market", "competitor", "price", "currency", "in_stock"),
}
"""The columns of each raw table that a snapshot reads; the first is the partition column."""


def snapshot(raw: Mapping[str, pl.DataFrame], days: Sequence[date], calendar: Calendar) -> pl.DataFrame:
    """The feature rows of every pair listed on one of `days`: the columns of FeatureSnapshots, in canonical order.

    `raw` holds for each raw table that exists, by name, its rows of the window [first day − LOOKBACK + 1, last day];
    more rows change nothing. Optional tables that are not in it are named in `absent_tables` and their features are
    null. A row of day D depends on what D sees and on nothing else, so a pass over a year gives the rows that passes
    over its days give, bit for bit. `inputs_hash` and `inputs` are left null: what was read is known where it is read
    (inputs.py). Raises KeyError where a required table is missing.
    """
    schema = FeatureSnapshots.create_empty().schema
    tables = {name: _window(raw[name], name, days) for name in LOOKBACK if name in raw} if days else {}
    cutoffs = Cutoffs.of(calendar, sorted(days), max(LOOKBACK.values())) if days else None
    targets = Targets.of(tables["raw.listings"], days, cutoffs) if cutoffs else None
    if cutoffs is None or targets is None or not targets.pairs:
        return pl.DataFrame(schema=schema)
    absent = ",".join(name for name in sorted(LOOKBACK) if name not in raw)
    values = _values(tables, targets, cutoffs, calendar)
    named = targets.keys.with_columns(column.alias(name) for name, column in values.items())
    missing = (pl.lit(None, dtype).alias(name) for name, dtype in schema.items() if name not in named.columns)
    rows = named.with_columns(*missing).with_columns(absent_tables=pl.lit(absent))
    return rows.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


def _values(
    tables: Mapping[str, pl.DataFrame], targets: Targets, cutoffs: Cutoffs, calendar: Calendar
) -> dict[str, pl.Series]:
    """Every feature column that the tables at hand give, row for row of the targets."""
    current, past, values = price_features(tables["raw.prices"], targets, cutoffs)
    sales = Seen.of(tables["raw.sales"], targets, cutoffs)
    sold, demand = sales_features(sales, targets, current)
    values |= demand | calendar_features(targets.keys, calendar)
    ordinary = Ordinary.of(past, targets, tables.get("raw.promotions"))
    values |= price_baselines(ordinary) | {"margin_182d_pct": margin_baseline(ordinary)}
    gaps = {"price": ~current.known, "sales": sales_missed(sales, targets)}
    if "raw.stock" in tables:
        stock = Seen.of(tables["raw.stock"], targets, cutoffs)
        values |= stock_features(stock, targets, sold)
        gaps["stock"] = missed(stock)
    if "raw.promotions" in tables:
        values["planned_price"] = planned_price(tables["raw.promotions"], targets, current, ahead=1)
        values["planned_price_today"] = planned_price(tables["raw.promotions"], targets, current, ahead=0)
    if "raw.competitor_snapshots" in tables:
        rivals = Rivals.of(tables["raw.competitor_snapshots"], targets)
        values |= rival_features(rivals, targets, current) | gap_baselines(ordinary, rivals, targets, current)
        gaps["rivals"] = rivals_missed(rivals, targets)
    if "raw.products" in tables:
        product = targets.keys.join(tables["raw.products"], on=["date", "sku"], how="left", maintain_order="left")
        values |= {"category": product["category"], "brand": product["brand"]}
        values["map_price"] = map_price(product["attributes"])
        values |= category_features(targets, product["category"], values["margin_pct"], sold)
    return values | {"missing_data": named(gaps)}


def _window(frame: pl.DataFrame, name: str, days: Sequence[date]) -> pl.DataFrame:
    """The rows and columns of a raw table that a snapshot of `days` can depend on."""
    first = date.fromordinal(min(days).toordinal() - LOOKBACK[name] + 1)
    rows, inside = frame.select(COLUMNS[name]), frame[COLUMNS[name][0]].is_between(first, max(days))
    return rows if inside.all() else rows.filter(inside)
