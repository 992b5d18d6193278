"""What decisions say of themselves, and what comes of them: gains claimed, confidence, bounds kept.

Here: the claims of a day's decisions beside what was to be expected of them. Not here: what a whole run earned
(evaluation).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl

from pricing_assets.simulation.loop.bounds import broken
from pricing_assets.simulation.loop.policies import Policy
from pricing_assets.simulation.loop.product import Product
from pricing_assets.simulation.loop.world import Branch, World
from pricing_assets.simulation.randomness import Floats, Ints

DAYS = 28


@dataclass
class Claims:
    """Of a policy's days so far. Amounts are in cents.

    `gains` are of the days of changes a gain is claimed for: day number, claim, gain to be expected of these changes
    over DAYS days. `sure` are of changed cells with a confidence: that, and whether the cell's category is to earn more
    by its change over these days. `violations` are changes that break a bound of their strategy.
    """

    gains: list[tuple[int, float, float]] = field(default_factory=list)
    sure: list[tuple[float, bool]] = field(default_factory=list)
    violations: int = 0

    def add(self, world: World, policy: Policy, asked: Ints) -> None:
        """Take in the decisions behind the prices `asked` for the next day of the world, before it comes."""
        if not isinstance(policy, Product) or not policy.decided:
            return
        decided = policy.decisions[-1]
        self.violations += broken(policy.strategy, policy.features, decided)
        current = world.view().current
        changed = asked != current
        if "expected_gain" not in decided.columns or not changed.any():
            return
        known = policy.of_cells(decided.select("sku", "market", "expected_gain", "confidence"))
        claimed, confidence = (known[name].cast(pl.Float64).to_numpy() for name in ("expected_gain", "confidence"))
        if np.isfinite(claimed[changed]).any():
            self.gains.append((world.day + 1, 100 * float(np.nansum(claimed[changed])), gain(world, current, asked)))
        told = changed & np.isfinite(confidence)
        branch = world.branch()
        came = world.scene.blocks.worth(lambda price: _profit(world, branch, price), current, asked, told) > 0
        self.sure += zip(confidence[told].tolist(), came[told].tolist(), strict=True)

    def totals(self) -> dict[str, float | int | None]:
        """Sums in major units: claimed and realised, null where nothing was claimed; of confidences their number, how
        many came true, and their squared errors.
        """
        claimed, realised = (_sum([row[place] for row in self.gains]) for place in (1, 2))
        errors = [(confidence - came) ** 2 for confidence, came in self.sure]
        return {
            "claimed": claimed,
            "realised": realised,
            "told": len(self.sure),
            "came_true": sum(came for _, came in self.sure),
            "squared_error": float(sum(errors)),
            "violations": self.violations,
        }


def gain(world: World, before: Ints, after: Ints) -> float:
    """Profit to be expected of a change over DAYS days, in cents, against holding."""
    branch = world.branch()
    return float((_profit(world, branch, after) - _profit(world, branch, before)).sum())


def _profit(world: World, branch: Branch, price: Ints) -> Floats:
    """Profit of each cell to be expected over DAYS days at a lasting price, in cents."""
    units = branch.units(np.tile(price, (DAYS, 1)))
    return np.asarray((price - world.scene.costs[-1]) * units.sum(axis=0))


def _sum(cents: Sequence[float]) -> float | None:
    return sum(cents) / 100 if cents else None
