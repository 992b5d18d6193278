"""The forecasts of days in the lake: by the model in force, else by rate, with the reason in every row.

Here: from the panels of a day to rows of forecasts.demand_forecasts, and to what drives them. Not here: which model is
in force (models/, governance/), how it forecasts (model), reading (inputs).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import chain
from typing import Any

import polars as pl

from pricing_assets.cores import side_by_side
from pricing_assets.demand.attribution import attributed, ranked
from pricing_assets.demand.inputs import Read, read
from pricing_assets.demand.model import DemandModel
from pricing_assets.demand.numbering import PAIR
from pricing_assets.demand.panel import DATE, ID
from pricing_assets.demand.panels import PRICE, Panels, series_id, series_pair
from pricing_assets.demand.plan import Frequency
from pricing_assets.demand.rates import rate_forecasts
from pricing_assets.errors import PricingError
from pricing_assets.features import Calendar
from pricing_assets.lake import Lake
from pricing_assets.tables.forecasts import DemandForecasts

NAMES: Mapping[Frequency, str] = {"D": "demand-daily", "W": "demand-weekly"}
"""The model asked for each frequency."""
NO_PRICE = "no posted price is known, and the model needs one"
CANNOT = "the model cannot forecast this panel"
"""How the reason begins where a model that should serve was asked and failed."""


AT_ONCE = 500_000
"""Rows put in order at a time, those of one target date at least: of a large shop a day's rows are many times its
panel, and sorted as a whole they would be there twice; of a small one each time costs more than its rows do."""
APART = 4
"""Days between the dates whose contributions are asked for: seven of 28, each weekday once."""


@dataclass(frozen=True)
class Served:
    """The model in force, with its version and the hash of its files; or why none serves."""

    model: DemandModel | None
    version: int | None = None
    artifact_hash: str | None = None
    reason: str | None = None


def forecasts_of(
    lake: Lake, days: Sequence[date], calendar: Calendar, served: Mapping[Frequency, Sequence[Served]]
) -> pl.DataFrame:
    """Rows of forecasts.demand_forecasts for the days, in canonical order: 28 days and 8 weeks ahead of each.

    One row per SKU-market on sale that was ever observed. A day's rows rest on what that day may see and on `served`,
    newest first, alone, so a range gives what its days give one after the other. Each day is served by the newest model
    that was trained before it (see `serving`).
    """
    raw = read(lake, days, calendar)
    made = side_by_side(lambda day: _of_day(raw, day, served), sorted(set(days)))
    return pl.concat([DemandForecasts.create_empty(), *chain.from_iterable(made)])


def serving(served: Sequence[Served], day: date, name: str) -> Served:
    """What serves a day: the newest that was trained before it, or is not to be had.

    A training ends with a day that stands: that day, run again, is forecast as before, by the model it had then.
    """
    for each in served:
        if each.model is None or each.model.trained_until < day:
            return each
    return Served(None, reason=no_version(name))


def no_version(name: str) -> str:
    """Why a rate forecasts a day no model serves; the same words before the first model came and after."""
    return f"no version of {name} in force was trained before this day"


def _of_day(raw: Read, day: date, served: Mapping[Frequency, Sequence[Served]]) -> list[pl.DataFrame]:
    """The rows of a day in order, some target dates at a time; none where nothing is on sale, nor of weeks before there
    is a whole one.
    """
    made = []
    by = {frequency: serving(each, day, NAMES[frequency]) for frequency, each in served.items()}
    with_known = any(each.model for each in by.values())  # a rate asks for units alone
    for frequency, whole in raw.panels(day, with_known=with_known).items():
        panels, name = _within_horizon(whole), NAMES[frequency]
        if panels.history.height:
            made.append((panels, name, by[frequency], forecast_panels(panels, by[frequency])))
    return [
        pl.concat(
            rows_of(panels, name, each, rows.filter(pl.col(DATE).is_between(*stretch)))
            for panels, name, each, rows in made
        ).sort(DemandForecasts.order())
        for stretch in _stretches([rows for *_, rows in made])
    ]


def _stretches(made: Sequence[pl.DataFrame]) -> Iterator[tuple[date, date]]:
    """The first and the last of the target dates that are put in order at a time."""
    targets = sorted({target for rows in made for target in rows[DATE].unique().to_list()})
    number = max(1, AT_ONCE * len(targets) // max(1, sum(rows.height for rows in made)))
    for at in range(0, len(targets), number):
        yield targets[at], targets[at : at + number][-1]


def _within_horizon(panels: Panels) -> Panels:
    """The panels without the days beyond the horizon, which only weeks are made of."""
    last = panels.day + timedelta(days=panels.plan.step * panels.plan.horizon)
    return replace(panels, future=panels.future.filter(pl.col(DATE) <= last))


def forecast_panels(panels: Panels, served: Served) -> pl.DataFrame:
    """Forecasts of a day's panel, as `DemandModel.forecast` has them, with `by_model`: whether a model was asked."""
    model, reason = served.model, served.reason or _unfit(panels, served.model)
    if model is None or reason:
        return _by_rate(panels.history, panels, str(reason))
    history, future = _asked(panels, model)
    others = panels.history.join(history, on=ID, how="anti", maintain_order="left")
    parts = [_by_rate(others, panels, NO_PRICE)] if others.height else []
    if history.height:
        try:
            made = model.forecast(history, future)
        except PricingError as fault:
            return _by_rate(panels.history, panels, f"{CANNOT}: {fault.what}")
        parts.append(made.with_columns(by_model=pl.lit(value=True)))
    return pl.concat(parts).sort(ID, DATE)


def _asked(panels: Panels, model: DemandModel) -> tuple[pl.DataFrame, pl.DataFrame]:
    """History and future of the series a model is asked about."""
    priced = panels.keys.select(ID).filter(panels.keys["priced"] | (PRICE not in model.plan.known))
    history, future = (
        frame.join(priced, on=ID, how="semi", maintain_order="left") for frame in (panels.history, panels.future)
    )
    return history, future


def drivers_of(panels: Panels, model: DemandModel, forecasts: pl.DataFrame) -> pl.DataFrame:
    """sku, market, driver_no, driver, effect_pct, sentence: what drives a day's `forecasts` by a model.

    `forecasts` (target_date, sku, market, mean) are its own of that day. Of the dates every APART-th counts. Raises
    PricingError for a model without trees.
    """
    first = panels.day + timedelta(days=1)
    dates = pl.col("target_date").is_in([first + timedelta(days=n) for n in range(0, panels.plan.horizon, APART)])
    rows = forecasts.filter(dates).select(series_id(), pl.col("target_date").alias(DATE), "mean")
    added = model.contributions(*_asked(panels, model), rows.select(ID, DATE))
    return ranked(attributed(added, rows, model.roles)).select(*series_pair(), pl.exclude(ID))


def _by_rate(history: pl.DataFrame, panels: Panels, reason: str) -> pl.DataFrame:
    return rate_forecasts(history, panels.plan, reason).with_columns(by_model=pl.lit(value=False))


def _unfit(panels: Panels, model: DemandModel | None) -> str | None:
    """Why a model does not serve a day's panel at all."""
    if model is None:
        return "no model is in force"
    if model.trained_until > panels.day:
        return f"the model was trained until {model.trained_until}: it has seen what came after this day"
    asked, made = (panels.plan.frequency, panels.plan.horizon), (model.plan.frequency, model.plan.horizon)
    return None if asked == made else f"the model forecasts {made[1]}{made[0]}, asked are {asked[1]}{asked[0]}"


def rows_of(panels: Panels, name: str, served: Served, made: pl.DataFrame) -> pl.DataFrame:
    """Rows of forecasts.demand_forecasts that a day's forecasts come to, by the model `name` that is asked."""
    dates = made[DATE].unique().implode()
    prices = panels.future.filter(pl.col(DATE).is_in(dates)).select(ID, DATE, _conditioning(panels))
    rows = made.join(prices, on=[ID, DATE], how="left", maintain_order="left")
    rows = rows.join(panels.keys.select(ID, *PAIR), on=ID, how="left", maintain_order="left")
    of_model = {
        "model_version": served.version,
        "model_hash": served.artifact_hash,
        "trained_until": served.model.trained_until if served.model else None,
    }
    constants: dict[str, Any] = {"date": panels.day, "frequency": panels.plan.frequency, "model": name}
    rows = rows.select(
        pl.col(DATE).alias("target_date"),
        *PAIR,
        *("mean", "q10", "q90", "sum_mean", "sum_q10", "sum_q90", "conditioning_price", "method", "fallback_reason"),
        *(pl.lit(value).alias(column) for column, value in constants.items()),
        *(pl.when("by_model").then(pl.lit(value)).alias(column) for column, value in of_model.items()),
    )
    schema = DemandForecasts.create_empty().schema
    return rows.select(pl.col(column).cast(dtype) for column, dtype in schema.items())


def _conditioning(panels: Panels) -> pl.Expr:
    """The price a date is forecast at; null where none is posted."""
    price = pl.col(PRICE).round(4) if PRICE in panels.plan.known else pl.lit(None, pl.Float64)
    return price.cast(pl.Decimal(18, 4)).alias("conditioning_price")
