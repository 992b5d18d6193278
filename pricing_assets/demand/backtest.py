"""Backtests: what the model would have forecast on past origins, beside methods anyone can run.

Here: rolling origins, the model and its rivals on each, forecasts with their ranges. Not here: measures (metrics), the
command (shell/).

Everything is trained again on each origin, from what was known then.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from pricing_assets.demand.baselines import AUTO_ETS, auto_ets, simple_forecasts
from pricing_assets.demand.metrics import accuracy, rmsse, scales
from pricing_assets.demand.model import BLEND, fit
from pricing_assets.demand.panel import DATE, ID, KEY, Y, checked, gridded
from pricing_assets.demand.plan import Plan
from pricing_assets.errors import PricingError

COLUMNS = [ID, DATE, "cutoff", "model", "yhat", "yhat_lo", "yhat_hi", Y]
Spent = tuple[str, float, int]
"""Model, seconds of CPU, series."""
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Backtest:
    """Forecasts of all models (COLUMNS); the model's own with sums, segment and members; seconds of CPU per series.

    `scale` has what RMSSE divides by, per series and origin.
    """

    forecasts: pl.DataFrame
    details: pl.DataFrame
    seconds: pl.DataFrame
    scale: pl.DataFrame

    @property
    def fallbacks(self) -> pl.DataFrame:
        """unique_id, cutoff, fallback_reason: what the model left to a simple method, and why."""
        fell = self.details.drop_nulls("fallback_reason").select(ID, "cutoff", "fallback_reason")
        return fell.unique(maintain_order=True)

    def summary(self) -> pl.DataFrame:
        """One row per model: n_series, n, wape, rmsse, bias, mean_abs_bias by origin, coverage, interval_score, CPU."""
        table = accuracy(self.forecasts).join(rmsse(self.forecasts, self.scale), on="model", how="left")
        by_origin = self.by_origin().group_by("model").agg(pl.col("bias").abs().mean().alias("mean_abs_bias"))
        return table.join(by_origin, on="model", how="left").join(self.seconds, on="model", how="left").sort("wape")

    def by_origin(self) -> pl.DataFrame:
        """One row per model and origin, as `accuracy` has them."""
        return accuracy(self.forecasts, ("model", "cutoff")).sort("model", "cutoff")


def cutoffs(panel: pl.DataFrame, plan: Plan, origins: int) -> list[date]:
    """The last `origins` dates, a horizon apart, whose horizon is over. Raises PricingError for a shorter panel."""
    last, first = panel[DATE].max(), panel[DATE].min()
    assert isinstance(last, date) and isinstance(first, date)
    found = [last - timedelta(days=plan.step * plan.horizon * back) for back in range(origins, 0, -1)]
    if found[0] <= first + timedelta(days=plan.step * plan.horizon):
        steps = (last - first).days // plan.step + 1
        what = f"the panel has {steps} dates: too short for {origins} origins of {plan.horizon} steps"
        raise PricingError(what, "ask for fewer origins or a shorter horizon")
    return found


def backtest(
    panel: pl.DataFrame,
    plan: Plan,
    origins: int,
    progress: Progress = lambda text, done, total: None,
    rivals: bool = True,
) -> Backtest:
    """Forecasts of the last `origins` origins by the model, naive, seasonal naive and AutoETS.

    `panel` is anyone's: unique_id, ds, y, the plan's columns. `progress` is told what is done, of how many parts.
    Raises PricingError for a panel that cannot be meant, or is too short.
    """
    panel = checked(panel, plan)
    cuts = cutoffs(panel, plan, origins)
    total = len(cuts) * (2 if rivals else 1)
    found: list[pl.DataFrame] = []
    details: list[pl.DataFrame] = []
    spent: list[Spent] = []
    for number, cut in enumerate(cuts):
        history = panel.filter(pl.col(DATE) <= cut)
        scored = panel.filter((pl.col(DATE) > cut) & (pl.col(DATE) <= cut + _horizon(plan))).select(*KEY, Y)
        progress(f"{BLEND}, origin {cut}", number * total // len(cuts), total)
        detail, seconds = _ours(panel, plan, cut)
        details.append(detail.with_columns(cutoff=pl.lit(cut)).join(scored, on=KEY, how="left"))
        spent.append((BLEND, seconds, history[ID].n_unique()))
        parts = [detail.select(ID, DATE, model=pl.lit(BLEND), yhat="mean", yhat_lo="q10", yhat_hi="q90")]
        if rivals:
            progress(f"{AUTO_ETS}, origin {cut}", number * total // len(cuts) + 1, total)
            theirs, times = _theirs(history, plan, cut)
            parts.append(theirs)
            spent += times
        found.append(pl.concat(parts).with_columns(cutoff=pl.lit(cut)).join(scored, on=KEY, how="inner"))
    progress("done", total, total)
    scale = [scales(panel.filter(pl.col(DATE) <= cut)).with_columns(cutoff=pl.lit(cut)) for cut in cuts]
    forecasts = pl.concat(found).select(COLUMNS).sort("model", "cutoff", ID, DATE)
    return Backtest(forecasts, pl.concat(details), _per_series(spent), pl.concat(scale))


def _horizon(plan: Plan) -> timedelta:
    return timedelta(days=plan.step * plan.horizon)


def _per_series(spent: list[Spent]) -> pl.DataFrame:
    """model, cpu_seconds_per_series: training and forecasting, per series and origin."""
    times = pl.DataFrame(spent, schema=["model", "seconds", "series"], orient="row").group_by("model")
    return times.agg((pl.col("seconds").sum() / pl.col("series").sum()).alias("cpu_seconds_per_series"))


def _ours(panel: pl.DataFrame, plan: Plan, cut: date) -> tuple[pl.DataFrame, float]:
    """Forecasts with their details, by a model of the origin. A date not observed keeps the price before it."""
    history = panel.filter(pl.col(DATE) <= cut)
    end = cut + _horizon(plan)
    ahead = gridded(panel.filter(pl.col(DATE) <= end), plan, end).filter(pl.col(DATE) > cut)
    start = time.process_time()
    made = fit(history, plan).detailed(history, ahead.select(*KEY, *plan.known), cut)
    return made, time.process_time() - start


def _theirs(history: pl.DataFrame, plan: Plan, cut: date) -> tuple[pl.DataFrame, list[Spent]]:
    series = history[ID].n_unique()
    start = time.process_time()
    simple = simple_forecasts(history, plan, cut)
    between = time.process_time()
    ets = auto_ets(history, plan, cut)
    end = time.process_time()
    names = simple["model"].unique(maintain_order=True).to_list()
    times = [(name, (between - start) / len(names), series) for name in names]
    return pl.concat([simple, ets]), [*times, (AUTO_ETS, end - between, series)]
