"""Planted anomalies found: recall and precision by effect size, and false alarms on quiet days, in memory.

Run `python benchmarks/anomalies.py [--seeds 101,102] [--skus N] [--days N] [--plot FILE.png]`. The simulator's frames
become feature snapshots and these anomalies with their causes; `pricing simulate score` has the rule by which they are
compared with the labels (simulation/scoring.py) and the picture. Seeds 1 to 5 were used while the flags were written;
figures are of others.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl

from pricing_assets.anomalies import anomalies
from pricing_assets.anomalies.causes import over_days
from pricing_assets.features import Calendar, snapshot
from pricing_assets.simulation import MarketSettings, simulate
from pricing_assets.simulation.score_plot import draw
from pricing_assets.simulation.scoring import LARGE, Score, score

SEEDS = (101, 102, 103, 104, 105)
RECALL, PRECISION, QUIET = 0.95, 0.9, 20.0
WARM_UP = 60  # days of history before the first judged day
CALENDAR = Calendar("Europe/Berlin", {"DE": "DE", "UK": "GB"})
KEY = ["date", "sku", "market"]


def run(seeds: Sequence[int] = SEEDS, skus: int = 60, days: int = 240) -> list[dict[str, Any]]:
    """Figures for `make bench`."""
    name = f"planted anomalies, seeds {', '.join(map(str, seeds))}, {skus} SKUs × 2 markets × {days - WARM_UP} days"
    return figures(judged(seeds, skus, days).overall, name)


def figures(found: dict[str, float | int | None], name: str) -> list[dict[str, Any]]:
    """What is held to a bar, of a score's `overall`."""
    large = f"from {LARGE} × threshold"
    recall, precision = f"recall {large}, {found['episodes']} episodes", f"precision {large}, {found['alarms']} alarms"
    quiet = f"false alarms per 10,000 of {found['quiet_days']} quiet SKU-market days"
    return [
        _figure(f"{name}: {recall}", found["recall"], RECALL, above=True),
        _figure(f"{name}: {precision}", found["precision"], PRECISION, above=True),
        _figure(f"{name}: {quiet}", found["false_alarms_per_10k"], QUIET, above=False),
    ]


def judged(seeds: Sequence[int], skus: int, days: int) -> Score:
    """The score of the markets of all seeds together."""
    labels, alarms, listed = zip(*(market(seed, skus, days) for seed in seeds), strict=True)
    return score(pl.concat(labels), pl.concat(alarms), pl.concat(listed))


def market(seed: int, skus: int, days: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Labels, alarms and listed SKU-market days of a market; its seed is in all names, which tells it from others."""
    simulated = simulate(MarketSettings(skus=skus, days=days, seed=seed, faulty=False))
    traded = simulated.frames["prices"]["date"].unique().sort().to_list()
    shot = snapshot(raw_tables(simulated.frames), traded[WARM_UP:], CALENDAR)
    found = anomalies(shot)
    alarms = over_days(found, traded[WARM_UP:], set(traded[WARM_UP:]), lambda day: found.clear())
    return (
        _of(seed, simulated.labels, "sku", "episode_id"),
        _of(seed, alarms, "sku", "cause"),
        _of(seed, shot.select(KEY), "sku"),
    )


def _of(seed: int, rows: pl.DataFrame, *names: str) -> pl.DataFrame:
    return rows.with_columns(pl.format("{}/{}", pl.lit(seed), name).alias(name) for name in names)


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


def _figure(name: str, figure: Any, bar: float, *, above: bool) -> dict[str, Any]:
    """A figure that is null, where nothing is counted, holds no bar."""
    holds = figure is not None and (figure >= bar if above else figure <= bar)
    return {"name": name, "figure": round(figure or 0.0, 3), "bar": bar, "holds": bool(holds)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="comma separated")
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--days", type=int, default=240)
    parser.add_argument("--plot", type=Path, help="write recall and precision by effect size to this PNG")
    options = parser.parse_args()
    result = judged([int(seed) for seed in options.seeds.split(",")], options.skus, options.days)
    print(json.dumps(figures(result.overall, "planted anomalies"), indent=2, ensure_ascii=False))
    print(result.by_size, result.by_reason, result.overall, sep="\n")
    if options.plot:
        draw(result, options.plot)
