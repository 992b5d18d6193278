"""Forecasts against the methods people use: error, bias, likely range and cost, on real shelf and shop data.

Run `python benchmarks/demand.py [oj uci cost]`. Data are read from PRICING_RESEARCH_DATA (default ../shared/data beside
the repository; its PROVENANCE.md says on what terms) and are no part of this project: without them nothing is measured,
and it says so. Rivals are in demand_rivals/, AutoETS is statsforecast's as `pricing backtest` runs it.

- oj: Dominick's orange juice, weekly, store × brand with at least 100 observed weeks and the last week; last 6 origins,
  4 weeks ahead; feature, deal, own and rival shelf prices known in advance; observed weeks are scored.
- uci: the 200 stock codes of the UCI web shop with the most days of sales, daily, 28 days ahead, last 4 origins, no
  price; a day without a sale is zero.
- cost: CPU per series of the weekly model beside Prophet's default on 20 of the same series.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.demand_rivals import plain_lightgbm, prophet_default
from pricing_assets.demand import Backtest, Plan, backtest, checked, fit
from pricing_assets.demand.backtest import cutoffs
from pricing_assets.demand.members import PRIORS
from pricing_assets.demand.metrics import accuracy
from pricing_assets.demand.model import BLEND

SUBJECTS = ("oj", "uci", "cost")
PRICES = tuple(f"price{brand}" for brand in range(1, 12))
OJ_PLAN = Plan("W", 4, ("feat", "deal", "price", *PRICES), ("store", "brand"))
UCI_PLAN = Plan("D", 28)
ETS = "AutoETS"
LOW, HIGH = 0.72, 0.88
LEAST_CELL = 200


def data() -> Path | None:
    """Where the research data are; None where they are not."""
    folder = Path(os.environ.get("PRICING_RESEARCH_DATA") or Path(__file__).resolve().parents[2] / "shared" / "data")
    return folder if (folder / "oj_dominicks.parquet").is_file() else None


def run(subjects: tuple[str, ...] = SUBJECTS) -> list[dict[str, Any]]:
    """Figures for `make bench`."""
    folder = data()
    if folder is None:
        print("demand: skipped, no research data; name their folder in PRICING_RESEARCH_DATA", file=sys.stderr)
        return []
    measured = {"oj": oj, "uci": uci, "cost": cost}
    return [figure for subject in subjects for figure in measured[subject](folder)]


def oj(folder: Path) -> list[dict[str, Any]]:
    """Shelf data with prices and promotions known in advance."""
    panel = oj_panel(folder)
    result = backtest(panel, OJ_PLAN, 6)
    made = _beside_plain(panel, result, OJ_PLAN, 6)
    table = {row["model"]: row for row in accuracy(made).iter_rows(named=True)}
    by_origin = accuracy(made, ("model", "cutoff")).group_by("model").agg(pl.col("bias").abs().mean())
    bias = dict(by_origin.iter_rows())
    ours, plain, ets = table[BLEND], table["plain LightGBM"], table[ETS]
    name = "OJ weekly, 858 series, 6 origins, h = 4"
    return [
        _most(f"{name}: WAPE ÷ AutoETS's", ours["wape"] / ets["wape"], 0.50),
        _most(f"{name}: WAPE ÷ plain LightGBM's", ours["wape"] / plain["wape"], 0.95),
        _most(f"{name}: mean |bias| ÷ the better rival's", bias[BLEND] / min(bias[ETS], bias["plain LightGBM"]), 1.05),
        *_ranges(name, result, ours, ets),
        _blend(name, result, OJ_PLAN),
    ]


def uci(folder: Path) -> list[dict[str, Any]]:
    """A web shop's days, without prices."""
    result = backtest(uci_panel(folder), UCI_PLAN, 4)
    table = {row["model"]: row for row in result.summary().iter_rows(named=True)}
    ours, ets = table[BLEND], table[ETS]
    name = "UCI daily, 200 densest SKUs, 4 origins, h = 28"
    return [
        _most(f"{name}: WAPE ÷ AutoETS's", ours["wape"] / ets["wape"], 0.98),
        _most(f"{name}: RMSSE ÷ AutoETS's", ours["rmsse"] / ets["rmsse"], 0.98),
        *_ranges(name, result, ours, ets),
        _blend(name, result, UCI_PLAN),
    ]


def cost(folder: Path) -> list[dict[str, Any]]:
    """CPU per series: training and inference of the weekly model, beside Prophet's default."""
    panel = checked(oj_panel(folder), OJ_PLAN)
    cut = cutoffs(panel, OJ_PLAN, 1)[0]
    history, ahead = panel.filter(pl.col("ds") <= cut), panel.filter(pl.col("ds") > cut)
    series = history["unique_id"].n_unique()
    start = time.process_time()
    model = fit(history, OJ_PLAN)
    trained = time.process_time()
    model.forecast(history, _whole(ahead))
    inferred = time.process_time()
    plain_lightgbm.forecasts(panel, cut, OJ_PLAN.horizon, OJ_PLAN.frequency, OJ_PLAN.known, OJ_PLAN.static)
    plain = time.process_time() - inferred
    some = history["unique_id"].unique().sort().gather_every(series // 20).head(20)
    training, forecasting = prophet_default.cost(history.filter(pl.col("unique_id").is_in(some.implode())), 4, 7)
    name = f"weekly, CPU per series of {series} beside Prophet's default"
    return [
        _most(
            f"{name}: training (plain LightGBM: {plain / series / training:.2f})",
            (trained - start) / series / training,
            1 / 25,
        ),
        _most(f"{name}: inference", (inferred - trained) / series / forecasting, 1 / 500),
    ]


def oj_panel(folder: Path) -> pl.DataFrame:
    """unique_id (store_brand), ds, y (units), feat, deal, price, price1 … price11, store, brand."""
    rows = pl.read_parquet(folder / "oj_dominicks.parquet")
    series = rows.group_by("store", "brand").agg(weeks=pl.len(), last=pl.col("week").max())
    kept = series.filter((pl.col("weeks") >= 100) & (pl.col("last") == rows["week"].max()))
    first = date(1990, 6, 14)  # week 40 is of June 1990
    return (
        rows.join(kept, on=["store", "brand"], how="semi")
        .select(
            pl.format("{}_{}", "store", "brand").alias("unique_id"),
            (pl.lit(first) + pl.duration(days=7 * (pl.col("week") - 40))).cast(pl.Date).alias("ds"),
            pl.col("units").alias("y"),
            *("feat", "deal", "price", *PRICES),
            pl.col("store", "brand").cast(pl.String),
        )
        .sort("unique_id", "ds")
    )


def uci_panel(folder: Path) -> pl.DataFrame:
    """unique_id (stock code), ds, y: units sold a day, cancelled lines and what is no product left out."""
    rows = pl.read_parquet(folder / "uci_online_retail.parquet").filter(
        (pl.col("Quantity") > 0) & (pl.col("UnitPrice") > 0) & pl.col("StockCode").str.contains(r"^\d{5}")
    )
    code, day = pl.col("StockCode").str.to_uppercase(), pl.col("InvoiceDate").dt.date()
    daily = rows.group_by(unique_id=code, ds=day).agg(y=pl.col("Quantity").sum().cast(pl.Float64))
    densest = daily.group_by("unique_id").len().sort("len", "unique_id", descending=[True, False]).head(200)
    daily = daily.join(densest, on="unique_id", how="semi")
    spans = daily.group_by("unique_id").agg(ds=pl.date_ranges(pl.col("ds").min(), pl.lit(daily["ds"].max())).first())
    whole = spans.explode("ds").join(daily, on=["unique_id", "ds"], how="left")
    return whole.with_columns(pl.col("y").fill_null(0.0)).sort("unique_id", "ds")


def _whole(ahead: pl.DataFrame) -> pl.DataFrame:
    """Every series on every date ahead, prices held where a week was not observed."""
    grid = ahead.select(pl.col("unique_id").unique()).join(ahead.select(pl.col("ds").unique()), how="cross")
    held = grid.sort("unique_id", "ds").join(ahead, on=["unique_id", "ds"], how="left", maintain_order="left")
    known = pl.col(OJ_PLAN.known)
    return held.with_columns(known.forward_fill().over("unique_id")).with_columns(
        known.backward_fill().over("unique_id")
    )


def _beside_plain(panel: pl.DataFrame, result: Backtest, plan: Plan, origins: int) -> pl.DataFrame:
    """The backtest's forecasts and plain LightGBM's, on the same rows."""
    keys = ["unique_id", "ds", "cutoff"]
    scored = result.forecasts.filter(pl.col("model") == BLEND).select(*keys, "y")
    plain = pl.concat(
        plain_lightgbm.forecasts(panel, cut, plan.horizon, plan.frequency, plan.known, plan.static)
        for cut in cutoffs(panel, plan, origins)
    )
    return pl.concat([result.forecasts, plain.join(scored, on=keys)], how="diagonal_relaxed")


def _ranges(name: str, result: Backtest, ours: dict[str, Any], ets: dict[str, Any]) -> list[dict[str, Any]]:
    """Coverage of the worst cell, of dates and of sums, and the interval score."""
    rows = result.details.drop_nulls("y").sort("cutoff", "unique_id", "ds")
    whole = pl.col("y").is_not_null().cum_sum().over("cutoff", "unique_id")
    by = ["cutoff", "unique_id"]
    any_promoted = pl.col("segment").str.ends_with("promoted").max().over(by)
    sums = rows.with_columns(sum_y=pl.col("y").cum_sum().over(by), seen=whole, any=any_promoted).filter(
        pl.col("ds") == pl.col("cutoff") + (pl.col("ds") - pl.col("cutoff")).max()
    )
    sums = sums.filter(pl.col("seen") == pl.col("seen").max())
    volume = pl.col("segment").str.split("|").list.first()
    of_dates = _cells(rows, [pl.col("segment").alias("cell")], "y", "q10", "q90")
    of_sums = _cells(sums, [volume.alias("cell"), "any"], "sum_y", "sum_q10", "sum_q90")
    return [
        *_covered(f"{name}: coverage of dates", of_dates),
        *_covered(f"{name}: coverage of sums", of_sums),
        _most(f"{name}: interval score ÷ conformal AutoETS's", ours["interval_score"] / ets["interval_score"], 0.90),
    ]


def _cells(rows: pl.DataFrame, by: list[Any], y: str, low: str, high: str) -> list[float]:
    found = rows.group_by(by).agg(pl.len().alias("n"), covered=pl.col(y).is_between(low, high).mean())
    return found.filter(pl.col("n") >= LEAST_CELL)["covered"].to_list()


def _covered(name: str, cells: list[float]) -> list[dict[str, Any]]:
    low, high = min(cells), max(cells)
    return [
        {"name": f"{name}, lowest of {len(cells)} cells", "figure": round(low, 3), "bar": LOW, "holds": low >= LOW},
        _most(f"{name}, highest of {len(cells)} cells", high, HIGH),
    ]


def _blend(name: str, result: Backtest, plan: Plan) -> dict[str, Any]:
    """The blend's WAPE beside its best member's."""
    rows = result.details.drop_nulls("y")
    members = list(PRIORS[plan.frequency].weights)
    error = {member: float((rows[member] - rows["y"]).abs().sum()) for member in ("mean", *members)}
    return _most(f"{name}: blend's WAPE ÷ its best member's", error["mean"] / min(error[m] for m in members), 1.01)


def _most(name: str, figure: float, bar: float) -> dict[str, Any]:
    return {"name": name, "figure": round(figure, 4), "bar": round(bar, 4), "holds": bool(figure <= bar)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("subjects", nargs="*", metavar="subject", help=f"of {', '.join(SUBJECTS)}; all where none")
    chosen = tuple(parser.parse_args().subjects) or SUBJECTS
    print(json.dumps(run(chosen), indent=2, ensure_ascii=False))
