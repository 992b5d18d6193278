"""The features station: one immutable snapshot per day."""

import dagster as dg

from pricing_assets import features
from pricing_assets.defs import catalog, plots, verdicts
from pricing_assets.defs.partitions import BACKFILL, DAILY, RETRY, SOURCE, days_of
from pricing_assets.defs.resources import Platform
from pricing_assets.tables import runs
from pricing_assets.tables.features import FeatureSnapshots


@dg.multi_asset(
    name="feature_snapshots",
    specs=[catalog.spec(FeatureSnapshots, deps=[*SOURCE.tables, runs.Checks])],
    partitions_def=DAILY,
    backfill_policy=BACKFILL,
    retry_policy=RETRY,
)
def feature_snapshots(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult[None]:
    """Everything pricing may look at, computed in one pass over the days of the run."""
    lake, calendar = platform.lake, platform.calendar
    with platform.at_work(context, days_of(context)):
        days = verdicts.open_days(context, lake, days_of(context))
        inputs = features.read(lake, days, calendar)
        snapshot = features.snapshot_of(inputs, days, calendar)
        platform.commit(context, FeatureSnapshots, snapshot, days)
    return catalog.result(context, FeatureSnapshots, snapshot, days, {"features present": plots.presence(snapshot)})
