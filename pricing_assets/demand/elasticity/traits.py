"""Traits: what only a panel as a whole can say of how its customers answer prices.

Here: whether they get used to a price, and how much more they mind a change the dearer it is. Not here: elasticities.

Both are asked of all series together, in a regression beside the elasticities. Customers who remember prices answer a
change most while it is new; left out, that would be taken for what a lasting change does. It is believed where the
panel is SURE of it, for it makes elasticities less certain. Curvature κ is how elasticities grow with the price, as its
power (Box and Cox 1964): 0 where they are constant, 1 where each cent counts the same, more where demand falls
along a straight line. Promotions tell it, whose depths differ most.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.design import Design
from pricing_assets.demand.elasticity.fixed_effects import fit
from pricing_assets.demand.elasticity.observations import BASE, NEWNESS, PROMOTION
from pricing_assets.demand.elasticity.shrinkage import shrink

SURE = 5.0
"""Standard errors from nothing at which customers are believed to remember prices."""
MOST_CURVED = 4.0
LEAST_ELASTIC = 1.0
"""Elasticity of promotions below which curvature, a share of it, would be noise."""
MOST_MOVED = 2.0
"""Times an elasticity grows or falls at most by where the price stands now."""
MOST_SKUS, LEAST_OF_CATEGORY = 1_000, 30
"""SKUs about which are asked of a large panel, for two figures of all customers need no more; and how many of a
category, for with fewer the effects of its dates would take the prices' own."""
_DEPTH = "depth"


class Traits(NamedTuple):
    """Whether customers get used to prices; curvature, 0 or more, and its standard error."""

    remember: bool
    curvature: float
    curvature_error: float


def traits(design: Design, sku: Ints, category: Ints) -> Traits:
    """The traits of a design's customers; `sku` and `category` as for shrinkage."""
    promotion = design.names.index(PROMOTION)
    if not design.x[:, promotion].any():
        return Traits(remember=False, curvature=0.0, curvature_error=0.0)
    asked, sku, category = _some(design, sku, category)
    depth = asked.x[:, promotion] ** 2 / 2
    asked = replace(asked, names=(*asked.names, _DEPTH), x=np.column_stack([asked.x, depth]))
    shared = [asked.names.index(name) for name in (NEWNESS, _DEPTH) if name in asked.names]
    found = shrink(fit(asked, sku), sku, category, shared=shared)
    slope, error = found.slopes[0], found.errors[0]
    usual = float(design.x[design.x[:, promotion] != 0, promotion].mean())
    at_usual = float(found.slopes[:, promotion].mean()) + slope[-1] * usual
    elasticity = min(at_usual, -LEAST_ELASTIC)
    curvature = float(np.clip(slope[-1] / elasticity, 0.0, MOST_CURVED))
    newness = asked.names.index(NEWNESS) if NEWNESS in asked.names else None
    remember = newness is not None and bool(slope[newness] < -SURE * error[newness])
    return Traits(remember, curvature, float(error[-1] / -elasticity))


def _some(design: Design, sku: Ints, category: Ints) -> tuple[Design, Ints, Ints]:
    """About MOST_SKUS of the SKUs that have rows, with all their series; all where there are no more.

    Some of each category, evenly; where these are still too many, some of the categories, evenly by their SKUs.
    """
    speaking = np.unique(sku[np.unique(design.series)])  # numbered category by category
    if len(speaking) <= MOST_SKUS:
        return design, sku, category
    kept = np.zeros(len(category), dtype=np.bool_)
    groups = np.split(speaking, np.flatnonzero(np.diff(category[speaking])) + 1)
    wanted = [max(LEAST_OF_CATEGORY, len(group) * MOST_SKUS // len(speaking)) for group in groups]
    wanted = [min(number, len(group)) for number, group in zip(wanted, groups, strict=True)]
    share, due, taken = min(MOST_SKUS / sum(wanted), 1.0), 0.0, 0
    for number, group in zip(wanted, groups, strict=True):
        due += number * share
        if due - taken >= number / 2:
            kept[group[np.arange(number) * len(group) // number]] = True
            taken += number
    numbers = np.unique(category[kept], return_inverse=True)[1].astype(np.int64)
    return design.of(kept[sku]), (np.cumsum(kept) - 1)[sku[kept[sku]]], numbers


def steepened(design: Design, curvature: float) -> tuple[Floats, Floats]:
    """How many times steeper base prices' elasticity is at each series' last price than at its usual one.

    And how far that is away from it, as the log of the ratio of both prices.
    """
    base = design.x[:, design.names.index(BASE)]
    rows = np.bincount(design.series, minlength=len(design.start))
    usual = np.bincount(design.series, base, len(design.start)) / np.maximum(rows, 1)
    last = np.where(rows > 0, base[np.maximum(design.end - 1, 0)] - usual, 0.0)
    return np.clip(np.exp(curvature * last), 1 / MOST_MOVED, MOST_MOVED), last
