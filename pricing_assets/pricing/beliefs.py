"""Beliefs: what the prices a shop kept say of demand, beside what its sales say.

Here: elasticities and cross effects with that evidence in them, and how far a shop's prices are from the best, learned
from its rows. Not here: estimating elasticities (demand/elasticity), choosing prices (optimiser).

A shop that kept a margin for half a year found it good: of a price that is the best, a small move earns its category
nothing (Lerner 1934). What sales say such a move earns is therefore partly true, for prices stray, and partly the error
of the estimates. Both have a part of each SKU's own and a part that all of a category share in a market: a category
whose prices all seem too low more often has a misjudged elasticity than a shop that misprices all of it. How far prices
stray is learned from how what a move earns differs within categories, so far as errors do not explain it (the median
analogue of Paule and Mandel 1982); the rest is the conditional mean of normal variables (Lindley and Smith 1972).
Without this the optimiser would chase the errors of the estimates, and claim their size as its gain.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from pricing_assets.demand.elasticity.dates import MEDIAN, Bools
from pricing_assets.pricing.optimiser import Floats, Ints, Rows

USUAL, FEW = 0.05, 12
"""How far a price is off as a rule (share of it), and below how many rows that is taken instead of learned."""
LEAST, MOST = 0.05, 0.5
"""How far a price is off at least and at most: no shop prices better, and of one that prices worse it tells nothing."""
TOGETHER = 0.25
"""How far all prices of a category are off together, as a share of how far each is: declared, for a shop has too few
categories to tell."""
COMMON = 0.4
"""Share of the squared error of elasticities that a category's SKUs have in common."""
SMALL = 0.5
"""Share of its category's mean revenue that a SKU is taken to sell for at least: nobody prices one that hardly sells
for what it does to all others, so its price must not say what that is."""
_HALVINGS = 30
_DIGITS = 6  # of what is believed: what processors differ in is far behind them


class _Slopes(NamedTuple):
    """What a small move earns the category, per unit of log price and of revenue, as sales say it.

    `reach` is by how much it changes with the log of the price, at the category's usual margin; `kept` the share of the
    price that is margin; `own` and `crossed` what it may be off by for the elasticity and for the cross effect. All are
    0 where no price tells anything.
    """

    earned: Floats
    reach: Floats
    kept: Floats
    own: Floats
    crossed: Floats


def believed(rows: Rows, margin: Floats, group: Ints) -> Rows:
    """The rows with what prices tell in elasticities, cross effects and errors; as they are where they say nothing.

    `margin` is the share of the price kept over half a year, after cost; not a number where none is known, and where it
    is not above 0 it is the best for no elasticity. `group` numbers each row's category in its market, from 0.
    """
    slopes, there = _slopes(rows, margin, group)
    if not there.any():
        return rows
    off = _off(slopes, group, there)
    strays, noise = (slopes.reach * off) ** 2, (1 - COMMON) * slopes.own**2
    precision = np.where(there, 1 / np.maximum(strays + noise, 1e-12), 0.0)
    shared = np.stack([TOGETHER * off * slopes.reach, np.sqrt(COMMON) * slopes.own, slopes.crossed])
    mean, covariance = _shared(shared, precision, slopes.earned, group)
    alone = slopes.earned - (shared * mean).sum(axis=0)
    # a row's own part of what sales say is shared out by variances; of its category's each cause has its own
    kept = np.where(there, slopes.kept, 1.0)
    elasticity = rows.elasticity - (shared[1] * mean[1] + noise * precision * alone) / kept
    others = rows.others - np.round(mean[2], _DIGITS) * rows.others_error
    left = -strays * precision * shared
    left[0] += shared[0]
    doubt = strays * precision * noise + np.einsum("in,ijn,jn->n", left, covariance, left)
    before = slopes.own**2 + slopes.crossed**2
    share = np.sqrt(np.minimum(np.divide(doubt, before, out=np.ones_like(doubt), where=before > 0), 1.0))
    share = np.where(there, np.round(share, _DIGITS), 1.0)
    return replace(
        rows,
        elasticity=np.where(there, np.round(np.minimum(elasticity, 0.0), _DIGITS), rows.elasticity),
        others=np.where(there, others, rows.others),
        error=rows.error * share,
        others_error=rows.others_error * share,
    )


def _slopes(rows: Rows, margin: Floats, group: Ints) -> tuple[_Slopes, Bools]:
    """What sales say of each row's price, and where its margin may be held against that."""
    known = np.isfinite(margin + rows.units * rows.planned + rows.elasticity + rows.error)
    known &= np.isfinite(rows.others + rows.others_error)
    revenue = np.where(known, rows.units * rows.planned, 0.0)
    mean = np.bincount(group, revenue) / np.maximum(np.bincount(group, known), 1)
    revenue = np.maximum(revenue, SMALL * mean[group])
    crossed, doubt = (
        np.divide(each, revenue, out=np.zeros_like(revenue), where=known & (revenue > 0))
        for each in (rows.others, rows.others_error)
    )
    there = known & (revenue > 0) & (margin > 0) & (crossed > -1)
    kept = np.where(there, margin, 0.0)
    usual = np.bincount(group, kept) / np.maximum(np.bincount(group, there), 1)
    reach = ((1 - usual) / np.where(usual > 0, usual, 1.0))[group]
    earned = 1 + crossed + rows.elasticity * kept
    return _Slopes(*(np.where(there, each, 0.0) for each in (earned, reach, kept, kept * rows.error, doubt))), there


def _off(slopes: _Slopes, group: Ints, there: Bools) -> float:
    """The spread of the shares by which prices are off that makes the median distance within categories what it is.

    Errors a category shares are no distance within it, but so far as they weigh more in one row than in another.
    """
    count = np.bincount(group, there)[group]
    several = there & (count > 1)
    if several.sum() < FEW:
        return USUAL

    def apart(values: Floats) -> Floats:
        """Squared distance from the category's mean."""
        return np.asarray((values - np.bincount(group, values)[group] / np.maximum(count, 1)) ** 2)

    squared = (apart(slopes.earned) * count / np.maximum(count - 1, 1))[several]
    noise = ((1 - COMMON) * slopes.own**2 + COMMON * apart(slopes.own) + apart(slopes.crossed))[several]
    reach = slopes.reach[several] ** 2
    low, high = LEAST, MOST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        scaled = squared / np.maximum(reach * middle**2 + noise, 1e-12)
        low, high = (middle, high) if np.median(scaled) > MEDIAN else (low, middle)
    return (low + high) / 2


def _shared(shared: Floats, precision: Floats, earned: Floats, group: Ints) -> tuple[Floats, Floats]:
    """Mean (3 × n) and covariance (3 × 3 × n) of what each row's category shares, in standard normal units."""
    size = int(group.max()) + 1
    inner = np.zeros((size, 3, 3)) + np.eye(3)
    weighted = np.zeros((size, 3))
    for i in range(3):
        weighted[:, i] = np.bincount(group, shared[i] * precision * earned, size)
        for j in range(3):
            inner[:, i, j] += np.bincount(group, shared[i] * precision * shared[j], size)
    covariance = np.linalg.inv(inner)
    mean = np.einsum("gij,gj->gi", covariance, weighted)
    return np.asarray(mean[group].T), np.asarray(covariance[group].transpose(1, 2, 0))
