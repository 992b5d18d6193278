"""Specifications: the same question asked in several defensible ways; where answers differ, that is said.

Here: which ways, and the answers of each after the same shrinkage. Not here: how one way is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.columns import Columns
from pricing_assets.demand.elasticity.design import Design
from pricing_assets.demand.elasticity.fixed_effects import Family, fit
from pricing_assets.demand.elasticity.information import Slopes
from pricing_assets.demand.elasticity.observations import RIVALS
from pricing_assets.demand.elasticity.shrinkage import Shrunken, shrink

MAIN = "fixed effects"


class Answer(NamedTuple):
    """What a specification says before and after shrinkage; columns of prices first: base, promotion."""

    slopes: Slopes
    shrunken: Shrunken


def answers(design: Design, columns: Columns, sku: Ints, category: Ints) -> Mapping[str, Answer]:
    """The answers of all specifications that differ on this panel, the main one first."""
    made = {MAIN: _answer(design, sku, category)}
    if RIVALS in design.names:
        made["without rivals"] = _answer(design.without({RIVALS}), sku, category)
    if flags := set(columns.promotions) & set(design.names):
        made["without promotion flags"] = _answer(design.without(flags), sku, category)
    made["log-linear"] = _answer(design, sku, category, "log_linear")
    return made


def spread(made: Mapping[str, Answer]) -> tuple[Floats, Floats]:
    """The lowest and the highest elasticity over specifications, series × (base, promotion)."""
    stacked = np.stack([answer.shrunken.slopes[:, :2] for answer in made.values()])
    return stacked.min(axis=0), stacked.max(axis=0)


def _answer(design: Design, sku: Ints, category: Ints, family: Family = "counts") -> Answer:
    slopes = fit(design, sku, family)
    return Answer(slopes, shrink(slopes, sku, category))
