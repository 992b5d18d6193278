"""A scene of real prices and costs: Dominick's orange juice, with a demand that is known because it is made.

Here: prices and costs of eleven brands in some stores, and tastes under which given prices are the best. Not here: what
happens then. The file stays where it is: its terms do not allow it into the project.

Units are as large as they really were; how they answer prices is constant elasticities with cross effects, such that
with the real costs the best prices are off from the last regular ones by a share. What a history asked is what the
stores really asked, week by week, deals among it: prices are exogenous by construction.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl

from pricing_assets.errors import PricingError
from pricing_assets.simulation import irregularities, promotions
from pricing_assets.simulation.assortment import OPEN, Assortment, assort
from pricing_assets.simulation.laws import Tastes
from pricing_assets.simulation.loop.blocks import Blocks
from pricing_assets.simulation.loop.scenes import Scene, none_planned
from pricing_assets.simulation.randomness import Floats, Ints, stream, whole
from pricing_assets.simulation.settings import MarketSettings

JUICE = "orange_juice"
_WEEKS, _RECENT = 57, 8
_LEAST_MARGIN = 0.15
_MOST_OTHERS = 0.6
"""Of what a brand earns itself, what its price may be worth to the others: where that is more, dearest is best."""
_COLUMNS = ("store", "brand", "week", "price", "unit_cost", "units")


def juice_scene(path: Path, off: float, seed: int, *, days: int = 90, stores: int = 4) -> Scene:
    """Eleven brands in the stores with the most weeks, from the file of Dominick's. Raises PricingError without it."""
    price, cost, units = _panel(path, stores)
    weeks, brands = price.shape[0], price.shape[1] // stores
    settings = MarketSettings(
        skus=brands, markets=stores, days=7 * weeks + days, seed=seed, rivals=0, irregular=False, faulty=False
    )
    start, now = (np.rint(np.median(each[-_RECENT:], axis=0)).astype(np.int64) for each in (price, cost))
    now = np.minimum(now, np.rint((1 - _LEAST_MARGIN) * start).astype(np.int64))
    drawn = assort(settings)
    best = _best(start, now, off, stream(settings.seed, "off").random(brands)[drawn.sku])
    blocks = Blocks(drawn.market)
    assortment = _assortment(drawn, settings, best=best, cost=now, volume=units.mean(axis=0) / 7, blocks=blocks)
    past = [np.repeat(whole(each), 7, axis=0) for each in (price, cost)]
    past[0][-7 * 4 :] = start  # as every scene: the last four weeks at the starting prices
    costs = np.vstack([past[1], np.broadcast_to(now, (days, settings.cells))])
    return Scene(
        settings=settings,
        assortment=assortment,
        plans=none_planned(promotions.plan(settings, assortment)),
        episodes=irregularities.plan(settings, assortment, promotions.plan(settings, assortment)),
        costs=costs,
        history=7 * weeks,
        start=start,
        best=best,
        blocks=blocks,
        asked=past[0],
        of_cells=True,
    )


def _panel(path: Path, stores: int) -> tuple[Floats, Floats, Floats]:
    """Price and cost in cents, and units, week × (brand × store), of the last weeks; gaps as the week before."""
    if not path.is_file():
        raise PricingError(f"{path}: no file", "give the Parquet file of Dominick's orange juice")
    frame = pl.read_parquet(path)
    if missing := [name for name in _COLUMNS if name not in frame.columns]:
        raise PricingError(f"{path}: no column {missing[0]}", f"expected {', '.join(_COLUMNS)}")
    frame = frame.select(_COLUMNS).filter((pl.col("price") > 0) & (pl.col("unit_cost") > 0))
    most = frame.group_by("store").len().sort("len", "store", descending=[True, False])["store"].head(stores)
    if len(most) < stores:
        raise PricingError(f"{path}: {len(most)} stores", f"expected {stores} or more")
    frame = frame.filter(pl.col("store").is_in(most.implode()))
    last = int(frame["week"].to_numpy().max())
    weeks = pl.DataFrame({"week": range(last - _WEEKS + 1, last + 1)})
    grid = weeks.join(frame.select("brand", "store").unique(), how="cross")
    rows = grid.join(frame, on=["week", "brand", "store"], how="left").sort("brand", "store", "week")
    filled = [
        pl.col(name).forward_fill().backward_fill().over("brand", "store") for name in ("price", "unit_cost", "units")
    ]
    rows = rows.with_columns(filled).sort("week", "brand", "store")
    cells = rows.select("brand", "store").n_unique()
    price, cost, units = (rows[name].to_numpy().reshape(_WEEKS, cells) for name in ("price", "unit_cost", "units"))
    return 100 * price, 100 * cost, units


def _best(start: Ints, cost: Ints, off: float, draw: Floats) -> Floats:
    """The prices that shall be the best: off from the starting ones, down only where a margin is left."""
    down = start / (1 + off)
    low = (draw < 0.5) & (1 - cost / down >= _LEAST_MARGIN)
    return np.asarray(whole(np.where(low, down, start / (1 - off))), dtype=np.float64)


def _assortment(
    drawn: Assortment, settings: MarketSettings, *, best: Floats, cost: Ints, volume: Floats, blocks: Blocks
) -> Assortment:
    """Tastes under which `best` is the best: q_i p_i − e_i m_i q_i + Σ m_j q_j s_j ÷ (n − 1) = 0 for each brand."""
    draw = stream(settings.seed, "tastes of a loop").random((settings.skus, 2))[drawn.sku]
    cells = settings.cells
    substitute = 0.2 + 0.4 * draw[:, 0]
    margin = (best - cost) * volume
    others = (blocks.sums(margin * substitute) - margin * substitute) / (blocks.size - 1)
    shrunk = np.minimum(1.0, _MOST_OTHERS / (others / margin).max())
    substitute, others = substitute * shrunk, others * shrunk
    base = (best * volume + others) / margin
    zero = np.zeros(cells)
    return replace(
        drawn,
        category=np.zeros(settings.skus, dtype=np.int64),
        group=np.zeros(settings.skus, dtype=np.int64),
        mapped=np.zeros(settings.skus, dtype=np.bool_),
        anchor=best.astype(np.int64),
        cost=cost,
        volume=volume,
        tastes=Tastes(base, base, substitute, zero),
        volatility=zero,
        listed=np.full(cells, -365),
        until=np.full(cells, OPEN),
        cover=np.full(cells, 30.0),
        safety=np.full(cells, 25.0),
    )
