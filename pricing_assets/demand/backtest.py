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
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Backtest:
    """Forecasts (COLUMNS), seconds of CPU per series and origin by model, and what series fell back on and why."""

    forecasts: pl.DataFrame
    seconds: pl.DataFrame
    fallbacks: pl.DataFrame
    scale: pl.DataFrame

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
    found, spent, fell, scaled = [], [], [], []
    for number, cut in enumerate(cuts):
        history = panel.filter(pl.col(DATE) <= cut)
        end = cut + timedelta(days=plan.step * plan.horizon)
        until = panel.filter(pl.col(DATE) <= end)
        ahead = gridded(until, plan, end).filter(pl.col(DATE) > cut)  # a date not observed keeps the price before it
        progress(f"{BLEND}, origin {cut}", number * total // len(cuts), total)
        ours, seconds = _ours(history, ahead, plan, cut)
        spent.append((BLEND, seconds, history[ID].n_unique()))
        fell.append(
            ours.drop_nulls("fallback_reason").select(ID, cutoff=pl.lit(cut), fallback_reason="fallback_reason")
        )
        named = ours.select(ID, DATE, model=pl.lit(BLEND), yhat="mean", yhat_lo="q10", yhat_hi="q90")
        parts = [named]
        if rivals:
            progress(f"{AUTO_ETS}, origin {cut}", number * total // len(cuts) + 1, total)
            theirs, times = _theirs(history, plan, cut)
            parts.append(theirs)
            spent += times
        whole = pl.concat(parts).with_columns(cutoff=pl.lit(cut))
        found.append(whole.join(until.select(*KEY, Y), on=KEY, how="inner"))
        scaled.append(scales(history).with_columns(cutoff=pl.lit(cut)))
    progress("done", total, total)
    seconds_of = pl.DataFrame(spent, schema=["model", "seconds", "series"], orient="row").group_by("model")
    per_series = seconds_of.agg((pl.col("seconds").sum() / pl.col("series").sum()).alias("cpu_seconds_per_series"))
    forecasts = pl.concat(found).select(COLUMNS).sort("model", "cutoff", ID, DATE)
    return Backtest(forecasts, per_series, pl.concat(fell).unique(maintain_order=True), pl.concat(scaled))


def _ours(history: pl.DataFrame, ahead: pl.DataFrame, plan: Plan, cut: date) -> tuple[pl.DataFrame, float]:
    start = time.process_time()
    model = fit(history, plan)
    made = model.forecast(history, ahead.select(*KEY, *plan.known), cut)
    return made, time.process_time() - start


def _theirs(history: pl.DataFrame, plan: Plan, cut: date) -> tuple[pl.DataFrame, list[tuple[str, float, int]]]:
    series = history[ID].n_unique()
    start = time.process_time()
    simple = simple_forecasts(history, plan, cut)
    between = time.process_time()
    ets = auto_ets(history, plan, cut)
    end = time.process_time()
    names = simple["model"].unique(maintain_order=True).to_list()
    times = [(name, (between - start) / len(names), series) for name in names]
    return pl.concat([simple, ets]), [*times, (AUTO_ETS, end - between, series)]
