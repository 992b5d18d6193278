"""The referee: one response model under which two sets of prices are judged, and neither was decided by it.

Here: its elasticities, and what prices earn under it with their doubt. Not here: which prices are compared (backtest),
the arithmetic of a category's others (prospects) and of earning (optimiser).

Units are the recorded forecast × one constant elasticity for each category and market: the mean of its SKUs' base
elasticities in the newest estimate of the lake. A model that chose a price by the SKU's own estimate of the day would
mark its own homework under that estimate, and rules have none. The published mean is the second opinion: how far the
two are apart says how much hangs on the elasticity.
"""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import NamedTuple

import numpy as np
import polars as pl

from pricing_assets.demand.response import PUBLISHED, PUBLISHED_SPREAD
from pricing_assets.lake import Lake
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.optimiser import Earned, Floats, Rows, earned
from pricing_assets.pricing.outlook import KEY, Outlook
from pricing_assets.pricing.prospects import doubt_of_elasticity, prospects
from pricing_assets.strategies import Learned
from pricing_assets.strategies.learned import DEFAULT
from pricing_assets.tables import money
from pricing_assets.tables.features import FeatureSnapshots
from pricing_assets.tables.forecasts import Elasticities

DIVERSION: Decimal = DEFAULT.diversion
"""Share of the revenue a price loses that its category gains, where nobody estimated cross effects."""
_OBJECTIVE: Learned = DEFAULT
_FIGURES = ("elasticity", "error", "cross", "cross_error")
_ARRAYS = ("units", "spread", "planned", "elasticity", "error", "curvature", "others", "others_error")
_GROUP = ["market", "category"]
_DIGITS = 4


class Referee(NamedTuple):
    """Elasticities by market and category, with their error, and cross effects where there are any.

    `estimated_on` is the day the newest estimate rests on, None where there is none. A row whose market is null is of
    a category in all markets, one without category too of all SKUs; the last always is there.
    """

    estimated_on: date | None
    elasticities: pl.DataFrame


class Verdict(NamedTuple):
    """What two prices of each row earn (major units of its currency), the category's others in it.

    `by_elasticity` and `by_others` are what of the difference a standard deviation of the elasticity, and of the cross
    effect, would change; of a category they add up, for its SKUs are taken to be off alike.
    """

    live: pl.Series
    draft: pl.Series
    by_elasticity: pl.Series
    by_others: pl.Series


def referee(lake: Lake) -> Referee:
    """The referee of a lake: by the newest estimate that stands."""
    found = manifests.manifest(lake)
    answers, snapshots = (found.get(table.table_name(), {}) for table in (Elasticities, FeatureSnapshots))
    newest = max(answers.keys() & snapshots.keys(), default=None)
    if newest is None:
        return published()
    categories = lake.read_files(FeatureSnapshots, [snapshots[newest]], ["sku", "market", "category"])
    rows = lake.read_files(Elasticities, [answers[newest]])
    base = rows.filter(pl.col("kind").cast(pl.String) == "base")
    if base.is_empty():
        return published()
    return Referee(base["estimated_on"].max(), _means(base.join(categories, on=["sku", "market"], how="left")))  # type: ignore[arg-type]


def published() -> Referee:
    """The referee that knows of no lake: the mean of published elasticities."""
    row = {"elasticity": PUBLISHED, "error": PUBLISHED_SPREAD}
    return Referee(None, pl.DataFrame([row], schema=_SCHEMA))


def judge(rows: pl.DataFrame, known: Outlook, judge_by: Referee) -> Verdict:
    """What the live and the draft prices of `rows` earn over 28 days: all that is on sale on the days.

    `rows` has date, sku, market, category, currency, current_price, cost (Decimal), live_price and draft_price. Null
    without a forecast, a cost or a price. `known` is what the days expected of demand, as for a model.
    """
    scale = money.scale(pl.col("currency"))
    frame = rows.with_columns(scale=scale).with_columns(
        current=money.to_minor(pl.col("current_price"), pl.col("scale"))
    )
    of_rows = _of_rows(frame, judge_by)
    asked = known._replace(elasticities=of_rows.with_columns(frame.select(KEY)))
    found = prospects(frame, asked, _OBJECTIVE)
    told = _told(frame, found)
    prices = [_minor(frame, name) for name in ("live_price", "draft_price")]
    live, draft = (earned(told, price) for price in prices)
    return Verdict(
        _amount(live.earned, frame),
        _amount(draft.earned, frame),
        _amount(_shift(told, live, draft), frame),
        _amount(told.others_error * np.log(prices[1] / prices[0]), frame),
    )


_SCHEMA: dict[str, pl.DataType | type[pl.DataType]] = {
    "market": pl.String,
    "category": pl.String,
    **dict.fromkeys(_FIGURES, pl.Float64),
    "skus": pl.UInt32,
}


def _means(base: pl.DataFrame) -> pl.DataFrame:
    """Means by market and category, by category, and of all; the error is how far one more SKU may be from it."""
    base = base.sort(KEY).with_columns(
        pl.col("market", "category").cast(pl.String),
        doubt=doubt_of_elasticity() ** 2,
        **{name: pl.lit(None, pl.Float64) for name in ("cross", "cross_error") if name not in base.columns},
    )
    figures = [
        pl.col("elasticity").mean(),
        (pl.col("elasticity").var().fill_null(0.0) + pl.col("doubt").mean()).sqrt().alias("error"),
        pl.col("cross").mean(),
        pl.col("cross_error").mean(),
        pl.len().alias("skus"),
    ]
    nowhere = [pl.lit(None, pl.String).alias(name) for name in _GROUP]
    named = base.drop_nulls("category")
    parts = [
        named.group_by(_GROUP, maintain_order=True).agg(figures),
        named.group_by("category", maintain_order=True).agg(figures).with_columns(nowhere[0]),
        base.select(figures).with_columns(nowhere),
    ]
    return pl.concat([part.select(pl.col(name).cast(dtype) for name, dtype in _SCHEMA.items()) for part in parts])


def _of_rows(frame: pl.DataFrame, judge_by: Referee) -> pl.DataFrame:
    """Rows of forecasts.elasticities, as an outlook has them, one for each row of `frame`, in its order."""
    found = judge_by.elasticities
    own = found.drop_nulls("market").select(*_GROUP, **_renamed("own"))
    wide = found.filter(pl.col("market").is_null() & pl.col("category").is_not_null())
    rows = frame.select(pl.col("market", "category").cast(pl.String))
    rows = rows.join(own, on=_GROUP, how="left", maintain_order="left")
    rows = rows.join(wide.select("category", **_renamed("wide")), on="category", how="left", maintain_order="left")
    last = found.filter(pl.col("category").is_null()).row(0, named=True)
    values = {name: _first(name, last[name]) for name in _FIGURES}
    return rows.select(
        pl.lit("base").alias("kind"),
        values["elasticity"].alias("elasticity"),
        pl.lit(0.0).alias("curvature"),
        values["error"].alias("std_error"),
        values["elasticity"].alias("spec_low"),
        values["elasticity"].alias("spec_high"),
        values["cross"].alias("cross"),
        values["cross_error"].alias("cross_error"),
    )


def _renamed(prefix: str) -> dict[str, pl.Expr]:
    return {f"{prefix}_{name}": pl.col(name) for name in _FIGURES}


def _first(name: str, last: float | None) -> pl.Expr:
    """A figure of the narrowest group that has elasticities."""
    own, wide = (pl.col(f"{prefix}_elasticity").is_not_null() for prefix in ("own", "wide"))
    other = pl.when(wide).then(f"wide_{name}").otherwise(pl.lit(last, pl.Float64))
    return pl.when(own).then(f"own_{name}").otherwise(other)


def _told(frame: pl.DataFrame, found: pl.DataFrame) -> Rows:
    """The rows as the optimiser has them; NaN where something is not known. Stock is no matter."""
    nothing = np.zeros(frame.height)
    arrays = {name: found[name].cast(pl.Float64).fill_null(float("nan")).to_numpy() for name in _ARRAYS}
    return Rows(
        **arrays,
        base=_minor(frame, "current_price"),
        cost=_minor(frame, "cost"),
        stock=nothing + np.inf,
        tested_low=nothing,
        tested_high=nothing,
        label=nothing,
    )


def _minor(frame: pl.DataFrame, name: str) -> Floats:
    """An amount in minor units; NaN where it is not known."""
    return (
        frame.select((pl.col(name).cast(pl.Float64) * pl.col("scale")).fill_null(float("nan"))).to_series().to_numpy()
    )


def _shift(rows: Rows, live: Earned, draft: Earned) -> Floats:
    """What one standard deviation of the elasticity changes of the difference."""
    return np.asarray(rows.error * (draft.slope - live.slope))


def _amount(minor: Floats, frame: pl.DataFrame) -> pl.Series:
    """Minor units as major ones, to the digit amounts are kept to; null where nothing is known."""
    return frame.select((pl.lit(pl.Series(minor)) / pl.col("scale")).round(_DIGITS).fill_nan(None)).to_series()
