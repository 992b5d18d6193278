"""Shrinkage: what a series says, drawn towards its SKU, its category, all of them, as far as each is unsure.

Here: empirical Bayes over a tree of means, all slopes at once. Not here: what a series says (fixed_effects).

Each series' slopes are its SKU's plus a deviation, the SKU's its category's plus one, the category's the overall ones
plus one; variances of the deviations are learned by expectation and maximisation (Dempster, Laird and Rubin 1977; the
normal hierarchy of Efron and Morris 1975). Over everything stands a weak prior from what is published.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.clusters import Floats, Ints
from pricing_assets.demand.elasticity.information import Slopes

PUBLISHED, PUBLISHED_SPREAD = -2.62, 2.21
"""Mean and standard deviation of 1,851 price elasticities (Bijmolt, van Heerde and Pieters 2005)."""
RIVALRY = (0.26, 0.3)
"""Mean of 7,264 cross-price elasticities (Auer and Papies 2020), and the doubt about it, declared by us. Rivals follow
a shop, so what is not believed of them would be taken from the shop's own elasticity."""
_ROUNDS, _TOLERANCE, _MOST_LEARNED = 150, 1e-5, 1000
_BELIEF = 1.0
"""Deviations worth of belief in the spreads below, so that two SKUs do not decide how much SKUs differ."""


class Prior(NamedTuple):
    """What is believed of elasticities before any data.

    `spread` is the doubt about their overall `mean`, `spreads` the usual standard deviations of a slope: of markets
    around a SKU, SKUs around a category, categories around all. `alike` is the correlation of base and promotion
    elasticities in the doubt, `together` in the deviations.
    """

    mean: float
    spread: float
    spreads: tuple[float, float, float]
    alike: float
    together: float


OWN = Prior(PUBLISHED, PUBLISHED_SPREAD, spreads=(0.1, 0.4, 0.2), alike=0.0, together=0.5)
"""Of the own price."""


class Shrunken(NamedTuple):
    """Per series: slopes and standard errors (series × k), and `shrinkage`: the share that comes from beyond its SKU.

    `category` and `category_errors` are the same of its category, one row per series.
    """

    slopes: Floats
    errors: Floats
    shrinkage: Floats
    category: Floats
    category_errors: Floats


class _Node(NamedTuple):
    """The nodes of a level on the way up: what they know."""

    precision: Floats
    weighted: Floats


class _Seen(NamedTuple):
    """The nodes of a level on the way down: what is believed of them, and the part of it that is their parent's."""

    mean: Floats
    covariance: Floats
    keep: Floats


def shrink(
    slopes: Slopes,
    sku: Ints,
    category: Ints,
    prices: int = 2,
    *,
    shared: Sequence[int] = (),
    rivals: Sequence[int] = (),
    prior: Prior = OWN,
) -> Shrunken:
    """Posterior means of all series. `sku` numbers each series' SKU, `category` each SKU's category.

    The first `prices` columns are elasticities, of which `prior` speaks; `rivals` are prices of rivals, of which
    RIVALRY does; the rest has nothing as its mean. The columns `shared` have one slope for all series.
    """
    parents = _parents(sku, category)
    width = slopes.precision.shape[1]
    usual = [_usual(spread, width, prices, shared, prior.together) for spread in prior.spreads]
    if len(np.unique(sku)) == len(sku):
        usual[0] = np.zeros((width, width))  # a SKU of one series is that series
    believed = _belief(prior, width, prices, rivals)
    spreads = _learned(*_some(slopes, sku, category), usual, prices, believed)
    return _posterior(_pass(slopes, parents, spreads, believed), parents)


def doubted(slopes: Slopes, variance: Floats) -> Slopes:
    """The slopes where each series' (series × k) may be off by as much again, in a way its rows cannot tell."""
    width = slopes.precision.shape[1]
    node = _through(_Node(slopes.precision, slopes.weighted), variance[:, :, None] * np.eye(width))
    return slopes._replace(precision=node.precision, weighted=node.weighted)


def _parents(sku: Ints, category: Ints) -> list[Ints]:
    return [sku, category, np.zeros(int(category.max()) + 1, dtype=np.int64)]


def _some(slopes: Slopes, sku: Ints, category: Ints) -> tuple[Slopes, list[Ints]]:
    """Every n-th SKU with all its series, so that no more than _MOST_LEARNED of them say how much SKUs differ."""
    step = -(-len(category) // _MOST_LEARNED)
    if step == 1:
        return slopes, _parents(sku, category)
    kept = sku % step == 0
    parts = {name: getattr(slopes, name)[kept] for name in slopes._fields if name != "common"}
    some = Slopes(**parts, common=slopes.common[::step])
    return some, _parents(sku[kept] // step, np.unique(category[::step], return_inverse=True)[1].astype(np.int64))


def _learned(
    slopes: Slopes, parents: Sequence[Ints], usual: list[Floats], prices: int, believed: _Node
) -> list[Floats]:
    """Covariances of deviations at each level, by expectation and maximisation."""
    spreads = usual
    for _ in range(_ROUNDS):
        levels = _pass(slopes, parents, spreads, believed)
        learned = [_learn(level, parents[n], usual[n], prices) for n, level in enumerate(levels)]
        change = max(float(np.abs(new - old).max()) for new, old in zip(learned, spreads, strict=True))
        spreads = learned
        if change < _TOLERANCE:
            break
    return spreads


class _Level(NamedTuple):
    """Of the nodes of a level: what is believed of them, the deviation from the parent's mean and its covariance."""

    seen: _Seen
    deviation: Floats
    spread: Floats


def _pass(slopes: Slopes, parents: Sequence[Ints], spreads: Sequence[Floats], believed: _Node) -> list[_Level]:
    """Up the tree, what is known; down again, what to believe. Series, SKUs, categories."""
    width = slopes.precision.shape[1]
    common = slopes.common[:, :, None] * np.eye(width)
    nodes, told = [_Node(slopes.precision, slopes.weighted)], []
    for number, parent in enumerate(parents):
        message = _through(nodes[-1], spreads[number][None])
        told.append(nodes[-1])
        size = int(parent.max()) + 1
        node = _Node(_gathered(message.precision, parent, size), _gathered(message.weighted, parent, size))
        nodes.append(_through(node, common) if number == 0 else node)
        if number == 0:
            gathered = node
    covariance = np.asarray(np.linalg.inv(nodes[-1].precision + believed.precision), dtype=np.float64)
    mean = np.einsum("nij,nj->ni", covariance, nodes[-1].weighted + believed.weighted)
    above = _Seen(mean, covariance, np.zeros_like(covariance))
    levels: list[_Level] = []
    for number in (2, 1, 0):
        if number == 0:
            shared = _down(gathered, common, above, np.arange(len(above.mean))).seen
            level = _down(told[0], spreads[0][None], shared, parents[0])
            level = _without_common(level, shared, above, parents[0])
        else:
            level = _down(told[number], spreads[number][None], above, parents[number])
        levels.append(level)
        above = level.seen
    return levels[::-1]


def _belief(prior: Prior, width: int, prices: int, rivals: Sequence[int]) -> _Node:
    """What is believed of the overall means before any data."""
    mean = np.zeros(width)
    mean[:prices] = prior.mean
    precision = np.eye(width) / PUBLISHED_SPREAD**2
    alike = prior.alike + (1 - prior.alike) * np.eye(prices)
    precision[:prices, :prices] = np.linalg.inv(alike) / prior.spread**2
    for column in rivals:
        mean[column], precision[column, column] = RIVALRY[0], 1 / RIVALRY[1] ** 2
    return _Node(precision, precision @ mean)


def _through(node: _Node, spread: Floats) -> _Node:
    """What a node tells its parent, given the variance between them: (I + P T)⁻¹ P."""
    width = node.precision.shape[1]
    loss = np.linalg.inv(np.eye(width) + node.precision @ spread)
    return _Node(loss @ node.precision, np.einsum("nij,nj->ni", loss, node.weighted))


def _gathered(values: Floats, parent: Ints, size: int) -> Floats:
    total = np.zeros((size, *values.shape[1:]))
    np.add.at(total, parent, values)
    return total


def _down(node: _Node, spread: Floats, above: _Seen, parent: Ints) -> _Level:
    """Posterior of nodes given their parents'."""
    width = node.precision.shape[1]
    keep = np.asarray(np.linalg.inv(np.eye(width) + spread @ node.precision), dtype=np.float64)  # the parent's part
    own = keep @ spread
    m, s = above.mean[parent], above.covariance[parent]
    mean = np.einsum("nij,nj->ni", own, node.weighted) + np.einsum("nij,nj->ni", keep, m)
    covariance = own + keep @ s @ keep.transpose(0, 2, 1)
    away = keep - np.eye(width)
    return _Level(_Seen(mean, covariance, keep), mean - m, own + away @ s @ away.transpose(0, 2, 1))


def _without_common(level: _Level, shared: _Seen, above: _Seen, parent: Ints) -> _Level:
    """Series around their SKU's mean, and not around what happened to all series of it at once."""
    covariance = level.seen.covariance + np.maximum(above.covariance - shared.covariance, 0.0)[parent] * np.eye(
        level.deviation.shape[1]
    )
    seen = _Seen(level.deviation + above.mean[parent], covariance, level.seen.keep)
    return level._replace(seen=seen)


def _usual(spread: float, width: int, prices: int, shared: Sequence[int], together: float) -> Floats:
    """Usual covariance of deviations: who minds a lasting price minds a passing one, other columns go their own way."""
    covariance = np.eye(width)
    covariance[:prices, :prices] = together + (1 - together) * np.eye(prices)
    covariance[list(shared), list(shared)] = 0.0
    return np.asarray(spread**2 * covariance)


def _learn(level: _Level, parent: Ints, usual: Floats, prices: int) -> Floats:
    """Covariance of deviations: posterior second moments with a little belief in the usual one; only prices covary."""
    free = len(parent) > int(parent.max()) + 1
    if not free or not usual.any():
        return usual
    second = np.einsum("ni,nj->ij", level.deviation, level.deviation) + level.spread.sum(axis=0)
    learned = (second + _BELIEF * usual) / (len(parent) + _BELIEF)
    apart = np.diag(np.diag(learned))
    apart[:prices, :prices] = learned[:prices, :prices]
    free_columns = np.diag(usual) > 0
    return np.asarray(apart * free_columns * free_columns[:, None])


def _posterior(levels: list[_Level], parents: Sequence[Ints]) -> Shrunken:
    series, skus, categories = levels
    sku = parents[0]
    category = parents[1][sku]
    beyond = np.einsum("nij,nji->ni", series.seen.keep, skus.seen.keep[sku])
    return Shrunken(
        slopes=series.seen.mean,
        errors=_errors(series.seen.covariance),
        shrinkage=np.clip(beyond, 0.0, 1.0),
        category=categories.seen.mean[category],
        category_errors=_errors(categories.seen.covariance)[category],
    )


def _errors(covariance: Floats) -> Floats:
    return np.asarray(np.sqrt(np.maximum(np.einsum("nii->ni", covariance), 0.0)))
