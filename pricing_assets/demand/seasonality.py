"""Long seasonality of aggregates, by Prophet: what a SKU's short and noisy history cannot show.

Here: a seasonal component per group, which feeds the model as a column known in advance. Not here: forecasts of single
SKUs by Prophet, which would cost hundreds of times more and be no better.

Prophet (Taylor and Letham 2018) sees log sales of a group, samples nothing, and runs in a pool of processes; a group
whose sales are unchanged is read from the cache by content hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import MutableMapping
from concurrent.futures import ProcessPoolExecutor
from datetime import date
from typing import Any

import polars as pl

from pricing_assets.demand.panel import DATE, Y
from pricing_assets.demand.plan import Plan

SEASON = "season"
LEAST_YEARS = 2
"""Years of history below which a yearly season cannot be told from a trend."""
BOUND = 1.5
"""Largest effect believed, as a logarithm."""
VERSION = "prophet 1, log1p, yearly and weekly"
Cache = MutableMapping[str, list[float]]


def seasonality(
    history: pl.DataFrame,
    plan: Plan,
    until: date,
    *,
    by: str | None = None,
    cache: Cache | None = None,
    workers: int = 1,
) -> pl.DataFrame:
    """`by` (if any), ds, season: the seasonal part of log sales per group, from the first date to `until`.

    `history` is a gridded panel up to the origin: nothing after it is seen. No rows for groups with less than
    LEAST_YEARS of history. The cache, any mapping from content hash to values, is read and filled.
    """
    keys = [by] if by else []
    total = history.group_by(*keys, DATE).agg(pl.col(Y).sum()).sort(*keys, DATE)
    parts = total.partition_by(keys, maintain_order=True) if by else [total]
    long = [part for part in parts if part.height >= LEAST_YEARS * plan.year]
    asked = [_asked(part, plan, until) for part in long]
    known = {} if cache is None else cache
    names = [hashlib.sha256(repr((VERSION, sorted(told.items()))).encode()).hexdigest() for told in asked]
    todo = {name: told for name, told in zip(names, asked, strict=True) if name not in known}
    known.update(zip(todo, _all_fitted(list(todo.values()), workers), strict=True))
    made = [_frame(part, by, plan, until, known[name]) for part, name in zip(long, names, strict=True)]
    return pl.concat(made) if made else total.clear().select(*keys, DATE, pl.col(Y).alias(SEASON))


def with_season(panel: pl.DataFrame, seasons: pl.DataFrame) -> pl.DataFrame:
    """The panel (or a future) with the column `season`, 0 where a group has none: name it among the known columns."""
    keys = [name for name in seasons.columns if name != SEASON]
    return panel.join(seasons, on=keys, how="left", maintain_order="left").with_columns(pl.col(SEASON).fill_null(0.0))


def _asked(part: pl.DataFrame, plan: Plan, until: date) -> dict[str, Any]:
    values = part[Y].log1p().round(9).to_list()
    dates = [day.isoformat() for day in part[DATE]]
    return {"dates": dates, "values": values, "step": plan.step, "until": until.isoformat(), "country": plan.country}


def _all_fitted(asked: list[dict[str, Any]], workers: int) -> list[list[float]]:
    if workers <= 1 or len(asked) <= 1:
        return [_fitted(told) for told in asked]
    with ProcessPoolExecutor(workers) as pool:
        return list(pool.map(_fitted, asked))


def _fitted(told: dict[str, Any]) -> list[float]:
    """The seasonal component on the grid from the first date to `until`."""
    import logging

    import pandas as pd  # type: ignore[import-untyped]
    from prophet import Prophet

    logging.getLogger("cmdstanpy").setLevel(logging.ERROR)
    daily = told["step"] == 1
    model = Prophet(uncertainty_samples=0, yearly_seasonality=6, weekly_seasonality=daily, daily_seasonality=False)
    if told["country"]:
        model.add_country_holidays(told["country"])
    model.fit(pd.DataFrame({"ds": pd.to_datetime(told["dates"]), "y": told["values"]}), seed=1)
    grid = pd.date_range(told["dates"][0], told["until"], freq=f"{told['step']}D")
    made = model.predict(pd.DataFrame({"ds": grid}))["additive_terms"]
    return [round(float(value), 6) for value in made.clip(-BOUND, BOUND)]


def _frame(part: pl.DataFrame, by: str | None, plan: Plan, until: date, values: list[float]) -> pl.DataFrame:
    first = part[DATE][0]
    dates = pl.date_range(first, until, f"{plan.step}d", eager=True)
    frame = pl.DataFrame({DATE: dates, SEASON: values})
    return frame.select(*([pl.lit(part[by][0]).alias(by)] if by else []), DATE, SEASON)
