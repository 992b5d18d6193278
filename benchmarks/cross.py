"""Cross effects against what is planted in simulated markets: of SKUs, and of the profit a category is said to earn.

Run `python -m benchmarks cross` for a short form, and `python -m benchmarks.cross [--seeds 401,402] [--skus N]
[--days N]` for the long one. Seeds 1 to 20 were used while this was written; figures are of others.

- Planted cross effects under log_log, in markets where four SKUs of a category are each other's substitutes (as the
  demo's), where all of a category are, and where these are so near to each other that own elasticities alone would cut
  prices that should rise: RMSE, and how often the truth is within the 80 % range.
- Profit of a category over 28 days when all its prices move at once (a rise, a fall, each SKU to the price that is best
  by its own elasticity alone): claimed change, with cross effects and without, beside the change by the market's law.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from unittest import mock

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.elasticities import panel_of
from pricing_assets.demand.elasticity import Columns, elasticities
from pricing_assets.demand.response import respond, respond_together
from pricing_assets.simulation import MarketSettings, assortment, simulate
from pricing_assets.simulation.laws import LAWS, Offer, Tastes

Floats = npt.NDArray[np.float64]
SEEDS, FEW_SEEDS = (401, 402, 403, 404, 405), (401, 402)
MARKETS = (  # name, SKUs of a category that are substitutes, what is added to every elasticity, laws
    ("four substitutes", 4, 0.0, ("log_log",)),
    ("twelve substitutes", 12, 0.0, tuple(LAWS)),
    ("twelve near substitutes", 12, 1.5, ("log_log",)),
)
LADDER = (0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15)
MOVES: dict[str, float | None] = {"a rise of 10 %": 1.1, "a fall of 10 %": 0.9, "each to its own best price": None}
DAYS = 28
RMSE, WITHIN, OFF = 0.3, (0.7, 0.95), 3.0
_MEMORY, _Z = 0.9, 1.2816  # of a day's remembered price, as in simulation/demand; of an 80 % range
KEY = ["sku", "market"]


def run(seeds: Sequence[int] = FEW_SEEDS, skus: int = 60, days: int = 730) -> list[dict[str, Any]]:
    """Figures for `make bench`: of few seeds unless said otherwise."""
    figures = []
    for name, group, nearer, laws in MARKETS:
        for law in laws:
            settings = [MarketSettings(skus=skus, days=days, seed=seed, law=law, faulty=False) for seed in seeds]
            with _substitutes(group, nearer):
                markets = [market(each) for each in settings]
            where = (
                f"simulated {law}, {name}, seeds {', '.join(map(str, seeds))}, {skus} SKUs × 2 markets × {days} days"
            )
            if law == "log_log":
                figures += planted(where, pl.concat([found for found, _ in markets]))
            figures += profits(where, pl.concat([changes for _, changes in markets]))
    return figures


@contextmanager
def _substitutes(group: int, nearer: float) -> Iterator[None]:
    """Markets with so many substitutes, so much nearer to each other: the generator's own are four, and not near."""
    drawn = assortment._tastes

    def tastes(*known: Any) -> Tastes:
        made = drawn(*known)
        return Tastes(made.base + nearer, made.promotion + nearer, made.substitute + nearer, made.rival)

    with mock.patch.multiple(assortment, GROUP=group, _tastes=tastes):
        yield


def planted(where: str, found: pl.DataFrame) -> list[dict[str, Any]]:
    """How near cross effects are to what was planted."""
    away = (found["cross"] - found["planted"]).to_numpy()
    within = float(np.mean(np.abs(away) < _Z * found["cross_error"].to_numpy()))
    return [
        _figure(f"{where}: planted cross effect, RMSE", float(np.sqrt(np.mean(away**2))), RMSE),
        _figure(
            f"{where}: planted cross effect within the 80 % range", within, WITHIN[0], WITHIN[0] <= within <= WITHIN[1]
        ),
    ]


def profits(where: str, changes: pl.DataFrame) -> list[dict[str, Any]]:
    """Claimed less realised change of profit, in % of the profit before, with and without cross effects."""
    figures = []
    for move, rows in sorted(changes.partition_by("move", as_dict=True).items()):
        sums = rows.select("before", "own", "cross", "realised").sum().row(0, named=True)
        share = {name: 100 * float(each) / float(sums["before"]) for name, each in sums.items()}
        said = f"{where}: profit claimed of {move[0]} is off the realised by % of profit"
        figures.append(
            _figure(said, abs(share["cross"] - share["realised"]), OFF)
            | {
                "claimed": round(share["cross"], 2),
                "claimed by own elasticities alone": round(share["own"], 2),
                "realised": round(share["realised"], 2),
            }
        )
    return figures


def market(settings: MarketSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cross effects beside what was planted; and per SKU-market and move the change of profit, claimed and realised."""
    made = simulate(settings)
    panel = panel_of(made.frames)
    columns = Columns(
        regular_price="regular_price",
        promotions=("feature", "display"),
        rivals=tuple(name for name in panel.columns if name.startswith("rival_")),
        sku="sku",
        category="category",
        zone="market",
        censored="censored",
    )
    found = elasticities(panel, columns)
    names = panel.select("unique_id", *KEY).unique()
    found = found.join(names, on="unique_id", how="left")
    truth = pl.DataFrame(made.truth["cells"]).select(*KEY, planted="substitute_elasticity")
    base = found.filter(kind="base").join(truth, on=KEY, how="left").drop_nulls("cross")
    return base.select("cross", "cross_error", "planted"), _changes(settings, _last(made.frames, truth, panel), found)


def _last(frames: dict[str, pl.DataFrame], cells: pl.DataFrame, panel: pl.DataFrame) -> pl.DataFrame:
    """Cells on sale on the last day: number, sku, market, category, regular price and cost in cents."""
    last = panel.filter(pl.col("ds") == pl.col("ds").max()).select(*KEY, "category", "regular_price")
    costs = frames["prices"].sort("date", "known_at").unique(KEY, keep="last", maintain_order=True)
    costs = costs.select(*KEY, cost=pl.col("cost").cast(pl.Float64))
    there = cells.select(KEY).with_row_index("cell").join(last, on=KEY, maintain_order="left")
    return there.join(costs, on=KEY, maintain_order="left")


def _changes(settings: MarketSettings, there: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    regular, cost = there["regular_price"].to_numpy(), there["cost"].to_numpy()
    before = _units(settings, there, np.ones_like(regular))
    forecasts = there.select(*KEY, "category", pl.Series("units", before), planned_price="regular_price")
    parts = []
    for move, factor in MOVES.items():
        times = _best(forecasts, found, cost) if factor is None else np.full_like(regular, factor)
        price = there.select(KEY).with_columns(candidate=pl.Series(times * regular))
        margin = times * regular - cost
        was = (regular - cost) * before
        units = {
            "own": respond(forecasts, found, price)["units"].to_numpy(),
            "cross": respond_together(forecasts, found, price)["units"].to_numpy(),
            "realised": _units(settings, there, times),
        }
        changed = {name: margin * each - was for name, each in units.items()}
        parts.append(pl.DataFrame({"move": [move] * len(was), "before": was, **changed}))
    return pl.concat(parts)


def _best(forecasts: pl.DataFrame, found: pl.DataFrame, cost: Floats) -> Floats:
    """Of each SKU the step of the ladder with the highest profit by its own elasticity alone."""
    price = forecasts["planned_price"].to_numpy()
    profit = []
    for times in LADDER:
        candidates = forecasts.select(KEY).with_columns(candidate=pl.Series(times * price))
        profit.append((times * price - cost) * respond(forecasts, found, candidates)["units"].to_numpy())
    return np.asarray(np.asarray(LADDER)[np.argmax(np.stack(profit), axis=0)], dtype=np.float64)


def _units(settings: MarketSettings, there: pl.DataFrame, times: Floats) -> Floats:
    """Mean units a day by the market's law over the days after regular prices moved, of those on sale together."""
    made = assortment.assort(settings)
    anchor = made.anchor.astype(np.float64)
    chosen = there["cell"].to_numpy()
    usual, asked = anchor.copy(), anchor.copy()
    usual[chosen] = there["regular_price"].to_numpy() * 100
    asked[chosen] = times * usual[chosen]
    group = made.group[made.sku] * settings.markets + made.market
    on_sale = np.bincount(chosen, minlength=len(anchor)).astype(np.float64)
    logs = np.log(asked / anchor) * on_sale
    others = np.bincount(group, on_sale)[group] - on_sale
    substitutes = (np.bincount(group, logs)[group] - logs) / np.maximum(others, 1)
    memory, total = np.log(usual), np.zeros_like(anchor)
    for _ in range(DAYS):
        offer = Offer(asked, asked, anchor, np.exp(memory), substitutes, np.zeros_like(anchor))
        total += LAWS[settings.law](offer, made.tastes)
        memory = _MEMORY * memory + (1 - _MEMORY) * np.log(asked)
    return np.asarray((made.volume * total / DAYS)[chosen])


def _figure(name: str, figure: float, bar: float, holds: bool | None = None) -> dict[str, Any]:
    return {"name": name, "figure": round(figure, 4), "bar": bar, "holds": figure <= bar if holds is None else holds}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="comma separated")
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--days", type=int, default=730)
    options = parser.parse_args()
    measured = run([int(seed) for seed in options.seeds.split(",")], options.skus, options.days)
    print(json.dumps(measured, indent=2, ensure_ascii=False))
