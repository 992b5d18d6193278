"""The anomalies station: what looks wrong in a day's prices, before anything is decided."""

from typing import Any

import dagster as dg
import polars as pl

from pricing_assets import anomalies
from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots


@dg.multi_asset(
    name="price_anomalies",
    specs=[catalog.spec(PriceAnomalies, deps=[FeatureSnapshots])],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def price_anomalies(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """Flags over the snapshots of the days, grouped by cause with those of the days before."""
    lake = platform.lake
    with platform.at_work(context, days_of(context)):
        days = verdicts.open_days(context, lake, days_of(context))
        found = anomalies.anomalies_of(lake, days)
        platform.commit(context, PriceAnomalies, found, days)
    return catalog.result(context, PriceAnomalies, found, days, _seen(found))


def _seen(found: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: how many of which kind, and what most SKUs of a market share."""
    wide = found.filter("market_wide").group_by("cause", "date", "market", "reason").agg(pl.len().alias("skus"))
    counts = found.group_by("reason", "severity").agg(pl.len().alias("rows"), alarms=pl.col("cause").n_unique())
    by_day = found.group_by("date", pl.col("reason").cast(pl.String)).agg(alarms=pl.col("cause").n_unique())
    return {
        "by reason and severity": catalog.table_value(counts.sort("severity", "reason", descending=[True, False])),
        "market-wide": catalog.table_value(wide.sort("date", "market", "reason").tail(10)),
        "alarms by day": plots.alarms_by_day(by_day),
    }
