"""What is known of demand when a day is decided: its forecasts and elasticities, and the models they are from.

Here: reading them, and what of them counts. Not here: units at final prices (expected).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

import polars as pl

from pricing_assets.demand.forecasts import NAMES
from pricing_assets.errors import PricingError
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.tables.forecasts import DemandForecasts, Elasticities
from pricing_assets.tables.raw import Promotions, Sales

DAYS = 28
KEY = ["date", "sku", "market"]
MADE_BY = ["model", "model_version", "model_hash"]
_FORECAST = [*KEY, "sum_mean", "conditioning_price", *MADE_BY, "fallback_reason"]
_RANGE = ["sum_q10", "sum_q90"]
_PLAN = [*KEY, "target_date", "mean", "conditioning_price"]
_ELASTICITY = [*KEY, "kind", "elasticity", "curvature", "std_error"]
_EVIDENCE = ["spec_low", "spec_high", "cross", "cross_error", "fallback_reason"]
_HORIZON = pl.col("date").dt.offset_by(f"{DAYS}d")


class Outlook(NamedTuple):
    """What some days expect of demand: one forecast per date, SKU and market, and elasticities by kind.

    What a model prices by has their ranges and evidence too (see `outlook`).

    `forecasts` are of the last of the 28 days, whose sums are over all of them; `plans` are all 28 of the SKU-markets
    whose price is planned to change meanwhile. `inputs` say of each day which content it is (table → hash), `models`
    which models its forecasts are from.
    """

    forecasts: pl.DataFrame
    plans: pl.DataFrame
    elasticities: pl.DataFrame
    inputs: Mapping[date, Mapping[str, str]]
    models: Mapping[date, Sequence[str]]


def outlook(
    forecasts: pl.DataFrame,
    elasticities: pl.DataFrame,
    inputs: Mapping[date, Mapping[str, str]],
    *,
    learned: bool = False,
) -> Outlook:
    """What rows of forecasts.demand_forecasts and forecasts.elasticities, in canonical order, say of their dates.

    Where a model prices (`learned`), with the range of the forecasts and the evidence behind the elasticities.
    """
    last = whole_horizon(forecasts)
    plans = _plans(forecasts, last).select(_PLAN)
    mine, known = last.select(_of_forecasts(learned=learned)), elasticities.select(_of_elasticities(learned=learned))
    return Outlook(mine, plans, known, inputs, _models(last))


def _of_forecasts(*, learned: bool) -> list[str]:
    return [*_FORECAST, *(_RANGE if learned else [])]


def _of_elasticities(*, learned: bool) -> list[str]:
    return [*_ELASTICITY, *(_EVIDENCE if learned else [])]


def whole_horizon(forecasts: pl.DataFrame) -> pl.DataFrame:
    """The rows of forecasts.demand_forecasts whose sums are over all 28 days: one per date, SKU and market."""
    return forecasts.filter(_daily() & (pl.col("target_date") == _HORIZON))


def _plans(forecasts: pl.DataFrame, last: pl.DataFrame) -> pl.DataFrame:
    """All 28 days of those for which one of them has another price than the last, by date, SKU, market and target."""
    if forecasts.height == last.height:
        return last.clear()
    daily = forecasts.filter(_daily() & (pl.col("target_date") <= _HORIZON))
    beside = daily.join(last.select(*KEY, at_last="conditioning_price"), on=KEY)
    moved = beside.filter(pl.col("conditioning_price").ne_missing(pl.col("at_last"))).select(KEY).unique()
    return daily.join(moved, on=KEY, how="semi").sort(*KEY, "target_date")


def _daily() -> pl.Expr:
    return (pl.col("frequency").cast(pl.String) == "D") & (pl.col("model") == NAMES["D"])


def _models(forecasts: pl.DataFrame) -> dict[date, list[str]]:
    """Day → the models of its forecasts, each by name, version and whole artifact hash."""
    made_by = forecasts.select("date", *MADE_BY)
    # neighbours are nearly always from the same model: only where it changes there is something to tell apart
    changes = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift()) for name in made_by.columns)
    made_by = made_by.filter(changes).drop_nulls().unique().sort("date", *MADE_BY)
    models: dict[date, list[str]] = {}
    for day, model, version, artifact in made_by.iter_rows():
        models.setdefault(day, []).append(f"{model}/{version}@{artifact}")
    return models


def nothing_known(*, learned: bool = False) -> Outlook:
    """What is expected where nobody forecast anything."""
    return outlook(DemandForecasts.create_empty(), Elasticities.create_empty(), {}, learned=learned)


def outlook_of(lake: Lake, days: Sequence[date], *, learned: bool = False) -> Outlook:
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
    found = [nothing_known(learned=learned)]
    planned = bool(lake.partitions(Promotions))
    for day in days:
        files = [each[day] for each in (forecasts, elasticities) if day in each]
        hashes = {file.table: file.hash for file in files}
        asked = [elasticities[day]] if day in elasticities else []
        answers = lake.read_files(Elasticities, asked, _of_elasticities(learned=learned))
        columns = [*_of_forecasts(learned=learned), *_PLAN, "frequency"]
        rows = _forecasts(lake, [forecasts[day]] if day in forecasts else [], day, columns, planned=planned)
        found.append(outlook(rows, answers, {day: hashes}, learned=learned))
    return _together(found)


def _forecasts(
    lake: Lake, files: Sequence[PartitionFile], day: date, columns: Sequence[str], *, planned: bool
) -> pl.DataFrame:
    """Daily forecasts up to the horizon; of a shop that plans no price only its end, which says all."""
    last = day + timedelta(days=DAYS)
    target = pl.col("target_date") <= last if planned else pl.col("target_date") == last
    return lake.read_files(
        DemandForecasts, files, list(dict.fromkeys(columns)), where=target & (pl.col("frequency") == "D")
    )


def _together(found: Sequence[Outlook]) -> Outlook:
    """The outlooks of several days as one."""
    return Outlook(
        pl.concat([each.forecasts for each in found]),
        pl.concat([each.plans for each in found]),
        pl.concat([each.elasticities for each in found]),
        {day: hashes for each in found for day, hashes in each.inputs.items()},
        {day: models for each in found for day, models in each.models.items()},
    )
