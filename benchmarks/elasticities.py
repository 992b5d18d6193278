"""Elasticities against what is known of real shelves and planted in simulated markets, in memory.

Run `python -m benchmarks elasticities` for a short form, and `python -m benchmarks.elasticities [--seeds 301,302]
[--skus N] [--days N]` for the long one. Seeds 1 to 20 and 201 to 205 were used while this was written; figures are of
others. Dominick's orange juice is research data that stays outside: PRICING_RESEARCH_DATA, else
../shared/data; without it its figures are skipped, and that is said.

- Three brands, least squares as in the literature, and double ML with random folds: conformity of our regressions.
- Held-out base prices: elasticities learned without every fifth block of weeks predict what units do in it. Slope of
  the actual on the predicted move, within series and block, beside promotions, rivals and an effect of each week.
- Simulated markets: planted elasticities; and the change of units claimed at ±10 % of the regular price and at a cut of
  20 %, over what the market's law gives, weighed by revenue, over 28 days of a lasting change or 7 of a cut, others'
  prices unchanged.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from pricing_assets.demand.elasticity import Columns, checked, elasticities
from pricing_assets.demand.elasticity.clusters import least_squares
from pricing_assets.demand.elasticity.design import design
from pricing_assets.demand.elasticity.double_ml import partially_linear
from pricing_assets.demand.elasticity.estimation import known, tree
from pricing_assets.demand.elasticity.fixed_effects import fit
from pricing_assets.demand.elasticity.observations import Observations, observe
from pricing_assets.demand.elasticity.shrinkage import shrink
from pricing_assets.demand.response import respond
from pricing_assets.errors import PricingError
from pricing_assets.simulation import MarketSettings, simulate
from pricing_assets.simulation.assortment import assort
from pricing_assets.simulation.laws import LAWS, Offer

Floats = npt.NDArray[np.float64]
SEEDS, FEW_SEEDS = (301, 302, 303, 304, 305), (301, 302)
BRANDS = {"dominicks 64": 10, "minute maid 64": 5, "tropicana premium 64": 1}
PLAIN, PROMOTED, ORTHOGONAL = (-3.378, -3.321, -2.712), (-2.814, -2.242, -2.243), (-2.80, -2.39, -2.49)
DEMOGRAPHICS = ["AGE60", "EDUC", "ETHNIC", "INCOME", "HHLARGE", "WORKWOM", "HVAL150"]
DEMOGRAPHICS += ["SSTRDIST", "SSTRVOL", "CPDIST5", "CPWVOL5"]
BLOCKS, FEW_BLOCKS, FOLDS = (8, 13, 26), (13,), 5
RMSE, RESPONSE = 0.3, 0.2
_MEMORY = 0.9  # of a day's remembered price, as in simulation/demand
KEY = ["date", "sku", "market"]


def run(
    seeds: Sequence[int] = FEW_SEEDS, skus: int = 60, days: int = 730, blocks: Sequence[int] = FEW_BLOCKS
) -> list[dict[str, Any]]:
    """Figures for `make bench`: of few seeds and one size of block unless said otherwise."""
    return [*orange_juice(blocks), *simulated(seeds, skus, days)]


def orange_juice(blocks: Sequence[int] = BLOCKS) -> list[dict[str, Any]]:
    """Figures on Dominick's orange juice, none without the data."""
    path = Path(os.environ.get("PRICING_RESEARCH_DATA", "../shared/data")) / "oj_dominicks.parquet"
    if not path.is_file():
        print(f"    skipped: orange juice, no {path} (PRICING_RESEARCH_DATA)", file=sys.stderr)
        return []
    rows = pl.read_parquet(path)
    return [*conformity(rows), *(each for weeks in blocks for each in held_out(rows, weeks))]


def conformity(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """How far our regressions are from what the literature has."""
    brands = [rows.filter(brand=brand).sort("store", "week") for brand in BRANDS.values()]
    figures = []
    for name, published, extra, bar in (
        ("log-log", PLAIN, [], 0.01),
        ("log-log with feature and deal", PROMOTED, ["feat", "deal"], 0.01),
    ):
        ours = [_plain(brand, extra) for brand in brands]
        figures.append(_off(f"orange juice, three brands: {name}, furthest from {published}", ours, published, bar))
    ours = [_orthogonal(brand) for brand in brands]
    name = f"orange juice, three brands: double ML, random folds, furthest from {ORTHOGONAL}"
    return [*figures, _off(name, ours, ORTHOGONAL, 0.10)]


def _plain(brand: pl.DataFrame, extra: list[str]) -> float:
    columns = brand.select(pl.lit(1.0), pl.col("price").log(), *(pl.col(name).cast(pl.Float64) for name in extra))
    clusters = [brand["week"].to_numpy(), brand["store"].to_numpy()]
    return float(least_squares(brand["logmove"].to_numpy(), columns.to_numpy(), clusters).coefficients[1])


def _orthogonal(brand: pl.DataFrame) -> float:
    fold = np.random.default_rng(0).integers(0, FOLDS, brand.height)
    controls = brand.select(pl.col(name).cast(pl.Float64) for name in [*DEMOGRAPHICS, "feat", "deal"]).to_numpy()
    clusters = [brand["week"].to_numpy(), brand["store"].to_numpy()]
    price = np.log(brand["price"].to_numpy())[:, None]
    made = partially_linear(brand["logmove"].to_numpy(), price, controls, fold, clusters=clusters)
    return float(made.coefficients[0])


def held_out(rows: pl.DataFrame, weeks: int) -> list[dict[str, Any]]:
    """Slope of actual on predicted response to base prices, per brand, in blocks of weeks that were held out."""
    columns = Columns(
        promotions=("feature", "deal"), rivals=("rival_all",), sku="sku", category="category", zone="zone"
    )
    panel = checked(shelf(rows), columns)
    observed = observe(panel, columns)
    seen = observed.rows.join(observed.series.select("unique_id", "sku", "zone"), on="unique_id", maintain_order="left")
    day = seen["ds"].cast(pl.Int32).to_numpy().astype(np.int64)
    week = (day - day.min()) // 7
    predicted = _predicted(observed, week // weeks)
    slopes = _slopes(seen, week, week // weeks, predicted)
    three = {brand: slopes[str(brand)] for brand in BRANDS.values()}
    name = f"orange juice, held-out base prices, every fifth block of {weeks} weeks"
    return [*_judged(f"{name}, three brands", list(three.values())), *_judged(f"{name}, 11 brands", [*slopes.values()])]


def shelf(rows: pl.DataFrame) -> pl.DataFrame:
    """Orange juice as a panel; rivals' price is the mean log price per ounce of the ten other brands."""
    logs = [pl.col(f"price{number}").log() for number in range(1, 12)]
    return rows.select(
        pl.format("{}|{}", "brand", "store").alias("unique_id"),
        (pl.lit(date(1989, 9, 14)) + pl.duration(weeks=pl.col("week"))).cast(pl.Date).alias("ds"),
        pl.col("units").alias("y"),
        "price",
        pl.col("brand").cast(pl.String).alias("sku"),
        pl.col("store").cast(pl.String).alias("zone"),
        pl.lit("juice").alias("category"),
        pl.col("feat").alias("feature"),
        "deal",
        ((pl.sum_horizontal(logs) - pl.col("price_per_oz").log()) / 10).exp().alias("rival_all"),
    )


def _predicted(observed: Observations, block: npt.NDArray[np.int64]) -> Floats:
    """Of each row its series' elasticity, learned on other blocks, times the log of the base price."""
    sku, category = tree(observed.series)
    number = observed.series.select("unique_id").with_row_index("series")
    series = observed.rows.join(number, on="unique_id", maintain_order="left")["series"].to_numpy()
    predicted = np.zeros(len(block))
    for fold in range(FOLDS):
        out = block % FOLDS == fold
        learned = observed._replace(rows=observed.rows.filter(pl.Series(~out)))
        asked, _ = known(design(learned, ()), sku, category)
        slopes = shrink(fit(asked, sku), sku, category).slopes[:, 0]
        predicted[out] = slopes[series[out]] * observed.rows["base"].to_numpy()[out]
    return predicted


def _slopes(
    seen: pl.DataFrame, week: npt.NDArray[np.int64], block: npt.NDArray[np.int64], predicted: Floats
) -> dict[str, float]:
    """Per brand the slope of log units on the prediction, beside all else and two-way effects."""
    brands = seen["sku"].unique().sort().to_list()
    others = ["promotion", "feature", "deal", "rivals"]
    columns = [predicted, *(seen[name].to_numpy() for name in others)]
    apart = [column * (seen["sku"] == brand).to_numpy() for brand in brands for column in columns]
    cell = seen.select((pl.col("unique_id").rank("dense") * 1000).cast(pl.Int64) + pl.Series(block)).to_series()
    left = np.column_stack([np.log(seen["y"].to_numpy()), *apart])
    for _ in range(25):
        for group in (cell.rank("dense").to_numpy() - 1, week):
            left = left - np.column_stack([np.bincount(group, each) / np.bincount(group) for each in left.T])[group]
    found = least_squares(left[:, 0], left[:, 1:], [week]).coefficients[:: len(columns)]
    return {brand: float(slope) for brand, slope in zip(brands, found, strict=True)}


def _judged(name: str, slopes: list[float]) -> list[dict[str, Any]]:
    return [
        _figure(f"{name}: median slope is off 1 by", abs(float(np.median(slopes)) - 1), 0.1),
        _figure(f"{name}: lowest slope", min(slopes), 0.6, above=True),
        _figure(f"{name}: highest slope", max(slopes), 1.3),
    ]


def simulated(seeds: Sequence[int], skus: int, days: int) -> list[dict[str, Any]]:
    """Figures on simulated markets of the four laws."""
    figures = []
    for law in LAWS:
        markets = [market(MarketSettings(skus=skus, days=days, seed=seed, law=law, faulty=False)) for seed in seeds]
        name = f"simulated {law}, seeds {', '.join(map(str, seeds))}, {skus} SKUs × 2 markets × {days} days"
        if law == "log_log":
            found = pl.concat([planted for planted, _ in markets])
            for kind in ("base", "promotion"):
                error = found.filter(kind=kind).select(((pl.col("elasticity") - pl.col("planted")) ** 2).mean().sqrt())
                figures.append(_figure(f"{name}: planted {kind} elasticity, RMSE", error.item(), RMSE))
        changes = pl.concat([responses for _, responses in markets])
        for move, rows in sorted(changes.partition_by("move", as_dict=True).items()):
            ratio = rows["claimed"].sum() / rows["realised"].sum()
            what = f"{name}: claimed ÷ realised response to {move[0]}, by revenue, is off 1 by"
            figures.append(_figure(what, abs(ratio - 1), RESPONSE) | {"ratio": round(ratio, 3)})
    return figures


def market(settings: MarketSettings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Elasticities beside what was planted; and claimed and realised changes of revenue-weighed units."""
    made = simulate(settings)
    panel = panel_of(made.frames)
    rivals = tuple(name for name in panel.columns if name.startswith("rival_"))
    if len(rivals) != settings.rivals:
        raise PricingError(f"{len(rivals)} columns of rivals' prices for {settings.rivals} rivals", "name each rival_…")
    columns = Columns(
        regular_price="regular_price",
        promotions=("feature", "display"),
        rivals=rivals,
        sku="sku",
        category="category",
        censored="censored",
    )
    found = elasticities(panel, columns)
    cells = pl.DataFrame(
        {
            "unique_id": [f"{cell['sku']}|{cell['market']}" for cell in made.truth["cells"]],
            "base": [cell["base_elasticity"] for cell in made.truth["cells"]],
            "promotion": [cell["promotion_elasticity"] for cell in made.truth["cells"]],
        }
    )
    planted = cells.unpivot(index="unique_id", variable_name="kind", value_name="planted")
    last = panel.filter(pl.col("ds") == pl.col("ds").max()).select("unique_id", "sku", "market", "regular_price")
    return found.join(planted, on=["unique_id", "kind"]), _responses(settings, cells["unique_id"], last, found)


def panel_of(frames: dict[str, pl.DataFrame]) -> pl.DataFrame:
    """A simulated market as a panel, in the versions last known."""
    latest = {
        name: frames[name].sort(*KEY, "known_at").unique(KEY, keep="last", maintain_order=True)
        for name in ("prices", "sales", "stock")
    }
    flags = frames["promotions"].select(
        pl.col("target_date").alias("date"), "sku", "market", pl.col("feature", "display").cast(pl.Float64)
    )
    seen = frames["competitor_snapshots"].with_columns(
        pl.col("price").cast(pl.Float64), ("rival_" + pl.col("competitor")).alias("competitor")
    )
    seen = seen.unique([*KEY, "competitor"], keep="last", maintain_order=True)
    rivals = seen.pivot(on="competitor", index=KEY, values="price")
    rows = latest["prices"].join(latest["sales"].select(*KEY, "units"), on=KEY, how="left")
    rows = rows.join(latest["stock"].select(*KEY, "sold_out_hours"), on=KEY, how="left")
    rows = rows.join(flags.unique(KEY, keep="last", maintain_order=True), on=KEY, how="left")
    rows = rows.join(rivals, on=KEY, how="left").join(
        frames["products"].select("sku", "category"), on="sku", how="left"
    )
    return rows.select(
        pl.format("{}|{}", "sku", "market").alias("unique_id"),
        pl.col("date").alias("ds"),
        *("sku", "market", "category"),
        pl.col("units").fill_null(0).cast(pl.Float64).alias("y"),
        pl.col("current_price").cast(pl.Float64).alias("price"),
        pl.col("list_price").cast(pl.Float64).alias("regular_price"),
        (pl.col("sold_out_hours").fill_null(0) > 0).alias("censored"),
        pl.col("feature", "display").fill_null(0.0),
        *(name for name in rivals.columns if name.startswith("rival_")),
    ).sort("unique_id", "ds")


def _responses(settings: MarketSettings, ids: pl.Series, last: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Per SKU-market on sale on the last day and move: claimed and realised change of units, times the price."""
    there = pl.DataFrame({"unique_id": ids}).with_row_index("cell").join(last, on="unique_id", maintain_order="left")
    chosen = there["cell"].to_numpy()
    regular = there["regular_price"].to_numpy() * 100
    parts = []
    for move, factor, kind, days in (
        ("a rise of 10 %", 1.1, "base", 28),
        ("a fall of 10 %", 0.9, "base", 28),
        ("a promotion of 20 %", 0.8, "promotion", 7),
    ):
        before = _units(settings, chosen, regular, (1.0, kind), days)
        after = _units(settings, chosen, regular, (factor, kind), days)
        forecasts = there.select("sku", "market", pl.Series("units", before), planned_price="regular_price")
        candidates = there.select("sku", "market", candidate=factor * pl.col("regular_price"), kind=pl.lit(kind))
        names = found.join(last.select("unique_id", "sku", "market"), on="unique_id")
        claimed = respond(forecasts, names, candidates)["units"].to_numpy()
        weight = regular / 100
        parts.append({"move": [move] * len(before), "claimed": weight * (claimed - before)})
        parts[-1]["realised"] = weight * (after - before)
    return pl.concat([pl.DataFrame(part) for part in parts])


def _units(
    settings: MarketSettings, chosen: npt.NDArray[np.int64], regular: Floats, move: tuple[float, str], days: int
) -> Floats:
    """Mean units a day by the market's law in the days after a move, others at their usual prices."""
    assortment = assort(settings)
    factor, kind = move
    price = np.asarray(assortment.anchor, dtype=np.float64)
    price[chosen] = regular
    asked = price * factor
    memory, total = np.log(price), np.zeros_like(price)
    nothing = np.zeros_like(price)
    for _ in range(days):
        usual = asked if kind == "base" else price
        offer = Offer(asked, usual, assortment.anchor.astype(np.float64), np.exp(memory), nothing, nothing)
        total += LAWS[settings.law](offer, assortment.tastes)
        memory = _MEMORY * memory + (1 - _MEMORY) * np.log(asked)
    return np.asarray((assortment.volume * total / days)[chosen])


def _off(name: str, ours: Sequence[float], known: Sequence[float], bar: float) -> dict[str, Any]:
    furthest = max(abs(mine - theirs) for mine, theirs in zip(ours, known, strict=True))
    return _figure(name, furthest, bar) | {"ours": [round(each, 3) for each in ours]}


def _figure(name: str, figure: float, bar: float, *, above: bool = False) -> dict[str, Any]:
    holds = figure >= bar if above else figure <= bar
    return {"name": name, "figure": round(float(figure), 4), "bar": bar, "holds": bool(holds)}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)), help="comma separated")
    parser.add_argument("--skus", type=int, default=60)
    parser.add_argument("--days", type=int, default=730)
    options = parser.parse_args()
    measured = run([int(seed) for seed in options.seeds.split(",")], options.skus, options.days, BLOCKS)
    print(json.dumps(measured, indent=2, ensure_ascii=False))
