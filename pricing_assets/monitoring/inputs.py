"""What a champion is judged by: its forecasts beside sales, snapshots and elasticities, as they are in the lake.

Here: reading, and the segments of SKU-markets: category and market. Not here: any judgement.

What was usual is told by the champion's folds: forecasts of past origins, by models that had not seen what came after.
From its training on they are its own forecasts in the lake, of the days it served.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

import polars as pl

from pricing_assets.cores import side_by_side
from pricing_assets.demand import inputs, panels
from pricing_assets.demand.numbering import CELL, NUMBER, of_pairs
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake
from pricing_assets.monitoring import errors
from pricing_assets.monitoring.metrics import COLUMNS, drift_metrics, retraining_due
from pricing_assets.monitoring.plan import Incumbent, Plan
from pricing_assets.tables import Table, raw
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities

_SPARE = 7
"""Days beyond the least lead within which a forecast is taken: a day that was not run leaves an older one."""
_PAIR = ["sku", "market"]
_TABLES: Sequence[type[Table]] = (raw.Listings, raw.Prices, raw.Sales, raw.Stock)
_SEGMENT = pl.concat_str(
    pl.col("category").cast(pl.String).fill_null(panels.NO_CATEGORY), "market", separator=" · "
).alias("segment")


@dataclass(frozen=True)
class Watched:
    """A model that serves: its version, the last day it was trained on, and its folds where days are charted.

    `folds`: unique_id, ds, cutoff, mean, q10, q90, y, censored, conditioning_price, actual_price, segment.
    """

    model: str
    version: int
    trained_until: date
    folds: pl.DataFrame | None

    @property
    def label(self) -> str:
        """As metrics name it, e.g. `demand-daily/4`."""
        return f"{self.model}/{self.version}"

    def champion(self, plan: Plan) -> Incumbent:
        """As it is judged. Its reference begins where a fold's forecast is old enough; without folds there is none."""
        until = self.trained_until
        first = None if self.folds is None else self.folds["cutoff"].min()
        since = first + timedelta(days=plan.least_lead) if isinstance(first, date) else until
        return Incumbent(self.label, min(since, until), until, until)


def metrics_of(lake: Lake, days: Sequence[date], calendar: Calendar, watched: Watched, plan: Plan) -> pl.DataFrame:
    """Rows of monitoring.drift_metrics of the days after the champion's training, of one champion.

    Each day is judged by what it may see. A champion without folds is only asked its age.
    """
    asked, champion = sorted(each for each in set(days) if each > watched.trained_until), watched.champion(plan)
    due = [retraining_due(day, champion, plan).with_columns(segment=pl.lit(watched.model)) for day in asked]
    made = [pl.DataFrame(schema=COLUMNS), *due]
    if asked and watched.folds is not None:
        read = _read(lake, asked, calendar, watched, plan)
        made += side_by_side(lambda day: _judged(read, day, watched, plan), asked)
    return pl.concat(made).sort("date", "metric", "segment")


@dataclass(frozen=True)
class _Read:
    """What some days look at, read once for all of them: each takes what is not later than itself.

    `served` are the champion's own forecasts, `snapshots` those of both windows that are compared, with segments;
    `elasticities` has those of a day, or of the last day before it with any.
    """

    raws: inputs.Read
    served: pl.DataFrame
    snapshots: pl.DataFrame
    elasticities: Mapping[date, pl.DataFrame | None]


def _read(lake: Lake, days: Sequence[date], calendar: Calendar, watched: Watched, plan: Plan) -> _Read:
    first, last = watched.trained_until, days[-1]
    return _Read(
        inputs.read(lake, days, calendar, (last - first).days, _TABLES),
        _served(lake, last, watched, plan),
        _snapshots(lake, watched.champion(plan), days, plan),
        {day: _elasticities(lake, day) for day in (first, *days)},
    )


def _judged(read: _Read, day: date, watched: Watched, plan: Plan) -> pl.DataFrame:
    snapshots = read.snapshots.filter(pl.col("date") <= day)
    segments = snapshots.filter(date=day).select(*_PAIR, "segment")
    old, new = read.elasticities[watched.trained_until], read.elasticities[day]
    if new is not None:
        new = new.join(segments, on=_PAIR, how="inner", maintain_order="left")
    own = read.served.filter((pl.col("origin") <= day) & (pl.col("date") <= day))
    own = own.join(segments, on=_PAIR, how="inner")
    # what was restarted later than the day is not known on it
    plan = replace(plan, restarts={key: on for key, on in plan.restarts.items() if on <= day})
    return drift_metrics(
        day,
        _beside_sales(watched, own, _known(read.raws.seen(day), read.raws.pairs)),
        watched.champion(plan),
        plan,
        snapshots=snapshots,
        old_elasticities=old,
        new_elasticities=new,
    )


def _beside_sales(watched: Watched, own: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Forecasts beside sales (errors.COLUMNS): the folds, then what the champion forecast as it served."""
    assert watched.folds is not None
    names = {"date": "ds", "origin": "cutoff"}
    folds = watched.folds.select(*panels.series_pair(), pl.exclude("unique_id", *names.values()), **names)
    own = own.join(known, on=["date", *_PAIR], how="left")
    rows = [frame.select(pl.col(name).cast(kind) for name, kind in errors.COLUMNS.items()) for frame in (folds, own)]
    return pl.concat(rows)


def _served(lake: Lake, last: date, watched: Watched, plan: Plan) -> pl.DataFrame:
    """date, origin, sku, market, mean, q10, q90, conditioning_price of the champion's own forecasts."""
    names = ["date", "target_date", *_PAIR, "frequency", "model_version", "model"]
    figures = ["mean", "q10", "q90", "conditioning_price"]
    first = watched.trained_until
    rows = lake.read(DemandForecasts, first, last, columns=[*names, *figures])
    lead = (pl.col("target_date") - pl.col("date")).dt.total_days()
    mine = (pl.col("model") == watched.model) & (pl.col("model_version") == watched.version)
    wanted = (pl.col("frequency").cast(pl.String) == "D") & lead.is_between(plan.least_lead, plan.least_lead + _SPARE)
    after = pl.col("target_date").is_between(first + timedelta(days=1), last)
    return rows.filter(mine & wanted & after).select(*_PAIR, *figures, date="target_date", origin="date")


def _known(seen: Mapping[str, pl.DataFrame], pairs: pl.DataFrame) -> pl.DataFrame:
    """date, sku, market, y, censored, actual_price of what a day sees of the pairs."""
    prices = panels.posted(of_pairs(pairs, seen["raw.prices"], *panels.OF_PRICES))
    price = (pl.col("current") / panels.TEN_THOUSANDTHS).alias("actual_price")
    rows = panels.observations(seen, pairs)
    rows = rows.join(prices.select(CELL, price), on=CELL, how="left", maintain_order="left")
    return rows.join(pairs.select(NUMBER, *_PAIR), on=NUMBER, how="left", maintain_order="left").drop(NUMBER, CELL)


def _snapshots(lake: Lake, champion: Incumbent, days: Sequence[date], plan: Plan) -> pl.DataFrame:
    """Of the reference window, and of the last weeks of each day: a champion may serve for years between them."""
    recent = min(days) - timedelta(days=plan.current_days - 1)
    wanted = [
        file
        for day, file in lake.partitions(FeatureSnapshots).items()
        if champion.reference_from <= day <= champion.reference_until or recent <= day <= max(days)
    ]
    names = ["date", *_PAIR, "category", "current_price", *(feature.name for feature in plan.features)]
    return lake.read_files(FeatureSnapshots, wanted, list(dict.fromkeys(names))).with_columns(_SEGMENT)


def _elasticities(lake: Lake, day: date) -> pl.DataFrame | None:
    """Those of the last day up to `day` that has any."""
    last = max((each for each in lake.partitions(Elasticities) if each <= day), default=None)
    return lake.read(Elasticities, last, last) if last else None
