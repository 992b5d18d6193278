"""Planted anomalies found: recall and precision by effect size, and alarms on quiet days, in memory.

Run `python benchmarks/anomalies.py [--seeds 101,102] [--skus N] [--days N]`. The simulator's frames become feature
snapshots and these anomalies; its labels say what was planted and how far beyond the threshold. A label is found by its
own reason or by one that follows from it (thresholds.FOLLOWS_FROM); an alarm is right in the same way. Seeds 1 to 5
were used while the flags were written; figures are of others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.anomalies import anomalies
from pricing_assets.anomalies.thresholds import FOLLOWS_FROM
from pricing_assets.features import Calendar, snapshot

SEEDS = (101, 102, 103, 104, 105)
RECALL, PRECISION, QUIET = 0.95, 0.9, 20.0
CLEAR = 1.5  # times the threshold from which recall and precision are judged
WARM_UP = 60  # days of history before the first judged day
CALENDAR = Calendar("Europe/Berlin", {"DE": "DE", "UK": "GB"})
KEY = ["date", "sku", "market"]


def run(seeds: Sequence[int] = SEEDS, skus: int = 60, days: int = 240) -> list[dict[str, Any]]:
    """Figures for `make bench`."""
    judged = [judge(seed, skus, days) for seed in seeds]
    labels, alarms = (pl.concat(parts) for parts in zip(*((each[0], each[1]) for each in judged), strict=True))
    cells = sum(each[2] for each in judged)
    clear, loud = labels.filter(pl.col("effect_size") >= CLEAR), alarms.filter(pl.col("effect") >= CLEAR)
    recall, precision = clear["found"].mean(), loud["right"].mean()
    quiet = 10_000 * alarms.filter(~pl.col("labelled")).height / cells
    name = f"planted anomalies, seeds {', '.join(map(str, seeds))}, {skus} SKUs × 2 markets × {days - WARM_UP} days"
    return [
        _figure(f"{name}: recall from {CLEAR} × threshold, {clear.height} labels", recall, RECALL, above=True),
        _figure(f"{name}: precision from {CLEAR} × threshold, {loud.height} alarms", precision, PRECISION, above=True),
        _figure(f"{name}: alarms per 10,000 quiet SKU-market days, {cells} of them", quiet, QUIET, above=False),
    ]


def judge(seed: int, skus: int, days: int) -> tuple[pl.DataFrame, pl.DataFrame, int]:
    """Labels with `found`, alarms with `right` and `labelled`, and the number of SKU-market days without a label."""
    from pricing_assets.simulation import MarketSettings, simulate

    market = simulate(MarketSettings(skus=skus, days=days, seed=seed, faulty=False))
    wanted = market.frames["prices"]["date"].unique().sort().to_list()[WARM_UP:]
    shot = snapshot(raw_tables(market.frames), wanted, CALENDAR)
    alarms = anomalies(shot).with_columns(pl.col("reason").cast(pl.String))
    labels = market.labels.filter(pl.col("date").is_in(wanted)).with_columns(pl.col("reason").cast(pl.String))
    labelled = shot.select(KEY).join(labels, on=KEY, how="semi").height
    return *scored(labels, alarms), shot.height - labelled


def scored(labels: pl.DataFrame, alarms: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Labels and alarms, each with whether the other side explains it."""
    follows = [(reason, cause) for reason, causes in FOLLOWS_FROM.items() for cause in (*causes, reason)]
    same = [(reason, reason) for reason in {*labels["reason"], *alarms["reason"]} - set(FOLLOWS_FROM)]
    pairs = pl.DataFrame([*follows, *same], schema=["alarm", "label"], orient="row")
    told = alarms.select(*KEY, alarm="reason").join(pairs, on="alarm").select(*KEY, reason="label").unique()
    asked = labels.select(*KEY, label="reason").join(pairs, on="label").select(*KEY, reason="alarm").unique()
    found = labels.join(told.with_columns(found=True), on=[*KEY, "reason"], how="left")
    right = alarms.join(asked.with_columns(right=True), on=[*KEY, "reason"], how="left").join(
        labels.select(KEY).unique().with_columns(labelled=True), on=KEY, how="left"
    )
    return found.with_columns(pl.col("found").fill_null(False)), right.with_columns(
        pl.col("right", "labelled").fill_null(False)
    )


def raw_tables(frames: dict[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """A simulated market as the raw tables a snapshot reads."""
    days = frames["prices"].select(pl.col("date").unique().sort())
    prices = frames["prices"].with_columns(price_kind=pl.lit("posted"), cost_source=pl.lit("recorded"))
    prices = pl.concat(
        prices.drop("list_price", "current_price").with_columns(price_type=pl.lit(kind), price=frames["prices"][column])
        for kind, column in (("list", "list_price"), ("current", "current_price"))
    )
    listings = days.join(frames["listings"], how="cross").filter(
        (pl.col("date") >= pl.col("listed_from")) & (pl.col("date") <= pl.col("listed_until").fill_null(pl.col("date")))
    )
    evening = pl.col("date").cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    products = days.join(frames["products"], how="cross").with_columns(attributes=pl.lit(None, pl.String))
    return {
        "raw.products": products,
        "raw.listings": listings.select(*KEY, known_at=evening, on_sale=pl.lit(True)),
        "raw.prices": prices,
        **{f"raw.{name}": frames[name] for name in ("sales", "stock", "promotions", "competitor_snapshots")},
    }


def by_effect(labels: pl.DataFrame) -> pl.DataFrame:
    """Recall by reason and effect size, in steps of half a threshold."""
    step = (pl.col("effect_size") * 2).floor() / 2
    counts = labels.group_by("reason", effect=step).agg(labels=pl.len(), recall=pl.col("found").mean().round(3))
    return counts.sort("reason", "effect")


def plot(labels: pl.DataFrame, alarms: pl.DataFrame, path: Path) -> None:
    """Recall of labels and precision of alarms by effect size, as a picture."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for frame, size, hit, label in (
        (labels, "effect_size", "found", "recall"),
        (alarms, "effect", "right", "precision"),
    ):
        steps = frame.group_by(effect=((pl.col(size).clip(0, 4) * 4).floor() / 4)).agg(pl.col(hit).mean())
        steps = steps.sort("effect")
        axes.plot(steps["effect"].to_list(), steps[hit].to_list(), marker="o", markersize=3, label=label)
    axes.axvline(CLEAR, color="lightgrey")
    axes.set(xlabel="effect size, times the threshold", ylim=(0, 1.02), title="planted anomalies found")
    axes.legend()
    figure.savefig(path, metadata={"Date": None})


def _figure(name: str, figure: Any, bar: float, *, above: bool) -> dict[str, Any]:
    holds = figure >= bar if above else figure <= bar
    return {"name": name, "figure": round(figure, 3), "bar": bar, "holds": bool(holds)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="comma separated")
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--days", type=int, default=240)
    parser.add_argument("--plot", type=Path, help="write recall and precision by effect size to this SVG")
    options = parser.parse_args()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    print(json.dumps(run(seeds, options.skus, options.days), indent=2, ensure_ascii=False))
    if options.plot:
        judged = [judge(seed, options.skus, options.days) for seed in seeds]
        plot(pl.concat(each[0] for each in judged), pl.concat(each[1] for each in judged), options.plot)
