"""The blend: members put together by weights of their segment, freed of bias, learned on earlier origins only.

Here: segments, weights and corrections from members' forecasts of origins already over. Not here: members (boosting,
simple), ranges around the blend (intervals).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from pricing_assets.demand.drivers import PROMOTED
from pricing_assets.demand.members import Prior
from pricing_assets.demand.panel import Y
from pricing_assets.demand.past import BASE

Weights = tuple[float, ...]
VOLUMES = ("low", "mid", "high")
SEGMENT = "segment"
STEPS = 5
"""Weights are fifths: finer ones follow noise."""
LEAST_ROWS = 60
"""Scored rows below which a segment takes the weights of all."""
MOST = 1.25
"""Largest correction of the whole: much of an origin's bias is its own."""
SCALES = tuple(0.8 + 0.02 * step for step in range(23))
OFFSET = 0.5
"""Units added before a logarithm: members are put together as logarithms, so that one wild member moves little."""


@dataclass(frozen=True)
class Blend:
    """Volume edges (units of base) and, per segment, a weight per member and a factor on the whole."""

    members: tuple[str, ...]
    edges: tuple[float, float]
    weights: dict[str, tuple[float, ...]]
    factors: dict[str, float]

    def segments(self, rows: pl.DataFrame) -> pl.Series:
        """`low|plain` … `high|promoted`, per row."""
        return rows.select(segment_of(self.edges).alias(SEGMENT)).to_series()

    def mean(self, rows: pl.DataFrame) -> pl.Series:
        """The blended forecast of rows that have BASE, PROMOTED and a column per member."""
        segments = self.segments(rows)
        total = np.zeros(rows.height)
        for number, member in enumerate(self.members):
            chosen = {name: values[number] for name, values in self.weights.items()}
            weight = segments.replace_strict(chosen, return_dtype=pl.Float64).to_numpy()
            total += weight * np.log(rows[member].to_numpy() + OFFSET)
        factor = segments.replace_strict(self.factors, return_dtype=pl.Float64).to_numpy()
        return pl.Series("mean", np.maximum(np.exp(total) - OFFSET, 0.0) * factor)

    def described(self) -> dict[str, Any]:
        """For JSON."""
        return {"members": self.members, "edges": self.edges, "weights": self.weights, "factors": self.factors}


def blend_from(told: dict[str, Any]) -> Blend:
    """The blend that `described()` tells of."""
    weights = {name: tuple(values) for name, values in told["weights"].items()}
    low, high = told["edges"]
    return Blend(tuple(told["members"]), (low, high), weights, told["factors"])


def segment_of(edges: tuple[float, float]) -> pl.Expr:
    """Volume by base, and whether the date is promoted."""
    low, high = edges
    volume = pl.when(pl.col(BASE) <= low).then(pl.lit("low")).when(pl.col(BASE) <= high).then(pl.lit("mid"))
    promotion = pl.when(pl.col(PROMOTED)).then(pl.lit("promoted")).otherwise(pl.lit("plain"))
    return pl.concat_str(volume.otherwise(pl.lit("high")), promotion, separator="|")


def learn(rows: pl.DataFrame, before: Prior) -> Blend:
    """A blend that would have done well on rows (BASE, PROMOTED, `y`, a column per member) of earlier origins.

    What was thought of its members before holds where nothing is known, and holds back what is learned.
    """
    members, prior = tuple(before.weights), tuple(before.weights.values())
    scored = rows.drop_nulls([Y, *members])
    if scored.is_empty():
        return Blend(members, (1.0, 10.0), dict.fromkeys(_names(), prior), dict.fromkeys(_names(), 1.0))
    low, high = (float(scored[BASE].quantile(q, "lower") or 0.0) for q in (1 / 3, 2 / 3))
    segments = scored.select(segment_of((low, high))).to_series()
    everywhere = _best(scored, members)
    weights, factors = {}, {}
    for name in _names():
        part = scored.filter(segments == name)
        own = _best(part, members) if part.height >= LEAST_ROWS else everywhere
        weights[name] = _held_back(own, everywhere, prior, before.trust)
        factors[name] = _factor(scored, members, weights[name], before.near)
    return Blend(members, (low, high), weights, factors)


def _held_back(own: Weights, everywhere: Weights, prior: Weights, trust: float) -> Weights:
    """In part what was best, in the segment and everywhere, else the prior: a few origins say little about the next."""
    found = zip(own, everywhere, prior, strict=True)
    return tuple(trust * (0.5 * here + 0.5 * all_) + (1 - trust) * before for here, all_, before in found)


def _names() -> list[str]:
    return [f"{volume}|{promotion}" for volume, promotion in product(VOLUMES, ("plain", "promoted"))]


def _simplex(size: int) -> list[tuple[float, ...]]:
    parts = [part for part in product(range(STEPS + 1), repeat=size) if sum(part) == STEPS]
    return [tuple(value / STEPS for value in part) for part in parts]


def _best(rows: pl.DataFrame, members: tuple[str, ...]) -> Weights:
    """The weights of least absolute error after correcting the bias."""
    logs, y = np.log(rows.select(members).to_numpy() + OFFSET), rows[Y].to_numpy()
    losses = {}
    for weights in _simplex(len(members)):
        guess = np.exp(logs @ np.array(weights)) - OFFSET
        guess *= y.sum() / max(guess.sum(), 1e-9)
        losses[weights] = float(np.abs(y - guess).sum())
    return min(losses, key=lambda weights: (losses[weights], weights))


def _factor(rows: pl.DataFrame, members: tuple[str, ...], weights: Weights, near: float) -> float:
    """Between the scale that keeps the mean and that of least absolute error: they differ where sales are skewed, and
    neither the sum of many forecasts nor the error of each should be given up for the other.
    """
    logs, y = np.log(rows.select(members).to_numpy() + OFFSET), rows[Y].to_numpy()
    guess = np.exp(logs @ np.array(weights)) - OFFSET
    if guess.sum() <= 0 or y.sum() <= 0:
        return 1.0
    nearest = min(SCALES, key=lambda scale: float(np.abs(y - scale * guess).sum()))
    return float(np.clip(nearest**near * (y.sum() / guess.sum()) ** (1 - near), 1 / MOST, MOST))
