"""What was chosen for forecasts, and what else was tried: no bars, reasons.

Run `python -m benchmarks.demand_choices [categories cost seasons]`; the last two need the research data, as demand.py
does. Seeds of the simulated markets are 301 and 302.

- cost: error and CPU of the weekly model, each beside a rival's, as trees see fewer series and grow for fewer rounds.
- seasons: the weekly model told the season of each brand, or of each of the 100 series of most revenue, by Prophet,
  which needs two years: the last four origins.
- categories: one daily model of a simulated market, beside one for each of its categories.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from datetime import date, timedelta
from unittest.mock import patch

import polars as pl

from benchmarks import demand
from benchmarks.demand_rivals import plain_lightgbm, prophet_default
from benchmarks.elasticities import panel_of
from pricing_assets.demand import Plan, checked, members, model
from pricing_assets.demand.backtest import cutoffs
from pricing_assets.demand.panel import gridded
from pricing_assets.demand.seasonality import seasonality
from pricing_assets.errors import PricingError
from pricing_assets.simulation import MarketSettings, simulate

SUBJECTS = ("categories", "cost", "seasons")
SHARES = ((1, 1.0), (1, 0.5), (1, 0.25), (2, 0.25), (4, 0.25), (8, 0.25), (16, 0.1))
"""Every how many series (about: histories of early origins are shorter) the trees see one, and the share of rounds."""
SHOP = Plan("D", 28, ("price", "feature", "display"), ("category", "market"))
KEYS = ["unique_id", "ds"]
HIGH_VALUE = 100


def cost() -> pl.DataFrame:
    """Error beside plain LightGBM's, CPU per series beside Prophet's, plain LightGBM itself among them."""
    panel, plan = _juice(), demand.OJ_PLAN
    cuts = cutoffs(panel, plan, 6)
    some = panel["unique_id"].unique().sort().gather_every(panel["unique_id"].n_unique() // 20).head(20)
    history = panel.filter(pl.col("unique_id").is_in(some.implode()) & (pl.col("ds") <= cuts[-1]))
    training, forecasting = prophet_default.cost(history, plan.horizon, plan.step)
    start = time.process_time()
    plain = pl.concat(
        plain_lightgbm.forecasts(panel, cut, plan.horizon, "W", plan.known, plan.static) for cut in cuts
    ).select(*KEYS, mean="yhat")
    spent, usual = time.process_time() - start, _wape(plain, panel)
    per_series = len(cuts) * panel["unique_id"].n_unique()
    rows = [("plain LightGBM, forecasts included", 1.0, spent / per_series / training, None)]
    for every, share in SHARES:
        fewer = {name: max(int(rounds * share), 5) for name, rounds in members.ROUNDS.items()}
        with (
            patch.object(model, "MOST_ROWS", panel.height // every + 1),
            patch.object(members, "ROUNDS", fewer),
        ):
            made, trained, asked = _backtest(panel, plan, cuts)
        name = f"trees of every {every}. series, {share:.0%} of their rounds"
        error = _wape(made, panel) / usual
        rows.append((name, error, trained / per_series / training, asked / per_series / forecasting))
    names = ["what", "WAPE ÷ plain LightGBM's", "training ÷ Prophet's", "inference ÷ Prophet's"]
    return pl.DataFrame(rows, schema=names, orient="row")


def seasons() -> pl.DataFrame:
    """WAPE of all series and of those of most revenue, by where their season comes from."""
    panel, plan = _juice().with_columns(series="unique_id"), demand.OJ_PLAN
    told: dict[str, list[pl.DataFrame]] = {"none": [], "brand": [], "brand, of high value their own": []}
    for cut in cutoffs(panel, plan, 4):
        history, end = panel.filter(pl.col("ds") <= cut), cut + timedelta(days=plan.step * plan.horizon)
        revenue = history.group_by("series").agg((pl.col("y") * pl.col("price")).sum())
        best = revenue.sort("y", "series", descending=[True, False])["series"].head(HIGH_VALUE)
        seen = history.with_columns(promoted=((pl.col("feat") > 0) | (pl.col("deal") > 0)).cast(pl.Float64))
        workers = os.cpu_count() or 1
        of_brand = seasonality(seen, plan, end, by=("brand",), workers=workers)
        own = seasonality(
            seen.filter(pl.col("series").is_in(best.implode())), plan, end, by=("series",), workers=workers
        )
        brands = panel.select("series", "brand").unique().join(of_brand, on="brand").select("series", "ds", "season")
        mixed = pl.concat([own, brands.join(own.select("series").unique(), on="series", how="anti")])
        for name, season in zip(told, (None, brands, mixed), strict=True):
            made, _, _ = _backtest(panel, plan, [cut], season)
            told[name].append(made.with_columns(best=pl.col("unique_id").is_in(best.implode())))
    found = {name: pl.concat(parts) for name, parts in told.items()}
    rows = [(name, _wape(made, panel), _wape(made.filter("best"), panel)) for name, made in found.items()]
    return pl.DataFrame(rows, schema=["season of", "WAPE", f"WAPE of the {HIGH_VALUE}"], orient="row")


def categories(seeds: tuple[int, ...] = (301, 302)) -> pl.DataFrame:
    """WAPE and CPU of one model, and of one for each category."""
    rows = []
    for seed in seeds:
        frames = simulate(MarketSettings(skus=60, days=730, seed=seed, faulty=False)).frames
        panel = checked(panel_of(frames), SHOP)
        cuts = cutoffs(panel, SHOP, 4)
        together, trained, _ = _backtest(panel, SHOP, cuts)
        apart = [_backtest(part, SHOP, cuts) for part in panel.partition_by("category", maintain_order=True)]
        each = pl.concat(made for made, _, _ in apart)
        seconds = sum(spent for _, spent, _ in apart)
        rows.append((seed, _wape(together, panel), _wape(each, panel), trained, seconds))
    names = ["seed", "WAPE of one model", "of one per category", "its training, s", "theirs, s"]
    return pl.DataFrame(rows, schema=names, orient="row")


def _juice() -> pl.DataFrame:
    folder = demand.data()
    if folder is None:
        raise PricingError("no research data", "name their folder in PRICING_RESEARCH_DATA")
    return checked(demand.oj_panel(folder), demand.OJ_PLAN)


def _backtest(
    panel: pl.DataFrame, plan: Plan, cuts: list[date], season: pl.DataFrame | None = None
) -> tuple[pl.DataFrame, float, float]:
    """unique_id, ds, mean of the origins; seconds of CPU for training, and for forecasts."""
    parts, trained, asked = [], 0.0, 0.0
    for cut in cuts:
        history, end = panel.filter(pl.col("ds") <= cut), cut + timedelta(days=plan.step * plan.horizon)
        ahead = gridded(panel.filter(pl.col("ds") <= end), plan, end).filter(pl.col("ds") > cut)
        start = time.process_time()
        made = model.fit(history, plan, seasons=season)
        between = time.process_time()
        parts.append(made.forecast(history, ahead.select(*KEYS, *plan.known), cut).select(*KEYS, "mean"))
        trained, asked = trained + between - start, asked + time.process_time() - between
    return pl.concat(parts), trained, asked


def _wape(made: pl.DataFrame, panel: pl.DataFrame) -> float:
    rows = made.join(panel.select(*KEYS, "y"), on=KEYS).drop_nulls("y")
    return float((rows["mean"] - rows["y"]).abs().sum() / rows["y"].sum())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; all where none")
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    if unknown := set(chosen) - set(SUBJECTS):
        parser.error(f"{', '.join(sorted(unknown))}: expected {', '.join(SUBJECTS)}")
    with pl.Config(
        tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True, fmt_str_lengths=60, tbl_width_chars=140
    ):
        for subject in chosen:
            print(f"{subject}\n{getattr(sys.modules['__main__'], subject)()}", flush=True)
