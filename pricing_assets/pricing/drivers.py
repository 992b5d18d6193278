"""Drivers: what drives the demand estimates behind decisions, asked of the models that made them.

Here: which decisions are asked about, and reading what their models saw. Not here: how effects are put together
(demand/attribution), where a model's files are had from (models/), the sentences that need no model (grounds).

Nothing is read and no model is fetched where there is nothing to ask.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from pricing_assets.demand import DemandModel
from pricing_assets.demand.forecasts import drivers_of
from pricing_assets.demand.inputs import read
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake, PartitionFile
from pricing_assets.lake import days as manifests
from pricing_assets.pricing.batch import Batch
from pricing_assets.pricing.grounds import told
from pricing_assets.strategies import Strategy
from pricing_assets.tables.decisions import DemandDrivers
from pricing_assets.tables.forecasts import DemandForecasts

MOST = 1000
"""Decisions of a day whose drivers are worked out with it: one takes a fortieth of a second of CPU."""
_KEY = ["sku", "market"]
Asked = Callable[[str], DemandModel]
"""The model of `model_hashes`. Raises PricingError where it cannot be had."""


class Driven(NamedTuple):
    """Rows of decisions.demand_drivers, and why some decisions have none."""

    rows: pl.DataFrame
    notes: list[str]


def with_drivers(lake: Lake, batch: Batch, strategies: Sequence[Strategy], calendar: Calendar, ask: Asked) -> Driven:
    """What drives the demand behind the decisions of a batch that are told of; those known already are not asked again.

    Of each day the MOST that gain most. A model that cannot be had stops nothing: `notes` say so.
    """
    rows = told(batch.decisions, strategies)
    if not rows.height:
        return Driven(DemandDrivers.create_empty(), [])
    files = manifests.manifested(lake, DemandDrivers)
    known = lake.read_files(DemandDrivers, [files[day] for day in batch.days if day in files], ["decision_id"])
    rows = rows.join(known, on="decision_id", how="anti", maintain_order="left")
    order = {"date": False, "expected_gain": True, "sku": False, "market": False}
    rows = rows.sort(*order, descending=list(order.values()), nulls_last=True)
    rows = rows.group_by("date", maintain_order=True).head(MOST)
    return drivers(lake, rows, lake.partitions(DemandForecasts), calendar, ask)


def drivers(
    lake: Lake, decisions: pl.DataFrame, forecasts: Mapping[date, PartitionFile], calendar: Calendar, ask: Asked
) -> Driven:
    """What drives the demand behind some decisions, but for those that no model forecast.

    `forecasts` are the files of forecasts.demand_forecasts they were made from, by day.
    """
    rows = decisions.filter(pl.col("model_hashes").is_not_null() & pl.col("model_fallback").is_null())
    parts, notes = [DemandDrivers.create_empty()], []
    for (made_by, day), mine in rows.group_by("model_hashes", "date", maintain_order=True):
        try:
            model = ask(str(made_by))
            panels = read(lake, [day], calendar).daily(day)
            made = drivers_of(panels, model, _forecasts(lake, forecasts[day], mine.select(_KEY)))
        except PricingError as fault:
            notes.append(f"{day}: what drives its demand is not told: {fault}")
            continue
        rows_of_day = mine.select("date", *_KEY, "decision_id").join(made, on=_KEY)
        parts.append(DemandDrivers.cast(rows_of_day.select(*DemandDrivers.columns())))
    return Driven(pl.concat(parts).sort(DemandDrivers.order()), notes)


def _forecasts(lake: Lake, file: PartitionFile, pairs: pl.DataFrame) -> pl.DataFrame:
    """target_date, sku, market, mean of the daily forecasts of some pairs."""
    wanted = (pl.col("frequency").cast(pl.String) == "D") & pl.col("sku").is_in(pairs["sku"].unique().to_list())
    rows = lake.read_files(DemandForecasts, [file], ["target_date", *_KEY, "frequency", "mean"], where=wanted)
    return rows.join(pairs, on=_KEY, how="semi", maintain_order="left").drop("frequency")
