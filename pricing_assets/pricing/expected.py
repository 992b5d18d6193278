"""What a day expects to sell at its final prices: the forecast at the planned price × what demand answers.

Here: reading forecasts and elasticities of a day, units at final prices, the models they are from. Not here: how
forecasts and elasticities are made (demand/, its stations), which price is final (decision).

Units are of the 28 days after the day. A forecast rests on a planned price; where none was assumed (a shop that has
realised prices only) it is taken as made at the current one. Up to the list price the SKU's base elasticity answers,
below it that of promotions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from pricing_assets.demand.forecasts import NAMES
from pricing_assets.demand.response import DEEPEST, respond
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.raw import Sales

DAYS = 28
NO_FORECAST = "no forecast for it"
_EXACT = 4  # decimals of units kept: what mathematical libraries of two machines differ in is far behind them
_KEY = ["date", "sku", "market"]
_MADE_BY = ["model", "model_version", "model_hash"]
_FORECAST = [*_KEY, "sum_mean", "conditioning_price", *_MADE_BY, "fallback_reason"]
_ELASTICITY = [*_KEY, "kind", "elasticity", "std_error"]
_DECISION = [*_KEY, "category", "current_price", "list_price", "final_price"]


class Outlook(NamedTuple):
    """What some days expect of demand: one forecast per date, SKU and market, and elasticities by kind.

    `inputs` say of each day which content it is (table → hash), `models` which models its forecasts are from.
    """

    forecasts: pl.DataFrame
    elasticities: pl.DataFrame
    inputs: Mapping[date, Mapping[str, str]]
    models: Mapping[date, Sequence[str]]


def outlook(forecasts: pl.DataFrame, elasticities: pl.DataFrame, inputs: Mapping[date, Mapping[str, str]]) -> Outlook:
    """What rows of forecasts.demand_forecasts and forecasts.elasticities say of the 28 days after each of their dates.

    Rows are in canonical order, as the lake reads them.
    """
    rows = whole_horizon(forecasts)
    made_by = rows.select("date", *_MADE_BY).drop_nulls().unique().sort("date", *_MADE_BY)
    models: dict[date, list[str]] = {}
    for day, model, version, artifact in made_by.iter_rows():
        models.setdefault(day, []).append(f"{model}/{version}@{artifact}")
    return Outlook(rows.select(_FORECAST), elasticities.select(_ELASTICITY), inputs, models)


def whole_horizon(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The rows of forecasts.demand_forecasts whose sums are over all 28 days: one per date, SKU and market."""
    last = pl.col("target_date") == pl.col("date").dt.offset_by(f"{DAYS}d")
    return forecasts.filter(last & (pl.col("frequency").cast(pl.String) == "D") & (pl.col("model") == NAMES["D"]))


def nothing_known() -> Outlook:
    """What is expected where nobody forecast anything."""
    return outlook(DemandForecasts.create_empty(), Elasticities.create_empty(), {})


def outlook_of(lake: Lake, days: Sequence[date]) -> Outlook:
    """What the days in the lake expect. Raises PricingError where a day since the first sale has no forecasts.

    Elasticities may be missing: a SKU's is then the mean of its category, else of all, else what is published.
    """
    forecasts, elasticities = lake.partitions(DemandForecasts), lake.partitions(Elasticities)
    sold = min(lake.partitions(Sales), default=date.max)
    if missing := [day for day in days if day not in forecasts and day >= sold]:
        raise PricingError(
            f"{DemandForecasts.table_name()}: none for {', '.join(map(str, missing[:3]))}, but SKUs were on sale",
            f"materialise {DemandForecasts.table_name()} for these days first, or run `pricing run --date D`",
        )
    known = [files[day] for files in (forecasts, elasticities) for day in days if day in files]
    inputs: dict[date, dict[str, str]] = {}
    for file in known:
        inputs.setdefault(file.partition, {})[file.table] = file.hash
    answers = lake.read_files(Elasticities, [file for file in known if file.table == Elasticities.table_name()])
    return outlook(_last_targets(lake, [forecasts[day] for day in days if day in forecasts]), answers, inputs)


def _last_targets(lake: Lake, files: Sequence[PartitionFile]) -> pl.DataFrame:
    """The rows of daily forecasts about the last of the 28 days: their sums are over all of them."""
    columns = [*_FORECAST, "target_date", "frequency"]

    def last(file: PartitionFile) -> pl.Expr:
        return (pl.col("target_date") == file.partition + timedelta(days=DAYS)) & (pl.col("frequency") == "D")

    rows = [lake.read_files(DemandForecasts, [file], columns, where=last(file)) for file in files]
    return pl.concat([lake.read_files(DemandForecasts, [], columns), *rows])


def expected(decisions: pl.DataFrame, known: Outlook) -> pl.DataFrame:
    """expected_units, model_hashes and model_fallback of each decision, in the order of `decisions`.

    `decisions` have date, sku, market (in canonical order it is quickest), category, current_price, list_price and
    final_price. Units are null without a forecast or a price.
    """
    current, final = (pl.col(name).cast(pl.Float64) for name in ("current_price", "final_price"))
    rows = _beside(decisions.select(_DECISION), known.forecasts).select(
        *_KEY,
        "category",
        *_MADE_BY,
        "fallback_reason",
        pl.col("sum_mean").alias("units"),
        pl.coalesce(pl.col("conditioning_price").cast(pl.Float64), current).alias("planned_price"),
        final.alias("candidate"),
        promoted=(pl.col("final_price") < pl.col("list_price")).fill_null(False),
    )
    made_by = pl.format("{}/{}@{}", "model", "model_version", pl.col("model_hash").str.head(12))
    return rows.select(
        _units(rows, known).alias("expected_units"),
        made_by.alias("model_hashes"),
        pl.when(pl.col("units").is_null())
        .then(pl.lit(NO_FORECAST))
        .otherwise("fallback_reason")
        .alias("model_fallback"),
    )


def _units(rows: pl.DataFrame, known: Outlook) -> pl.Series:
    """Units at the candidate price: as demand.response says, without its care for what a lake already promises."""
    kinds = ("base", "promotion")
    answers = known.elasticities.with_columns(pl.col("kind").cast(pl.String)).drop("std_error")
    for kind in kinds:
        rows = _beside(rows, answers.filter(kind=kind).select(*_KEY, pl.col("elasticity").alias(kind)))
    elasticity = pl.when("promoted").then("promotion").otherwise("base")
    move = (pl.col("candidate") / pl.col("planned_price")).clip(lower_bound=DEEPEST).log()
    priced = (pl.col("candidate") > 0) & (pl.col("planned_price") > 0) & pl.col("units").is_not_null()
    still = pl.col("candidate") == pl.col("planned_price")
    answered = pl.when(still).then("units").otherwise(pl.col("units") * (elasticity * move).exp())
    frame = rows.with_columns(
        answered=pl.when(priced).then(answered), borrows=(priced & ~still & elasticity.is_null()).fill_null(False)
    )
    if frame["borrows"].any():
        frame = _borrowed(frame, known)
    return frame["answered"].round(_EXACT)


def _borrowed(frame: pl.DataFrame, known: Outlook) -> pl.DataFrame:
    """The frame with units of SKUs without an elasticity answered by others', a day and its categories at a time."""
    frame = frame.with_row_index("place")
    asked = frame.filter(pl.col("units").is_not_null() & (pl.col("candidate") > 0) & (pl.col("planned_price") > 0))
    asked = asked.filter(pl.col("borrows").any().over("date", "category"))
    asked = asked.with_columns(kind=pl.when("promoted").then(pl.lit("promotion")).otherwise(pl.lit("base")))
    found = []
    for (day,), rows in asked.group_by("date", maintain_order=True):
        units = respond(rows, known.elasticities.filter(date=day), rows.select("sku", "market", "candidate", "kind"))
        found.append(rows.select("place").with_columns(units["units"].alias("other")).filter(rows["borrows"]))
    return frame.join(pl.concat(found), on="place", how="left", maintain_order="left").with_columns(
        answered=pl.coalesce("other", "answered")
    )


def _beside(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    """The columns of `others` beside the rows of the same date, SKU and market; null where there is none."""
    if rows.height == others.height and all((rows[name] == others[name]).all() for name in reversed(_KEY)):
        return rows.hstack(others.drop(_KEY))  # both in canonical order: as a rule every SKU on sale has its row
    return rows.join(others, on=_KEY, how="left", validate="m:1", maintain_order="left")
