"""Which days there are: every calendar day of the source is a partition.

Here: the source as the code location was loaded with, and its days. Not here: reading it.
"""

from __future__ import annotations

from datetime import date, timedelta

import dagster as dg

from pricing_assets import sources
from pricing_assets.settings import Settings

SETTINGS = Settings()
SOURCE = sources.load(SETTINGS.source, SETTINGS)
DAILY = dg.DailyPartitionsDefinition(
    start_date=SOURCE.first_day.isoformat(),
    end_date=(SOURCE.last_day + timedelta(days=1)).isoformat() if SOURCE.last_day else None,
    timezone=SOURCE.time_zone,
)
# At most a month to a run: memory stays bounded by the chunk, a killed backfill loses at most one. Of a large shop
# `pricing run` takes fewer days (PRICING_CHUNK_ROWS).
CHUNK_DAYS = 31
BACKFILL = dg.BackfillPolicy.multi_run(max_partitions_per_run=CHUNK_DAYS)
RETRY = dg.RetryPolicy(max_retries=2, delay=5, backoff=dg.Backoff.EXPONENTIAL)


def days_of(context: dg.AssetExecutionContext) -> list[date]:
    """The business days a run is for, in order."""
    return [date.fromisoformat(partition) for partition in context.partition_keys]
