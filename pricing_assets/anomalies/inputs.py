"""The anomalies of days in the lake, with what earlier days say about them.

Here: reading snapshots, the alarms of the day before, and the past a forest is trained on. Not here: any judgement.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl

from pricing_assets.anomalies import causes, flags, forest
from pricing_assets.anomalies.alarms import anomalies
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.tables.anomalies import PriceAnomalies
from pricing_assets.tables.features import FeatureSnapshots

Files = dict[date, PartitionFile]


def anomalies_of(lake: Lake, days: Sequence[date]) -> pl.DataFrame:
    """Rows of anomalies.price_anomalies for the days that have a snapshot in the lake, in canonical order.

    One pass over a range gives the rows that its days give one after the other: what a day takes from earlier ones is
    in the lake or among the days of the pass.
    """
    files = lake.partitions(FeatureSnapshots)
    wanted = list(dict.fromkeys([*flags.COLUMNS, *forest.COLUMNS]))
    snapshot = lake.read_files(FeatureSnapshots, [files[day] for day in sorted(set(days)) if day in files], wanted)
    found = _with_causes(lake, anomalies(snapshot), sorted(set(days) & set(files)), set(files))
    scored = _scores(lake, found, snapshot, files)
    rows = found.join(scored, on=flags.KEY, how="left", maintain_order="left")
    return rows.select(list(PriceAnomalies.columns()))


def _with_causes(lake: Lake, found: pl.DataFrame, days: Sequence[date], traded: set[date]) -> pl.DataFrame:
    known = lake.partitions(PriceAnomalies)

    def earlier(day: date) -> pl.DataFrame:
        return lake.read_files(PriceAnomalies, [known[day]] if day in known else [])

    return causes.over_days(found, days, traded, earlier)


def _scores(lake: Lake, found: pl.DataFrame, snapshot: pl.DataFrame, files: Files) -> pl.DataFrame:
    """The forest's score of each flagged SKU and day, week by week."""
    rows = snapshot.select(forest.COLUMNS).join(found.select(flags.KEY).unique(), on=flags.KEY, how="semi")
    weeks = rows.with_columns(week=pl.col("date").dt.truncate("1w")).partition_by("week", as_dict=True)
    empty = forest.scores(rows.clear(), forest.Past(rows.clear(), {}))
    scored = [forest.scores(part.drop("week"), _past(lake, week, files)) for (week,), part in sorted(weeks.items())]
    return pl.concat([empty, *scored])


def _past(lake: Lake, week: date, files: Files) -> forest.Past:
    days = forest.past_days(week, list(files))
    rows = lake.read_files(FeatureSnapshots, [files[day] for day in days], forest.COLUMNS)
    return forest.Past(rows, {day: files[day].hash for day in days})
