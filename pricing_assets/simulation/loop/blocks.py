"""Blocks: SKUs of a market that substitute each other. No price of one block moves demand in another.

Here: sums over blocks, what one price is worth to its block, and the search for the best prices of all blocks at once.
Not here: what profit is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from pricing_assets.simulation.randomness import Bools, Floats, Ints

STEPS = (0.04, 0.01, 0.0025, 0.0006)
_MOST_ROUNDS = 60
_BETTER = 1e-9  # share of a block's profit by which a move must pay


class Blocks:
    """The block of each cell, and its place in it. What holds for one place of every block is worked out at once."""

    def __init__(self, block: Ints) -> None:
        self.of = np.unique(block, return_inverse=True)[1].astype(np.int64)
        order = np.argsort(self.of, kind="stable")
        start = np.searchsorted(self.of[order], np.arange(self.of.max() + 1))
        self.place: Ints = np.empty_like(self.of)
        self.place[order] = np.arange(len(order)) - start[self.of[order]]

        self.size: Floats = self.sums(np.ones(len(block)))
        """How many cells the block of each has."""
        self.places: Sequence[Bools] = [self.place == number for number in range(int(self.place.max()) + 1)]
        """Of each place which cells hold it: at most one of a block."""

    def sums(self, values: Floats) -> Floats:
        """The sum of each cell's block."""
        return np.asarray(np.bincount(self.of, values)[self.of])

    def worth(self, profit: Callable[[Ints], Floats], held: Ints, asked: Ints, wanted: Bools) -> Floats:
        """Of each wanted cell what its own price brings its block: against itself held, all others as they are asked.

        `profit` gives each cell's at the prices of all (cell, or day × cell); 0 for cells that are not wanted.
        """
        whole = self.sums(profit(asked))
        found = np.zeros(len(self.of))
        for mine in self.places:
            if (mine & wanted).any():
                without = self.sums(profit(np.where(mine, held, asked)))
                found = np.where(mine & wanted, whole - without, found)
        return found


def climb(
    profit: Callable[[Floats], Floats],
    start: Floats,
    low: Floats,
    high: Floats,
    *,
    blocks: Blocks,
    steps: Sequence[float] = STEPS,
) -> Floats:
    """The prices within `low` and `high` at which no single price of a block can be bettered by the finest step.

    `profit` gives each cell's profit at the prices of all. From `start` prices are tried one place at a time, a step up
    and a step down; the step shrinks where nothing is better.
    """
    price = np.clip(start, low, high)
    best = blocks.sums(profit(price))
    for step in steps:
        for _ in range(_MOST_ROUNDS):
            before = price
            for mine in blocks.places:
                for factor in (1 + step, 1 / (1 + step)):
                    tried = np.where(mine, np.clip(price * factor, low, high), price)
                    reached = blocks.sums(profit(tried))
                    better = reached > best + _BETTER * np.abs(best)
                    price = np.where(mine & better, tried, price)
                    best = np.where(better, reached, best)
            if (price == before).all():
                break
    return price
