"""Long seasonality of aggregates, by Prophet: what a SKU's short and noisy history cannot show.

Here: a seasonal component per group, which feeds the model as a column known in advance. Not here: which sales it is
learned from (inputs), forecasts of single SKUs by Prophet, which would cost hundreds of times more and be no better.

Prophet (Taylor and Letham 2018) sees log sales of a group beside how much of it was promoted, so that no promotion
passes for a season; it samples nothing and runs in a pool of processes. A group whose sales are unchanged is read from
the cache by content hash.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, MutableMapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.demand.panel import DATE, Y
from pricing_assets.demand.plan import Plan

SEASON = "season"
LEAST_YEARS = 2
"""Years of history below which a yearly season cannot be told from a trend."""
BOUND = 1.5
"""Largest effect believed, as a logarithm."""
PROMOTED = "promoted"
VERSION = "prophet 1, log1p, yearly, weekly and holidays beside promotions"
SEASONAL = ("yearly", "weekly", "holidays")
"""Prophet's components that are a season."""
Cache = MutableMapping[str, list[float]]


class Kept(MutableMapping[str, list[float]]):
    """A cache in a folder, a file per hash, each whole or not there; nothing is lost by deleting it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __getitem__(self, name: str) -> list[float]:
        try:
            return [float(value) for value in json.loads((self.folder / name).read_bytes())]
        except (OSError, ValueError) as missing:
            raise KeyError(name) from missing

    def __setitem__(self, name: str, values: list[float]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self.folder / f".{name}"
        draft.write_text(json.dumps(values))
        draft.replace(self.folder / name)

    def __delitem__(self, name: str) -> None:
        (self.folder / name).unlink()

    def __iter__(self) -> Iterator[str]:
        return (path.name for path in sorted(self.folder.glob("[!.]*")))

    def __len__(self) -> int:
        return sum(1 for _ in self)


def seasonality(
    history: pl.DataFrame,
    plan: Plan,
    until: date,
    *,
    by: Sequence[str] = (),
    cache: Cache | None = None,
    workers: int = 1,
) -> pl.DataFrame:
    """`by` (if any), ds, season: the seasonal part of log sales per group, from its first date to `until`.

    `history` has `by`, ds, y and optionally `promoted`, the share promoted, 0 to 1, of dates up to the origin: nothing
    after it is seen. No rows for groups with less than LEAST_YEARS of history. The cache, any mapping from content hash
    to values, is read and filled.
    """
    keys = list(by)
    known = pl.col(PROMOTED).fill_null(0.0).mean() if PROMOTED in history.columns else pl.lit(0.0)
    total = history.group_by(*keys, DATE).agg(pl.col(Y).sum(), known.alias(PROMOTED)).sort(*keys, DATE)
    parts = total.partition_by(keys, maintain_order=True) if keys else [total]
    long = [part for part in parts if _spans_years(part, plan)]
    asked = [_asked(part, plan, until) for part in long]
    kept = {} if cache is None else cache
    names = [hashlib.sha256(repr((VERSION, sorted(told.items()))).encode()).hexdigest() for told in asked]
    todo = {name: told for name, told in zip(names, asked, strict=True) if name not in kept}
    kept.update(zip(todo, _all_fitted(list(todo.values()), workers), strict=True))
    made = [_frame(part, keys, plan, until, kept[name]) for part, name in zip(long, names, strict=True)]
    return pl.concat(made) if made else total.clear().select(*keys, DATE, pl.col(Y).alias(SEASON))


def with_season(panel: pl.DataFrame, seasons: pl.DataFrame) -> pl.DataFrame:
    """The panel (or a future) with the column `season`, 0 where a group has none: name it among the known columns."""
    keys = [name for name in seasons.columns if name != SEASON]
    return panel.join(seasons, on=keys, how="left", maintain_order="left").with_columns(pl.col(SEASON).fill_null(0.0))


def _spans_years(part: pl.DataFrame, plan: Plan) -> bool:
    first, last = part[DATE].min(), part[DATE].max()
    if not isinstance(first, date) or not isinstance(last, date):
        return False
    return last - first >= timedelta(days=plan.step * (LEAST_YEARS * plan.year - 1))


def _asked(part: pl.DataFrame, plan: Plan, until: date) -> dict[str, Any]:
    values = part[Y].log1p().round(9).to_list()
    dates = [day.isoformat() for day in part[DATE]]
    promoted = part[PROMOTED].round(6).to_list()
    told = {"dates": dates, "values": values, "promoted": promoted}
    return told | {"step": plan.step, "until": until.isoformat(), "country": plan.country}


def _all_fitted(asked: list[dict[str, Any]], workers: int) -> list[list[float]]:
    if workers <= 1 or len(asked) <= 1:
        return [_fitted(told) for told in asked]
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:  # threads of this process are running
        return list(pool.map(_fitted, asked))


def quiet() -> None:
    """Lets Prophet and Stan tell nobody in this process of each fit, of a plotting library that is not there, of years
    a day too short; what goes wrong is raised, and a fit that has to begin anew is still told.

    Both set their loggers' levels anew where they are first used.
    """
    for name in ("prophet", "prophet.plot", "cmdstanpy"):
        logging.getLogger(name).disabled = True


def _fitted(told: dict[str, Any]) -> list[float]:
    """The seasonal component on the grid from the first date to `until`."""
    import pandas as pd  # type: ignore[import-untyped]

    quiet()
    from prophet import Prophet

    daily = told["step"] == 1
    model = Prophet(uncertainty_samples=0, yearly_seasonality=6, weekly_seasonality=daily, daily_seasonality=False)
    if told["country"]:
        model.add_country_holidays(told["country"])
    seen = pd.DataFrame({"ds": pd.to_datetime(told["dates"]), "y": told["values"], PROMOTED: told["promoted"]})
    if seen[PROMOTED].nunique() > 1:
        model.add_regressor(PROMOTED)
    model.fit(seen, seed=1)
    grid = pd.date_range(told["dates"][0], told["until"], freq=f"{told['step']}D")
    found = model.predict(pd.DataFrame({"ds": grid, PROMOTED: 0.0}))
    made = found[[name for name in SEASONAL if name in found]].sum(axis=1)
    return [round(float(value), 6) for value in made.clip(-BOUND, BOUND)]


def _frame(part: pl.DataFrame, by: list[str], plan: Plan, until: date, values: list[float]) -> pl.DataFrame:
    dates = pl.date_range(part[DATE][0], until, f"{plan.step}d", eager=True)
    frame = pl.DataFrame({DATE: dates, SEASON: values})
    return frame.select(*(pl.lit(part[name][0]).alias(name) for name in by), DATE, SEASON)
