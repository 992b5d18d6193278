"""Specifications: the same question asked in several defensible ways; where answers differ, that is said.

Here: which ways, and the answers of each after the same shrinkage. Not here: how one way is fitted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.columns import Columns
from pricing_assets.demand.elasticity.design import PRICES, Design
from pricing_assets.demand.elasticity.double_ml import has_other_folds, series_slopes
from pricing_assets.demand.elasticity.fixed_effects import fit, said, settled
from pricing_assets.demand.elasticity.information import Slopes
from pricing_assets.demand.elasticity.observations import NEWNESS, RIVALS
from pricing_assets.demand.elasticity.shrinkage import Shrunken, shrink

MAIN = "fixed effects"
MOST_IDLE = 0.05
"""Share of dates without sales beyond which logs of units would say more about luck than about prices."""


class Answer(NamedTuple):
    """What a specification says before and after shrinkage; columns of prices first: base, promotion."""

    slopes: Slopes
    shrunken: Shrunken


def answers(design: Design, columns: Columns, sku: Ints, category: Ints) -> Mapping[str, Answer]:
    """The answers of all specifications that can be asked of this panel, the main one first."""
    state = settled(design)
    made = {MAIN: _answer(said(design, state, sku), design, sku, category)}
    for name, left in _left_out(design, columns).items():
        part = design.without(left)
        kept = np.array([each in part.names for each in design.names])
        made[name] = _answer(said(part, settled(part, begun=state.where(kept)), sku), part, sku, category)
    if np.mean(design.y == 0) <= MOST_IDLE and ((design.y > 0) & ~design.censored).any():
        made["log-linear"] = _answer(fit(design, sku, "log_linear"), design, sku, category)
        if has_other_folds(design):
            slopes = series_slopes(design.without({NEWNESS}), sku)  # a learner would know the price from its newness
            made["double ML"] = Answer(slopes, shrink(slopes, sku, category))
    return made


def _left_out(design: Design, columns: Columns) -> dict[str, set[str]]:
    """The columns that a specification leaves out, by its name."""
    found = {"without rivals": {RIVALS}, "without promotion flags": set(columns.promotions)}
    return {name: left & set(design.names) for name, left in found.items() if left & set(design.names)}


def _answer(slopes: Slopes, design: Design, sku: Ints, category: Ints) -> Answer:
    """What the design says; customers remember prices of all SKUs alike."""
    named = {name: number for number, name in enumerate(design.names)}
    shared, rivals = ([named[name]] if name in named else [] for name in (NEWNESS, RIVALS))
    return Answer(slopes, shrink(slopes, sku, category, shared=shared, rivals=rivals))


def spread(made: Mapping[str, Answer]) -> tuple[Floats, Floats]:
    """The lowest and the highest elasticity over specifications, series × (base, promotion)."""
    stacked = np.stack([answer.shrunken.slopes[:, :PRICES] for answer in made.values()])
    return stacked.min(axis=0), stacked.max(axis=0)
