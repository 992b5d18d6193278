"""The best prices of rows that are tied, whatever each price is worth: lines as trees, the rest by HiGHS.

Here: a line of any length, a tree of lines and two-sided ties of a pair (dearer, but not by more than so many times) by
dynamic programming, all at once over arrays. Not here: what a price is worth once goals have their multipliers (dual).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pricing_assets.pricing.goals.groups import groups
from pricing_assets.pricing.goals.options import Flags, Floats, Ints, pick
from pricing_assets.pricing.goals.ties import Edges


class Links(NamedTuple):
    """Where the parent takes column j, the child takes one from `low[j]` up to, not with, `high[j]`."""

    child: Ints
    parent: Ints
    low: Ints
    high: Ints

    def of(self, chosen: Flags | Ints) -> Links:
        """Some of them."""
        return Links(*(each[chosen] for each in self))

    def kept(self, index: Ints) -> Flags:
        """Whether each is kept by the columns the nodes take."""
        each, at = np.arange(len(self.child)), index[self.parent]
        return (index[self.child] >= self.low[each, at]) & (index[self.child] < self.high[each, at])


@dataclass(frozen=True, eq=False)
class Bundles:
    """Nodes by the bundle they are in; the links of trees by level, deepest first; links of whatever is no tree."""

    bundle: Ints
    levels: list[Links]
    tangled: Links
    links: Links

    def part(self, nodes: Ints, place: Ints) -> Bundles:
        """Some of the nodes, whose new places are given, −1 for the others."""

        def moved(links: Links) -> Links:
            some = links.of(place[links.child] >= 0)
            return some._replace(child=place[some.child], parent=place[some.parent])

        levels = [level for level in map(moved, self.levels) if len(level.child)]
        return Bundles(self.bundle[nodes], levels, moved(self.tangled), moved(self.links))

    def best(self, score: Floats, hold: Ints) -> Ints:
        """The columns with the highest sum of scores that keep every link of the trees; −inf is not to be had."""
        total, _ = self._gathered(score)
        index = pick(total, hold)
        column = np.arange(score.shape[1])
        for level in reversed(self.levels):
            each, at = np.arange(len(level.child)), index[level.parent]
            low, high = level.low[each, at][:, None], level.high[each, at][:, None]
            fits = np.where((column >= low) & (column < high), total[level.child], -np.inf)
            index[level.child] = pick(fits, hold[level.child])
        return index

    def losses(self, score: Floats) -> Floats:
        """What the best sum of scores of a node's tree loses where the node takes a column: 0 at the best, inf where it
        is not to be had. Of what is no tree nothing is known: 0.
        """
        best, brought = self._gathered(score)
        for level, below in zip(reversed(self.levels), reversed(brought), strict=True):
            with np.errstate(invalid="ignore"):
                rest = np.where(np.isfinite(best[level.parent]), best[level.parent] - below, -np.inf)
            column = np.broadcast_to(np.arange(score.shape[1]), rest.shape)
            # the columns of the parent that let the child take one are a span, too: both bounds rise along them
            best[level.child] += spans(rest, _below(level.high, column + 1), _below(level.low, column + 1))
        found: Floats = best.max(axis=1, keepdims=True) - best
        for ends in (self.tangled.child, self.tangled.parent):
            found[ends] = np.where(np.isfinite(score[ends]), 0.0, np.inf)
        return found

    def _gathered(self, score: Floats) -> tuple[Floats, list[Floats]]:
        """The best each column of a node makes of all below it, and what each level brought its parents."""
        total, brought = score.copy(), []
        for level in self.levels:
            brought.append(spans(total[level.child], level.low, level.high))
            np.add.at(total, level.parent, brought[-1])
        return total, brought


def bundles_of(price: Ints, edges: Edges) -> Bundles:
    """Bundles of the nodes with these prices."""
    nodes = len(price)
    pairs, which = np.unique(
        np.stack([np.minimum(edges.low, edges.high), np.maximum(edges.low, edges.high)]), axis=1, return_inverse=True
    )
    bundle = groups(pairs[0], pairs[1], nodes)
    sizes, ties = np.bincount(bundle), np.bincount(bundle[pairs[0]], minlength=bundle.max(initial=-1) + 1)
    depth = _depths(bundle, pairs)
    # the end nearer to the root is the parent; in what is no tree either will do
    swapped = depth[pairs[0]] > depth[pairs[1]]
    parent, child = np.where(swapped, pairs[::-1], pairs)
    links = _linked(price, edges, which.ravel(), parent, child)
    tree = (ties == sizes - 1)[bundle[child]]
    deep = depth[child]
    levels = [links.of(tree & (deep == each)) for each in range(int(deep[tree].max(initial=0)), 0, -1)]
    return Bundles(bundle, levels, links.of(~tree), links)


def _depths(bundle: Ints, pairs: Ints) -> Ints:
    """Steps from the first node of each bundle."""
    depth = np.full(len(bundle), -1, np.int64)
    depth[np.unique(bundle, return_index=True)[1]] = 0
    ends = np.concatenate([pairs, pairs[::-1]], axis=1)
    step = 0
    while True:
        reached = ends[1][(depth[ends[0]] == step) & (depth[ends[1]] < 0)]
        if not len(reached):
            return depth
        step += 1
        depth[reached] = step


def _linked(price: Ints, edges: Edges, which: Ints, parent: Ints, child: Ints) -> Links:
    low = np.zeros((len(parent), price.shape[1]), np.int64)
    high = np.full(low.shape, price.shape[1], np.int64)
    above = edges.high == parent[which]
    some = edges.of(above)
    room = some.den[:, None] * (price[some.high] - some.gap[:, None])
    np.minimum.at(high, which[above], _below(some.num[:, None] * price[some.low], room + 1))
    some = edges.of(~above)
    needed = some.num[:, None] * price[some.low] + (some.den * some.gap)[:, None]
    np.maximum.at(low, which[~above], _below(some.den[:, None] * price[some.high], needed))
    return Links(child, parent, low, high)


def _below(values: Ints, bounds: Ints) -> Ints:
    """How many values of each row lie below each bound of it."""
    found = np.zeros(bounds.shape, np.int64)
    for column in range(values.shape[1]):
        found += values[:, column, None] < bounds
    return found


def spans(score: Floats, low: Ints, high: Ints) -> Floats:
    """The highest score of each row from each `low` up to, not with, `high`, of two spans of a power of two."""
    tables = [score]
    while 2 ** len(tables) <= score.shape[1]:
        last, step = tables[-1], 2 ** (len(tables) - 1)
        wider = last.copy()
        wider[:, :-step] = np.maximum(last[:, :-step], last[:, step:])
        tables.append(wider)
    width = np.maximum(high - low, 1)
    power = np.frexp(width)[1] - 1
    row, stacked = np.arange(len(score))[:, None], np.stack(tables)
    start = np.minimum(low, score.shape[1] - 1)
    end = np.maximum(high - (1 << power), 0)
    return np.where(high > low, np.maximum(stacked[power, row, start], stacked[power, row, end]), -np.inf)
