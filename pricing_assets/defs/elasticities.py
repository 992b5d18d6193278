"""The elasticities station: what units do when a price moves, per SKU and market, estimated anew each week."""

from typing import Any

import dagster as dg
import polars as pl

from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.tables import raw
from pricing_assets.tables.forecasts import Elasticities
from pricing_assets.tables.runs import Checks

READ = (
    *(raw.Products, raw.Listings, raw.Prices, raw.Sales),
    *(raw.Stock, raw.Promotions, raw.CompetitorSnapshots),
)


@dg.multi_asset(
    name="elasticities",
    specs=[catalog.spec(Elasticities, deps=[*(table for table in READ if table in SOURCE.tables), Checks])],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def elasticities(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """Base and promotion elasticities of the days; those of a week are estimated once, on its first day."""
    from pricing_assets.demand import estimates

    lake = platform.lake
    with platform.at_work(context, days_of(context)):
        days = verdicts.open_days(context, lake, days_of(context))
        found = estimates.elasticities_of(lake, days, platform.calendar)
        platform.commit(context, Elasticities, found, days)
    return catalog.result(context, Elasticities, found, days, _seen(found))


def _seen(found: pl.DataFrame) -> dict[str, Any]:
    """What a person looks at first: how large they are, how sure, and how many are borrowed from others."""
    last = found.filter(pl.col("date") == pl.col("date").max())
    middle = [pl.col(name).median().round(2) for name in ("elasticity", "std_error", "spec_low", "spec_high")]
    borrowed = pl.col("fallback_reason").is_not_null().sum().alias("borrowed")
    kinds = last.group_by(pl.col("kind").cast(pl.String)).agg(pl.len().alias("rows"), *middle, borrowed).sort("kind")
    return {
        "estimated on": str(last["estimated_on"].max()),
        "medians": catalog.table_value(kinds),
        "elasticities": plots.elasticities(last),
    }
